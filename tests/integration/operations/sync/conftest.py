"""A namespace of a real cluster with a store in a real OpenBao, and syncs that run on threads."""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.operations.sync import Sync, SyncOptions
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.cluster_objects import (
    EVENTS,
    EXTERNAL_SECRETS,
    NAMESPACES,
    SECRET_STORES,
    SECRETS,
    ClusterObjects,
)
from virtrigaud_secrets.testing.servers import KubernetesAPI, OpenBao

CLASS = "virtrigaud-secrets"


class Running:
    """A sync on a thread of its own."""

    def __init__(self, options: SyncOptions, settings: Settings) -> None:
        self.sync = Sync(options, settings=settings)
        self.thread = threading.Thread(target=self.sync.run, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.sync.close()
        self.thread.join(20)


@dataclass
class World:
    """A namespace and a mount."""

    cluster: KubernetesAPI
    objects: ClusterObjects
    openbao: OpenBao
    namespace: str
    kubeconfig: Path | None = None
    mount: str = field(default_factory=lambda: f"kv-{secrets.token_hex(4)}")

    def prepare(self) -> Self:
        """A KV mount, a token Secret, and a SecretStore of our class."""
        self.openbao.mount_versioned_kv(self.mount)
        token = self.openbao.root_token.reveal_text()
        self.objects.create(
            SECRETS, {"metadata": {"name": "bao"}, "stringData": {"token": token}}, namespace=self.namespace
        )
        self.store("store", version="v2", path=self.mount)
        return self

    def store(self, name: str, *, controller: str = CLASS, **provider: object) -> None:
        auth = {"tokenSecretRef": {"name": "bao", "key": "token"}}
        vault = {"server": self.openbao.address, "auth": auth, **provider}
        spec = {"controller": controller, "provider": {"vault": vault}}
        self.objects.create(SECRET_STORES, {"metadata": {"name": name}, "spec": spec}, namespace=self.namespace)

    def put(self, path: str, **values: str) -> None:
        self.openbao.ask("POST", f"{self.mount}/data/{path}", {"data": values})

    def reads(self, path: str, *, after: int = 0) -> int:
        """Reads of a path since the audit log had so many entries."""
        return self.openbao.request_counts(after=after)["read", f"{self.mount}/data/{path}"]

    @property
    def audited(self) -> int:
        return len(self.openbao.audit_entries())

    def manifest(self, name: str, path: str = "app", *, store: str = "store", **spec: object) -> dict[str, Any]:
        entry = {"secretKey": "password", "remoteRef": {"key": path, "property": "password"}}
        whole = {"secretStoreRef": {"name": store}, "refreshInterval": "1h", "data": [entry], **spec}
        return cast(
            "dict[str, Any]",
            self.objects.create(
                EXTERNAL_SECRETS, {"metadata": {"name": name}, "spec": whole}, namespace=self.namespace
            ),
        )

    def external_secret(self, name: str) -> dict[str, Any]:
        return cast("dict[str, Any]", self.objects.get(EXTERNAL_SECRETS, name, namespace=self.namespace) or {})

    def ready(self, name: str) -> str:
        """Status and reason of the condition Ready."""
        for condition in self.external_secret(name).get("status", {}).get("conditions", []):
            if condition["type"] == "Ready":
                return f"{condition['status']} {condition['reason']}"
        return ""

    def secret(self, name: str) -> dict[str, Any] | None:
        return cast("dict[str, Any] | None", self.objects.get(SECRETS, name, namespace=self.namespace))

    def value(self, name: str, key: str = "password") -> str | None:
        found = self.secret(name)
        text = None if found is None else (found.get("data") or {}).get(key)
        return None if text is None else base64.b64decode(text).decode()

    def events(self, name: str) -> list[str]:
        found = self.objects.list(EVENTS, namespace=self.namespace).items
        events = cast("list[Mapping[str, Any]]", list(found))
        mine = [event for event in events if event["involvedObject"]["name"] == name]
        return [f"{event['type']} {event['reason']} {event['message']}" for event in mine]

    def annotate(self, name: str, **annotations: str) -> None:
        patch = {"metadata": {"annotations": annotations}}
        self.objects.patch(EXTERNAL_SECRETS, name, patch, namespace=self.namespace)

    def annotate_secret(self, name: str, **annotations: str) -> None:
        patch = {"metadata": {"annotations": annotations}}
        self.objects.patch(SECRETS, name, patch, namespace=self.namespace)

    def options(self, **options: Any) -> SyncOptions:
        defaults: dict[str, Any] = {"lease_name": f"sync-{self.namespace}"}
        return SyncOptions(**{"namespaces": (self.namespace,), **defaults, **options})

    def settings(self) -> Settings:
        return Settings(kubeconfig=self.kubeconfig or self.cluster.kubeconfig(), ca_file=self.openbao.ca_file)

    def running(self, **options: Any) -> Running:
        return Running(self.options(**options), self.settings())


@pytest.fixture
def world(eso_cluster: KubernetesAPI, objects: ClusterObjects, openbao: OpenBao, namespace: str) -> World:
    return World(eso_cluster, objects, openbao, namespace).prepare()


@pytest.fixture
def make_world(
    connect: Callable[[Path], ClusterObjects], teach_eso: Callable[[KubernetesAPI], None]
) -> Callable[[KubernetesAPI, OpenBao], World]:
    """Makes a world of other servers than the session's; of a cluster that does not know ESO's kinds as well."""

    def make(cluster: KubernetesAPI, openbao: OpenBao) -> World:
        objects = connect(cluster.kubeconfig())
        if not _knows_eso(cluster):
            teach_eso(cluster)
        namespace = f"ns-{secrets.token_hex(4)}"
        cluster.create("Namespace", namespace)
        if not objects.get(NAMESPACES, "default"):
            cluster.create("Namespace", "default")
        return World(cluster, objects, openbao, namespace).prepare()

    return make


def _knows_eso(cluster: KubernetesAPI) -> bool:
    try:
        cluster.ask("GET", "apis/external-secrets.io/v1/externalsecrets")
    except LocalServerError:
        return False
    return True
