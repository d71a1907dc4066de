"""A store in memory with leases: what it is asked is counted, what it answers is scripted, its time is the test's."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import ClassVar

import pytest

from virtrigaud_secrets import Resolver, Settings
from virtrigaud_secrets.errors import (
    AccessDeniedError,
    LeaseNotFoundError,
    LeaseNotRenewableError,
    SecretNotFoundError,
    SecretsError,
    StoreUnavailableError,
)
from virtrigaud_secrets.events import Event, EventKind
from virtrigaud_secrets.manifests import Catalog, load
from virtrigaud_secrets.models.backends.fake import FakeProvider
from virtrigaud_secrets.stores import fake
from virtrigaud_secrets.stores.base import (
    Answer,
    AnswerKind,
    Extension,
    Fetch,
    Lease,
    LeaseOperations,
    LoginState,
    Preview,
    Query,
    StoreClient,
    StoreKey,
)
from virtrigaud_secrets.stores.payload import Lookup, TextPayload
from virtrigaud_secrets.testing import ManualClock

CANARY = "canary-" + "91b2e7"
"""Part of every password. In two parts, so that no traceback finds it in this line."""

STORE = StoreKey("SecretStore", "ns", "lab")

MANIFESTS = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: lab, namespace: ns}
spec: {provider: {fake: {data: [{key: unused, value: unused}]}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: kv, namespace: ns}
spec:
  refreshInterval: 60s
  secretStoreRef: {name: lab}
  data:
    - {secretKey: a, remoteRef: {key: kv/a, property: password}}
    - {secretKey: b, remoteRef: {key: kv/b, property: password}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: kv-too, namespace: ns}
spec:
  refreshInterval: 60s
  secretStoreRef: {name: lab}
  data:
    - {secretKey: a, remoteRef: {key: kv/a, property: password}}
    - {secretKey: user, remoteRef: {key: kv/a, property: username}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: db, namespace: ns}
spec:
  refreshInterval: 1h
  secretStoreRef: {name: lab}
  target:
    template:
      data:
        username: '{{ .username }}'
        password: '{{ if eq .mode "poison" }}{{ fail "poisoned" }}{{ end }}{{ .password }}'
  dataFrom: [{extract: {key: creds/app}}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: db-too, namespace: ns}
spec:
  refreshInterval: 1h
  secretStoreRef: {name: lab}
  data: [{secretKey: login, remoteRef: {key: creds/app, property: username}}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: other-db, namespace: ns}
spec:
  refreshInterval: 1h
  secretStoreRef: {name: lab}
  dataFrom: [{extract: {key: creds/other}}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: mixed, namespace: ns}
spec:
  refreshInterval: 60s
  secretStoreRef: {name: lab}
  dataFrom: [{extract: {key: creds/app}}]
  data: [{secretKey: server, remoteRef: {key: kv/a, property: username}}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: certificate, namespace: ns}
spec:
  refreshInterval: 1h
  secretStoreRef: {name: lab}
  dataFrom: [{extract: {key: pki/web}}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: static, namespace: ns}
spec:
  refreshInterval: 1h
  secretStoreRef: {name: lab}
  dataFrom: [{extract: {key: static/app}}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: search, namespace: ns}
spec:
  refreshInterval: 60s
  secretStoreRef: {name: lab}
  dataFrom: [{find: {name: {regexp: ^kv/}, conversionStrategy: Default}}]
"""


@dataclass
class Role:
    """What the server makes when a path is read."""

    ttl: float
    longest: float = 1e9
    renewable: bool = True
    kind: AnswerKind = AnswerKind.LEASE
    shared: bool = False


@dataclass
class Given:
    """A lease the server gave."""

    key: str
    ends: float
    longest_until: float


Trouble = Callable[[], object]
"""Is called when a request comes in; what it raises is the answer."""


