"""`--help` of every command, word by word: options are a promise.

`VIRTRIGAUD_SECRETS_WRITE_SNAPSHOTS=1 pytest tests/unit/cli/test_help.py` writes tests/unit/cli/help anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.main import get_command

from virtrigaud_secrets.cli.app import application

SNAPSHOTS = Path(__file__).with_name("help")
COMMANDS = sorted(get_command(application()).commands)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_is_what_it_was(run, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    code, out, err = run(command, "--help")
    assert (code, err) == (0, "")
    file = SNAPSHOTS / f"{command}.txt"
    if os.environ.get("VIRTRIGAUD_SECRETS_WRITE_SNAPSHOTS") == "1":
        file.write_text(out)
    assert file.exists(), f"no snapshot of {command} --help: {__doc__}"
    assert out == file.read_text()


def test_no_snapshot_is_of_a_command_that_is_gone():
    assert {file.stem for file in SNAPSHOTS.glob("*.txt")} <= set(COMMANDS)
