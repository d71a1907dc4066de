from __future__ import annotations

from collections.abc import Mapping

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.errors import ConfigurationError, ManifestError, TemplateError
from virtrigaud_secrets.manifests import Catalog, Document
from virtrigaud_secrets.manifests.objects import KubernetesObjects
from virtrigaud_secrets.models.external_secret import ExternalSecretSpec, GeneratorRef
from virtrigaud_secrets.models.push_secret import PushSecretSpec
from virtrigaud_secrets.resolver.push_plan import Source
from virtrigaud_secrets.resolver.push_sources import Sources
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import LabelledSecret
from virtrigaud_secrets.testing.contract import NoReferences

CANARY = "canary-source-51"


class Cluster(NoReferences):
    """A cluster with one Secret."""

    def labelled_secret(self, name: str, *, namespace: str) -> LabelledSecret:
        if (namespace, name) != ("ns", "in-cluster"):
            return super().labelled_secret(name, namespace=namespace)
        return LabelledSecret(
            labels={"a": "b"}, data={"k": Sensitive(CANARY)}, annotations={"c": "d"}, type="kubernetes.io/basic-auth"
        )


def objects() -> KubernetesObjects:
    made = KubernetesObjects()
    for name, labels in (("written", {"app": "x"}), ("second", {"app": "x"}), ("other", {"app": "y"})):
        metadata = {"name": name, "namespace": "ns", "labels": labels, "annotations": {"note": "1"}}
        document: dict[str, object] = {
            "metadata": metadata,
            "type": "kubernetes.io/ssh-auth",
            "stringData": {"k": CANARY, "name": name},
        }
        assert list(made.add("Secret", document, default_namespace="default")) == []
    return made


def external_secret(title: str, **target: object) -> Document[ExternalSecretSpec]:
    spec = ExternalSecretSpec.model_validate({"target": target})
    return Document(kind="ExternalSecret", name=title, namespace="ns", spec=spec)


def made(name: str, namespace: str) -> Bundle:
    return Bundle({"made": name.encode()}, name=name, namespace=namespace, type="kubernetes.io/tls", labels={"m": "1"})


def generated(reference: GeneratorRef, namespace: str) -> dict[str, bytes]:
    if reference.name == "broken":
        raise ConfigurationError("it cannot be used")
    return {"by": f"{reference.kind} {namespace}/{reference.name}".encode()}


def sources(*external_secrets: Document[ExternalSecretSpec], references: NoReferences | None = None) -> Sources:
    catalog = Catalog(external_secrets=external_secrets, objects=objects())
    return Sources(
        catalog, references=references or Cluster(), resolve=made, generate=generated, delimiters=("{{", "}}")
    )


def document(selector: Mapping[str, object], **fields: object) -> Document[PushSecretSpec]:
    written = {"secretStoreRefs": [{"name": "s"}], "selector": selector, **fields}
    return Document(kind="PushSecret", name="p", namespace="ns", spec=PushSecretSpec.model_validate(written))


def named(name: str, **fields: object) -> Document[PushSecretSpec]:
    return document({"secret": {"name": name}}, **fields)


def values(source: Source) -> dict[str, str]:
    return {key: value.reveal_text() for key, value in source.entries.items()}


def test_a_secret_among_the_manifests() -> None:
    (found,) = sources().of(named("written"))

    assert values(found) == {"k": CANARY, "name": "written"}
    assert (found.name, found.type, found.labels, found.annotations) == (
        "written",
        "kubernetes.io/ssh-auth",
        {"app": "x"},
        {"note": "1"},
    )
    assert CANARY not in repr(found)


def test_the_secret_that_an_external_secret_makes() -> None:
    found = sources(external_secret("es", name="target"), external_secret("plain"))

    assert [values(one) for name in ("target", "plain") for one in found.of(named(name))] == [
        {"made": "es"},
        {"made": "plain"},
    ]
    (one,) = found.of(named("target"))
    assert (one.name, one.type, one.labels) == ("target", "kubernetes.io/tls", {"m": "1"})


