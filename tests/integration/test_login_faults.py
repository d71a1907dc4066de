"""Faults of the servers that stores log in at: clear errors, in bounded time, and nothing is asked of the store.

What goes wrong between a store and its own server is in `test_fault_matrix`.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import AuthenticationError, StoreUnavailableError, ThrottledError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores import Fetch, RetryPolicy, StoreContext, registry
from virtrigaud_secrets.testing.contract import STORE, NoReferences
from virtrigaud_secrets.testing.servers import AWSServices, FaultProxy, KeyVault, OpenBao, SecretManager
from virtrigaud_secrets.testing.servers.fault_proxy import Trouble
from virtrigaud_secrets.testing.servers.google_identity import Machine

pytestmark = pytest.mark.integration

CANARY = "canary-of-a-login"
LIMIT = 2.0
REGION = "us-west-2"


STS_WORDS = f"<Error><Code>CODE</Code><Message>{CANARY}</Message></Error>"
"""STS speaks XML."""


class Objects(NoReferences):
    """One value for every Secret."""

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive:
        return Sensitive("value")


@dataclass
class Login:
    """A store whose login goes through a proxy."""

    provider: str
    spec: Mapping[str, object]
    settings: Mapping[str, object]
    proxy: FaultProxy
    path: str
    """Found in the requests that log in."""
    reads: Callable[[], int]
    """Requests for the secret that the store's server has seen."""
    once: int = 0
    """`maxRetries` by which a request is sent once."""
    words: bytes = json.dumps({"errors": [CANARY], "error": CANARY, "message": CANARY}).encode()
    """What the server says with a status."""


class Logins:
    """A store for each way to log in by request."""

    def __init__(self, request, directory, need) -> None:
        self._request, self._directory, self._need = request, directory, need

    def _ca(self, *parts: bytes):
        path = self._directory / "ca.pem"
        path.write_bytes(b"".join(parts))
        return path

    @contextmanager
    def vault(self) -> Iterator[Login]:
        bao: OpenBao = self._request.getfixturevalue("openbao")
        mount = f"login-{secrets.token_hex(4)}"
        bao.ask("POST", f"sys/mounts/{mount}", {"type": "kv", "options": {"version": "1"}})
        bao.ask("POST", f"{mount}/a", {"password": CANARY})
        bao.ask("POST", f"sys/auth/{mount}", {"type": "userpass"})
        bao.ask("PUT", f"sys/policies/acl/{mount}", {"policy": f'path "{mount}/*" {{ capabilities = ["read"] }}'})
        bao.ask("POST", f"auth/{mount}/users/u", {"password": "value", "token_policies": [mount]})
        auth = {"userPass": {"path": mount, "username": "u", "secretRef": {"name": "s", "key": "k"}}}
        with FaultProxy(bao.address, upstream_ca=bao.ca_pem) as proxy:
            bundle = base64.b64encode(proxy.ca_pem).decode()
            spec = {"server": proxy.address, "path": mount, "version": "v1", "caBundle": bundle, "auth": auth}
            yield Login("vault", spec, {}, proxy, "/login/", lambda: proxy.asked(f"GET /v1/{mount}/a"))

    @contextmanager
    def aws(self) -> Iterator[Login]:
        self._need(AWSServices.missing_reason())
        import boto3

        reference = {"name": "s", "key": "k"}
        keys = {"accessKeyIDSecretRef": reference, "secretAccessKeySecretRef": reference}
        with AWSServices() as services, FaultProxy(services.address) as proxy:
            session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="k", region_name=REGION)
            sdk = session.client("secretsmanager", endpoint_url=services.address)
            # What moto keeps outlives its server: an earlier test may have made it.
            with suppress(sdk.exceptions.ResourceExistsException):
                sdk.create_secret(Name="a", SecretString=json.dumps({"password": CANARY}))
            services.forget()
            spec = {
                "service": "SecretsManager",
                "region": REGION,
                "auth": {"secretRef": keys},
                "role": "arn:aws:iam::123456789012:role/r",
            }
            endpoints = {"sts": proxy.address, "secretsmanager": services.address}
            settings = {"aws_endpoints": endpoints, "ca_file": self._ca(proxy.ca_pem)}
            yield Login(
                "aws",
                spec,
                settings,
                proxy,
                "POST /",
                lambda: services.operations().count("GetSecretValue"),
                once=1,
                words=f"<ErrorResponse>{STS_WORDS}</ErrorResponse>".encode(),
            )

    @contextmanager
    def azure(self) -> Iterator[Login]:
        with KeyVault() as vault, FaultProxy(vault.address, upstream_ca=vault.ca_pem) as proxy:
            vault.entra.add_identity()
            vault.set_secret("a", json.dumps({"password": CANARY}))
            url = f"https://logins-{secrets.token_hex(4)}.vault.azure.net"
            endpoints = vault.endpoints(url) | {"http://169.254.169.254": proxy.address}
            settings = {"endpoints": endpoints, "ca_file": self._ca(vault.ca_pem, proxy.ca_pem)}
            spec = {"vaultUrl": url, "authType": "ManagedIdentity"}

            def reads() -> int:
                return sum(bool(one.client_id) for one in vault.requests)

            yield Login("azurekv", spec, settings, proxy, "metadata", reads)

    @contextmanager
    def google(self) -> Iterator[Login]:
        with SecretManager() as google, FaultProxy(google.address, upstream_ca=google.ca_pem) as proxy:
            google.identity.machine = Machine("p", "pod@p.iam.gserviceaccount.com")
            google.secrets.add("p", "a", json.dumps({"password": CANARY}))
            endpoints = google.endpoints() | {"http://metadata.google.internal": proxy.address}
            settings = {"endpoints": endpoints, "ca_file": self._ca(google.ca_pem, proxy.ca_pem)}
            spec = {"projectID": "p"}
            yield Login("gcpsm", spec, settings, proxy, "default/token", lambda: len(google.asked_for_secrets()))


