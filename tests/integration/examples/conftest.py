"""Examples as programs of their own, against the guide's Vault, watched for what they show."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from virtrigaud_secrets.testing.guide_setup import GuideWorld

EXAMPLES = Path(__file__).parents[3] / "examples"

CANARY = "canary-" + "e41b07"
"""Part of every password that an example is given."""

PATIENCE = 60.0
"""Seconds until something has to have happened: a second or two usually."""


def wait_for(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, f"it took too long: {what}"
        time.sleep(0.05)


class Example:
    """A running example."""

    def __init__(self, process: subprocess.Popen[str], planted: list[str]) -> None:
        self.process = process
        self._planted = planted
        self.output: list[str] = []
        self.errors: list[str] = []
        assert process.stdout is not None
        assert process.stderr is not None
        self._readers = [
            threading.Thread(target=lambda: self.output.extend(iter(process.stdout.readline, ""))),  # type: ignore[union-attr]
            threading.Thread(target=lambda: self.errors.extend(iter(process.stderr.readline, ""))),  # type: ignore[union-attr]
        ]
        for reader in self._readers:
            reader.start()

    def wait_for_line(self, pattern: str, *, after: int = 0) -> int:
        """How many lines there were when one after the first `after` matched."""
        found: list[int] = []

        def look() -> bool:
            assert self.process.poll() is None, f"it ended: {''.join(self.errors)}"
            self.assert_shows_no_secret()
            found[:] = [n for n, line in enumerate(self.output) if n >= after and re.search(pattern, line)]
            return bool(found)

        wait_for(look, f"{pattern} in {self.output[after:]} {self.errors}")
        return found[0] + 1

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return status

    def assert_shows_no_secret(self) -> None:
        """In its output, and in arguments, variables and names of it, its threads and what it has started."""
        shown = "".join(self.output + self.errors).encode() + seen_from_outside(self.process.pid)
        assert not [value for value in self._planted if value.encode() in shown], "a secret shows"


StartExample = Callable[..., Example]


@pytest.fixture
def start(guide_world: GuideWorld, tmp_path: Path) -> Iterator[StartExample]:
    """Starts `examples/NAME/PROGRAM` with its manifests, some texts of them replaced."""
    running: list[Example] = []
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    planted = [CANARY]

    def begin(
        name: str, program: str, *arguments: str, replaced: Mapping[str, str], secrets: Iterable[str] = ()
    ) -> Example:
        planted.extend(secrets)
        manifests = tmp_path / "manifests"
        shutil.copytree(EXAMPLES / name / "manifests", manifests)
        for path in manifests.iterdir():
            text = path.read_text()
            for old, new in replaced.items():
                text = text.replace(old, new)
            path.write_text(text)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "TMPDIR": str(temporary),
            "HOME": str(temporary),
            "VIRTRIGAUD_SECRETS_ENDPOINTS": ",".join(f"{a}={b}" for a, b in guide_world.endpoints.items()),
            "VIRTRIGAUD_SECRETS_CA_FILE": str(guide_world.openbao.ca_file),
            "VIRTRIGAUD_SECRETS_SERVICE_ACCOUNT_DIRECTORY": str(guide_world.service_account_directory),
        }
        process = subprocess.Popen(
            [sys.executable, str(EXAMPLES / name / program), str(manifests), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        example = Example(process, planted)
        running.append(example)
        return example

    yield begin
    for example in running:
        example.stop()
        example.assert_shows_no_secret()
    places = (temporary, Path(f"/dev/shm/virtrigaud-secrets-{os.geteuid()}"))
    left = b"".join(content(path) for place in places for path in place.rglob("*"))
    assert not [value for value in planted if value.encode() in left], "a secret is left in a temporary file"


def content(path: Path) -> bytes:
    """Of a file; what other tests have removed meanwhile holds nothing."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def seen_from_outside(pid: int) -> bytes:
    """What the system tells of a process and its descendants: arguments, variables, names of threads.

    The name of a core file is made of these.
    """
    process = Path(f"/proc/{pid}")
    try:
        own = [process / "cmdline", process / "environ", *process.glob("task/*/comm")]
        children = (process / f"task/{pid}/children").read_text().split()
        shown = b"".join(path.read_bytes() for path in own)
    except OSError:
        return b""
    return shown + b"".join(seen_from_outside(int(child)) for child in children)


@pytest.fixture
def keep(guide_world: GuideWorld) -> Callable[[str, Mapping[str, str]], None]:
    """Writes a secret of the guide's Vault, below a path that nobody else uses."""

    def write(name: str, data: Mapping[str, str]) -> None:
        guide_world.openbao.ask("POST", f"secret/data/providers/{name}", {"data": dict(data)})

    return write
