"""Ten thousand exchanges under eight readers in processes of their own: no mixture, no missing file."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery import Directory

SWAPS = 10_000
READERS = 8

READER = """
import os, sys
from pathlib import Path

place, whole = Path(sys.argv[1]), sys.argv[2] == "whole"
print("ready", flush=True)
os.set_blocking(0, False)
reads = newest = 0
while True:
    try:
        if os.read(0, 1) == b"":
            break
    except BlockingIOError:
        pass
    where = place / "..data"
    where = Path(os.path.realpath(where)) if whole else place
    found = [(where / name).read_bytes() for name in ("username", "password", "ca.crt")]
    versions = [int(value.split(b"#")[1]) for value in found]
    assert all(value.endswith(b"#end") and len(value) > 4000 for value in found), "a file in part"
    if whole:
        assert len(set(versions)) == 1, f"a mixture: {versions}"
    assert versions[-1] >= newest, "back in time"
    newest = versions[-1]
    reads += 1
print(reads)
"""


def version(number: int) -> Bundle:
    value = b"x" * 4096 + b"#%d#end" % number
    return Bundle({"username": value, "password": value, "ca.crt": value})


@pytest.fixture
def place() -> Iterator[Path]:
    parent = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=parent) as made:
        yield Path(made)


@pytest.mark.timeout(300)
def test_no_reader_sees_a_mixture_or_misses_a_file(place: Path) -> None:
    path = place / "credentials"
    with Directory(path) as directory:
        directory.write(version(0))
        readers = [
            subprocess.Popen(
                [sys.executable, "-c", READER, str(path), "whole" if number % 2 else "by name"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for number in range(READERS)
        ]
        try:
            for reader in readers:
                assert reader.stdout is not None
                assert reader.stdout.readline() == b"ready\n"
            for number in range(1, SWAPS + 1):
                assert directory.write(version(number))
            outcomes = [(reader.communicate(timeout=60), reader.returncode) for reader in readers]
        finally:
            for reader in readers:
                reader.kill()
                reader.wait()
    for (output, errors), status in outcomes:
        assert (status, errors) == (0, b"")
        assert int(output) > 100
    names = sorted(file.name for file in path.iterdir())
    assert len(names) == 5, "only the last version is left"
    assert (path / "password").read_bytes().endswith(b"#%d#end" % SWAPS)
