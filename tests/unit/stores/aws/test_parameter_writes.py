"""What a push asks Parameter Store, in which order; the rest is asked of moto."""

from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import InvalidRequestError, NotOwnedError, SecretNotFoundError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Push, PushOutcome, PushTarget
from virtrigaud_secrets.testing.contract import STORE

ABSENT = SecretNotFoundError("none")
OURS = {"TagList": [{"Key": "managed-by", "Value": "external-secrets"}]}
TARGET = PushTarget(store=STORE, key="k")


def push(value: str = "v", *, dry_run: bool = False) -> Push:
    return Push(target=TARGET, entries={"a": Sensitive(value)}, secret_key="a", dry_run=dry_run)


def kept(value: str) -> dict[str, object]:
    return {"Parameter": {"Value": value}}


def test_a_new_parameter_is_one_write(scripted) -> None:
    client, script = scripted("ParameterStore", GetParameter=[ABSENT], PutParameter=[{}])

    assert client.push(push()) is PushOutcome.CREATED
    parameters = script.asked_for[-1][1]
    assert parameters["Tags"] == OURS["TagList"]
    assert "'v'" not in repr(parameters)


def test_a_change_overwrites_without_tags(scripted) -> None:
    client, script = scripted(
        "ParameterStore", GetParameter=[kept("old")], ListTagsForResource=[OURS], PutParameter=[{}]
    )

    assert client.push(push()) is PushOutcome.UPDATED
    assert script.operations == ["GetParameter", "ListTagsForResource", "PutParameter"]
    assert "Tags" not in script.asked_for[-1][1]
    assert script.asked_for[-1][1]["Overwrite"] is True


def test_what_is_equal_or_only_asked_about_is_not_written(scripted) -> None:
    client, script = scripted("ParameterStore", GetParameter=[kept("v")], ListTagsForResource=[OURS])

    assert client.push(push()) is PushOutcome.UNCHANGED
    assert client.push(push("w", dry_run=True)) is PushOutcome.UPDATED
    assert client.delete(TARGET, dry_run=True) is PushOutcome.DELETED
    assert "PutParameter" not in script.operations


def test_somebody_elses_is_left_alone(scripted) -> None:
    client, _ = scripted("ParameterStore", GetParameter=[kept("v")], ListTagsForResource=[{"TagList": []}])

    with pytest.raises(NotOwnedError):
        client.push(push())
    assert client.delete(TARGET) is PushOutcome.NOT_OWNED


def test_another_refusal_is_no_conflict(scripted) -> None:
    client, _ = scripted(
        "ParameterStore", GetParameter=[ABSENT], PutParameter=[InvalidRequestError("refused with ValidationException")]
    )

    with pytest.raises(InvalidRequestError):
        client.push(push())
