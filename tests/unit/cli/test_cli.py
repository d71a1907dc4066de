"""The entry point: exit codes pass through, and a second Ctrl-C cannot break the end."""

import signal

import pytest

from virtrigaud_secrets import cli
from virtrigaud_secrets.cli import app
from virtrigaud_secrets.cli.exit_codes import ExitCode


@pytest.fixture(autouse=True)
def handler():
    before = signal.getsignal(signal.SIGINT)
    yield before
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("code", [ExitCode.OK, ExitCode.STORE, ExitCode.INTERNAL])
def test_the_exit_code_is_the_processs(code, handler, monkeypatch):
    monkeypatch.setattr(app, "run", lambda: code)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == code
    assert signal.getsignal(signal.SIGINT) is handler


def test_after_an_interruption_further_ones_are_ignored(monkeypatch):
    monkeypatch.setattr(app, "run", lambda: ExitCode.INTERRUPTED)
    with pytest.raises(SystemExit):
        cli.main()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
