from typing import Any

import pytest

from virtrigaud_secrets.delivery.live_secret import LiveSecret
from virtrigaud_secrets.delivery.secret_target import SecretTarget
from virtrigaud_secrets.delivery.target_owner import controller_of, disowned, is_external_secret, made_by, owned

TARGET = SecretTarget(name="s", namespace="ns", manifest="es", uid="u1", creation_policy="Owner")
OURS: dict[str, Any] = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "ExternalSecret",
    "name": "es",
    "uid": "u1",
    "controller": True,
    "blockOwnerDeletion": True,
}
CONFIG: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "c"}


def secret(*owners: dict[str, Any], labels: dict[str, str] | None = None) -> LiveSecret:
    return LiveSecret(name="s", namespace="ns", owners=owners, labels=labels or {})


def test_the_reference_is_esos() -> None:
    assert owned(secret(), TARGET) == (OURS,)


def test_other_owners_keep_their_place() -> None:
    older = OURS | {"apiVersion": "external-secrets.io/v1beta1", "uid": "u0", "controller": False}
    assert owned(secret(CONFIG, older, CONFIG), TARGET) == (CONFIG, OURS, CONFIG)
    assert owned(secret(CONFIG), TARGET) == (CONFIG, OURS)


def test_only_a_controller_of_that_name_is_taken_away() -> None:
    plain = OURS | {"controller": False}
    other = OURS | {"name": "other"}
    assert disowned(secret(CONFIG, OURS), TARGET) == (CONFIG,)
    assert disowned(secret(plain), TARGET) == (plain,)
    assert disowned(secret(other), TARGET) == (other,)


@pytest.mark.parametrize(
    ("api_version", "kind", "expected"),
    [
        ("external-secrets.io/v1", "ExternalSecret", True),
        ("external-secrets.io/v1beta1", "ExternalSecret", True),
        ("external-secrets.io/v1", "PushSecret", False),
        ("example.org/v1", "ExternalSecret", False),
        ("v1", "ExternalSecret", False),
    ],
)
def test_group_and_kind_make_an_external_secret(api_version: str, kind: str, expected: bool) -> None:
    assert is_external_secret({"apiVersion": api_version, "kind": kind}) is expected


def test_the_controller_is_the_one_that_says_so() -> None:
    assert controller_of(secret(CONFIG, OURS)) == OURS
    assert controller_of(secret(CONFIG)) is None


def test_ours_is_what_we_control_or_what_bears_our_label_and_answers_to_nobody() -> None:
    label = {"reconcile.external-secrets.io/created-by": TARGET.created_by}
    assert made_by(secret(OURS), TARGET)
    assert made_by(secret(labels=label), TARGET)
    assert not made_by(secret(OURS | {"name": "other"}, labels=label), TARGET)
    assert not made_by(secret(CONFIG), TARGET)
