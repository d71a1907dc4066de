from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.models.backends.webhook import WebhookProvider
from virtrigaud_secrets.models.references import CAProvider, SecretKeySelector, ServiceAccountSelector
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores import selectors
from virtrigaud_secrets.stores.base import StoreContext, StoreKey
from virtrigaud_secrets.testing import ManualClock

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


class Objects:
    """Answers with where it was asked, or with what was set."""

    def __init__(self) -> None:
        self.value = ""

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive:
        return Sensitive(self.value if self.value != "" else f"secret {namespace}/{name}/{key}")

    def config_map_value(self, name: str, key: str, *, namespace: str) -> str:
        return self.value or f"config map {namespace}/{name}/{key}"

    def service_account_token(
        self, name: str, *, namespace: str, audiences: Sequence[str] = (), lifetime: timedelta | None = None
    ) -> Sensitive:
        return Sensitive(f"token {namespace}/{name} {','.join(audiences)}")


class Empty(Objects):
    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive:
        return Sensitive(b"")


def context_of(
    kind: str = "SecretStore", *, objects: Objects | None = None, ca_file: Path | None = None
) -> StoreContext:
    return StoreContext(
        store=StoreKey(kind, "team", "s"),
        namespace="team",
        settings=Settings(ca_file=ca_file),
        clock=ManualClock(),
        references=objects or Objects(),
    )


def holding(value: str) -> StoreContext:
    objects = Objects()
    objects.value = value
    return context_of(objects=objects)


@pytest.mark.parametrize(
    ("kind", "written", "read_in"),
    [
        ("SecretStore", None, "team"),
        ("SecretStore", "other", "team"),
        ("ClusterSecretStore", None, "team"),
        ("ClusterSecretStore", "other", "other"),
    ],
)
def test_a_namespace_counts_in_a_cluster_store_only(kind: str, written: str | None, read_in: str) -> None:
    context = context_of(kind)
    assert selectors.namespace_of(written, context) == read_in
    secret = selectors.secret(SecretKeySelector(name="n", key="k", namespace=written), context, field="f")
    assert secret.reveal_text() == f"secret {read_in}/n/k"
    account = ServiceAccountSelector(name="sa", namespace=written, audiences=("x",))
    assert selectors.service_account_token(account, context).reveal_text() == f"token {read_in}/sa x"


def test_a_value_is_as_it_is() -> None:
    found = selectors.secret(SecretKeySelector(name="n", key="k"), holding(" padded\n"), field="f")
    assert found.reveal() == b" padded\n"


def test_a_selector_that_says_too_little_is_named() -> None:
    with pytest.raises(ConfigurationError, match="authRef must have a name and a key"):
        selectors.secret(SecretKeySelector(name="n"), context_of(), field="authRef")
    found = selectors.secret(SecretKeySelector(name="n"), context_of(), field="authRef", default_key="token")
    assert found.reveal_text() == "secret team/n/token"


def test_an_empty_value_is_named() -> None:
    with pytest.raises(ConfigurationError, match="what authRef names is empty"):
        selectors.secret(SecretKeySelector(name="n", key="k"), context_of(objects=Empty()), field="authRef")


@pytest.mark.parametrize("times", [1, 2])
def test_a_bundle_in_base64_once_or_twice(times: int) -> None:
    written = PEM.encode()
    for _ in range(times):
        written = base64.b64encode(written)
    assert selectors.authorities(written.decode(), None, context_of()) == PEM


@pytest.mark.parametrize("content", [b"nonsense", b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----"])
def test_a_bundle_of_something_else_is_refused_unseen(content: bytes) -> None:
    with pytest.raises(ConfigurationError, match="caBundle holds in base64 is no PEM certificate") as caught:
        selectors.authorities(base64.b64encode(content).decode(), None, context_of())
    assert "nonsense" not in str(caught.value)


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_an_authority_by_reference(kind: str) -> None:
    provider = CAProvider.model_validate({"type": kind, "name": "ca", "key": "ca.crt"})
    assert selectors.authorities(None, provider, holding(PEM)) == PEM
    with pytest.raises(ConfigurationError, match="what caProvider names is no PEM certificate"):
        selectors.authorities(None, provider, holding("something else"))
    with pytest.raises(ConfigurationError, match="caProvider must have a key"):
        selectors.authorities(None, provider.model_copy(update={"key": None}), holding(PEM))


def test_the_settings_authority_comes_last(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(PEM + "# é")
    assert selectors.authorities(None, None, context_of(ca_file=file)) == PEM + "# "
    provider = CAProvider(type="Secret", name="ca", key="k")
    with pytest.raises(ConfigurationError, match="caProvider"):
        selectors.authorities(None, provider, context_of(ca_file=file))
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        selectors.authorities(None, None, context_of(ca_file=tmp_path / "none"))


def test_without_any_nothing_is_said_of_trust() -> None:
    assert selectors.authorities(None, None, context_of()) == ""


@pytest.mark.parametrize(
    ("auth", "named"),
    [
        (None, True),
        ({"kubernetes": {"role": "r"}}, True),
        ({"kubernetes": {"role": "r", "serviceAccountRef": {"name": "a", "namespace": "n"}}}, True),
        ({"kubernetes": {"role": "r", "serviceAccountRef": {"name": "a"}}}, False),
        ({"appRole": {"roleId": "r", "secretRef": {"name": "a", "key": "k", "namespace": "n"}}}, True),
        ({"namespace": None, "appRole": {"roleId": "r", "secretRef": {"name": "a", "key": "k"}}}, False),
    ],
)
def test_whether_a_spec_names_all_namespaces(auth: object, named: bool) -> None:
    spec = VaultProvider.model_validate({"server": "https://v", "auth": auth})
    assert selectors.names_namespaces(spec) is named


def test_references_in_lists_count() -> None:
    secret = {"name": "s", "secretRef": {"name": "a", "namespace": "n"}}
    for extra, named in (({}, True), ({"caProvider": {"type": "Secret", "name": "ca", "key": "k"}}, False)):
        spec = WebhookProvider.model_validate({"url": "https://w", "secrets": [secret], **extra})
        assert selectors.names_namespaces(spec) is named
    secret["secretRef"] = {"name": "a"}
    assert not selectors.names_namespaces(WebhookProvider.model_validate({"url": "https://w", "secrets": [secret]}))
