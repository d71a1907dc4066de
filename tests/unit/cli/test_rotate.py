"""What `rotate` takes and prints; what it does is told by tests/unit/operations/test_rotation.py."""

import json

import pytest

from virtrigaud_secrets.cli import rotate
from virtrigaud_secrets.cli.exit_codes import ExitCode
from virtrigaud_secrets.cli.options import ReportFormat
from virtrigaud_secrets.operations import Item, OperationReport, Outcome, Step
from virtrigaud_secrets.operations.rotation import PROVIDER_DEPLOYMENTS

REPORT = OperationReport(
    operation="rotate",
    steps=(
        Step.of(
            "restart", [Item(kind="Deployment", namespace="ns", name="a\x1b[2J", outcome=Outcome.DONE)], nothing=""
        ),
    ),
)


def test_the_default_is_that_of_the_operation():
    assert rotate.DEPLOYMENTS == PROVIDER_DEPLOYMENTS


@pytest.mark.parametrize("words", [[], ["-n", "ns", "-A"], ["-n", "ns", "--timeout", "-1"]])
def test_a_namespace_or_all_of_them(run, words):
    code, out, err = run("rotate", *words)
    assert (code, out) == (ExitCode.USAGE, "")
    assert err


def test_no_cluster(run, monkeypatch, tmp_path):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("VIRTRIGAUD_SECRETS_SERVICE_ACCOUNT_DIRECTORY", str(tmp_path))
    code, _, err = run("rotate", "-n", "ns")
    assert code == ExitCode.CONFIGURATION
    assert "--kubeconfig" in err


def test_a_report_in_both_forms(capsys):
    rotate.tell(REPORT, ReportFormat.JSON)
    assert json.loads(capsys.readouterr().out) == REPORT.as_json()
    rotate.tell(REPORT, ReportFormat.TEXT)
    assert capsys.readouterr().out == "restart: done\n  done: Deployment ns/a\\x1b[2J\n"


def test_progress_goes_to_standard_error(capsys):
    rotate.progress(ReportFormat.TEXT)("half way")
    rotate.progress(ReportFormat.JSON)("half way")
    assert capsys.readouterr() == ("", "half way\n")
