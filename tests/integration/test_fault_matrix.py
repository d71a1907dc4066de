"""Every fault on every store, by a proxy before the server: a clear error, in bounded time, nothing asked twice.

Rows are `FAULTS`, columns are `WORLDS`; each cell is a test of its own. What is special to one store is
tested elsewhere.
"""

from __future__ import annotations

import base64
import itertools
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import StoreError, StoreUnavailableError, ThrottledError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores import (
    Fetch,
    LabelledSecret,
    RetryPolicy,
    StoreClient,
    StoreContext,
    registry,
)
from virtrigaud_secrets.testing.contract import STORE, NoReferences
from virtrigaud_secrets.testing.servers import (
    AWSServices,
    FaultProxy,
    KeyVault,
    KubernetesAPI,
    OpenBao,
    SecretManager,
)
from virtrigaud_secrets.testing.servers.certificates import Authority
from virtrigaud_secrets.testing.servers.fault_proxy import UNRESOLVABLE, Trouble
from virtrigaud_secrets.testing.servers.google_identity import Machine
from virtrigaud_secrets.testing.servers.http_server import AnsweringServer, Question, Reply

pytestmark = pytest.mark.integration

CANARY = "canary-of-the-matrix"
LIMIT = 2.0
NAME = "matrix"
VALUE = json.dumps({"password": CANARY, "padding": "x" * 500})
REGION = "us-west-2"


class Objects(NoReferences):
    """What the stores under test refer to: one value for every Secret, which tests may replace."""

    def __init__(self, value: str = "value") -> None:
        self.value = value

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive:
        return Sensitive(self.value)

    def labelled_secret(self, name: str, *, namespace: str) -> LabelledSecret:
        return LabelledSecret(labels={"external-secrets.io/type": "webhook"}, data={"token": Sensitive(self.value)})


@dataclass
class World:
    """One store, with a proxy between it and its server."""

    provider: str
    proxy: FaultProxy
    spec: Callable[[str, bytes], Mapping[str, object]]
    """Spec for an address and the authority to trust."""
    expire: Callable[[World], None]
    """Ends the credentials in force."""
    settings: Callable[[str, bytes], Mapping[str, object]] = lambda _address, _ca: {}
    """Settings for the same."""
    reads: str = NAME
    """Found in the requests that read the secret."""
    once: int = 0
    """`maxRetries` by which a request is sent once."""
    kind: str = ""
    """AWS's code goes with a status."""
    key: str = NAME
    references: Objects = field(default_factory=Objects)
    stack: ExitStack = field(default_factory=ExitStack)

    def connect(
        self, *, more: int = 0, address: str = "", authority: bytes | None = None, limit: float = LIMIT
    ) -> StoreClient:
        """A client that sends a request once, and `more` times again."""
        factory = registry.factory(self.provider)
        address, ca = address or self.proxy.address, self.proxy.ca_pem if authority is None else authority
        context = StoreContext(
            store=STORE,
            namespace=STORE.namespace,
            settings=Settings(request_timeout=timedelta(seconds=limit), **self.settings(address, ca)),
            clock=SystemClock(),
            references=self.references,
            retry=RetryPolicy(retries=self.once + more, interval=timedelta(milliseconds=20)),
        )
        spec = factory.spec_model.model_validate(dict(self.spec(address, ca)), by_alias=True, by_name=False)
        return self.stack.enter_context(factory.connect(spec, context))

    def read(self, client: StoreClient) -> str:
        return client.get(Fetch(store=STORE, key=self.key)).payload.property("password").decode()

    def status(self, status: int, code: str = "", **more: object) -> None:
        """Order an answer with a status; the server's words hold the value."""
        said = {"errors": [CANARY], "message": CANARY, "error": {"code": "X", "message": CANARY}}
        body = json.dumps(said | ({"__type": code} if self.kind else {})).encode()
        self.proxy.order(Trouble.STATUS, status=status, body=body, path=self.reads, **more)


def bundle(ca: bytes) -> str:
    return base64.b64encode(ca).decode()


_numbers = itertools.count()


