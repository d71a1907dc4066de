from __future__ import annotations

import dataclasses
import os
import traceback
from datetime import timedelta
from pathlib import Path

import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.findings import Severity
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings


def test_nothing_is_read_from_outside_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "canary")
    monkeypatch.setenv("VIRTRIGAUD_SECRETS_STRICT", "true")
    settings = Settings()
    assert settings.vault_token is None
    assert not settings.strict


def test_the_guides_own_values_are_the_defaults() -> None:
    settings = Settings()
    assert settings.store_namespaces == ("virtrigaud-system",)
    assert settings.certificate_margin == timedelta(hours=24)
    assert settings.certificate_margin_severity is Severity.WARNING


def test_the_processs_environment_is_the_default_source(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tuple(os.environ):
        if name.startswith(("AWS_", "AZURE_", "VAULT_", "BAO_", "VIRTRIGAUD_", "KUBE", "GOOGLE_")):
            monkeypatch.delenv(name)
    assert Settings.from_environment() == Settings()
    monkeypatch.setenv("VIRTRIGAUD_SECRETS_STRICT", "true")
    assert Settings.from_environment() == Settings(strict=True)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Settings()),
        ({"VIRTRIGAUD_SECRETS_STRICT": " Yes "}, Settings(strict=True)),
        ({"VIRTRIGAUD_SECRETS_STRICT": "0"}, Settings(strict=False)),
        ({"VIRTRIGAUD_SECRETS_STRICT": ""}, Settings()),
        ({"VIRTRIGAUD_SECRETS_STORE_NAMESPACES": "a, b,,"}, Settings(store_namespaces=("a", "b"))),
        (
            {"VIRTRIGAUD_SECRETS_ENDPOINTS": "https://a=http://b:1, c=d"},
            Settings(endpoints={"https://a": "http://b:1", "c": "d"}),
        ),
        ({"VIRTRIGAUD_SECRETS_CA_FILE": "/1", "VAULT_CACERT": "/2"}, Settings(ca_file=Path("/1"))),
        ({"VAULT_CACERT": "/2", "BAO_CACERT": "/3"}, Settings(ca_file=Path("/2"))),
        ({"VAULT_CACERT": "", "BAO_CACERT": "/3"}, Settings(ca_file=Path("/3"))),
        ({"VAULT_TOKEN": "t\n"}, Settings(vault_token=Sensitive("t"))),
        ({"BAO_TOKEN": "t"}, Settings(vault_token=Sensitive("t"))),
        ({"VAULT_TOKEN": " "}, Settings()),
        ({"BAO_TOKEN_FILE": "/t"}, Settings(vault_token_file=Path("/t"))),
        ({"GOOGLE_APPLICATION_CREDENTIALS": "/g"}, Settings(google_application_credentials=Path("/g"))),
        ({"KUBECONFIG": f"/1{os.pathsep}/2"}, Settings(kubeconfig=Path("/1"))),
        ({"VIRTRIGAUD_SECRETS_SERVICE_ACCOUNT_DIRECTORY": "/s"}, Settings(service_account_directory=Path("/s"))),
        ({"AWS_ROLE_ARN": "arn:aws:iam::1:role/r\n"}, Settings(aws_role_arn="arn:aws:iam::1:role/r")),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/t"}, Settings(aws_web_identity_token_file=Path("/t"))),
        (
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials\n",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/t",
            },
            Settings(
                aws_container_credentials_uri="http://169.254.170.23/v1/credentials",
                aws_container_authorization_token_file=Path("/t"),
            ),
        ),
        ({"AWS_ACM_ENDPOINT": "http://d"}, Settings(aws_endpoints={"acm": "http://d"})),
        (
            {"AWS_SECRETSMANAGER_ENDPOINT": "http://a", "AWS_SSM_ENDPOINT": "http://b", "AWS_STS_ENDPOINT": ""},
            Settings(aws_endpoints={"secretsmanager": "http://a", "ssm": "http://b"}),
        ),
        ({"AZURE_CLIENT_ID": "c\n", "AZURE_TENANT_ID": "t"}, Settings(azure_client_id="c", azure_tenant_id="t")),
        ({"AZURE_CLIENT_ID": " "}, Settings()),
        ({"AZURE_FEDERATED_TOKEN_FILE": "/t"}, Settings(azure_federated_token_file=Path("/t"))),
        ({"AWS_STS_ENDPOINT": "http://c"}, Settings(aws_endpoints={"sts": "http://c"})),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, Settings(kubernetes_api="https://10.0.0.1:443")),
        (
            {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"},
            Settings(kubernetes_api="https://[fd00::1]:6443"),
        ),
    ],
)
def test_variables(environment: dict[str, str], expected: Settings) -> None:
    assert Settings.from_environment(environment) == expected


def test_arguments_go_before_the_environment() -> None:
    settings = Settings.from_environment({"VIRTRIGAUD_SECRETS_STRICT": "true"}, strict=False, concurrency=9)
    assert (settings.strict, settings.concurrency) == (False, 9)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"VIRTRIGAUD_SECRETS_STRICT": "canary"}, "VIRTRIGAUD_SECRETS_STRICT must be true or false"),
        ({"VIRTRIGAUD_SECRETS_ENDPOINTS": "canary"}, "must be `written=instead`"),
        ({"VIRTRIGAUD_SECRETS_ENDPOINTS": "=canary"}, "must be `written=instead`"),
        ({"VIRTRIGAUD_SECRETS_ENDPOINTS": "a=b,canary="}, "must be `written=instead`"),
    ],
)
def test_a_variable_of_another_form_is_named_and_not_quoted(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        Settings.from_environment(environment)
    assert "canary" not in str(caught.value)


def test_a_fault_does_not_show_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "canary")
    monkeypatch.setenv("SOMETHING_ELSE", "canary")
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_environment(concurrency=0)
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "canary" not in "".join(report.format())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"request_timeout": timedelta(0)}, "request_timeout"), ({"concurrency": 0}, "concurrency")],
)
def test_what_cannot_work_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Settings.from_environment({}, **wrong)


def test_is_immutable_and_shows_no_token() -> None:
    settings = Settings(vault_token=Sensitive("canary"))
    assert "canary" not in repr(settings)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.strict = True  # type: ignore[misc]  # the fault under test


class TestAddress:
    SETTINGS = Settings(endpoints={"https://vault.example.org/": "http://127.0.0.1:8200/"})

    @pytest.mark.parametrize("written", ["https://vault.example.org", "https://vault.example.org//"])
    def test_is_replaced_with_or_without_a_slash(self, written: str) -> None:
        assert self.SETTINGS.address(written) == "http://127.0.0.1:8200"

    def test_of_others_stays(self) -> None:
        assert self.SETTINGS.address("https://other.example.org/") == "https://other.example.org"


def test_a_token_that_would_show_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="Sensitive") as caught:
        Settings.from_environment({}, vault_token="canary")
    assert "canary" not in str(caught.value)
