from __future__ import annotations

from collections.abc import Sequence

import pytest

from virtrigaud_secrets.errors import ManifestNotFoundError, StoreNotFoundError
from virtrigaud_secrets.manifests.catalog import Catalog, Document
from virtrigaud_secrets.manifests.objects import KubernetesObjects
from virtrigaud_secrets.models.cluster_external_secret import ClusterExternalSecretSpec
from virtrigaud_secrets.models.external_secret import ExternalSecretSpec, GeneratorRef, SecretStoreRef
from virtrigaud_secrets.models.generators.uuids import UUIDSpec
from virtrigaud_secrets.models.push_secret import ClusterPushSecretSpec, PushSecretSpec
from virtrigaud_secrets.models.secret_store import SecretStoreSpec
from virtrigaud_secrets.settings import Settings

GUIDE = Settings()
STRICT = Settings(strict=True)


def secret(name: str, namespace: str = "n") -> Document[ExternalSecretSpec]:
    return Document(kind="ExternalSecret", name=name, namespace=namespace, spec=ExternalSecretSpec())


def store(name: str, namespace: str = "n", **spec: object) -> Document[SecretStoreSpec]:
    kind = "SecretStore" if namespace else "ClusterSecretStore"
    written = {"provider": {"fake": {"data": []}}, **spec}
    return Document(kind=kind, name=name, namespace=namespace, spec=SecretStoreSpec.model_validate(written))


def find(
    catalog: Catalog, name: str | None, *, kind: str | None = None, settings: Settings = GUIDE
) -> tuple[str, Sequence[str]]:
    reference = SecretStoreRef.model_validate({"name": name, "kind": kind})
    found = catalog.store_for(reference, namespace="n", settings=settings)
    return f"{found.kind} {found.namespace}/{found.name}", found.repairs


def refusal(catalog: Catalog, name: str | None, *, kind: str | None = None, settings: Settings = GUIDE) -> str:
    with pytest.raises(StoreNotFoundError) as caught:
        find(catalog, name, kind=kind, settings=settings)
    return str(caught.value)


def test_external_secrets_keep_their_order() -> None:
    catalog = Catalog(external_secrets=[secret("b"), secret("a"), secret("a", "m")])

    assert [document.subject for document in catalog.external_secrets] == [
        "ExternalSecret n/b",
        "ExternalSecret n/a",
        "ExternalSecret m/a",
    ]


def test_the_first_of_two_counts() -> None:
    first, second = store("a"), store("a")

    assert Catalog(stores=[first, second]).stores == (first,)


def test_one_by_name() -> None:
    catalog = Catalog(external_secrets=[secret("a"), secret("b"), secret("b", "m")])

    assert catalog.external_secret("a").name == "a"
    assert catalog.external_secret("b", namespace="m").namespace == "m"


@pytest.mark.parametrize(
    ("name", "namespace", "message"),
    [
        ("vsphere", "n", 'no ExternalSecret "vsphere" in namespace "n"'),
        ("vsphere-credential", "n", "; did you mean n/vsphere-credentials?"),
        ("vsphere-credentials", "x", "; did you mean n/vsphere-credentials?"),
        ("vsphere-credential", None, 'no ExternalSecret "vsphere-credential"; did you mean n/vsphere-credentials?'),
        ("b", None, 'ExternalSecret "b" is in several namespaces, name one: n, m'),
    ],
)
def test_none_by_that_name(name: str, namespace: str | None, message: str) -> None:
    catalog = Catalog(external_secrets=[secret("vsphere-credentials"), secret("b"), secret("b", "m")])

    with pytest.raises(ManifestNotFoundError) as caught:
        catalog.external_secret(name, namespace=namespace)
    assert message in str(caught.value)


@pytest.mark.parametrize("settings", [GUIDE, STRICT])
@pytest.mark.parametrize("kind", [None, "SecretStore"])
def test_a_store_of_the_own_namespace(settings: Settings, kind: str | None) -> None:
    catalog = Catalog(stores=[store("s"), store("s", "virtrigaud-system"), store("s", "")])

    assert find(catalog, "s", kind=kind, settings=settings) == ("SecretStore n/s", ())


def test_a_store_of_a_configured_namespace_is_a_repair() -> None:
    catalog = Catalog(stores=[store("s", "virtrigaud-system"), store("s", "other")])

    assert find(catalog, "s") == ("SecretStore virtrigaud-system/s", ("store-namespace",))


