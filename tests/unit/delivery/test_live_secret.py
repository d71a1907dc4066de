from typing import Any

import pytest

from virtrigaud_secrets.delivery.live_secret import LiveSecret
from virtrigaud_secrets.errors import StoreUnavailableError
from virtrigaud_secrets.sensitive import Sensitive

DOCUMENT: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "type": "Opaque",
    "immutable": True,
    "data": {"a": "AAEC", "empty": ""},
    "metadata": {
        "name": "s",
        "namespace": "ns",
        "uid": "u",
        "resourceVersion": "7",
        "labels": {"app": "x"},
        "annotations": {"note": "n"},
        "finalizers": ["example.org/f"],
        "ownerReferences": [{"kind": "ConfigMap", "name": "o", "uid": "o", "apiVersion": "v1"}],
        "managedFields": [{"manager": "m"}],
        "creationTimestamp": "2026-11-26T00:00:00Z",
    },
}


def test_all_of_it_is_read() -> None:
    secret = LiveSecret.from_document(DOCUMENT)
    assert secret.values() == {"a": b"\x00\x01\x02", "empty": b""}
    assert (secret.name, secret.namespace, secret.uid, secret.version) == ("s", "ns", "u", "7")
    assert (secret.type, secret.immutable, secret.is_going) == ("Opaque", True, False)
    assert (secret.labels, secret.annotations, secret.finalizers) == ({"app": "x"}, {"note": "n"}, ("example.org/f",))
    assert secret.managed_fields == ({"manager": "m"},)


def test_what_was_read_is_written_as_it_was() -> None:
    assert LiveSecret.from_document(DOCUMENT).to_document() == DOCUMENT


def test_what_is_empty_is_not_written() -> None:
    body = LiveSecret(name="s", namespace="ns").to_document()
    assert body == {"metadata": {"name": "s", "namespace": "ns"}}


def test_what_was_taken_away_does_not_come_back_from_the_document() -> None:
    before = LiveSecret.from_document(DOCUMENT)
    body = LiveSecret(name="s", namespace="ns", document=before.document).to_document()
    assert set(body) == {"apiVersion", "kind", "metadata"}
    assert set(body["metadata"]) == {  # type: ignore[call-overload]
        "name", "namespace", "uid", "resourceVersion", "managedFields", "creationTimestamp"
    }  # fmt: skip


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"metadata": {"name": "s"}},
        {"metadata": {"name": 1, "namespace": "ns"}},
        DOCUMENT | {"data": {"a": "%%canary%%"}},
        DOCUMENT | {"data": {"a": 1}},
        DOCUMENT | {"metadata": {"name": "s", "namespace": "ns", "labels": {"a": 1}}},
    ],
)
def test_an_answer_that_is_no_secret_is_refused_without_being_shown(bad: dict[str, object]) -> None:
    with pytest.raises(StoreUnavailableError) as caught:
        LiveSecret.from_document(bad)
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


def test_it_shows_where_it_is_and_nothing_else() -> None:
    assert repr(LiveSecret.from_document(DOCUMENT)) == "<LiveSecret ns/s>"


def test_content_is_what_an_immutable_secret_keeps() -> None:
    one = LiveSecret(name="s", namespace="ns", data={"a": Sensitive("1")}, type="Opaque")
    same = LiveSecret(name="s", namespace="ns", data={"a": Sensitive("1")}, type="Opaque", labels={"x": "y"})
    other = LiveSecret(name="s", namespace="ns", data={"a": Sensitive("2")}, type="Opaque")
    assert one.has_content_of(same)
    assert not one.has_metadata_of(same)
    assert not one.has_content_of(other)
    assert one.has_metadata_of(other)
