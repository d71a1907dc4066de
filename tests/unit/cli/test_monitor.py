"""What the command refuses before it asks anything. That it works: tests/integration/operations/test_monitor.py."""

from __future__ import annotations

import sys

import pytest

from virtrigaud_secrets.cli.exit_codes import ExitCode


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--interval", "1d"], ExitCode.USAGE, "--interval expects a duration"),
        (["--interval", "0s"], ExitCode.CONFIGURATION, "interval of a monitor must be longer than zero"),
        (["--provider", "vsphere"], ExitCode.CONFIGURATION, "is no rule for providers"),
        (["--listen", "8080"], ExitCode.CONFIGURATION, "is no address to listen at"),
        (["--label", ""], ExitCode.CONFIGURATION, "needs a label selector"),
        (["--no-such-option"], ExitCode.USAGE, "No such option"),
    ],
)
def test_what_it_refuses(run, kubeconfig, words, code, message):
    found, out, err = run("monitor", *words)
    assert (found, out) == (code, "")
    assert message in err


def test_without_a_cluster(run, monkeypatch, tmp_path):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("VIRTRIGAUD_SECRETS_SERVICE_ACCOUNT_DIRECTORY", str(tmp_path))
    code, _, err = run("monitor")
    assert code == ExitCode.CONFIGURATION
    assert "no cluster API is configured" in err


def test_without_prometheus_client(run, kubeconfig, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    code, _, err = run("monitor")
    assert code == ExitCode.CONFIGURATION
    assert "virtrigaud-secrets[metrics]" in err
