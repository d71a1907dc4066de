import signal
import sys
from pathlib import Path

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery import Directory, Environment, Execution
from virtrigaud_secrets.errors import ConfigurationError, StoreUnavailableError

SECRET = Bundle({"password": b"planted"})


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    tmp_path.chmod(0o700)
    return Directory(tmp_path / "credentials")


class TestRefusals:
    def test_no_command(self) -> None:
        with pytest.raises(ConfigurationError, match="no command"):
            Execution(command=[], environment=Environment())

    def test_secrets_that_go_nowhere(self) -> None:
        with pytest.raises(ConfigurationError, match="go nowhere"):
            Execution(command=["true"])

    def test_a_signal_for_what_only_a_restart_changes(self) -> None:
        with pytest.raises(ConfigurationError, match="does not change the variables"):
            Execution(command=["true"], environment=Environment(), on_rotation=signal.SIGHUP)

    def test_a_program_that_is_not_there(self, by_hand) -> None:
        with pytest.raises(ConfigurationError, match="/no/such cannot be run: No such file"):
            Execution(command=["/no/such"], environment=Environment()).run(by_hand(SECRET))

    def test_nothing_to_begin_with(self, by_hand) -> None:
        with pytest.raises(StoreUnavailableError):
            Execution(command=["true"], environment=Environment()).run(by_hand())


def run(code: str, source: object, **options: object) -> int:
    return Execution(command=[sys.executable, "-c", code], **options).run(source)  # type: ignore[arg-type]


def test_its_status_is_handed_on(by_hand) -> None:
    assert run("raise SystemExit(7)", by_hand(SECRET), environment=Environment()) == 7


def test_a_signal_that_ended_it_is_told(by_hand) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run(code, by_hand(SECRET), environment=Environment()) == -signal.SIGKILL


def test_secrets_are_in_files_and_variables_and_not_in_arguments(by_hand, directory: Directory) -> None:
    code = """
import os, pathlib, sys
assert os.environ["VSPHERE_PASSWORD"] == "planted"
assert pathlib.Path(os.environ["WHERE"], "password").read_text() == "planted"
assert b"planted" not in pathlib.Path("/proc/self/cmdline").read_bytes()
"""
    base = {"WHERE": str(directory.path)}
    environment = Environment(prefix="VSPHERE_")
    options = {"directory": directory, "environment": environment, "base_environment": base}
    # The program's own text names the value, so the text comes from a file.
    program = directory.path.parent / "program.py"
    program.write_text(code)
    execution = Execution(command=[sys.executable, str(program)], **options)  # type: ignore[arg-type]
    assert execution.run(by_hand(SECRET)) == 0
    assert "planted" not in repr(execution)


def test_this_process_keeps_its_own_variables(by_hand, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("INHERITED", "yes")
    code = "import os; raise SystemExit(os.environ['INHERITED'] != 'yes')"
    assert run(code, by_hand(SECRET), environment=Environment()) == 0
    assert "PASSWORD" not in os.environ


def test_handlers_of_signals_are_put_back(by_hand) -> None:
    before = signal.getsignal(signal.SIGTERM)
    run("pass", by_hand(SECRET), environment=Environment())
    assert signal.getsignal(signal.SIGTERM) is before
