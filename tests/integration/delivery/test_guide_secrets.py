"""The guide's four Vault manifests, as written, as Secrets of a real cluster: each compared as a whole.

What is expected is written out from ESO §2.7, §2.9 and §7, the hash too; nothing of it is computed by the library.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, cast

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.delivery.secret_target import SecretTarget
from virtrigaud_secrets.delivery.target_decision import Action
from virtrigaud_secrets.delivery.target_writer import TargetWriter
from virtrigaud_secrets.stores.cluster_access import read_kubeconfig
from virtrigaud_secrets.stores.cluster_objects import SECRETS, ClusterObjects
from virtrigaud_secrets.testing.guide_setup import GuideWorld
from virtrigaud_secrets.testing.servers import KubernetesAPI

pytestmark = pytest.mark.integration

UID = "0b5a1a36-52d5-4f0a-9f0c-000000000009"
GIVEN_BY_THE_SERVER = ("creationTimestamp", "managedFields", "resourceVersion", "uid")

Values = Mapping[str, bytes]


def sha3(text: bytes) -> str:
    return hashlib.sha3_224(text).hexdigest()


def gos_text(values: Values) -> bytes:
    """`%+v` of a `map[string][]byte`."""
    return f"map[{' '.join(f'{key}:{list(values[key])}'.replace(',', '') for key in sorted(values))}]".encode()


def expected(document: Any, name: str, type_: str, values: Values) -> dict[str, Any]:
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": document.name, "uid": UID}
    labels = {
        "reconcile.external-secrets.io/created-by": sha3(f"{document.namespace}/{document.name}".encode()),
        "reconcile.external-secrets.io/managed": "true",
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": type_,
        "data": {key: base64.b64encode(value).decode() for key, value in values.items()},
        "metadata": {
            "name": name,
            "namespace": document.namespace,
            "labels": labels,
            "annotations": {"reconcile.external-secrets.io/data-hash": sha3(gos_text(values))},
            "ownerReferences": [owner | {"controller": True, "blockOwnerDeletion": True}],
        },
    }


@pytest.fixture(scope="module")
def objects(require: Callable[[str], None]) -> Iterator[ClusterObjects]:
    """Of a cluster of our own: the guide's namespaces are anybody's in the shared one."""
    require(KubernetesAPI.missing_reason())
    with KubernetesAPI() as cluster:
        for namespace in ("vsphere-providers", "libvirt-providers", "provider-namespace"):
            cluster.create("Namespace", namespace)
        client = ClusterObjects(read_kubeconfig(cluster.kubeconfig(), SystemClock()), timeout=timedelta(seconds=30))
        yield client
        client.close()


@pytest.fixture(scope="module")
def resolver(guide_world: GuideWorld) -> Iterator[Resolver]:
    with Resolver.from_path(guide_world.manifests, settings=guide_world.settings()) as made:
        yield made


def stored(world: GuideWorld, path: str) -> dict[str, bytes]:
    answer = cast("dict[str, Any]", world.openbao.ask("GET", path))
    return {key: value.encode() for key, value in answer["data"]["data"].items()}


def vsphere(world: GuideWorld, _bundle: Bundle) -> Values:
    data = stored(world, "secret/data/providers/vsphere")
    return {
        **{key: data[key] for key in ("username", "password", "server")},
        "ca.crt": base64.b64decode(data["ca_cert"]),
    }


def libvirt(world: GuideWorld, _bundle: Bundle) -> Values:
    data = stored(world, "secret/data/libvirt/ssh")
    return {
        "ssh-privatekey": data["private_key"],
        "ssh-publickey": data["public_key"],
        "known_hosts": data["known_hosts"],
    }


def made_anew(_world: GuideWorld, bundle: Bundle) -> Values:
    """Each read makes other ones: that they are good is tested where they are made."""
    return dict(bundle)


@pytest.mark.parametrize(
    ("manifest", "namespace", "name", "type_", "values_of", "keys"),
    [
        ("vsphere-credentials", "vsphere-providers", "vsphere-credentials", "Opaque", vsphere, 4),
        ("libvirt-ssh-keys", "libvirt-providers", "libvirt-ssh-credentials", "kubernetes.io/ssh-auth", libvirt, 3),
        ("vsphere-dynamic-credentials", "vsphere-providers", "vsphere-dynamic-creds", "Opaque", made_anew, 4),
        ("provider-tls-certs", "provider-namespace", "provider-tls", "kubernetes.io/tls", made_anew, 3),
    ],
)
def test_the_secret_is_esos_to_the_byte(
    guide_world: GuideWorld,
    resolver: Resolver,
    objects: ClusterObjects,
    manifest: str,
    namespace: str,
    name: str,
    type_: str,
    values_of: Any,
    keys: int,
) -> None:
    document = resolver.catalog.external_secret(manifest, namespace=namespace)
    bundle = resolver.resolve(manifest, namespace=namespace)
    writer, target = TargetWriter(objects), SecretTarget.of(document, uid=UID)
    assert writer.write(target, bundle).action is Action.CREATE
    found = cast("dict[str, Any]", objects.get(SECRETS, name, namespace=namespace))
    version = found["metadata"]["resourceVersion"]
    for field in GIVEN_BY_THE_SERVER:
        del found["metadata"][field]
    values = values_of(guide_world, bundle)
    assert len(values) == keys
    assert found == expected(document, name, type_, values)
    assert writer.write(target, resolver.resolve(manifest, namespace=namespace)).action is Action.LEAVE
    again = cast("dict[str, Any]", objects.get(SECRETS, name, namespace=namespace))
    assert again["metadata"]["resourceVersion"] == version
