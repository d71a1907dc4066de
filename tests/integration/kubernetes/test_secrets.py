"""The `kubernetes` store on a real kube-apiserver, RBAC on: every login, every way to read, every refusal."""

from __future__ import annotations

import base64
import json
import secrets
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    SecretNotFoundError,
    StoreUnavailableError,
)
from virtrigaud_secrets.models.backends.kubernetes import KubernetesProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Answer, Fetch, Query, RetryPolicy, StoreClient, StoreContext, StoreKey
from virtrigaud_secrets.stores.kubernetes import FACTORY
from virtrigaud_secrets.stores.references import KubernetesReferences
from virtrigaud_secrets.testing.servers import KubernetesAPI
from virtrigaud_secrets.testing.servers.processes import free_port

pytestmark = pytest.mark.integration

PLANTED = "planted-value-7f3a"
STORE = StoreKey("SecretStore", "team", "remote")


@dataclass
class Manifests:
    """The Secrets and ConfigMaps of the process itself: what it logs in with."""

    secrets: dict[tuple[str, str], Sensitive] = field(default_factory=dict)

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive | None:
        return self.secrets.get((name, key)) if namespace == "team" else None

    def config_map_value(self, name: str, key: str, *, namespace: str) -> str | None:
        found = self.secret_value(name, key, namespace=namespace)
        return None if found is None else found.reveal_text()


@dataclass
class Place:
    """A namespace with Secrets, and an account that may not read them yet."""

    cluster: KubernetesAPI
    name: str
    manifests: Manifests = field(default_factory=Manifests)
    clients: list[StoreClient] = field(default_factory=list)

    @property
    def server(self) -> dict[str, object]:
        return {"url": self.cluster.address, "caBundle": base64.b64encode(self.cluster.ca_pem).decode()}

    def grant(self, *verbs: str, user: str = "") -> None:
        account = {"kind": "ServiceAccount", "name": "reader", "namespace": self.name}
        subject = {"kind": "User", "name": user} if user else account
        self.cluster.grant(subject, namespace=self.name, resource="secrets", verbs=verbs)

    def keep_token(self) -> dict[str, object]:
        """A token of the account among the manifests; the `auth` that names it."""
        token = self.cluster.service_account_token("reader", namespace=self.name)
        self.manifests.secrets["login", "token"] = token
        return {"token": {"bearerToken": {"name": "login", "key": "token"}}}

    def connect(
        self,
        settings: Settings | None = None,
        *,
        kind: str = "SecretStore",
        retry: RetryPolicy | None = None,
        **spec: object,
    ) -> StoreClient:
        settings = settings or Settings()
        context = StoreContext(
            store=StoreKey(kind, "team", "remote"),
            namespace="team",
            settings=settings,
            clock=SystemClock(),
            references=KubernetesReferences(settings, catalog=self.manifests),
            retry=retry or RetryPolicy(),
        )
        document = {"remoteNamespace": self.name, "server": self.server} | spec
        client = FACTORY.connect(KubernetesProvider.model_validate(document), context)
        self.clients.append(client)
        return client


def fetch_of(key: str, *, metadata: bool = False) -> Fetch:
    return Fetch(store=STORE, key=key, metadata=metadata)


def password(client: StoreClient) -> str:
    return client.get(fetch_of("db")).payload.property("password").decode()


@pytest.fixture
def place(cluster: KubernetesAPI) -> Iterator[Place]:
    name = f"test-{secrets.token_hex(4)}"
    cluster.create("Namespace", name)
    cluster.create("ServiceAccount", "reader", namespace=name)
    cluster.create("Secret", "db", namespace=name, stringData={"password": PLANTED, "json": '{"a": {"b": "<c>"}}'})
    made = Place(cluster, name)
    yield made
    for client in made.clients:
        client.close()


def test_a_token(place: Place) -> None:
    client = place.connect(auth=place.keep_token())
    place.grant("get")
    assert password(client) == PLANTED


def test_a_certificate(place: Place) -> None:
    user = f"user-{secrets.token_hex(4)}"
    issued = place.cluster.issue_client_certificate(user)
    place.manifests.secrets["login", "crt"] = Sensitive(issued.certificate)
    place.manifests.secrets["login", "key"] = issued.key
    auth = {"clientCert": {"name": "login", "key": "crt"}, "clientKey": {"name": "login", "key": "key"}}
    place.grant("get", user=user)
    assert password(place.connect(auth={"cert": auth})) == PLANTED


