"""The contracts in pyproject.toml hold, and would be noticed if they did not."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

pytest.importorskip("importlinter", reason="import-linter is in the dependency group `lint`")

from importlinter.cli import EXIT_STATUS_ERROR, EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[2]


def judge(configuration: Path) -> int:
    # It sets logging up for a program of its own, and so disables every logger that is there.
    loggers = [logger for logger in logging.root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    before = {logger: logger.disabled for logger in loggers}
    try:
        return lint_imports(config_filename=str(configuration), no_cache=True)
    finally:
        for logger, disabled in before.items():
            logger.disabled = disabled


def test_imports_go_down_the_layers(capsys: pytest.CaptureFixture[str]) -> None:
    status = judge(ROOT / "pyproject.toml")
    report = capsys.readouterr().out
    assert status == EXIT_STATUS_SUCCESS, report
    assert " 0 broken." in report


def test_an_import_up_the_layers_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "pyproject.toml").read_text()
    upside_down = text.replace(
        '"errors",\n    "sensitive | clock | findings | repairs | lazy",',
        '"sensitive | clock | findings | repairs | lazy",\n    "errors",',
    )
    assert upside_down != text
    configuration = tmp_path / "pyproject.toml"
    configuration.write_text(upside_down)
    assert judge(configuration) == EXIT_STATUS_ERROR
    assert "virtrigaud_secrets.errors" in capsys.readouterr().out
