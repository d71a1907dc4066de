"""What a push asks Secrets Manager, in which order; the rest is asked of moto."""

from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import InvalidRequestError, NotOwnedError, SecretNotFoundError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Push, PushOutcome, PushTarget
from virtrigaud_secrets.testing.contract import STORE

ABSENT = SecretNotFoundError("none")
OURS = {"Tags": [{"Key": "managed-by", "Value": "external-secrets"}], "VersionIdsToStages": {"v": ["AWSCURRENT"]}}


def push(value: str = "v", name: str = "", *, dry_run: bool = False) -> Push:
    target = PushTarget(store=STORE, key="k", property=name)
    return Push(target=target, entries={"a": Sensitive(value)}, secret_key="a", dry_run=dry_run)


def test_a_new_secret_gets_the_version_that_eso_gives_it(scripted) -> None:
    client, script = scripted(prefix="p/", DescribeSecret=[ABSENT], CreateSecret=[{}])

    assert client.push(push()) is PushOutcome.CREATED
    operation, parameters = script.asked_for[-1]
    assert operation == "CreateSecret"
    assert (parameters["Name"], parameters["ClientRequestToken"]) == ("p/k", "00000000-0000-0000-0000-000000000001")
    assert "'v'" not in repr(parameters)


def test_each_change_has_an_id_of_its_own(scripted) -> None:
    client, script = scripted(DescribeSecret=[OURS], GetSecretValue=[{"SecretString": "old"}], PutSecretValue=[{}])

    for _ in range(2):
        assert client.push(push()) is PushOutcome.UPDATED
    tokens = [parameters["ClientRequestToken"] for name, parameters in script.asked_for if name == "PutSecretValue"]
    assert len(set(tokens)) == 2


def test_a_secret_without_a_version_gets_its_first(scripted) -> None:
    client, script = scripted(DescribeSecret=[{"Tags": OURS["Tags"]}], PutSecretValue=[{}])

    assert client.push(push()) is PushOutcome.UPDATED
    assert script.operations == ["DescribeSecret", "PutSecretValue"]


@pytest.mark.parametrize("kept", [{"SecretString": "v"}, {"SecretBinary": b"v"}])
def test_text_and_bytes_are_equal(scripted, kept) -> None:
    client, script = scripted(DescribeSecret=[OURS], GetSecretValue=[kept])

    assert client.push(push()) is PushOutcome.UNCHANGED
    assert script.operations == ["DescribeSecret", "GetSecretValue"]


def test_somebody_elses_is_not_even_read(scripted) -> None:
    client, script = scripted(DescribeSecret=[{"Tags": []}])

    with pytest.raises(NotOwnedError):
        client.push(push())
    assert script.operations == ["DescribeSecret"]


def test_a_dry_run_asks_and_tells_nothing(scripted) -> None:
    client, script = scripted(DescribeSecret=[ABSENT, OURS], GetSecretValue=[{"SecretString": "{}"}])

    assert client.push(push(dry_run=True)) is PushOutcome.CREATED
    assert client.push(push(name="p", dry_run=True)) is PushOutcome.UPDATED
    assert client.delete(PushTarget(store=STORE, key="k"), dry_run=True) is PushOutcome.DELETED
    assert set(script.operations) == {"DescribeSecret", "GetSecretValue"}


def test_what_waits_to_be_deleted_is_not_written(scripted) -> None:
    client, _ = scripted(DescribeSecret=[{**OURS, "DeletedDate": 1}])

    with pytest.raises(InvalidRequestError, match="marked for deletion"):
        client.push(push())
    assert client.delete(PushTarget(store=STORE, key="k")) is PushOutcome.ABSENT
