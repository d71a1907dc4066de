"""Logins of Azure's registries: which requests are sent, and what answers mean."""

import base64
import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from virtrigaud_secrets.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.stores.base import Fetch, StoreKey

FETCH = Fetch(store=StoreKey("K", "team", "g"), key="k")
REGISTRY = "example.azurecr.io"
MACHINE = {"managedIdentity": {"identityId": "id"}}


def jwt(**claims):
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{middle}.canary"


class Registry:
    """Answers forms that are posted."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def session(self):
        return self

    def close(self):
        pass

    def post(self, url, *, data, timeout, allow_redirects):
        self.asked.append((url, data))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return SimpleNamespace(status_code=status, content=json.dumps(body).encode(), headers={"Retry-After": "7"})


@pytest.fixture
def generator(make):
    def made(*answers, **spec):
        found = make("ACRAccessToken", {"registry": REGISTRY, "tenantId": "t", "auth": MACHINE, **spec})
        found._transport = Registry(*answers)
        scopes = found.scopes = []
        found._identity = SimpleNamespace(
            get_token=lambda scope: scopes.append(scope) or SimpleNamespace(token="azure-canary"), forget=lambda: None
        )
        return found

    return made


def test_without_a_scope_the_refresh_token_is_the_password(generator):
    token = jwt(exp=1893456000)
    asked = generator((200, {"refresh_token": token}))
    answer = asked.get(FETCH)
    assert answer.payload.entries() == {
        "username": b"00000000-0000-0000-0000-000000000000",
        "password": token.encode(),
    }
    assert answer.expires_at == datetime(2030, 1, 1, tzinfo=UTC)
    form = {"grant_type": "access_token", "service": REGISTRY, "tenant": "t", "access_token": "azure-canary"}
    assert asked._transport.asked == [(f"https://{REGISTRY}/oauth2/exchange", form)]
    assert asked.scopes == ["https://management.azure.com/.default"]


def test_with_a_scope_it_is_exchanged_once_more(generator):
    asked = generator((200, {"refresh_token": "r"}), (200, {"access_token": "a"}), scope="repository:app:pull")
    answer = asked.get(FETCH)
    assert answer.payload.property("password") == b"a"
    assert answer.expires_at is None
    assert asked._transport.asked[1] == (
        f"https://{REGISTRY}/oauth2/token",
        {
            "grant_type": "refresh_token",
            "service": REGISTRY,
            "scope": "repository:app:pull",
            "refresh_token": "r",
        },
    )


@pytest.mark.parametrize(
    ("cloud", "management"),
    [
        ("USGovernmentCloud", "https://management.usgovcloudapi.net"),
        ("ChinaCloud", "https://management.chinacloudapi.cn"),
        ("GermanCloud", "https://management.microsoftazure.de"),
    ],
)
def test_each_cloud_has_its_own_management(generator, cloud, management):
    asked = generator((200, {"refresh_token": "r"}), environmentType=cloud)
    asked.get(FETCH)
    assert asked.scopes == [f"{management}/.default"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((401, {}), AuthenticationError),
        ((403, {}), AuthenticationError),
        ((404, {}), InvalidRequestError),
        ((429, {}), ThrottledError),
        ((503, {}), StoreUnavailableError),
        ((302, {}), InvalidRequestError),
        ((200, {"canary": "x"}), StoreUnavailableError),
        ((200, ["canary"]), StoreUnavailableError),
        (ConnectionRefusedError("canary"), StoreUnavailableError),
    ],
)
def test_what_goes_wrong_is_said_without_tokens(generator, answer, kind):
    with pytest.raises(kind) as caught:
        generator(answer).get(FETCH)
    assert "canary" not in str(caught.value)
    assert caught.value.path == f"https://{REGISTRY}/oauth2/exchange"
    if kind is ThrottledError:
        assert caught.value.retry_after == 7.0


@pytest.mark.parametrize("token", ["x", "a.b.c", jwt(), jwt(exp="soon"), jwt(exp=1e400), f"a.{'_' * 8}.c"])
def test_a_token_that_does_not_say_when_it_ends(generator, token):
    assert generator((200, {"refresh_token": token})).get(FETCH).expires_at is None


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"auth": {}}, "auth needs one of"),
        ({"registry": "https://example.azurecr.io"}, "must be a host name"),
        ({"registry": "a/b"}, "must be a host name"),
        ({"environmentType": "AzureStackCloud"}, "has no registries"),
    ],
)
def test_what_cannot_be_asked(generator, spec, reason):
    with pytest.raises(ConfigurationError, match=reason):
        generator(**spec)


def test_logins_in_esos_order(make):
    principal = {"secretRef": {"clientId": {"name": "s", "key": "i"}, "clientSecret": {"name": "s", "key": "p"}}}
    both = {"servicePrincipal": principal, **MACHINE, "workloadIdentity": {}}
    for auth, expected in (
        (both, "ServicePrincipal"),
        ({**MACHINE, "workloadIdentity": {}}, "ManagedIdentity"),
        ({"workloadIdentity": {"serviceAccountRef": {"name": "sa"}}}, "WorkloadIdentity"),
    ):
        made = make("ACRAccessToken", {"registry": REGISTRY, "tenantId": "t", "auth": auth})
        assert made._identity._spec.auth_type == expected
