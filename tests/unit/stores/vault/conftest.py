"""A server that is a table: what hvac sends through the real session is answered in memory."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import urllib3

from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import RetryPolicy, StoreContext, StoreKey
from virtrigaud_secrets.stores.vault import transport
from virtrigaud_secrets.testing import ManualClock

SERVER = "https://vault.example.com:8200"


@dataclass
class Seen:
    """A request as the server got it."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, object]
    headers: Mapping[str, str]
    host: str

    @property
    def token(self) -> str:
        return self.headers.get("X-Vault-Token", "")


@dataclass
class Said:
    """An answer."""

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None

    def text(self) -> bytes:
        if self.raw is not None:
            return self.raw
        return b"" if self.body is None else json.dumps(self.body).encode()


Answering = Said | Exception | Callable[[Seen], "Said | Exception"]


class ScriptedServer:
    """Answers by (method, path): each answer once, the last one again and again."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[Answering]] = {}
        self.seen: list[Seen] = []
        self.lock = threading.Lock()

    def say(self, status: int, body: object = None, *, raw: bytes | None = None, **headers: str) -> Said:
        """An answer to pass to `on`; header names with `_` for `-`."""
        return Said(status, body, {name.replace("_", "-"): value for name, value in headers.items()}, raw)

    def on(self, method: str, path: str, *answers: Answering) -> None:
        self.answers[method, path] = list(answers)

    def asked(self, path: str) -> int:
        return sum(request.path == path for request in self.seen)

    def paths(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.seen]

    def urlopen(self, host, method, url, *, body, headers, **_options):
        """What a pool of urllib3 does, for the server called `host`."""
        parts = urlsplit(url)
        path = unquote(parts.path.removeprefix("/v1/"))
        seen = Seen(method, path, dict(parse_qsl(parts.query)), json.loads(body) if body else {}, headers, host)
        with self.lock:
            self.seen.append(seen)
            waiting = self.answers.get((method, path), [Said(404, {"errors": []})])
            answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if callable(answer):
            answer = answer(seen)
        if isinstance(answer, Exception):
            raise answer
        return urllib3.HTTPResponse(
            io.BytesIO(answer.text()), headers=answer.headers, status=answer.status, preload_content=False
        )


@dataclass
class ScriptedPool:
    """The connections to one host of the scripted server."""

    server: ScriptedServer
    host: str

    def urlopen(self, method, url, **options):
        return self.server.urlopen(self.host, method, url, **options)

    def close(self):
        pass


@dataclass(repr=False)
class Cluster:
    """References that answer from tables."""

    secrets: dict[tuple[str, str, str], str] = field(default_factory=dict)
    config_maps: dict[tuple[str, str, str], str] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=lambda: ["jwt-of-the-pod"])
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def secret_value(self, name, key, *, namespace):
        self.asked.append(("secret", namespace, name, key))
        return Sensitive(self.secrets[namespace, name, key])

    def config_map_value(self, name, key, *, namespace):
        self.asked.append(("config map", namespace, name, key))
        return self.config_maps[namespace, name, key]

    def service_account_token(self, name, *, namespace, audiences=()):
        self.asked.append(("token", namespace, name, *audiences))
        return Sensitive(self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    """The server that every transport of the test talks to."""
    scripted = ScriptedServer()
    make = transport._session

    def session(spec, context):
        made = make(spec, context)
        made._new_pool = lambda _scheme, host: ScriptedPool(scripted, host)
        return made

    monkeypatch.setattr(transport, "_session", session)
    return scripted


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def make_context(clock: ManualClock, cluster: Cluster) -> Callable[..., StoreContext]:
    """A store's context; keyword arguments are settings, but for those named here."""

    def make(
        *, kind: str = "SecretStore", retry: RetryPolicy | None = None, token: str = "root-token", **settings: object
    ) -> StoreContext:
        if token:
            settings.setdefault("vault_token", Sensitive(token))
        return StoreContext(
            store=StoreKey(kind, "team", "vault-secret-store"),
            namespace="team",
            settings=Settings(**settings),
            clock=clock,
            references=cluster,
            retry=retry,
        )

    return make


@pytest.fixture
def make_spec() -> Callable[..., VaultProvider]:
    """A spec as a manifest writes it."""

    def make(**fields: object) -> VaultProvider:
        return VaultProvider.model_validate({"server": SERVER, "path": "secret"} | fields)

    return make