def test_a_service_account_by_token_request(place: Place) -> None:
    place.grant("get")
    settings = Settings(kubeconfig=place.cluster.kubeconfig())
    client = place.connect(
        settings, kind="ClusterSecretStore", auth={"serviceAccount": {"name": "reader", "namespace": place.name}}
    )
    assert password(client) == PLANTED


def test_a_kubeconfig_in_a_secret(place: Place) -> None:
    place.grant("get")
    token = place.cluster.service_account_token("reader", namespace=place.name)
    place.manifests.secrets["kc", "config"] = Sensitive(place.cluster.kubeconfig(token=token).read_bytes())
    assert password(place.connect(authRef={"name": "kc", "key": "config"}, server={})) == PLANTED


def test_a_pod_in_its_own_cluster(place: Place) -> None:
    place.grant("get")
    directory = place.cluster.service_account_directory("reader", namespace=place.name)
    settings = Settings(service_account_directory=directory, kubernetes_api=place.cluster.address)
    assert password(place.connect(settings, server={})) == PLANTED
    account = {"serviceAccount": {"name": "reader"}}
    assert password(place.connect(settings, server={}, auth=account)) == PLANTED


def test_a_kubeconfig_of_this_process(place: Place) -> None:
    settings = Settings(kubeconfig=place.cluster.kubeconfig())
    assert password(place.connect(settings, server={})) == PLANTED


def test_an_authority_by_reference_and_an_address_overridden(place: Place) -> None:
    place.grant("get")
    place.manifests.secrets["ca", "ca.crt"] = Sensitive(place.cluster.ca_pem)
    settings = Settings(endpoints={"https://remote.example:6443": place.cluster.address})
    for kind in ("Secret", "ConfigMap"):
        authority = {"type": kind, "name": "ca", "key": "ca.crt"}
        server = {"url": "https://remote.example:6443", "caProvider": authority}
        assert password(place.connect(settings, server=server, auth=place.keep_token())) == PLANTED


def test_a_server_that_is_not_trusted_is_told_nothing(place: Place) -> None:
    client = place.connect(server={"url": place.cluster.address}, auth=place.keep_token())
    with pytest.raises(StoreUnavailableError, match="its certificate is not trusted"):
        client.get(fetch_of("db"))


def test_what_rbac_does_not_grant_is_denied_and_not_missing(place: Place) -> None:
    client = place.connect(auth=place.keep_token())
    for key in ("db", "absent"):
        with pytest.raises(AccessDeniedError, match=f"refuses `get secrets` in namespace {place.name}") as caught:
            client.get(fetch_of(key))
        assert caught.value.capability == "get secrets"
        assert caught.value.path == f"namespaces/{place.name}/secrets/{key}"
        assert caught.value.store == str(STORE)
    place.grant("get")
    assert password(client) == PLANTED
    with pytest.raises(AccessDeniedError) as denied:
        client.find(Query(store=STORE, name="db"))
    assert denied.value.capability == "list secrets"


def test_an_absent_secret(place: Place) -> None:
    place.grant("get")
    with pytest.raises(SecretNotFoundError) as caught:
        place.connect(auth=place.keep_token()).get(fetch_of("absent"))
    assert (caught.value.missing, caught.value.missing_value) == (True, False)


def test_a_login_that_is_refused(place: Place) -> None:
    place.manifests.secrets["login", "token"] = Sensitive(PLANTED)
    client = place.connect(auth={"token": {"bearerToken": {"name": "login", "key": "token"}}})
    with pytest.raises(AuthenticationError) as caught:
        client.get(fetch_of("db"))
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


def test_a_token_that_was_replaced_is_read_anew(place: Place) -> None:
    place.grant("get")
    auth = place.keep_token()
    good = place.manifests.secrets["login", "token"]
    client = place.connect(auth=auth)
    place.manifests.secrets["login", "token"] = Sensitive("dead-token")
    with pytest.raises(AuthenticationError):
        client.get(fetch_of("db"))
    place.manifests.secrets["login", "token"] = good
    assert password(client) == PLANTED


def test_a_server_that_is_not_there(place: Place) -> None:
    client = place.connect(server={"url": f"https://127.0.0.1:{free_port()}"}, auth=place.keep_token())
    with pytest.raises(StoreUnavailableError, match="it cannot be reached"):
        client.get(fetch_of("db"))


def test_an_account_that_is_not_there(place: Place) -> None:
    settings = Settings(kubeconfig=place.cluster.kubeconfig())
    client = place.connect(settings, auth={"serviceAccount": {"name": "nobody"}})
    with pytest.raises(ConfigurationError, match="has no ServiceAccount team/nobody"):
        client.get(fetch_of("db"))


