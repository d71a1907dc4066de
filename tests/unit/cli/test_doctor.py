"""What `doctor` prints; what it finds is told by the tests of the operation."""

import json

import pytest

from virtrigaud_secrets.cli import doctor
from virtrigaud_secrets.cli.exit_codes import ExitCode
from virtrigaud_secrets.cli.options import ReportFormat
from virtrigaud_secrets.operations.diagnosis import Diagnosis, DoctorReport


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("VIRTRIGAUD_SECRETS_SERVICE_ACCOUNT_DIRECTORY", str(tmp_path / "sa"))


def test_files_without_a_server(run, path, canary):
    code, out, err = run("doctor", path)
    assert (code, err) == (ExitCode.OK, "")
    assert "note: reach: SecretStore ns/dev: a fake store has no server to look at" in out
    assert out.splitlines()[-1].endswith("0 error")
    code, told, _ = run("doctor", path, "--format", "json")
    assert code == ExitCode.OK
    assert json.loads(told)["ok"] is True
    assert canary not in out + told


def test_without_files_there_must_be_a_cluster(run):
    code, _, err = run("doctor")
    assert code == ExitCode.CONFIGURATION
    assert "--kubeconfig" in err


def test_control_characters_are_written_out(capsys):
    report = DoctorReport((Diagnosis(check="a", subject="b\x1b[2J", message="c"),))
    doctor.tell(report, ReportFormat.TEXT)
    assert "\x1b" not in capsys.readouterr().out