def test_a_written_secret_goes_before_one_that_is_made() -> None:
    assert values(sources(external_secret("written")).of(named("written"))[0])["k"] == CANARY
    assert sources(external_secret("written")).external_secret("written", namespace="ns") is None


def test_an_external_secret_that_makes_none_is_no_source() -> None:
    with pytest.raises(ConfigurationError, match="ns/es"):
        sources(external_secret("es", creationPolicy="None")).of(named("es"))


def test_a_secret_of_the_cluster() -> None:
    (found,) = sources().of(named("in-cluster"))

    assert values(found) == {"k": CANARY}
    assert (found.type, found.labels, found.annotations) == ("kubernetes.io/basic-auth", {"a": "b"}, {"c": "d"})


def test_what_a_generator_makes() -> None:
    (found,) = sources().of(document({"generatorRef": {"kind": "UUID", "name": "u"}}))

    assert values(found) == {"by": "UUID ns/u"}
    assert (found.name, found.type) == ("___generated-secret", "Opaque")


def test_secrets_by_their_labels() -> None:
    found = sources().of(document({"secret": {"selector": {"matchLabels": {"app": "x"}}}}))

    assert [one.name for one in found] == ["second", "written"]


class Searched(Cluster):
    """A cluster that can be searched."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def cluster_secrets(self, selector: str, *, namespace: str) -> Mapping[str, LabelledSecret]:
        self.asked.append(f"{namespace}: {selector}")
        data = {"k": Sensitive(CANARY)}
        labels = {"written": "x", "in-cluster": "x", "stale": "y"}
        return {name: LabelledSecret(labels={"app": labels[name]}, data=data) for name in labels}


def test_secrets_of_the_cluster_by_their_labels() -> None:
    cluster = Searched()
    found = sources(references=cluster).of(document({"secret": {"selector": {"matchLabels": {"app": "x"}}}}))

    # What the manifests write out goes before what the cluster has under that name.
    assert [(one.name, one.type) for one in found] == [
        ("second", "kubernetes.io/ssh-auth"),
        ("written", "kubernetes.io/ssh-auth"),
        ("in-cluster", "Opaque"),
    ]
    assert cluster.asked == ["ns: app=x"]
    other = sources(references=cluster).of(document({"secret": {"selector": {"matchLabels": {"app": "y"}}}}))
    assert [one.name for one in other] == ["other", "stale"]


@pytest.mark.parametrize(
    ("selector", "kind", "message"),
    [
        ({"secret": {}}, ManifestError, "expected the name of a Secret"),
        (
            {"secret": {"selector": {"matchLabels": {"app": "z"}}}},
            ManifestError,
            "no Secret of namespace ns has these labels",
        ),
        ({"generatorRef": {"kind": "UUID", "name": "broken"}}, ConfigurationError, "cannot be used"),
        ({"secret": {"name": "absent"}}, ConfigurationError, "ns/absent"),
    ],
)
def test_what_selects_nothing_is_told(selector: dict[str, object], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        sources().of(document(selector))
    assert str(caught.value).startswith("PushSecret ns/p: spec.selector: ")


def test_a_template_adds_to_the_source() -> None:
    recipe = {
        "type": "Opaque",
        "metadata": {"labels": {"app": "{{ .name }}", "new": "1"}, "annotations": {"made": "yes"}},
        "data": {"upper": "{{ .k | upper }}", "name": "changed"},
    }
    (found,) = sources().of(named("written", template=recipe))

    assert values(found) == {"k": CANARY, "name": "changed", "upper": CANARY.upper()}
    assert (found.type, found.labels, found.annotations) == (
        "Opaque",
        {"app": "written", "new": "1"},
        {"note": "1", "made": "yes"},
    )


def test_a_fault_of_a_template_names_manifest_and_field() -> None:
    with pytest.raises(TemplateError) as caught:
        sources().of(named("written", template={"data": {"a": "{{ .absent }}"}}))
    assert str(caught.value).startswith("PushSecret ns/p: spec.template.data[a]: ")
    assert CANARY not in str(caught.value)