def test_strict_is_as_eso() -> None:
    catalog = Catalog(stores=[store("s", "virtrigaud-system")])

    assert refusal(catalog, "s", settings=STRICT) == (
        'could not get SecretStore "s", SecretStore.external-secrets.io "s" not found'
    )


def test_several_store_namespaces_must_not_both_have_it() -> None:
    catalog = Catalog(stores=[store("s", "one"), store("s", "two")])

    assert find(catalog, "s", settings=Settings(store_namespaces=("one", "one", "three")))[0] == "SecretStore one/s"
    told = refusal(catalog, "s", settings=Settings(store_namespaces=("one", "two")))
    assert "several store namespaces have one: one, two" in told


@pytest.mark.parametrize(
    ("stores", "message"),
    [
        ([], 'not found in namespace "n", nor in the store namespaces virtrigaud-system'),
        ([store("s", "other")], "; there is one in other: add that to the store namespaces"),
        ([store("s", "")], "the reference needs kind: ClusterSecretStore"),
        ([store("st")], ""),
        ([store("vault-secret-stores")], "; did you mean vault-secret-stores?"),
    ],
)
def test_a_store_that_is_not_there(stores: list[Document[SecretStoreSpec]], message: str) -> None:
    name = "vault-secret-store" if "vault" in message else "s"

    assert message in refusal(Catalog(stores=stores), name)


def test_no_store_namespaces() -> None:
    told = refusal(Catalog(), "s", settings=Settings(store_namespaces=()))

    assert told.endswith('not found in namespace "n"')


def test_a_reference_without_a_name() -> None:
    assert refusal(Catalog(), None) == "expected the name of a store in the reference to it"


def test_a_cluster_store_without_conditions_is_for_all() -> None:
    assert find(Catalog(stores=[store("c", "")]), "c", kind="ClusterSecretStore") == ("ClusterSecretStore /c", ())


def test_a_cluster_store_that_is_not_there() -> None:
    told = refusal(
        Catalog(stores=[store("cluster-store", ""), store("cluster")]), "cluster-stor", kind="ClusterSecretStore"
    )

    assert told.startswith('could not get ClusterSecretStore "cluster-stor", ClusterSecretStore.external-secrets.io')
    assert told.endswith("; did you mean cluster-store?")


@pytest.mark.parametrize(
    ("conditions", "allowed"),
    [
        ([{"namespaces": ["n"]}], True),
        ([{"namespaces": ["m"]}], False),
        ([{"namespaces": ["m"]}, {"namespaces": ["n"]}], True),
        ([{"namespaceRegexes": ["^n$"]}], True),
        ([{"namespaceRegexes": ["x", "n"]}], True),
        ([{"namespaceRegexes": ["^m"]}], False),
        ([{"namespaceSelector": {}}], True),
        ([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "n"}}}], True),
        ([{"namespaceSelector": {"matchLabels": {"team": "blue"}}}], True),
        ([{"namespaceSelector": {"matchLabels": {"team": "red"}}}], False),
        ([{"namespaceSelector": {"matchLabels": {"team": "red"}}, "namespaces": ["n"]}], True),
        ([{}], False),
    ],
)
def test_conditions_of_a_cluster_store(conditions: list[object], allowed: bool) -> None:
    objects = KubernetesObjects()
    namespace = {"metadata": {"name": "n", "labels": {"team": "blue"}}}
    assert list(objects.add("Namespace", namespace, default_namespace="default")) == []
    catalog = Catalog(stores=[store("c", "", conditions=conditions)], objects=objects)

    if allowed:
        assert find(catalog, "c", kind="ClusterSecretStore")[0] == "ClusterSecretStore /c"
    else:
        assert refusal(catalog, "c", kind="ClusterSecretStore") == (
            'using cluster store "c" is not allowed from namespace "n": denied by spec.condition'
        )


def test_labels_that_no_manifest_tells() -> None:
    conditions = [{"namespaceSelector": {"matchLabels": {"team": "blue"}}}]
    catalog = Catalog(stores=[store("c", "", conditions=conditions)])

    assert refusal(catalog, "c", kind="ClusterSecretStore").endswith(
        "(neither a manifest of that Namespace nor a cluster tells its labels)"
    )


