"""What a cluster lists, as a catalog."""

from virtrigaud_secrets.operations.cluster_manifests import read_catalog
from virtrigaud_secrets.stores.cluster_objects import CLUSTER_SECRET_STORES, EXTERNAL_SECRETS, SECRET_STORES, Listing

CANARY = "canary-value-31"
PROVIDER = {"provider": {"fake": {"data": [{"key": "a", "value": CANARY}]}}}
SPEC = {"secretStoreRef": {"name": "s"}, "data": [{"secretKey": "a", "remoteRef": {"key": "a"}}]}


class Listed:
    def __init__(self, **objects):
        self.objects = objects
        self.asked = []

    def list(self, resource, *, namespace=""):
        self.asked.append((resource, namespace))
        return Listing(tuple(self.objects.get(resource.plural, ())), "1")


def body(name, spec, namespace="ns"):
    metadata = {"name": name, "annotations": {"a": "b"}, "uid": "1"} | ({"namespace": namespace} if namespace else {})
    return {"metadata": metadata, "spec": spec, "status": {"conditions": []}}


def test_stores_and_secrets_of_a_cluster():
    cluster = Listed(
        secretstores=[body("s", PROVIDER)],
        clustersecretstores=[body("c", PROVIDER, "")],
        externalsecrets=[body("e", SPEC)],
    )
    catalog, findings = read_catalog(cluster, namespace="ns")
    assert findings == ()
    assert [document.subject for document in catalog.stores] == ["SecretStore ns/s", "ClusterSecretStore c"]
    assert catalog.external_secret("e", namespace="ns").annotations == {"a": "b"}
    assert cluster.asked == [(SECRET_STORES, "ns"), (CLUSTER_SECRET_STORES, ""), (EXTERNAL_SECRETS, "ns")]


def test_what_cannot_be_used_is_told_without_what_it_says():
    cluster = Listed(secretstores=[body("s", {"provider": {"fake": {"data": CANARY}}})])
    catalog, findings = read_catalog(cluster, external_secrets=False)
    assert catalog.stores == ()
    assert findings
    assert findings[0].subject == "SecretStore ns/s"
    assert CANARY not in "".join(map(str, findings))
    assert EXTERNAL_SECRETS not in [resource for resource, _ in cluster.asked]