@dataclass
class Lab:
    """The server."""

    clock: ManualClock
    batches: bool = False
    secrets: dict[str, dict[str, str]] = field(
        default_factory=lambda: {f"kv/{name}": {"username": name, "password": f"{CANARY}-{name}"} for name in "ab"}
    )
    roles: dict[str, Role] = field(
        default_factory=lambda: {
            "creds/app": Role(60.0),
            "creds/other": Role(60.0),
            "pki/web": Role(3600.0, renewable=False, kind=AnswerKind.CERTIFICATE),
            "static/app": Role(10.0, kind=AnswerKind.STATIC_ROLE),
        }
    )
    mode: str = "good"
    asked: list[tuple[str, str]] = field(default_factory=list)
    """(what, path) of every request, in order."""
    batch_sizes: list[int] = field(default_factory=list)
    leases: dict[str, Given] = field(default_factory=dict)
    """Those that live, or ended by themselves; revoked ones are gone."""
    cut: list[tuple[str, float]] = field(default_factory=list)
    """(lease id, increment) of every renewal."""
    troubles: dict[tuple[str, str], Trouble] = field(default_factory=dict)
    """(what, path) or (what, "") → trouble."""
    state: LoginState | None = None
    closed: list[bool] = field(default_factory=list)
    """`revoke` of every close."""
    made: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str, path: str | None = None) -> int:
        return sum(known == what and path in {None, key} for known, key in self.asked)

    def down(self, *kinds: str, error: SecretsError | None = None) -> None:
        """Fail these kinds of request from now on."""
        fault = error or StoreUnavailableError("connection refused")
        for what in kinds or ("get", "renew", "look up", "find"):
            self.troubles[what, ""] = _raising(fault)

    def fail(self, what: str, path: str, error: Exception) -> None:
        self.troubles[what, path] = _raising(error)

    def up(self) -> None:
        self.troubles.clear()

    def living(self) -> list[str]:
        now = self.clock.elapsed()
        return [lease for lease, given in self.leases.items() if given.ends > now]

    def serve(self, what: str, path: str) -> None:
        with self.lock:
            self.asked.append((what, path))
            trouble = self.troubles.get((what, path)) or self.troubles.get((what, ""))
        if trouble is not None:
            trouble()

    def read(self, fetch: Fetch) -> Answer:
        sent = self.clock.elapsed()
        self.serve("get", fetch.key)
        role = self.roles.get(fetch.key)
        if role is None:
            if fetch.key not in self.secrets:
                raise SecretNotFoundError("there is no such secret", path=fetch.key)
            return Answer(payload=_payload(self.secrets[fetch.key], fetch.key), path=fetch.key, sent=sent)
        with self.lock:
            self.made += 1
            number = self.made
        data = {"username": f"user-{number}", "password": f"{CANARY}-{number}", "mode": self.mode}
        wall = self.clock.now()
        lease = None
        if role.kind is AnswerKind.LEASE:
            lease_id = f"{fetch.key}/{number}"
            self.leases[lease_id] = Given(fetch.key, sent + role.ttl, sent + role.longest)
            lease = Lease(
                lease_id=lease_id,
                duration=int(role.ttl),
                renewable=role.renewable,
                expires_at=wall + timedelta(seconds=role.ttl),
            )
        return Answer(
            payload=_payload(data, fetch.key),
            path=fetch.key,
            lease=lease,
            expires_at=None if lease is not None else wall + timedelta(seconds=role.ttl),
            kind=role.kind,
            sent=sent,
            login=0 if self.state is None or lease is None else self.state.generation,
            shared=role.shared,
        )


@dataclass
class LabLeases(LeaseOperations):
    lab: Lab

    def renew(self, lease_id, *, increment):
        lab, now = self.lab, self.lab.clock.elapsed()
        lab.cut.append((lease_id, increment))
        given = lab.leases.get(lease_id)
        lab.serve("renew", lease_id if given is None else given.key)
        if given is None or given.ends <= now:
            raise LeaseNotFoundError("lease not found")
        if not lab.roles[given.key].renewable:
            raise LeaseNotRenewableError("lease is not renewable")
        granted = int(min(increment, given.longest_until - now))
        given.ends = now + granted
        return Extension(duration=granted, sent=now, capped=granted < increment)

    def remaining(self, lease_id):
        lab = self.lab
        given = lab.leases.get(lease_id)
        lab.serve("look up", lease_id if given is None else given.key)
        if given is None or given.ends <= lab.clock.elapsed():
            raise LeaseNotFoundError("invalid lease")
        return given.ends - lab.clock.elapsed()

    def login(self):
        return self.lab.state

    def inspect_login(self, generation):
        self.lab.serve("inspect login", str(generation))
        return self._state()

    def renew_login(self, generation):
        self.lab.serve("renew login", str(generation))
        self.lab.state = replace(self._state(), sent=self.lab.clock.elapsed())
        return self.lab.state

    def log_in_anew(self, generation):
        self.lab.serve("log in", str(generation))
        state = self._state()
        self.lab.state = replace(state, generation=state.generation + 1, sent=self.lab.clock.elapsed())
        return self.lab.state

    def end_login(self, generation):
        self.lab.serve("end login", str(generation))

    def _state(self):
        assert self.lab.state is not None
        return self.lab.state