@pytest.mark.parametrize(
    ("conditions", "told", "allowed", "asked"),
    [
        ([{"namespaceSelector": {"matchLabels": {"team": "blue"}}}], {"team": "blue"}, True, ["n"]),
        ([{"namespaceSelector": {"matchLabels": {"team": "blue"}}}], {"team": "red"}, False, ["n"]),
        ([{"namespaceSelector": {"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}}], {}, True, ["n"]),
        # Without labels, nothing can be said of those that are not there.
        ([{"namespaceSelector": {"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}}], None, False, ["n"]),
        ([{"namespaceSelector": {"matchLabels": {"team": "blue"}}}, {"namespaces": ["n"]}], {}, True, []),
        ([{"namespaceSelector": {}}], None, True, []),
        ([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "n"}}}], None, True, []),
        (
            [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "m", "team": "x"}}}],
            None,
            False,
            ["n"],
        ),
    ],
)
def test_the_cluster_is_asked_for_labels_only_where_they_decide(
    conditions: list[object], told: dict[str, str] | None, allowed: bool, asked: list[str]
) -> None:
    catalog = Catalog(stores=[store("c", "", conditions=conditions)])
    questions: list[str] = []

    def labels(namespace: str) -> dict[str, str] | None:
        questions.append(namespace)
        return told

    reference = SecretStoreRef(name="c", kind="ClusterSecretStore")
    try:
        catalog.store_for(reference, namespace="n", settings=Settings(), namespace_labels=labels)
        found = True
    except StoreNotFoundError:
        found = False
    assert (found, questions) == (allowed, asked)


def test_the_controller_class_is_a_setting() -> None:
    catalog = Catalog(stores=[store("s", controller="mine"), store("d", controller="default")])
    mine = Settings(controller_class="mine")

    assert find(catalog, "s", settings=mine)[0] == "SecretStore n/s"
    assert "unmanaged store" in refusal(catalog, "d", settings=mine)


@pytest.mark.parametrize(("controller", "ours"), [("", True), ("default", True), ("mine", False)])
def test_stores_of_other_controllers(controller: str, ours: bool) -> None:
    catalog = Catalog(stores=[store("s", controller=controller)])

    if ours:
        assert find(catalog, "s")[0] == "SecretStore n/s"
    else:
        assert "can not reference unmanaged store: SecretStore n/s" in refusal(catalog, "s")


def test_values_of_kubernetes_objects() -> None:
    objects = KubernetesObjects()
    data: dict[str, object] = {"metadata": {"name": "o"}, "stringData": {"k": "v"}, "data": {"k": "text"}}
    list(objects.add("Secret", data | {"data": None}, default_namespace="n"))
    list(objects.add("ConfigMap", data, default_namespace="n"))
    catalog = Catalog(objects=objects)

    assert (value := catalog.secret_value("o", "k", namespace="n")) is not None
    assert value.reveal() == b"v"
    assert catalog.config_map_value("o", "k", namespace="n") == "text"
    assert catalog.secret_value("o", "x", namespace="n") is None
    assert catalog.config_map_value("o", "x", namespace="n") is None


def test_how_a_document_names_itself() -> None:
    document = store("c", "")

    assert document.subject == "ClusterSecretStore c"
    assert (document.place, document.labels, document.annotations) == ("", {}, {})
    located = Document(kind="ExternalSecret", name="a", namespace="n", spec=None, file="f.yaml", line=3)
    assert (located.subject, located.place) == ("ExternalSecret n/a", "f.yaml:3")


PUSH = {"secretStoreRefs": [{"name": "s"}], "selector": {"secret": {"name": "x"}}}


def push(name: str, namespace: str = "n") -> Document[PushSecretSpec]:
    return Document(kind="PushSecret", name=name, namespace=namespace, spec=PushSecretSpec.model_validate(PUSH))


def cluster_push(name: str, **spec: object) -> Document[ClusterPushSecretSpec]:
    written = {"pushSecretSpec": PUSH, "namespaceSelectors": [{"matchLabels": {"team": "x"}}], **spec}
    return Document(
        kind="ClusterPushSecret",
        name=name,
        namespace="",
        spec=ClusterPushSecretSpec.model_validate(written),
        file="f.yaml",
        line=3,
    )


def test_a_push_secret_by_name() -> None:
    catalog = Catalog(push_secrets=[push("a"), push("b"), push("b", "m")])

    assert [document.subject for document in catalog.push_secrets] == [
        "PushSecret n/a",
        "PushSecret n/b",
        "PushSecret m/b",
    ]
    assert catalog.push_secret("a").subject == "PushSecret n/a"
    assert catalog.push_secret("b", namespace="m").subject == "PushSecret m/b"
    with pytest.raises(ManifestNotFoundError, match='PushSecret "b" is in several namespaces, name one: n, m'):
        catalog.push_secret("b")
    with pytest.raises(ManifestNotFoundError, match='no PushSecret "aa" in namespace "n"; did you mean n/a'):
        catalog.push_secret("aa", namespace="n")


def test_a_cluster_push_secret_stands_for_one_in_every_namespace_that_it_chooses() -> None:
    objects = KubernetesObjects()
    for name, labels in (("chosen", {"team": "x"}), ("other", {"team": "y"})):
        data: dict[str, object] = {"metadata": {"name": name, "labels": labels}}
        assert list(objects.add("Namespace", data, default_namespace="default")) == []
    metadata = {"labels": {"l": "1"}, "annotations": {"z": "2"}}
    catalog = Catalog(
        push_secrets=[push("own", "chosen")],
        cluster_push_secrets=[
            cluster_push("a"),
            cluster_push("c", pushSecretName="b", pushSecretMetadata=metadata),
            cluster_push("own"),
        ],
        objects=objects,
    )

    made = catalog.push_secret("b", namespace="chosen")
    assert (made.subject, made.place, made.labels, made.annotations) == (
        "PushSecret chosen/b",
        "f.yaml:3",
        {"l": "1"},
        {"z": "2"},
    )
    assert catalog.push_secret("a", namespace="chosen").labels == {}
    assert catalog.push_secret("own", namespace="chosen").file == ""
    for name, namespace in (("b", "other"), ("c", "chosen"), ("a", "unknown")):
        with pytest.raises(ManifestNotFoundError):
            catalog.push_secret(name, namespace=namespace)


def everywhere(name: str, **spec: object) -> Document[ClusterExternalSecretSpec]:
    model = ClusterExternalSecretSpec.model_validate({"externalSecretSpec": {}, **spec})
    return Document(kind="ClusterExternalSecret", name=name, namespace="", spec=model, file="c.yaml", line=3)


def test_an_external_secret_that_a_cluster_external_secret_makes() -> None:
    made = everywhere("all", namespaces=["n"], externalSecretMetadata={"labels": {"a": "b"}, "annotations": {"c": "d"}})
    renamed = everywhere("x", externalSecretName="y", namespaceSelectors=[{}])
    catalog = Catalog(external_secrets=[secret("own")], cluster_external_secrets=[made, renamed])

    found = catalog.external_secret("all", namespace="n")
    assert (found.subject, found.place, found.labels, found.annotations) == (
        "ExternalSecret n/all",
        "c.yaml:3",
        {"a": "b"},
        {"c": "d"},
    )
    assert catalog.external_secret("y", namespace="anywhere").namespace == "anywhere"
    assert [document.name for document in catalog.external_secrets] == ["own"]


def test_one_of_its_own_goes_before_one_that_is_made() -> None:
    catalog = Catalog(external_secrets=[secret("a")], cluster_external_secrets=[everywhere("a", namespaces=["n"])])

    assert catalog.external_secret("a", namespace="n").file == ""


@pytest.mark.parametrize(("name", "namespace"), [("all", "other"), ("all", None), ("some", "n")])
def test_what_is_not_made_is_not_there(name: str, namespace: str | None) -> None:
    catalog = Catalog(cluster_external_secrets=[everywhere("all", namespaces=["n"])])

    with pytest.raises(ManifestNotFoundError, match=f'no ExternalSecret "{name}"'):
        catalog.external_secret(name, namespace=namespace)


def test_generators() -> None:
    own = Document(kind="UUID", name="u", namespace="n", spec=UUIDSpec())
    shared = Document(kind="ClusterGenerator", name="u", namespace="", spec=UUIDSpec())
    catalog = Catalog(generators=[own, shared])

    assert catalog.generator(GeneratorRef(kind="UUID", name="u"), namespace="n") is own
    assert catalog.generator(GeneratorRef(kind="ClusterGenerator", name="u"), namespace="anywhere") is shared
    with pytest.raises(ManifestNotFoundError, match='no UUID "u" in namespace "m"'):
        catalog.generator(GeneratorRef(kind="UUID", name="u"), namespace="m")
    with pytest.raises(ManifestNotFoundError, match='no ClusterGenerator "uu"; did you mean u'):
        catalog.generator(GeneratorRef(kind="ClusterGenerator", name="uu"), namespace="n")
