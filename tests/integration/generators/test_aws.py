"""Logins of Amazon's registries and session tokens, from manifest to bundle, on moto."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.errors import StoreUnavailableError
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing.servers.aws import ACCESS_KEY, AWSServices

pytestmark = pytest.mark.integration

KEYS = {"keys": {"id": ACCESS_KEY, "secret": "k"}}
STATIC = {
    "secretRef": {
        "accessKeyIDSecretRef": {"name": "keys", "key": "id"},
        "secretAccessKeySecretRef": {"name": "keys", "key": "secret"},
    }
}


@pytest.fixture
def services(require):
    require(AWSServices.missing_reason())
    with AWSServices() as server:
        yield server


@pytest.fixture
def make(services, open_resolver):
    settings = Settings(aws_endpoints=dict.fromkeys(("ecr", "sts"), services.address))

    def made(kind, **spec):
        generator = (kind, {"region": "us-east-1", "auth": STATIC, **spec})
        with open_resolver(generator, settings=settings, secrets=KEYS) as resolver:
            return resolver.resolve("es")

    return made


def test_a_private_registrys_login(make, services):
    bundle = make("ECRAuthorizationToken")
    assert set(bundle) == {"username", "password", "proxy_endpoint", "expires_at"}
    assert bundle.text("username") == "AWS"
    assert bundle.text("proxy_endpoint").startswith("https://")
    assert services.operations() == ["GetAuthorizationToken"]
    assert services.calls[0].access_key == ACCESS_KEY
    assert bundle.expires_at == datetime.fromtimestamp(int(bundle.text("expires_at")), UTC)


def test_a_session_token(make, services):
    bundle = make("STSSessionToken", requestParameters={"sessionDuration": 900})
    assert set(bundle) == {"access_key_id", "secret_access_key", "session_token", "expiration"}
    assert services.calls[0].parameters["DurationSeconds"] == "900"
    assert abs(bundle.expires_at.timestamp() - int(bundle.text("expiration"))) < 1


def test_a_role_is_assumed_first(make, services):
    make("ECRAuthorizationToken", role="arn:aws:iam::123456789012:role/pull")
    assert services.operations() == ["AssumeRole", "GetAuthorizationToken"]


def test_it_is_asked_once_whatever_comes_back(make, services):
    services.refuse("GetAuthorizationToken", "InternalFailure", status=500)
    with pytest.raises(StoreUnavailableError, match="ECRAuthorizationToken virtrigaud-system/g0"):
        make("ECRAuthorizationToken")
    assert services.operations() == ["GetAuthorizationToken"]