class Servers:
    """The servers, each started when a store needs it."""

    def __init__(self, request: pytest.FixtureRequest, directory, need) -> None:
        self._request, self._directory, self._need = request, directory, need

    def file(self, content: bytes):
        path = self._directory / f"{next(_numbers)}.pem"
        path.write_bytes(content)
        return path

    @contextmanager
    def vault(self, provider: str = "vault") -> Iterator[World]:
        bao: OpenBao = self._request.getfixturevalue("openbao")
        mount = f"matrix-{secrets.token_hex(4)}"
        bao.ask("POST", f"sys/mounts/{mount}", {"type": "kv", "options": {"version": "1"}})
        bao.ask("POST", f"{mount}/{NAME}", json.loads(VALUE))
        bao.ask("POST", f"sys/auth/{mount}", {"type": "userpass"})
        bao.ask("PUT", f"sys/policies/acl/{mount}", {"policy": f'path "{mount}/*" {{ capabilities = ["read"] }}'})
        bao.ask("POST", f"auth/{mount}/users/u", {"password": "value", "token_policies": [mount], "token_ttl": "10m"})
        auth = {"userPass": {"path": mount, "username": "u", "secretRef": {"name": "s", "key": "k"}}}

        def spec(address: str, ca: bytes) -> Mapping[str, object]:
            return {"server": address, "path": mount, "version": "v1", "caBundle": bundle(ca), "auth": auth}

        def expire(_world: World) -> None:
            bao.ask("POST", f"sys/leases/revoke-prefix/auth/{mount}/login")

        with FaultProxy(bao.address, upstream_ca=bao.ca_pem) as proxy:
            yield World(provider, proxy, spec, expire, reads=f"{mount}/{NAME}")

    def openbao(self):
        return self.vault("openBao")

    @contextmanager
    def aws(self, service: str = "secretsmanager") -> Iterator[World]:
        self._need(AWSServices.missing_reason())
        import boto3

        reference = {"name": "s", "key": "k"}
        keys = {"accessKeyIDSecretRef": reference, "secretAccessKeySecretRef": reference}
        api = "SecretsManager" if service == "secretsmanager" else "ParameterStore"

        def spec(_address: str, _ca: bytes) -> Mapping[str, object]:
            return {"service": api, "region": REGION, "auth": {"secretRef": keys}}

        def settings(address: str, ca: bytes) -> Mapping[str, object]:
            return {"aws_endpoints": {service: address}, "ca_file": self.file(ca)}

        def expire(world: World) -> None:
            world.status(400, "ExpiredTokenException", times=1)

        with AWSServices() as services, FaultProxy(services.address) as proxy:
            session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="k", region_name=REGION)
            sdk = session.client(service, endpoint_url=services.address)
            key = f"{NAME}-{secrets.token_hex(4)}"
            if service == "ssm":
                sdk.put_parameter(Name=key, Value=VALUE, Type="SecureString")
            else:
                sdk.create_secret(Name=key, SecretString=VALUE)
            yield World("aws", proxy, spec, expire, settings, reads="POST /", once=1, kind="aws", key=key)

    def ssm(self):
        return self.aws("ssm")

    @contextmanager
    def azure(self) -> Iterator[World]:
        with KeyVault() as vault, FaultProxy(vault.address, upstream_ca=vault.ca_pem) as proxy:
            vault.entra.add_identity()
            vault.set_secret(NAME, VALUE)
            # The SDK remembers challenges by address.
            url = f"https://matrix-{next(_numbers)}.vault.azure.net"

            def spec(_address: str, _ca: bytes) -> Mapping[str, object]:
                return {"vaultUrl": url, "authType": "ManagedIdentity"}

            def settings(address: str, ca: bytes) -> Mapping[str, object]:
                return {"endpoints": vault.endpoints() | {url: address}, "ca_file": self.file(vault.ca_pem + ca)}

            yield World("azurekv", proxy, spec, lambda _world: vault.entra.revoke(), settings)

    @contextmanager
    def google(self) -> Iterator[World]:
        with SecretManager() as google, FaultProxy(google.address, upstream_ca=google.ca_pem) as proxy:
            google.identity.machine = Machine("p", "pod@p.iam.gserviceaccount.com")
            google.secrets.add("p", NAME, VALUE)

            def settings(address: str, ca: bytes) -> Mapping[str, object]:
                endpoints = google.endpoints() | {"https://secretmanager.googleapis.com": address}
                return {"endpoints": endpoints, "ca_file": self.file(google.ca_pem + ca)}

            expire = google.identity.revoke_tokens
            yield World("gcpsm", proxy, lambda *_: {"projectID": "p"}, lambda _world: expire(), settings)

    @contextmanager
    def kubernetes(self) -> Iterator[World]:
        cluster: KubernetesAPI = self._request.getfixturevalue("cluster")
        namespace = f"matrix-{secrets.token_hex(4)}"
        cluster.create("Namespace", namespace)
        accounts = f"api/v1/namespaces/{namespace}"
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader"}}
        cluster.ask("POST", f"{accounts}/serviceaccounts", account)
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME}, "stringData": json.loads(VALUE)}
        cluster.ask("POST", f"{accounts}/secrets", secret)
        who = {"kind": "ServiceAccount", "name": "reader", "namespace": namespace}
        cluster.grant(who, namespace=namespace, resource="secrets", verbs=("get",))

        def token() -> str:
            return cluster.service_account_token("reader", namespace=namespace).reveal_text()

        def spec(address: str, ca: bytes) -> Mapping[str, object]:
            return {
                "remoteNamespace": namespace,
                "server": {"url": address, "caBundle": bundle(ca)},
                "auth": {"token": {"bearerToken": {"name": "s", "key": "k"}}},
            }

        def expire(world: World) -> None:
            # A cluster remembers good tokens for seconds after their end, so the proxy refuses in its place.
            world.status(401, times=1)
            world.references.value = token()

        with FaultProxy(cluster.address, upstream_ca=cluster.ca_pem) as proxy:
            yield World("kubernetes", proxy, spec, expire, reads=f"secrets/{NAME}", references=Objects(token()))

    @contextmanager
    def webhook(self) -> Iterator[World]:
        def spec(address: str, ca: bytes) -> Mapping[str, object]:
            return {
                "url": f"{address}/{{{{ .remoteRef.key }}}}",
                "caBundle": bundle(ca),
                "headers": {"Authorization": "Bearer {{ .login.token }}"},
                "secrets": [{"name": "login", "secretRef": {"name": "s"}}],
                "result": {"jsonPath": "$.password"},
            }

        def expire(world: World) -> None:
            server.token = world.references.value = "another"

        with TokenServer() as server, FaultProxy(server.address) as proxy:
            yield World("webhook", proxy, spec, expire)