@pytest.fixture(params=["vault", "aws", "azure", "google"])
def login(request, tmp_path, require, monkeypatch) -> Iterator[Login]:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    with getattr(Logins(request, tmp_path, require), request.param)() as made:
        yield made
        made.proxy.heal()


@pytest.fixture
def client(login):
    context = StoreContext(
        store=STORE,
        namespace=STORE.namespace,
        settings=Settings(request_timeout=timedelta(seconds=LIMIT), **login.settings),
        clock=SystemClock(),
        references=Objects(),
        retry=RetryPolicy(retries=login.once, interval=timedelta(milliseconds=20)),
    )
    factory = registry.factory(login.provider)
    spec = factory.spec_model.model_validate(dict(login.spec), by_alias=True, by_name=False)
    with factory.connect(spec, context) as made:
        yield made


FAULTS = {
    "reset": ({"trouble": Trouble.RESET}, None),
    "half body": ({"trouble": Trouble.HALF}, None),
    "slow": ({"trouble": Trouble.SLOW}, None),
    "no answer": ({"trouble": Trouble.HANG}, None),
    "429": ({"trouble": Trouble.STATUS, "status": 429}, ThrottledError),
    "500": ({"trouble": Trouble.STATUS, "status": 500}, StoreUnavailableError),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_login_that_fails_is_told_in_time_and_heals(login, client, fault):
    ordered, kind = FAULTS[fault]
    if "status" in ordered:
        code = b"Throttling" if kind is ThrottledError else b"InternalFailure"
        ordered = {**ordered, "body": login.words.replace(b"CODE", code)}
    login.proxy.order(path=login.path, **ordered)
    started = time.monotonic()
    # Where no answer comes at all, a machine's own metadata server may not exist: then nobody vouches for us.
    with pytest.raises(kind or (StoreUnavailableError, AuthenticationError)) as caught:
        client.get(Fetch(store=STORE, key="a"))
    assert time.monotonic() - started < LIMIT + 4
    assert CANARY not in f"{caught.value!r} {caught.value}"
    assert caught.value.store == str(STORE)
    assert login.reads() == 0
    assert login.proxy.asked(login.path) == 1
    login.proxy.heal()
    assert client.get(Fetch(store=STORE, key="a")).payload.property("password").decode() == CANARY
