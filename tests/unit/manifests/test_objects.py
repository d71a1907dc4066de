from __future__ import annotations

import pytest

from virtrigaud_secrets.manifests.objects import KubernetesObjects
from virtrigaud_secrets.models.remarks import field_path


def added(kind: str, data: dict[str, object]) -> tuple[KubernetesObjects, list[str]]:
    objects = KubernetesObjects()
    remarks = list(objects.add(kind, data, default_namespace="default"))
    return objects, [field_path(remark.location) for remark in remarks]


def test_a_secret() -> None:
    objects, told = added(
        "Secret",
        {
            "metadata": {"name": "s", "namespace": "n"},
            "data": {"a": "aHVudGVyMg==", "b": "YQ\n==", "c": "aHVudGVyMg==", "d": None},
            "stringData": {"c": "plain", "d": None},
        },
    )
    value = objects.secret_value("s", "a", namespace="n")

    assert told == []
    assert value is not None
    assert value.reveal() == b"hunter2"
    assert "hunter2" not in repr(value)
    assert (found := objects.secret_value("s", "b", namespace="n")) is not None
    assert found.reveal() == b"a"
    assert (found := objects.secret_value("s", "c", namespace="n")) is not None
    assert found.reveal() == b"plain"


@pytest.mark.parametrize(("name", "key", "namespace"), [("s", "x", "n"), ("x", "a", "n"), ("s", "a", "other")])
def test_what_is_not_there(name: str, key: str, namespace: str) -> None:
    objects, _ = added("Secret", {"metadata": {"name": "s", "namespace": "n"}, "stringData": {"a": "1"}})

    assert objects.secret_value(name, key, namespace=namespace) is None
    assert objects.config_map_value(name, key, namespace=namespace) is None


def test_without_a_namespace_it_is_the_default() -> None:
    objects, _ = added("Secret", {"metadata": {"name": "s"}, "stringData": {"a": "1"}})

    assert objects.secret_value("s", "a", namespace="default") is not None


def test_parts_that_cannot_be_used_are_told_and_the_rest_is_kept() -> None:
    objects, told = added(
        "Secret",
        {"metadata": {"name": "s"}, "data": {"a": "<base64>", "b": 5, "c": "YQ=="}, "stringData": {"d": 5}},
    )

    assert told == ["data.a", "data.b", "stringData.d"]
    assert objects.secret_value("s", "a", namespace="default") is None
    assert objects.secret_value("s", "c", namespace="default") is not None


@pytest.mark.parametrize(
    "data", [{}, {"metadata": 5}, {"metadata": {"name": 5}}, {"metadata": {"name": "a", "namespace": 5}}]
)
def test_nothing_can_refer_to_what_has_no_name(data: dict[str, object]) -> None:
    assert added("Secret", data)[1] == ["metadata"]


@pytest.mark.parametrize("data", [5, [], "text", None])
def test_data_of_a_wrong_type(data: object) -> None:
    assert added("Secret", {"metadata": {"name": "s"}, "data": data, "stringData": data})[1] == []


def test_a_config_map() -> None:
    objects, told = added(
        "ConfigMap",
        {"metadata": {"name": "c"}, "data": {"a": "text"}, "binaryData": {"b": "YQ==", "c": "/w=="}},
    )

    assert told == []
    assert objects.config_map_value("c", "a", namespace="default") == "text"
    assert objects.config_map_value("c", "b", namespace="default") == "a"
    assert objects.config_map_value("c", "c", namespace="default") is None


def test_labels_of_namespaces() -> None:
    objects, _ = added("Namespace", {"metadata": {"name": "n", "labels": {"team": "x", "bad": 5}}})

    assert objects.namespace_labels("n") == {"team": "x", "kubernetes.io/metadata.name": "n"}
    assert objects.namespace_labels("m") == {"kubernetes.io/metadata.name": "m"}
    assert objects.knows_namespace("n")
    assert not objects.knows_namespace("m")


def test_a_secret_with_its_labels() -> None:
    objects = KubernetesObjects()
    metadata = {"name": "n", "labels": {"external-secrets.io/type": "webhook", "broken": 7}}
    list(objects.add("Secret", {"metadata": metadata, "stringData": {"k": "v"}}, default_namespace="ns"))
    found = objects.labelled_secret("n", namespace="ns")
    assert found is not None
    labels, data = found
    assert labels == {"external-secrets.io/type": "webhook"}
    assert data["k"].reveal() == b"v"
    assert objects.labelled_secret("n", namespace="other") is None


def test_one_account_may_be_declared_in_several_documents() -> None:
    objects = KubernetesObjects()
    for written in ({"a": "1", "n": 2}, {"b": "2"}):
        document = {"metadata": {"name": "sa", "annotations": written}}
        assert list(objects.add("ServiceAccount", document, default_namespace="ns")) == []
    assert objects.service_account_annotations("sa", namespace="ns") == {"a": "1", "b": "2"}
    assert objects.service_account_annotations("sa", namespace="elsewhere") is None


def test_a_secret_as_a_whole() -> None:
    objects, _ = added(
        "Secret",
        {
            "metadata": {"name": "s", "namespace": "n", "labels": {"a": "1"}, "annotations": {"note": "hunter2"}},
            "type": "kubernetes.io/tls",
            "stringData": {"k": "hunter2"},
        },
    )
    found = objects.secret("s", namespace="n")

    assert found is not None
    assert (found.name, found.type, found.labels, found.annotations) == (
        "s",
        "kubernetes.io/tls",
        {"a": "1"},
        {"note": "hunter2"},
    )
    assert found.data["k"].reveal() == b"hunter2"
    assert "hunter2" not in repr(found)
    assert objects.secret("s", namespace="m") is None
    assert [one.name for one in objects.secrets(namespace="n")] == ["s"]
    assert objects.secrets(namespace="m") == []


def test_a_secret_without_a_type_is_opaque() -> None:
    objects, _ = added("Secret", {"metadata": {"name": "s", "namespace": "n"}})
    found = objects.secret("s", namespace="n")

    assert found is not None
    assert found.type == "Opaque"
