"""Pushes to a real kube-apiserver, RBAC on: what is kept, what is refused, what a lost answer leaves behind."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidRequestError,
    SecretsError,
    StoreUnavailableError,
)
from virtrigaud_secrets.models.backends.kubernetes import KubernetesProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Push, PushOutcome, PushTarget, StoreClient, StoreKey
from virtrigaud_secrets.stores.kubernetes import FACTORY
from virtrigaud_secrets.testing.contract import CANARY, NoReferences, assert_hidden, store_context
from virtrigaud_secrets.testing.servers import FaultProxy, KubernetesAPI
from virtrigaud_secrets.testing.servers.fault_proxy import Trouble

pytestmark = pytest.mark.integration

_numbers = itertools.count()
ALL = ("get", "create", "update", "delete")
METADATA = {"apiVersion": "kubernetes.external-secrets.io/v1alpha1", "kind": "PushSecretMetadata"}


class OneToken(NoReferences):
    def __init__(self, token: Sensitive) -> None:
        self.token = token

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive:
        return self.token


class Place:
    """A namespace, an account with some verbs, and a proxy on the way."""

    def __init__(self, cluster: KubernetesAPI, proxy: FaultProxy) -> None:
        self.cluster = cluster
        self.proxy = proxy
        self.name = f"push-{next(_numbers)}"
        cluster.create("Namespace", self.name)
        cluster.create("ServiceAccount", "writer", namespace=self.name)

    def connect(self, *verbs: str, kind: str = "SecretStore") -> StoreClient:
        subject = {"kind": "ServiceAccount", "name": "writer", "namespace": self.name}
        self.cluster.grant(subject, namespace=self.name, resource="secrets", verbs=verbs or ALL)
        token = self.cluster.service_account_token("writer", namespace=self.name)
        spec = KubernetesProvider.model_validate(
            {
                "server": {"url": self.proxy.address, "caBundle": base64.b64encode(self.proxy.ca_pem).decode()},
                "auth": {"token": {"bearerToken": {"name": "token", "key": "token", "namespace": "x"}}},
                "remoteNamespace": self.name,
            }
        )
        context = store_context(
            store=StoreKey(kind, "contract", "s"),
            settings=Settings(request_timeout=timedelta(seconds=3)),
            clock=SystemClock(),
        )
        return FACTORY.connect(spec, replace(context, references=OneToken(token)))

    def target(self, name: str, key: str = "") -> PushTarget:
        return PushTarget(store=StoreKey("SecretStore", "contract", "s"), key=name, property=key)

    def push(self, name: str, key: str = "", *, metadata: object = None, **values: str) -> Push:
        entries = {each: Sensitive(value) for each, value in values.items()}
        chosen = next(iter(values)) if key else ""
        return Push(
            target=self.target(name, key),
            entries=entries,
            secret_key=chosen,
            labels={"app": "x"},
            metadata=metadata,
        )

    def kept(self, name: str) -> dict[str, object]:
        return self.cluster.ask("GET", f"api/v1/namespaces/{self.name}/secrets/{name}")


@pytest.fixture
def place(cluster: KubernetesAPI) -> Iterator[Place]:
    with FaultProxy(cluster.address, upstream_ca=cluster.ca_pem) as proxy:
        yield Place(cluster, proxy)


def raised(kind: type[SecretsError], client: StoreClient, push: Push) -> SecretsError:
    with pytest.raises(kind) as caught:
        client.push(push)
    assert_hidden(caught.value)
    assert base64.b64encode(CANARY.encode()).decode() not in f"{caught.value!r} {caught.value}"
    return caught.value


def test_nothing_else_of_the_secret_changes(place: Place) -> None:
    place.cluster.create(
        "Secret",
        "s",
        namespace=place.name,
        stringData={"old": "x"},
        metadata={"name": "s", "labels": {"theirs": "1"}, "finalizers": ["example.com/keep"]},
    )
    uid = cast("dict[str, object]", place.kept("s")["metadata"])["uid"]
    with place.connect() as client:
        assert client.push(place.push("s", "new", value=CANARY)) is PushOutcome.UPDATED
    found = place.kept("s")
    metadata = cast("dict[str, object]", found["metadata"])

    assert found["data"] == {"old": "eA==", "new": base64.b64encode(CANARY.encode()).decode()}
    assert metadata["labels"] == {"theirs": "1", "app": "x"}
    assert (metadata["finalizers"], metadata["uid"]) == (["example.com/keep"], uid)


@pytest.mark.parametrize(
    ("verbs", "capability"), [(("create",), "get"), (("get",), "create"), (("get", "create"), "update")]
)
def test_rbac_that_denies_is_told_by_verb(place: Place, verbs: tuple[str, ...], capability: str) -> None:
    if capability == "update":
        place.cluster.create("Secret", "s", namespace=place.name, stringData={"a": "b"})
    with place.connect(*verbs) as client:
        error = raised(AccessDeniedError, client, place.push("s", password=CANARY))
    assert isinstance(error, AccessDeniedError)
    assert (error.capability, error.path) == (f"{capability} secrets", f"namespaces/{place.name}/secrets/s")


def test_of_two_that_write_at_once_one_is_told(place: Place) -> None:
    with place.connect() as client:
        client.push(place.push("s", password="old"))
        asked = client._current()
        read = asked.secret_object

        def slow(name: str, *, namespace: str):
            found = read(name, namespace=namespace)
            document = place.kept("s")
            document["data"] = {f"by-{next(_numbers)}": "YQ=="}
            place.cluster.ask("PUT", f"api/v1/namespaces/{place.name}/secrets/s", document)
            return found

        asked.secret_object = slow
        raised(ConflictError, client, place.push("s", password=CANARY))
        with pytest.raises(ConflictError):
            client.delete(place.target("s"))
        assert "password" not in cast("dict[str, str]", place.kept("s")["data"])
        asked.secret_object = read
        assert client.push(place.push("s", password=CANARY)) is PushOutcome.UPDATED


@pytest.mark.parametrize("trouble", [Trouble.RESET, Trouble.HALF, Trouble.HANG])
def test_a_lost_answer_is_an_error_and_the_write_is_sent_once(place: Place, trouble: Trouble) -> None:
    with place.connect() as client:
        place.proxy.order(trouble, path="^POST .*/secrets", delivered=True)
        raised(StoreUnavailableError, client, place.push("s", password=CANARY))
        place.proxy.heal()
        assert place.proxy.asked("^POST .*/secrets") == 1
        assert client.push(place.push("s", password=CANARY)) is PushOutcome.UNCHANGED


def test_an_immutable_secret_or_another_type_is_refused(place: Place) -> None:
    place.cluster.create("Secret", "s", namespace=place.name, stringData={"a": "b"}, immutable=True)
    with place.connect() as client:
        error = raised(InvalidRequestError, client, place.push("s", password=CANARY))
        assert isinstance(error, InvalidRequestError)
        assert error.status == 422
        raised(InvalidRequestError, client, replace(place.push("s", "k", password=CANARY), type="kubernetes.io/tls"))


def test_another_namespace_is_for_cluster_stores(place: Place) -> None:
    metadata = {**METADATA, "spec": {"remoteNamespace": place.name}}
    with place.connect() as client:
        raised(InvalidRequestError, client, place.push("s", metadata=metadata, password=CANARY))
    with place.connect(kind="ClusterSecretStore") as client:
        assert client.push(place.push("s", metadata=metadata, password=CANARY)) is PushOutcome.CREATED
        elsewhere = {**METADATA, "spec": {"remoteNamespace": "default"}}
        error = raised(AccessDeniedError, client, place.push("s", metadata=elsewhere, password=CANARY))
        assert isinstance(error, AccessDeniedError)
        assert error.path == "namespaces/default/secrets/s"


def test_a_namespace_that_is_not_there(place: Place) -> None:
    with place.connect(kind="ClusterSecretStore") as client:
        metadata = {**METADATA, "spec": {"remoteNamespace": "no-such"}}
        raised(AccessDeniedError, client, place.push("s", metadata=metadata, password=CANARY))


def test_from_a_secret_of_the_cluster_into_another_namespace(place: Place, tmp_path) -> None:
    """A PushSecret whose source only the cluster has."""
    place.cluster.create("Namespace", f"{place.name}-backup")
    place.cluster.create(
        "Secret",
        "source",
        namespace=place.name,
        stringData={"username": "u", "password": CANARY},
        type="kubernetes.io/basic-auth",
    )
    kubeconfig = place.cluster.kubeconfig(token=place.cluster.admin_token)
    (tmp_path / "m.yaml").write_text(f"""
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: backup, namespace: {place.name}}}
spec: {{provider: {{kubernetes: {{remoteNamespace: {place.name}-backup, authRef: {{name: kubeconfig, key: config}}}}}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: kubeconfig, namespace: {place.name}}}
data: {{config: {base64.b64encode(kubeconfig.read_bytes()).decode()}}}
---
apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: {{name: p, namespace: {place.name}}}
spec:
  secretStoreRefs: [{{name: backup}}]
  selector: {{secret: {{name: source}}}}
  data: [{{match: {{remoteRef: {{remoteKey: copy}}}}}}]
""")
    with Resolver.from_path(tmp_path, settings=Settings(kubeconfig=kubeconfig)) as resolver:
        assert [entry.outcome for entry in resolver.push("p").entries] == [PushOutcome.CREATED]
        assert [entry.outcome for entry in resolver.push("p").entries] == [PushOutcome.UNCHANGED]
    found = place.cluster.ask("GET", f"api/v1/namespaces/{place.name}-backup/secrets/copy")
    assert found["type"] == "kubernetes.io/basic-auth"
    assert cast("dict[str, str]", found["data"])["password"] == base64.b64encode(CANARY.encode()).decode()
