"""Faults of the design that show where resolver and Vault meet, by number: the real client, a scripted server."""

from __future__ import annotations

import pytest

from virtrigaud_secrets import Resolver, Settings
from virtrigaud_secrets.errors import (
    MountNotFoundError,
    SecretNotFoundError,
    SecretsError,
    SecretVersionDeletedError,
    StoreSealedError,
    StoreUnavailableError,
)
from virtrigaud_secrets.sensitive import Sensitive

MANIFESTS = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: vault, namespace: ns}
spec: {provider: {vault: {server: "https://vault.example.com:8200", path: secret, version: v2}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: login, namespace: ns}
spec:
  refreshInterval: 60s
  secretStoreRef: {name: vault}
  data: [{secretKey: password, remoteRef: {key: app, property: password}}]
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: dynamic, namespace: ns}
spec:
  refreshInterval: 1h
  secretStoreRef: {name: vault}
  dataFrom: [{extract: {key: db/creds/app}}]
"""
APP = "secret/data/app"
MOUNT = "sys/internal/ui/mounts/db/creds/app"
FOUND = {"data": {"data": {"password": "canary-1"}, "metadata": {"version": 1}}}
DELETED = {"data": {"data": None, "metadata": {"deletion_time": "2030-01-01T00:00:00Z", "version": 1}}}
DESTROYED = {"data": {"data": None, "metadata": {"deletion_time": "", "destroyed": True, "version": 1}}}
NO_DATA = {"warnings": ["Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API."]}
NO_MOUNT = {"errors": ['no handler for route "secret/data/app". route entry not found.']}


@pytest.fixture
def resolver(tmp_path, server, clock):
    (tmp_path / "m.yaml").write_text(MANIFESTS)
    settings = Settings(vault_token=Sensitive("root-token"))
    with Resolver.from_path(tmp_path, settings=settings, clock=clock, background=False) as made:
        yield made


def refusal(resolver, name="login"):
    with pytest.raises(SecretsError) as caught:
        resolver.resolve(name)
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (404, DELETED, SecretVersionDeletedError, "deleted"),
        (404, DESTROYED, SecretVersionDeletedError, "destroyed"),
        (404, {"errors": []}, SecretNotFoundError, ""),
        (404, NO_DATA, SecretNotFoundError, "version 2"),
        (404, NO_MOUNT, MountNotFoundError, "mount"),
    ],
    ids=["deleted", "destroyed", "missing", "no data/", "no mount"],
)
def test_fault_38_what_is_not_there_is_obeyed_at_once(resolver, server, clock, status, body, error, words):
    """Five errors that can be told apart; the value in memory goes although stale ones may be served."""
    server.on("GET", APP, server.say(200, FOUND), server.say(status, body))
    assert resolver.resolve("login")["password"] == b"canary-1"
    clock.advance(60)
    found = refusal(resolver)
    assert type(found) is error
    assert words in str(found)
    server.on("GET", APP, server.say(503, {"errors": []}))
    clock.advance(6)
    assert not isinstance(refusal(resolver), SecretNotFoundError)


def test_fault_38_the_five_can_be_told_apart(resolver, server, clock):
    said = []
    for body in (DELETED, DESTROYED, {"errors": []}, NO_DATA, NO_MOUNT):
        server.on("GET", APP, server.say(404, body))
        said.append(str(refusal(resolver)))
        clock.advance(6)
    assert len(set(said)) == 5


def test_fault_38_a_server_that_is_down_is_not(resolver, server, clock):
    server.on("GET", APP, server.say(200, FOUND), server.say(503, {"errors": ["Vault is sealed"]}))
    first = resolver.resolve("login")
    clock.advance(60)
    assert resolver.resolve("login") is first


@pytest.mark.parametrize("status", [403, 404])
def test_fault_39_a_mount_that_the_server_does_not_show_is_sought_below_the_stores_path_once(resolver, server, status):
    """What was found out is not asked again while it works."""
    server.on("GET", MOUNT, server.say(status, {"errors": []}))
    server.on("GET", "secret/data/db/creds/app", server.say(200, FOUND))
    assert resolver.resolve("dynamic")["password"] == b"canary-1"
    resolver.refresh("dynamic")
    assert server.asked(MOUNT) == 1


def test_fault_39_a_server_that_could_not_be_asked_is_asked_again(resolver, server, clock):
    lease = {"lease_id": "db/creds/app/1", "renewable": True, "lease_duration": 60, "data": {"password": "canary-2"}}
    server.on("GET", MOUNT, server.say(503, {"errors": ["Vault is sealed"]}))
    server.on("GET", "db/creds/app", server.say(200, lease))
    assert isinstance(refusal(resolver, "dynamic"), (StoreSealedError, StoreUnavailableError))
    assert server.asked("secret/data/db/creds/app") == server.asked("db/creds/app") == 0
    server.on("GET", MOUNT, server.say(200, {"data": {"path": "db/", "type": "database"}}))
    clock.advance(6)
    assert resolver.resolve("dynamic")["password"] == b"canary-2"
