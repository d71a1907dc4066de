"""From a store reference to the one client of that store."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import ClosedError, ManifestNotFoundError, StoreNotFoundError, UnsupportedFeatureError
from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.models.external_secret import GeneratorRef, SecretStoreRef
from virtrigaud_secrets.resolver.connections import Connections
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores import registry
from virtrigaud_secrets.stores.base import Fetch, StoreKey
from virtrigaud_secrets.testing import ManualClock

STORES = """
{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: plain, namespace: ns},
 spec: {retrySettings: {maxRetries: 3, retryInterval: 2s}, provider: {fake: {data: [{key: a, value: v}]}}}}
---
{apiVersion: external-secrets.io/v1, kind: ClusterSecretStore, metadata: {name: shared},
 spec: {provider: {fake: {data: [{key: a, value: v}]}}}}
---
{apiVersion: external-secrets.io/v1, kind: ClusterSecretStore, metadata: {name: explicit},
 spec: {provider: {vault: {server: "https://v", auth: {tokenSecretRef: {name: t, key: k, namespace: system}}}}}}
---
{apiVersion: external-secrets.io/v1, kind: ClusterSecretStore, metadata: {name: referent},
 spec: {provider: {vault: {server: "https://v", auth: {tokenSecretRef: {name: t, key: k}}}}}}
---
{apiVersion: external-secrets.io/v1, kind: ClusterSecretStore, metadata: {name: tagged},
 spec: {provider: {aws: {service: SecretsManager, region: eu-west-1, role: "arn:r", sessionTagsPolicy: Simple}}}}
---
{apiVersion: external-secrets.io/v1, kind: ClusterSecretStore, metadata: {name: templated},
 spec: {provider: {webhook: {url: "https://w/{{ .remoteRef.namespace }}"}}}}
---
{apiVersion: external-secrets.io/v1, kind: ClusterSecretStore, metadata: {name: blue},
 spec: {conditions: [{namespaceSelector: {matchLabels: {team: blue}}}],
        provider: {fake: {data: [{key: a, value: v}]}}}}
---
{apiVersion: generators.external-secrets.io/v1alpha1, kind: UUID, metadata: {name: id, namespace: ns}}
---
{apiVersion: generators.external-secrets.io/v1alpha1, kind: ClusterGenerator, metadata: {name: pw},
 spec: {kind: Password, generator: {passwordSpec: {length: 8}}}}
---
{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: foreign, namespace: ns},
 spec: {provider: {fortanix: {}}}}