class LabClient(StoreClient):
    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def get(self, fetch):
        return self.lab.read(fetch)

    def find(self, query: Query) -> Mapping[str, Answer]:
        self.lab.serve("find", query.name)
        return {key: Answer(payload=_payload(data, key), path=key) for key, data in self.lab.secrets.items()}

    @property
    def leases(self):
        return LabLeases(self.lab)

    def close(self, *, revoke=True):
        self.lab.closed.append(revoke)
        if revoke:
            self.lab.leases.clear()


class BatchingLabClient(LabClient):
    batches: ClassVar[bool] = True

    def get_all(self, fetches: Sequence[Fetch]):
        self.lab.batch_sizes.append(len(fetches))
        return super().get_all(fetches)


@dataclass
class LabFactory:
    """Stands in for the fake backend."""

    lab: Lab
    spec_model = FakeProvider

    def preview(self, spec, fetch, context):
        return Preview(fetch=fetch, method="GET", path=fetch.key, side_effect=fetch.key in self.lab.roles)

    def connect(self, spec, context):
        return BatchingLabClient(self.lab) if self.lab.batches else LabClient(self.lab)


@dataclass
class Events:
    """An observer that remembers."""

    seen: list[Event] = field(default_factory=list)

    def on_event(self, event: Event) -> None:
        self.seen.append(event)

    def kinds(self, name: str | None = None) -> Counter[EventKind]:
        return Counter(event.kind for event in self.seen if name in {None, event.name})


def _raising(error: Exception) -> Trouble:
    def raise_it() -> None:
        # A new one each time, as a store makes it: callers add to what they catch.
        raise type(error)(*error.args) if not isinstance(error, SecretsError) else _copied(error)

    return raise_it


def _copied(error: SecretsError) -> SecretsError:
    import copy

    return copy.copy(error)


def _payload(data: Mapping[str, str], path: str) -> TextPayload:
    return TextPayload(json.dumps(data).encode(), lookup=Lookup.PATH, store=str(STORE), path=path)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def lab(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The server that every store of the test's manifests is."""
    made = Lab(clock)
    monkeypatch.setattr(fake, "FACTORY", LabFactory(made))
    return made


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def catalog(tmp_path) -> Catalog:
    (tmp_path / "manifests.yaml").write_text(MANIFESTS)
    return load(tmp_path, strict=False)


@pytest.fixture
def catalog_of(tmp_path) -> Callable[[str], Catalog]:
    """The manifests above, with a line more in the spec of each that is read every minute."""

    def make(line: str) -> Catalog:
        interval = "" if "refreshInterval" in line else "refreshInterval: 60s\n  "
        (tmp_path / "manifests.yaml").write_text(MANIFESTS.replace("refreshInterval: 60s\n", f"{interval}{line}\n"))
        return load(tmp_path, strict=False)

    return make


@pytest.fixture
def make_resolver(lab: Lab, catalog: Catalog, clock: ManualClock, events: Events) -> Iterator[Callable[..., Resolver]]:
    """A resolver over the manifests above; keyword arguments are settings. Without a thread unless asked for."""
    made: list[Resolver] = []

    def make(*, background: bool = False, **settings: object) -> Resolver:
        resolver = Resolver(
            catalog, settings=Settings(**settings), clock=clock, observers=[events], background=background
        )
        made.append(resolver)
        return resolver

    yield make
    lab.up()
    for resolver in made:
        resolver.close()


@pytest.fixture
def resolver(make_resolver: Callable[..., Resolver]) -> Resolver:
    return make_resolver()


@pytest.fixture
def run(clock: ManualClock) -> Callable[..., None]:
    """Let time pass for a resolver without a thread, doing what is due when it is due."""

    def run(resolver: Resolver, seconds: float, *, step: float = 0.25) -> None:
        until = clock.elapsed() + seconds
        while True:
            due = resolver.run_due()
            left = until - clock.elapsed()
            if left < 1e-5:  # less than the clock can tell
                return
            clock.advance(min(max(due, 0.01), step, left))

    return run


@pytest.fixture
def told(events: Events) -> Callable[[Resolver], Events]:
    """The events so far, once all were delivered."""

    def told(resolver: Resolver) -> Events:
        assert resolver.notices.drain(10)
        return events

    return told


def denied(path: str) -> AccessDeniedError:
    return AccessDeniedError("permission denied", path=path)
