"""A directory as a provider written in Go reads it: what VirtRigaud's loaders trim, need and look at."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery import Directory
from virtrigaud_secrets.testing import known_hosts_line, ssh_key

SOURCE = Path(__file__).parents[2] / "tools/credentials-reader"
KEY = ssh_key(comment="")
HOSTS = known_hosts_line(KEY, "kvm.example.com")


@pytest.fixture(scope="module")
def reader(require: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    require("" if go else "no Go, which builds the reader")
    program = tmp_path_factory.mktemp("reader") / "credentials-reader"
    subprocess.run([str(go), "build", "-buildvcs=false", "-o", str(program), "."], cwd=SOURCE, check=True, timeout=110)
    return program


@pytest.fixture
def place(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path / "credentials"


def test_words_are_trimmed_keys_end_with_a_newline_and_modes_are_private(reader: Path, place: Path) -> None:
    data = {
        "username": b" svc@vsphere.local\n",
        "password": b"canary word \r\n",
        "ssh-privatekey": KEY.private.rstrip().encode(),
        "known_hosts": HOSTS.encode(),
    }
    with Directory(place) as directory:
        directory.write(Bundle(data))
        found = json.loads(subprocess.run([reader, place], capture_output=True, check=True, timeout=20).stdout)
    assert (found["username"], found["password"]) == ("svc@vsphere.local", "canary word")
    assert (place / "password").read_bytes() == b"canary word", "nothing is left to be trimmed"
    assert found["ssh-privatekey"] == KEY.private.rstrip() + "\n"
    assert found["known_hosts"] == HOSTS.rstrip() + "\n"
    assert found["modes"].pop(".") == "drwx------"
    assert set(found["modes"].values()) == {"-rw-------"}


def test_default_mode_is_that_of_a_volume(reader: Path, place: Path) -> None:
    data = {"username": b"a", "password": b"b", "ssh-privatekey": KEY.private.encode(), "known_hosts": HOSTS.encode()}
    with Directory(place, mode=0o440) as directory:
        directory.write(Bundle(data))
        found = json.loads(subprocess.run([reader, place], capture_output=True, check=True, timeout=20).stdout)
    assert found["modes"].pop(".") == "drwxr-x---"
    assert set(found["modes"].values()) == {"-r--r-----"}


def test_a_word_that_is_empty_is_what_the_reader_refuses(reader: Path, place: Path) -> None:
    place.mkdir()
    for name, text in {"username": "svc", "password": " \n"}.items():
        (place / name).write_text(text)
    run = subprocess.run([reader, place], capture_output=True, text=True, check=False, timeout=20, env=dict(os.environ))
    assert (run.returncode, run.stderr) == (1, "password is empty\n")
