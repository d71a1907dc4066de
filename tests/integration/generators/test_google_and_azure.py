"""Registry logins of Google and Azure, from manifest to bundle."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest

from virtrigaud_secrets.errors import AuthenticationError
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing.servers import KeyVault, SecretManager
from virtrigaud_secrets.testing.servers.google_identity import Machine

pytestmark = pytest.mark.integration

EMAIL = "puller@p.iam.gserviceaccount.com"
MANAGEMENT = "https://management.azure.com"
END = 1893456000


@pytest.fixture
def google():
    with SecretManager() as server:
        yield server


def test_googles_token_by_a_service_accounts_key(google, open_resolver, tmp_path):
    key = google.identity.service_account_key(EMAIL).reveal_text()
    spec = {"projectID": "p", "auth": {"secretRef": {"secretAccessKeySecretRef": {"name": "key", "key": "json"}}}}
    settings = Settings(endpoints=google.endpoints(), ca_file=google.write_ca(tmp_path))
    with open_resolver(("GCRAccessToken", spec), settings=settings, secrets={"key": {"json": key}}) as resolver:
        bundle = resolver.resolve("es")
    assert bundle.text("username") == "oauth2accesstoken"
    assert google.identity.caller(f"Bearer {bundle.text('password')}") == EMAIL
    assert abs(bundle.expires_at.timestamp() - int(bundle.text("expiry"))) < 1


def test_googles_token_of_the_machine_is_a_new_one_each_time(google, open_resolver, tmp_path):
    google.identity.machine = Machine("p", EMAIL)
    settings = Settings(endpoints=google.endpoints(), ca_file=google.write_ca(tmp_path))
    generator = ("GCRAccessToken", {"projectID": "p", "auth": {}})
    tokens = set()
    for _ in range(2):
        with open_resolver(generator, settings=settings) as resolver:
            tokens.add(resolver.resolve("es").text("password"))
    assert len(tokens) == 2
    assert {google.identity.caller(f"Bearer {token}") for token in tokens} == {EMAIL}


class Registry:
    """Exchanges tokens of a tenant as Azure Container Registry does."""

    def __init__(self, vault: KeyVault, host: str) -> None:
        self.entra = vault.entra
        self.host = host
        middle = base64.urlsafe_b64encode(json.dumps({"exp": END}).encode()).decode().rstrip("=")
        self.refresh = f"e30.{middle}.sig"

    def __call__(self, method, path, headers, body):
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if form.get("service") != self.host:
            return 400, {}
        if path == "/oauth2/exchange" and form["grant_type"] == "access_token":
            return (200, {"refresh_token": self.refresh}) if self.entra.holder(form["access_token"]) else (401, {})
        if path == "/oauth2/token" and form["refresh_token"] == self.refresh:
            return 200, {"access_token": f"pull {form['scope']}"}
        return 401, {}


@pytest.fixture
def azure(https, authority, tmp_path):
    with KeyVault(resource=MANAGEMENT) as vault:
        https.answer = Registry(vault, https.host)
        ca_file = tmp_path / "ca.pem"
        ca_file.write_bytes(vault.ca_pem + authority.pem)
        yield vault, Settings(endpoints=vault.endpoints(), ca_file=ca_file)


PRINCIPAL = {
    "servicePrincipal": {
        "secretRef": {"clientId": {"name": "app", "key": "id"}, "clientSecret": {"name": "app", "key": "secret"}}
    }
}


def test_azures_refresh_token_by_a_service_principal(azure, https, open_resolver):
    vault, settings = azure
    vault.entra.add_secret("app", "hunter2")
    spec = {"registry": https.host, "tenantId": "tenant-id-here", "auth": PRINCIPAL}
    secrets = {"app": {"id": "app\n", "secret": "hunter2\n"}}
    with open_resolver(("ACRAccessToken", spec), settings=settings, secrets=secrets) as resolver:
        bundle = resolver.resolve("es")
    assert bundle.text("username") == "00000000-0000-0000-0000-000000000000"
    assert bundle.text("password") == https.answer.refresh
    assert bundle.expires_at == datetime.fromtimestamp(END, UTC)


def test_azures_access_token_by_a_managed_identity(azure, https, open_resolver):
    vault, settings = azure
    vault.entra.add_identity()
    spec = {"registry": https.host, "auth": {"managedIdentity": {}}, "scope": "repository:app:pull"}
    with open_resolver(("ACRAccessToken", spec), settings=settings) as resolver:
        assert resolver.resolve("es").text("password") == "pull repository:app:pull"
    assert [path for _, path, _ in https.seen] == ["/oauth2/exchange", "/oauth2/token"]


def test_a_registry_that_refuses_is_asked_once(azure, https, open_resolver):
    vault, settings = azure
    vault.entra.add_identity()
    https.answer = lambda *_: (401, {"errors": []})
    spec = {"registry": https.host, "auth": {"managedIdentity": {}}}
    with (
        open_resolver(("ACRAccessToken", spec), settings=settings) as resolver,
        pytest.raises(AuthenticationError, match="AcrPull"),
    ):
        resolver.resolve("es")
    assert len(https.seen) == 1
