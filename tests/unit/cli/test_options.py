"""Shared options become settings, on top of the environment's."""

from pathlib import Path

import pytest
import typer

from virtrigaud_secrets.cli.options import settings_from


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
