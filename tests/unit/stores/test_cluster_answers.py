"""What the two clients share. How they use it is tested with each of them."""

from __future__ import annotations

import pytest
import urllib3.exceptions as transport

from virtrigaud_secrets.errors import ConfigurationError, StoreUnavailableError
from virtrigaud_secrets.stores.cluster_answers import (
    Operation,
    check_names,
    conflict,
    decoded,
    failure,
    read_body,
    refusal,
    unknown,
    unreadable,
)
from virtrigaud_secrets.testing import ManualClock


class Slow:
    """An answer whose parts take a second each."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.closed = False

    def read1(self, amt: int) -> bytes:
        self.clock.advance(1)
        return b"x"

    def release_conn(self) -> None:
        raise AssertionError

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("operation", "path", "place"),
    [
        (Operation("get", "secrets", "ns", "s"), "namespaces/ns/secrets/s", "in namespace ns"),
        (Operation("list", "secrets", "ns", ""), "namespaces/ns/secrets", "in namespace ns"),
        (Operation("list", "secrets", "", ""), "secrets", "in all namespaces"),
        (Operation("get", "namespaces", "", "n"), "namespaces/n", "of n"),
        (
            Operation("create", "serviceaccounts/token", "ns", "a"),
            "namespaces/ns/serviceaccounts/a/token",
            "in namespace ns",
        ),
    ],
)
def test_an_operation_says_where(operation: Operation, path: str, place: str) -> None:
    assert (operation.path, operation.place) == (path, place)


def test_an_answer_without_end_is_given_up_in_time() -> None:
    clock = ManualClock()
    answer = Slow(clock)
    with pytest.raises(transport.TimeoutError):
        read_body(answer, limit=100, until=clock.elapsed() + 5, clock=clock)
    assert answer.closed


def test_an_answer_too_large_is_no_answer() -> None:
    clock = ManualClock()
    assert read_body(Slow(clock), limit=3, until=clock.elapsed() + 100, clock=clock) == b""


def test_names() -> None:
    check_names("secrets", ["a", "a.b-c"])
    with pytest.raises(ConfigurationError, match=r"'a/b' is no name of a Kubernetes object \(secrets\)"):
        check_names("secrets", ["a", "a/b"])


def test_what_is_no_failure_of_the_way_is_not_ours() -> None:
    operation = Operation("get", "secrets", "ns", "s")
    assert failure("the cluster", KeyError("x"), operation) is None
    found = failure("the cluster", transport.ProtocolError("x"), operation)
    assert isinstance(found, StoreUnavailableError)
    assert found.retryable


def test_messages_name_what_was_asked() -> None:
    operation = Operation("update", "deployments", "ns", "d", "Deployment")
    assert "the Deployment was not written" in str(conflict(operation))
    assert "no kind Deployment" in str(unknown("the cluster", operation))
    assert "`update deployments`" in str(unreadable(operation))
    assert "`update deployments`" in str(refusal("the cluster", 500, None, operation))
    with pytest.raises(StoreUnavailableError):
        decoded(b"[]", operation)