"""


@pytest.fixture
def connections(tmp_path):
    (tmp_path / "stores.yaml").write_text(STORES)
    made = Connections(load(tmp_path), settings=Settings(), clock=SystemClock(), references=None)
    yield made
    made.close()


def reference(name, kind="SecretStore"):
    return SecretStoreRef(name=name, kind=kind)


def test_a_store_has_one_client_whoever_asks(connections):
    key = connections.bind(reference("plain"), namespace="ns").key
    assert key == StoreKey("SecretStore", "ns", "plain")
    barrier = threading.Barrier(8)
    found = []

    def ask():
        barrier.wait()
        found.append(connections.client(key))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in found}) == 1


@pytest.mark.parametrize(
    ("name", "read_in"),
    [("shared", {""}), ("explicit", {""}), ("referent", {"a", "b"}), ("tagged", {"a", "b"}), ("templated", {"a", "b"})],
)
def test_a_cluster_store_is_another_identity_for_each_namespace_that_matters(connections, name, read_in):
    store = reference(name, "ClusterSecretStore")
    keys = {connections.bind(store, namespace=namespace).key for namespace in ("a", "b")}
    assert keys == {StoreKey("ClusterSecretStore", namespace, name) for namespace in read_in}
    assert len({id(connections.client(key)) for key in keys}) == len(read_in)


def test_retry_settings_of_the_manifest_reach_the_backend(connections):
    retry = connections.bind(reference("plain"), namespace="ns").context.retry
    assert (retry.retries, retry.interval) == (3, timedelta(seconds=2))
    assert connections.bind(reference("shared", "ClusterSecretStore"), namespace="a").context.retry is None


class Labels:
    """References that know one namespace."""

    def __init__(self):
        self.asked = []

    def namespace_labels(self, name):
        self.asked.append(name)
        return {"team": "blue"} if name == "sky" else None


def test_conditions_look_at_the_clusters_namespaces_once_a_minute(tmp_path):
    (tmp_path / "stores.yaml").write_text(STORES)
    clock, labels = ManualClock(), Labels()
    made = Connections(load(tmp_path), settings=Settings(), clock=clock, references=labels)
    blue = reference("blue", "ClusterSecretStore")
    for _ in range(3):
        assert made.bind(blue, namespace="sky").key.name == "blue"
    assert labels.asked == ["sky"]
    with pytest.raises(StoreNotFoundError, match="is not allowed from namespace"):
        made.bind(blue, namespace="earth")
    clock.advance(timedelta(minutes=2))
    made.bind(blue, namespace="sky")
    assert labels.asked == ["sky", "earth", "sky"]


def generator(kind, name):
    return GeneratorRef(kind=kind, name=name)


def test_a_generator_is_bound_and_connected_as_a_store_is(connections):
    binding = connections.bind(generator("UUID", "id"), namespace="ns")
    assert binding.key == StoreKey("UUID", "ns", "id")
    assert connections.bind(generator("UUID", "id"), namespace="ns") is binding
    fetch = Fetch(store=binding.key, key="k")
    assert list(connections.client(binding.key).get(fetch).payload.entries()) == ["uuid"]


def test_a_cluster_generator_belongs_to_who_refers_to_it(connections):
    binding = connections.bind(generator("ClusterGenerator", "pw"), namespace="anywhere")
    assert binding.key == StoreKey("ClusterGenerator", "anywhere", "pw")
    assert binding.context.namespace == "anywhere"


def test_a_generator_is_sought_in_the_namespace_only(connections):
    with pytest.raises(ManifestNotFoundError, match='no UUID "id" in namespace "other"'):
        connections.bind(generator("UUID", "id"), namespace="other")


def test_what_cannot_be_bound(connections):
    with pytest.raises(StoreNotFoundError):
        connections.bind(reference("nope"), namespace="ns")
    with pytest.raises(UnsupportedFeatureError, match="fortanix"):
        connections.bind(reference("foreign"), namespace="ns")


def test_close_closes_every_client_once(connections, monkeypatch):
    key = connections.bind(reference("plain"), namespace="ns").key
    client = connections.client(key)
    closed = []
    monkeypatch.setattr(type(client), "close", lambda self, *, revoke=True: closed.append(revoke))
    connections.close(revoke=False)
    connections.close()
    assert closed == [False]
    with pytest.raises(ClosedError):
        connections.client(key)


def test_a_client_that_fails_to_close_keeps_no_other_open(connections, monkeypatch):
    keys = [connections.bind(reference("shared", "ClusterSecretStore"), namespace=name).key for name in ("a", "b")]
    clients = [connections.client(key) for key in keys]
    closed = []

    def broken(self, *, revoke=True):
        closed.append(self)
        raise RuntimeError("a plug-in's defect")

    monkeypatch.setattr(type(clients[0]), "close", broken)
    connections.close()
    assert {id(client) for client in closed} == {id(client) for client in clients}


def refused(self):
    raise RuntimeError("can't create new thread at interpreter shutdown")


def test_clients_that_hang_are_closed_at_the_same_time(connections, monkeypatch):
    keys = [connections.bind(reference("shared", "ClusterSecretStore"), namespace="a").key]
    keys.append(connections.bind(reference("plain"), namespace="ns").key)
    clients = [connections.client(key) for key in keys]
    together = threading.Barrier(len(clients), timeout=10)
    monkeypatch.setattr(type(clients[0]), "close", lambda self, *, revoke=True: together.wait())
    connections.close()
    assert not together.broken


def test_an_interrupted_close_is_finished_by_the_next(connections, monkeypatch):
    asked = (reference("shared", "ClusterSecretStore"), reference("plain"))
    keys = [connections.bind(store, namespace="ns").key for store in asked]
    for key in keys:
        connections.client(key)
    closed, again = [], []
    # At the end of the interpreter, where no thread helps.
    monkeypatch.setattr(threading.Thread, "start", refused)

    def interrupted(self, *, revoke=True):
        closed.append(self)
        if threading.current_thread() is threading.main_thread() and not again:
            again.append(True)
            raise KeyboardInterrupt

    monkeypatch.setattr(type(connections.client(keys[0])), "close", interrupted)
    with pytest.raises(KeyboardInterrupt):
        connections.close()
    connections.close()
    assert len(closed) == 2


@pytest.mark.parametrize(
    ("backend", "converts"),
    [("fake", True), ("gcpsm", True), ("kubernetes", True), ("vault", False), ("aws", False), ("azurekv", False)],
)
def test_some_of_esos_providers_convert_the_names_they_find(connections, backend, converts):
    binding = replace(connections.bind(reference("plain"), namespace="ns"), factory=registry.factory(backend))
    assert binding.converts_found_names is converts


def test_a_property_is_part_of_a_request_only_where_the_backend_says_so(connections):
    binding = connections.bind(reference("plain"), namespace="ns")
    fetch = Fetch(store=binding.key, key="a", property="p")
    assert binding.preview(fetch).fetch == Fetch(store=binding.key, key="a")

    class Sending:
        sends_property = True

        def preview(self, spec, fetch, context):
            return fetch

    assert replace(binding, factory=Sending()).preview(fetch) == fetch
