from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import InvalidRequestError
from virtrigaud_secrets.models.push_metadata import KubernetesPushMetadata
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Push, PushTarget
from virtrigaud_secrets.stores.cluster_api import SecretObject
from virtrigaud_secrets.stores.kubernetes.pushes import LAST_APPLIED, check, same, wanted, without
from virtrigaud_secrets.testing.contract import STORE

DEFAULT = KubernetesPushMetadata()


def push(name: str = "", key: str = "", **fields: object) -> Push:
    return Push(
        target=PushTarget(store=STORE, key="s", property=name),
        entries={"a": Sensitive("1"), "b": Sensitive(b"\xff")},
        secret_key=key,
        labels={"l": "source", "own": "1"},
        annotations={"n": "source", LAST_APPLIED: "everything"},
        **fields,  # type: ignore[arg-type]  # of a push
    )


def there(**values: str) -> SecretObject:
    return SecretObject(
        name="s",
        data={key: Sensitive(value) for key, value in values.items()},
        labels={"l": "there", "kept": "1"},
        annotations={"n": Sensitive("there")},
        version="7",
        document={"metadata": {"uid": "u"}},
    )


def values(found: SecretObject | None) -> dict[str, bytes]:
    assert found is not None
    return {key: value.reveal() for key, value in found.data.items()}


def test_a_new_secret_is_the_source() -> None:
    made = wanted(None, push(type="kubernetes.io/tls"), DEFAULT)

    assert values(made) == {"a": b"1", "b": b"\xff"}
    assert (made.name, made.type, made.version) == ("s", "kubernetes.io/tls", "")
    assert made.labels == {"l": "source", "own": "1"}
    assert {key: value.reveal_text() for key, value in made.annotations.items()} == {"n": "source"}


def test_the_whole_replaces_all_data_and_keeps_what_else_there_is() -> None:
    made = wanted(there(old="x"), push(), DEFAULT)

    assert values(made) == {"a": b"1", "b": b"\xff"}
    assert made.labels == {"l": "source", "kept": "1", "own": "1"}
    assert (made.version, made.document) == ("7", {"metadata": {"uid": "u"}})


def test_a_property_is_one_key() -> None:
    assert values(wanted(there(old="x"), push("p", "a"), DEFAULT)) == {"old": b"x", "p": b"1"}


@pytest.mark.parametrize(
    ("source", "target", "labels"),
    [
        ("Merge", "Merge", {"l": "meta", "kept": "1", "own": "1"}),
        ("Replace", "Merge", {"l": "meta", "kept": "1"}),
        ("Merge", "Replace", {"l": "meta", "own": "1"}),
        ("Replace", "Replace", {"l": "meta"}),
        ("Merge", "Ignore", {"l": "there", "kept": "1"}),
    ],
)
def test_labels_follow_both_policies(source: str, target: str, labels: dict[str, str]) -> None:
    metadata = KubernetesPushMetadata.model_validate(
        {"sourceMergePolicy": source, "targetMergePolicy": target, "labels": {"l": "meta"}}
    )

    assert wanted(there(), push(), metadata).labels == labels


def test_what_cannot_be_written_is_refused() -> None:
    check(push("p", "a"), DEFAULT, kind="SecretStore")
    check(push(), KubernetesPushMetadata(remote_namespace="n"), kind="ClusterSecretStore")
    with pytest.raises(InvalidRequestError, match=r"remoteRef\.property"):
        check(push("", "a"), DEFAULT, kind="SecretStore")
    with pytest.raises(InvalidRequestError, match="remoteNamespace"):
        check(push(), KubernetesPushMetadata(remote_namespace="n"), kind="SecretStore")


def test_sameness() -> None:
    one = wanted(there(old="x"), push(), DEFAULT)

    assert same(one, wanted(one, push(), DEFAULT))
    assert not same(there(old="x"), one)


def test_what_is_left_without_a_property() -> None:
    assert values(without(there(a="1", b="2"), PushTarget(store=STORE, key="s", property="a"))) == {"b": b"2"}
    assert without(there(a="1"), PushTarget(store=STORE, key="s", property="a")) is None
    assert without(there(a="1", b="2"), PushTarget(store=STORE, key="s")) is None
