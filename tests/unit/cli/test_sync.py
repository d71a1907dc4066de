"""What the command refuses before it asks anything. That it works: tests/integration/operations/sync."""

from __future__ import annotations

import logging
import sys

import pytest

from virtrigaud_secrets.cli.exit_codes import ExitCode
from virtrigaud_secrets.cli.sync import logged


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--concurrency", "0"], ExitCode.USAGE, "--concurrency"),
        (["--controller-class", ""], ExitCode.CONFIGURATION, "controller_class cannot be empty"),
        (["--listen", "8080"], ExitCode.CONFIGURATION, "is no address to listen at"),
        (["--endpoint", "x"], ExitCode.USAGE, "--endpoint expects"),
        (["--no-such-option"], ExitCode.USAGE, "No such option"),
    ],
)
def test_what_it_refuses(run, kubeconfig, words, code, message):
    found, out, err = run("sync", *words)
    assert (found, out) == (code, "")
    assert message in err


def test_without_a_cluster(run, monkeypatch, tmp_path):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("VIRTRIGAUD_SECRETS_SERVICE_ACCOUNT_DIRECTORY", str(tmp_path))
    code, _, err = run("sync")
    assert code == ExitCode.CONFIGURATION
    assert "nothing can be synced: no cluster API is configured" in err


def test_without_prometheus_client(run, kubeconfig, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    code, _, err = run("sync", "--listen", "127.0.0.1:0")
    assert code == ExitCode.CONFIGURATION
    assert "virtrigaud-secrets[metrics]" in err


def test_the_log_is_shown_while_it_runs(capsys):
    logger = logging.getLogger("virtrigaud_secrets.sync")
    with logged():
        logger.info("told")
    logger.info("not told")
    assert "INFO told" in capsys.readouterr().err
