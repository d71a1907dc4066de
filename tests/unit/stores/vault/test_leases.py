from datetime import UTC, datetime, timedelta

import pytest

from virtrigaud_secrets.errors import AccessDeniedError, InvalidRequestError
from virtrigaud_secrets.golang.encoding_json import Number
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Lease
from virtrigaud_secrets.stores.vault.errors import Fault
from virtrigaud_secrets.stores.vault.leases import (
    MAX_DURATION,
    Taken,
    TakenLeases,
    hand_back,
    lease_of,
    number,
    seconds,
)
from virtrigaud_secrets.stores.vault.transport import Reply

SENT = datetime(2030, 1, 1, tzinfo=UTC)


def body(**fields):
    return {"lease_id": "db/creds/r/1", "lease_duration": Number("60"), "renewable": True} | fields


def taken(name="1", *, ends=60.0, renewable=True):
    lease = Lease(lease_id=name, duration=60, renewable=renewable, expires_at=SENT)
    return Taken(lease=lease, token=Sensitive(f"token-{name}"), generation=1, certificate=False, ends=ends)


def test_a_lease_ends_counted_from_before_the_request():
    lease = lease_of(body(), sent_at=SENT, token_ends=None)
    assert lease == Lease(lease_id="db/creds/r/1", duration=60, renewable=True, expires_at=SENT + timedelta(seconds=60))


def test_a_lease_dies_with_its_token():
    lease = lease_of(body(), sent_at=SENT, token_ends=SENT + timedelta(seconds=5))
    assert lease is not None
    assert lease.expires_at == SENT + timedelta(seconds=5)
    assert lease.duration == 60


@pytest.mark.parametrize("found", [{"lease_id": ""}, {"lease_id": None}])
def test_no_lease_id_no_lease(found):
    assert lease_of(body(**found), sent_at=SENT, token_ends=None) is None


@pytest.mark.parametrize(
    ("found", "expected"),
    [(Number("0"), 0), (Number("-5"), 0), (Number("9" * 30), MAX_DURATION), (Number("1.5"), 0), (None, 0), ("60", 0)],
)
def test_durations_are_within_reason(found, expected):
    assert seconds(found) == expected
    lease = lease_of(body(lease_duration=found), sent_at=SENT, token_ends=None)
    assert lease is not None
    assert lease.expires_at == SENT + timedelta(seconds=expected)


def test_numbers():
    assert number(Number("1767225600")) == 1767225600
    assert number("1") == number(None) == number(Number("1e3")) == 0


def test_what_was_taken_comes_back_once_youngest_first():
    leases = TakenLeases()
    assert leases.add(taken("1"), now=0)
    assert leases.add(taken("2"), now=0)
    assert [one.lease.lease_id for one in leases.close(now=0)] == ["2", "1"]
    assert leases.close(now=0) == []


def test_leases_that_ended_are_forgotten():
    leases = TakenLeases()
    leases.add(taken("1", ends=10), now=0)
    leases.add(taken("2", ends=100), now=50)
    assert [one.lease.lease_id for one in leases.close(now=60)] == ["2"]


def test_nothing_is_kept_after_closing():
    leases = TakenLeases()
    leases.close(now=60)
    assert not leases.add(taken(), now=0)
    assert leases.close(now=60) == []


class Sending:
    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.sent = []

    def __call__(self, request, token):
        lease_id = request.body["lease_id"].reveal_text()
        self.sent.append((request.path, lease_id, request.body.get("increment"), token.reveal_text()))
        return self.outcomes.pop(0)


DONE = Reply({}, SENT, 0.0)


def test_handing_back_revokes():
    send = Sending(DONE, DONE)
    hand_back([taken("1"), taken("2")], send)
    assert send.sent == [("sys/leases/revoke", "1", None, "token-1"), ("sys/leases/revoke", "2", None, "token-2")]


def test_without_the_right_to_revoke_leases_are_cut_short():
    send = Sending(Fault(AccessDeniedError("no")), DONE, DONE)
    hand_back([taken("1"), taken("2"), taken("3", renewable=False)], send)
    assert send.sent == [
        ("sys/leases/revoke", "1", None, "token-1"),
        ("sys/leases/renew", "1", 1, "token-1"),
        ("sys/leases/renew", "2", 1, "token-2"),
    ]


def test_another_fault_does_not_stop_revoking():
    send = Sending(Fault(InvalidRequestError("no")), DONE, DONE)
    hand_back([taken("1"), taken("2")], send)
    assert [path for path, *_ in send.sent] == ["sys/leases/revoke", "sys/leases/renew", "sys/leases/revoke"]


def test_a_lease_id_does_not_show():
    assert "secret-lease" not in repr(taken("secret-lease"))
