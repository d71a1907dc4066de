from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import InvalidRequestError
from virtrigaud_secrets.models.push_metadata import AzurePushMetadata, FakePushMetadata, VaultPushMetadata
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Push, PushTarget
from virtrigaud_secrets.stores.push_metadata import MARK, is_owned, not_owned, read_metadata, refuse_mark
from virtrigaud_secrets.testing.contract import STORE

TARGET = PushTarget(store=STORE, key="a/b")
HEAD = {"apiVersion": "kubernetes.external-secrets.io/v1alpha1", "kind": "PushSecretMetadata"}


def push(metadata: object) -> Push:
    return Push(target=TARGET, entries={"a": Sensitive("v")}, metadata=metadata)


def test_without_metadata_the_defaults_hold() -> None:
    assert read_metadata(push(None), VaultPushMetadata) == VaultPushMetadata()
    assert read_metadata(push(HEAD), VaultPushMetadata) == VaultPushMetadata()


def test_a_spec_is_read_by_the_backends_model() -> None:
    written = {**HEAD, "spec": {"customMetadata": {"a": "b"}, "mergePolicy": "Replace"}}

    assert read_metadata(push(written), VaultPushMetadata).custom_metadata == {"a": "b"}


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({**HEAD, "kind": "Other"}, "metadata.kind: expected PushSecretMetadata"),
        ({**HEAD, "apiVersion": "v1"}, "metadata.apiVersion: expected kubernetes.external-secrets.io/v1alpha1"),
        ({"spec": {}}, "metadata.apiVersion: is required; metadata.kind: is required"),
        ({**HEAD, "extra": 1}, "metadata.extra: unknown field"),
        ({**HEAD, "spec": {"tags": {}}}, "metadata.spec.tags: unknown field"),
        ({**HEAD, "spec": {"mergePolicy": "merge"}}, "metadata.spec.mergePolicy: expected one of Merge, Replace"),
        ({**HEAD, "spec": 5}, "metadata.spec: expected a mapping"),
        ("text", "metadata: expected a mapping"),
        ([], "metadata: expected a mapping"),
    ],
)
def test_what_is_no_metadata_is_told_by_field(metadata: object, reason: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_metadata(push(metadata), VaultPushMetadata)
    assert reason in str(caught.value)
    assert str(STORE) in str(caught.value)
    assert caught.value.path == "a/b"


def test_a_backend_without_metadata_refuses_any() -> None:
    assert read_metadata(push(None), FakePushMetadata) == FakePushMetadata()
    with pytest.raises(InvalidRequestError, match=r"metadata\.spec\.a: unknown field"):
        read_metadata(push({**HEAD, "spec": {"a": 1}}), FakePushMetadata)


def test_the_mark() -> None:
    assert is_owned(MARK)
    assert is_owned({"a": "b", **MARK})
    assert not is_owned({})
    assert not is_owned({"managed-by": "somebody"})
    assert "managed-by: external-secrets" in str(not_owned(TARGET, "a/b"))


def test_nobody_writes_the_mark_himself() -> None:
    refuse_mark(AzurePushMetadata(tags={"a": "b"}).tags, push(None))
    with pytest.raises(InvalidRequestError, match="mark of ownership"):
        refuse_mark({"managed-by": "me"}, push(None))