class TokenServer(AnsweringServer):
    """Shows the value to whoever has the token."""

    title: ClassVar[str] = "the webhook"

    def __init__(self) -> None:
        super().__init__(None)
        self.token = "value"
        self.posted = 0

    def respond(self, question: Question) -> Reply:
        self.posted += question.method == "POST"
        if question.headers.get("Authorization") != f"Bearer {self.token}":
            return Reply(401, CANARY.encode())
        return Reply(200, VALUE.encode())


WORLDS = ("vault", "openbao", "aws", "ssm", "azure", "google", "kubernetes", "webhook")


@pytest.fixture(params=WORLDS)
def world(request, tmp_path, require, monkeypatch) -> Iterator[World]:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    with getattr(Servers(request, tmp_path, require), request.param)() as made, made.stack:
        yield made
        made.proxy.heal()


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and the error that it must become."""

    begin: Callable[[World], None]
    error: type[StoreError] = StoreUnavailableError
    facts: Mapping[str, object] = field(default_factory=dict)
    passes: bool = True
    """Whether it may be over at the next request."""
    sent: int = 1
    """Requests that reach the proxy."""


def order(trouble: Trouble, **options: object) -> Callable[[World], None]:
    return lambda world: world.proxy.order(trouble, path=world.reads, **options)


FAULTS = {
    "refused": Fault(lambda world: world.proxy.refuse(), passes=False, sent=0),
    "reset": Fault(order(Trouble.RESET)),
    "half body": Fault(order(Trouble.HALF)),
    "slow": Fault(order(Trouble.SLOW), passes=False),
    "no answer": Fault(order(Trouble.HANG), passes=False),
    "429": Fault(lambda world: world.status(429, "ThrottlingException"), ThrottledError, {"status": 429}),
    "429 with Retry-After": Fault(
        lambda world: world.status(429, "ThrottlingException", retry_after="9"),
        ThrottledError,
        {"status": 429, "retry_after": 9},
        passes=False,
    ),
    "500": Fault(lambda world: world.status(500, "InternalServiceError"), facts={"status": 500}),
}


def failing(world: World, client: StoreClient, kind: type[StoreError], *, within: float = LIMIT + 3) -> StoreError:
    started = time.monotonic()
    with pytest.raises(kind) as caught:
        world.read(client)
    assert time.monotonic() - started < within
    error = caught.value
    assert type(error) is kind
    assert error.store == str(STORE)
    assert error.path
    assert CANARY not in f"{error!r} {error}"
    assert error.__context__ is None
    return error


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_a_clear_error_in_time(world, fault):
    client = world.connect()
    assert world.read(client) == CANARY
    before = world.proxy.asked(world.reads)
    fault.begin(world)
    error = failing(world, client, fault.error)
    assert error.retryable
    assert {name: getattr(error, name) for name in fault.facts} == fault.facts
    assert world.proxy.asked(world.reads) - before == fault.sent
    if fault.sent:
        world.proxy.heal()
        assert world.read(client) == CANARY


PASSING = {
    "reset": lambda world: world.proxy.order(Trouble.RESET, path=world.reads, times=1),
    "half body": lambda world: world.proxy.order(Trouble.HALF, path=world.reads, times=1),
    "429": lambda world: world.status(429, "ThrottlingException", times=1),
    "429 with Retry-After": lambda world: world.status(429, "ThrottlingException", times=1, retry_after="1"),
    "500": lambda world: world.status(500, "InternalServiceError", times=1),
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_is_not_noticed(world, fault):
    client = world.connect(more=1, limit=5)
    assert world.read(client) == CANARY
    before, started = world.proxy.asked(world.reads), time.monotonic()
    PASSING[fault](world)
    assert world.read(client) == CANARY
    assert world.proxy.asked(world.reads) - before == 2
    if "Retry-After" in fault:
        assert time.monotonic() - started >= 1


def test_a_wait_longer_than_there_is_time_is_not_begun(world):
    client = world.connect(more=3)
    world.read(client)
    before = world.proxy.asked(world.reads)
    world.status(429, "ThrottlingException", retry_after="60")
    assert failing(world, client, ThrottledError).retry_after == 60
    assert world.proxy.asked(world.reads) - before == 1


def test_credentials_that_end_in_mid_flight_are_replaced(world):
    client = world.connect()
    assert world.read(client) == CANARY
    before = world.proxy.asked(world.reads)
    world.expire(world)
    assert world.read(client) == CANARY
    assert world.proxy.asked(world.reads) - before == 2


def test_a_name_that_does_not_resolve(world):
    assert failing(world, world.connect(address=UNRESOLVABLE, limit=5), StoreUnavailableError, within=8).retryable


def test_a_certificate_that_nobody_trusts(world):
    client = world.connect(authority=Authority.create("another CA").pem)
    error = failing(world, client, StoreUnavailableError)
    assert not error.retryable
    assert "trust" in error.reason
    assert world.proxy.requests == []


MADE = Fetch(store=STORE, key="auth/token/create", parameters=(("policies", '["default"]'),))


@pytest.mark.parametrize("trouble", [Trouble.RESET, Trouble.HALF, Trouble.HANG])
def test_what_vault_made_is_not_made_twice(openbao, trouble):
    with FaultProxy(openbao.address, upstream_ca=openbao.ca_pem) as proxy:
        settings = Settings(vault_token=openbao.root_token, request_timeout=timedelta(seconds=LIMIT))
        context = StoreContext(
            store=STORE,
            namespace=STORE.namespace,
            settings=settings,
            clock=SystemClock(),
            references=Objects(),
            retry=RetryPolicy(retries=5),
        )
        factory = registry.factory("vault")
        spec = {"server": proxy.address, "path": "secret", "caBundle": bundle(proxy.ca_pem)}
        with factory.connect(factory.spec_model.model_validate(spec), context) as client:
            before = len(openbao.audit_entries())
            proxy.order(trouble, path="^POST /v1/auth/token", delivered=True)
            with pytest.raises(StoreUnavailableError):
                client.get(MADE)
            assert openbao.request_counts(after=before)["update", "auth/token/create"] == 1


@pytest.mark.parametrize("trouble", [Trouble.RESET, Trouble.HALF, Trouble.HANG, Trouble.STATUS])
def test_what_a_webhook_may_have_made_is_not_made_twice(trouble):
    with TokenServer() as server, FaultProxy(server.address) as proxy:
        context = StoreContext(
            store=STORE,
            namespace=STORE.namespace,
            settings=Settings(request_timeout=timedelta(seconds=LIMIT)),
            clock=SystemClock(),
            references=Objects(),
            retry=RetryPolicy(retries=5),
        )
        factory = registry.factory("webhook")
        spec = {
            "url": f"{proxy.address}/made",
            "method": "POST",
            "headers": {"Authorization": "Bearer value"},
            "caBundle": bundle(proxy.ca_pem),
        }
        with factory.connect(factory.spec_model.model_validate(spec), context) as client:
            proxy.order(trouble, delivered=True)
            with pytest.raises(StoreUnavailableError):
                client.get(Fetch(store=STORE, key="made"))
            assert server.posted == 1


def test_every_store_that_talks_to_a_server_is_a_column():
    assert {"vault", "openBao", "aws", "azurekv", "gcpsm", "kubernetes", "webhook"} == set(registry.BUILT_IN) - {
        "fake",
        "files",
    }
