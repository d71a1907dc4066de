"""The demo as a user runs it: a process of its own, watched from outside."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

import virtrigaud_secrets
from virtrigaud_secrets.testing.guide_setup import GuideWorld

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("guide_world")]  # which skips where servers are missing

WAIT_SECONDS = 60
MANIFESTS = ("libvirt-ssh-keys", "provider-tls-certs", "vsphere-credentials", "vsphere-dynamic-credentials")
Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def scratch() -> Iterator[Path]:
    """The demo's temporary directory: every account may use it, as /tmp. Nothing may be left in it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        Path(directory).chmod(0o1777)
        yield Path(directory)
        deadline = time.monotonic() + WAIT_SECONDS
        while left := [*Path(directory).iterdir(), *processes_below(Path(directory))]:
            assert time.monotonic() < deadline, f"left behind: {left}"
            time.sleep(0.02)


def processes_below(directory: Path) -> list[str]:
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if link.readlink().is_relative_to(directory):
                found.append((link.parent / "cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.fixture
def run(scratch: Path) -> Iterator[Run]:
    """Starts the command line with an environment of nothing but what is given."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, python: Sequence[str] = (sys.executable,), **options: object) -> subprocess.Popen[str]:
        environment = {"PATH": os.environ["PATH"], "TMPDIR": str(scratch)}
        extra = options.pop("env", {})
        assert isinstance(extra, dict)
        process: subprocess.Popen[str] = subprocess.Popen(  # this interpreter
            [*python, "-m", "virtrigaud_secrets.cli", *arguments],
            env=environment | extra,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,  # type: ignore[call-overload]
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    out, errors = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0, errors
    return out, errors


def test_resolves_all_manifests_and_proves_the_values(run: Run) -> None:
    out, errors = finish(run("demo"))
    for name in MANIFESTS:
        assert f"/{name} (" in out
    for path in ("secret/data/providers/vsphere", "vsphere/creds/dynamic-role", "pki/issue/virtrigaud"):
        assert re.search(rf"│\s+1 │ (read|update)\s+│ {path}\s", out), path
    assert out.count("proven: ") == 4
    assert "PRIVATE KEY" not in out + errors
    assert "BEGIN CERTIFICATE" not in out + errors
    assert "starting OpenBao and PostgreSQL ...\n" in errors
    assert re.search(r"done in \d+\.\d s, nothing is left running\n$", errors)


def test_output_needs_no_more_than_ascii(run: Run) -> None:
    out, errors = finish(run("demo", env={"PYTHONIOENCODING": "ascii"}))
    assert out.isascii()
    assert errors.isascii()
    assert out.count("proven: ") == 4


def test_json_is_one_document_without_values(run: Run) -> None:
    out, _ = finish(run("demo", "--format", "json"))
    found = json.loads(out)
    assert sorted(found["manifests"]) == sorted(MANIFESTS)
    keys = [entry for manifest in found["manifests"].values() for entry in manifest["keys"].values()]
    assert keys
    assert not [entry for entry in keys if "value" in entry]
    assert {"operation": "update", "path": "pki/issue/virtrigaud", "count": 1} in found["requests"]
    assert len(found["proofs"]) == 4


@pytest.mark.parametrize("moment", ["starting", "setting up", "resolving", "logging in"])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_nothing(run: Run, moment: str, number: signal.Signals, status: int) -> None:
    process = run("demo")
    assert process.stderr is not None
    while moment not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(number)
    _, errors = process.communicate(timeout=WAIT_SECONDS)
    # On a busy machine the signal can come when the demo is over and only the interpreter's own end is left.
    assert process.returncode in {status, -number}, errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("moment", ["starting", "resolving"])
def test_an_impatient_user_leaves_nothing_either(run: Run, moment: str) -> None:
    process = run("demo")
    assert process.stderr is not None
    while moment not in process.stderr.readline():
        assert process.poll() is None
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    _, errors = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode in {130, -signal.SIGINT}, errors


def test_even_a_killed_demo_leaves_nothing(run: Run) -> None:
    process = run("demo", "--keep")
    assert process.stderr is not None
    while "stay up until Ctrl-C" not in process.stderr.readline():
        assert process.poll() is None
    process.kill()
    process.communicate(timeout=WAIT_SECONDS)


def test_kept_servers_serve_ones_own_manifests(run: Run) -> None:
    kept = run("demo", "--keep")
    assert kept.stderr is not None
    variables, commands = {}, []
    while "kv put" not in (line := kept.stderr.readline()):
        assert kept.poll() is None
        if match := re.match(r"export (\w+)=(\S+)\n", line):
            variables[match[1]] = match[2]
        if line.startswith("virtrigaud-secrets resolve"):
            commands.append(line.split()[1:])
        if match := re.match(r"export BAO_TOKEN=\"\$\(cat (\S+)\)\"", line):
            assert Path(match[1]).stat().st_mode & 0o777 == 0o600
    assert "BAO_TOKEN" not in variables
    assert len(commands) == 2
    for command in commands:
        out, _ = finish(run(*command, "--format", "json", env=variables))
        assert json.loads(out)["name"] in {"vsphere-credentials", "provider-tls"}
    kept.send_signal(signal.SIGINT)
    finish(kept)


def test_a_server_that_ends_while_kept_is_an_error(run: Run, scratch: Path) -> None:
    kept = run("demo", "--keep")
    assert kept.stderr is not None
    while "kv put" not in kept.stderr.readline():
        assert kept.poll() is None
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            ours = link.readlink().is_relative_to(scratch) and b"/bao\0server" in (link.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if ours:
            os.kill(int(link.parent.name), signal.SIGKILL)
    _, errors = kept.communicate(timeout=WAIT_SECONDS)
    assert kept.returncode not in {0, None}
    assert "error[local-server]: openbao has ended" in errors


@pytest.mark.parametrize("variable", ["VIRTRIGAUD_SECRETS_BAO", "VIRTRIGAUD_SECRETS_POSTGRES_BIN"])
def test_a_missing_server_is_named(run: Run, variable: str) -> None:
    process = run("demo", env={variable: "/nonexistent"})
    _, errors = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 6
    assert errors.startswith("error[missing-dependency]: starting the guide's servers (no ")
    assert variable in errors


def test_runs_for_an_ordinary_user_without_a_home(run: Run) -> None:
    if os.geteuid() != 0:
        pytest.skip("runs as an ordinary user already")
    nobody = pwd.getpwnam("nobody")
    account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    packages = [path for path in sys.path if path.endswith("site-packages")]
    source = Path(virtrigaud_secrets.__file__).parents[1]
    environment = {"PYTHONPATH": os.pathsep.join([str(source), *packages])}
    python = usable_interpreter(account, environment)
    finish(run("demo", python=[python], env=environment, **account))


def usable_interpreter(account: Mapping[str, object], environment: Mapping[str, str]) -> str:
    """An interpreter of this version that the account can run, with this one's packages."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    candidates = [sys.executable, *(f"{place}/python{version}" for place in ("/usr/bin", "/usr/local/bin"))]
    for python in filter(shutil.which, candidates):
        try:
            command = [python, "-c", "import virtrigaud_secrets.testing, cryptography.x509, pg8000, rich"]
            options: dict[str, object] = {"env": environment, "cwd": "/", **account}
            subprocess.run(command, check=True, capture_output=True, **options)  # type: ignore[call-overload]
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    pytest.skip(f"no Python {version} and packages that an ordinary user can reach")


def test_the_fixtures_world_is_not_the_demos(guide_world: GuideWorld, run: Run) -> None:
    before = len(guide_world.openbao.audit_entries())
    finish(run("demo"))
    assert len(guide_world.openbao.audit_entries()) == before