def test_whole_property_and_entries(place: Place) -> None:
    place.grant("get")
    payload = place.connect(auth=place.keep_token()).get(fetch_of("db")).payload
    assert json.loads(payload.whole()) == {"password": PLANTED, "json": '{"a": {"b": "<c>"}}'}
    assert payload.property("json.a.b") == b"<c>"
    assert payload.entries("json") == {"a": b'{"b":"\\u003cc\\u003e"}'}


def test_metadata(place: Place) -> None:
    place.grant("get")
    metadata = {
        "name": "labelled",
        "namespace": place.name,
        "labels": {"app": "web"},
        "annotations": {"note": '{"a": 1}'},
    }
    document: Mapping[str, object] = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    place.cluster.ask("POST", f"api/v1/namespaces/{place.name}/secrets", document)
    payload = place.connect(auth=place.keep_token()).get(fetch_of("labelled", metadata=True)).payload
    assert payload.whole() == b'{"annotations":{"note":"{\\"a\\": 1}"},"labels":{"app":"web"}}'
    assert payload.property("labels.app") == b"web"
    assert payload.property("annotations.note.a") == b"1"


def labelled(place: Place, name: str, **labels: str) -> None:
    metadata = {"name": name, "namespace": place.name, "labels": labels}
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"name": name}}
    place.cluster.ask("POST", f"api/v1/namespaces/{place.name}/secrets", document)


def names(found: Mapping[str, Answer]) -> dict[str, str]:
    return {name: answer.payload.property("name").decode() for name, answer in found.items()}


def test_found_by_labels_and_by_name_over_several_pages(place: Place) -> None:
    for number in range(30):
        labelled(place, f"item-{number:02}", app="web", parity="odd" if number % 2 else "even")
    place.grant("list")
    client = place.connect(auth=place.keep_token())
    odd = client.find(Query(store=STORE, name="ignored", tags=(("app", "web"), ("parity", "odd"))))
    assert names(odd) == {f"item-{number:02}": f"item-{number:02}" for number in range(1, 30, 2)}
    assert set(client.find(Query(store=STORE, name="item-[12]"))) == {f"item-{number}" for number in range(10, 30)}
    assert client.find(Query(store=STORE, tags=(("app", "absent"),))) == {}


def test_a_frozen_server_costs_no_more_than_the_timeout(cluster: KubernetesAPI) -> None:  # skips where there is none
    with KubernetesAPI() as own:
        own.create("Namespace", "ns")
        place = Place(own, "ns")
        settings = Settings(kubeconfig=own.kubeconfig(), request_timeout=timedelta(seconds=1))
        with place.connect(settings, server={}) as client:
            own.process.freeze()
            started = SystemClock().elapsed()
            with pytest.raises(StoreUnavailableError, match="took too long"):
                client.get(fetch_of("db"))
            assert SystemClock().elapsed() - started < 10
            own.process.thaw()


STORE_MANIFEST = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: remote, namespace: team}}
spec:
  provider:
    kubernetes:
      remoteNamespace: {namespace}
      server: {{url: "{server}", caBundle: "{authority}"}}
      auth: {{token: {{bearerToken: {{name: login, key: token}}}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: login, namespace: team}}
stringData: {{token: "{token}"}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: app, namespace: team}}
spec:
  secretStoreRef: {{name: remote}}
  target: {{creationPolicy: Merge, deletionPolicy: Merge}}
  {entries}
"""


def test_from_manifest_to_bundle_and_what_is_missing(place: Place, tmp_path: Path) -> None:
    place.grant("get")
    token = place.cluster.service_account_token("reader", namespace=place.name).reveal_text()
    values = {
        "namespace": place.name,
        "server": place.cluster.address,
        "authority": base64.b64encode(place.cluster.ca_pem).decode(),
        "token": token,
    }
    data = "data: [{secretKey: p, remoteRef: {key: db, property: password}}]"
    extract = "dataFrom: [{extract: {key: absent}}]"
    for entries, expected in ((f"{data}\n  {extract}", {"p": PLANTED.encode()}), (extract, {})):
        (tmp_path / "manifests.yaml").write_text(STORE_MANIFEST.format(entries=entries, **values))
        with Resolver.from_path(tmp_path) as resolver:
            assert dict(resolver.resolve("app", namespace="team")) == expected
    absent = "data: [{secretKey: p, remoteRef: {key: absent}}]"
    (tmp_path / "manifests.yaml").write_text(STORE_MANIFEST.format(entries=absent, **values))
    with Resolver.from_path(tmp_path) as resolver, pytest.raises(SecretNotFoundError, match="there is no such Secret"):
        resolver.resolve("app", namespace="team")
