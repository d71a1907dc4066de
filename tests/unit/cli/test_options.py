"""Shared options become settings, on top of the environment's."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from virtrigaud_secrets.cli.options import ManifestPath, settings_from, takes_settings
from virtrigaud_secrets.settings import Settings


def test_nothing_given_is_the_environment(monkeypatch):
    monkeypatch.setenv("VIRTRIGAUD_SECRETS_STRICT", "true")
    monkeypatch.setenv("VIRTRIGAUD_SECRETS_STORE_NAMESPACES", "a,b")
    settings = settings_from()
    assert settings.strict
    assert settings.store_namespaces == ("a", "b")


def test_options_go_before_the_environment(monkeypatch):
    monkeypatch.setenv("VIRTRIGAUD_SECRETS_STORE_NAMESPACES", "a")
    settings = settings_from(
        strict=True,
        store_namespaces=["b"],
        endpoints=["https://vault.example.com:8200=https://127.0.0.1:1"],
        ca_file=Path("ca.pem"),
        parameters=["pki/issue/r:common_name=a.b", "pki/issue/r:alt_names=c.b,d.b", "other/issue/x:ttl=1h"],
    )
    assert settings.strict
    assert settings.store_namespaces == ("b",)
    assert settings.address("https://vault.example.com:8200/") == "https://127.0.0.1:1"
    assert settings.ca_file == Path("ca.pem")
    assert settings.parameters == {
        "pki/issue/r": {"common_name": "a.b", "alt_names": ["c.b", "d.b"]},
        "other/issue/x": {"ttl": "1h"},
    }


@pytest.mark.parametrize("text", ["", "a", "a=", "=b"])
def test_bad_endpoints_are_usage_errors(text):
    with pytest.raises(typer.BadParameter):
        settings_from(endpoints=[text])


@pytest.mark.parametrize("text", ["", "a", "a:b", "a=b", ":a=b", "a:=b"])
def test_bad_parameters_are_usage_errors(text):
    with pytest.raises(typer.BadParameter):
        settings_from(parameters=[text])


def test_a_command_that_takes_settings_has_their_options_and_gets_them() -> None:
    given: list[object] = []

    @takes_settings
    def command(path: ManifestPath, *, loud: bool = False, settings: Settings) -> None:
        """What it does."""
        given.extend([path, loud, settings])

    app = typer.Typer()
    app.command()(command)
    told = ["m.yaml", "--loud", "--strict", "--endpoint", "https://a=https://b", "--parameter", "pki/issue/x:ttl=1h"]
    result = CliRunner().invoke(app, told)
    assert result.exit_code == 0, result.output
    path, loud, settings = given
    assert (path, loud) == (Path("m.yaml"), True)
    assert isinstance(settings, Settings)
    assert (settings.strict, settings.endpoints) == (True, {"https://a": "https://b"})
    assert settings.parameters == {"pki/issue/x": {"ttl": "1h"}}
    assert "What it does." in CliRunner().invoke(app, ["--help"]).output
