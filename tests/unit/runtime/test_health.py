import math
from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.cache.entries import Entry, SecretName, Snapshot
from virtrigaud_secrets.errors import StoreUnavailableError
from virtrigaud_secrets.runtime.health import Health, SecretState, status_of


class Taker:
    def prepare(self, snapshot, *, changed):
        return lambda: None

    def drop(self):
        pass


def entry(*, subscribed=True, error=None, **fields):
    made = Entry(SecretName("ns", "a"), error=error)
    if fields:
        given = {
            "bundle": Bundle({}),
            "made_at": datetime(2030, 1, 1, tzinfo=UTC),
            "made": 10.0,
            "read_at": 10.0,
            "interval": 60.0,
            "refresh_at": 60.0,
            "stale_at": 70.0,
            "ends": 100.0,
            "serials": {},
            "found": {},
        }
        made.snapshot = Snapshot(**(given | fields))
    if subscribed:
        made.takers.append(Taker())
    return made


@pytest.mark.parametrize(
    ("now", "state"),
    [(20, SecretState.FRESH), (65, SecretState.FRESH), (70, SecretState.STALE), (100, SecretState.EXPIRED)],
)
def test_the_state_is_that_of_the_freshness_table(now, state):
    assert status_of(entry(made=10.0), now=now).state is state


def test_a_status_says_how_old_it_is_and_when_it_ends():
    status = status_of(entry(made=10.0), now=30)
    assert (status.age, status.ends_in, status.error) == (20, 70, "")
    assert status.refreshed_at == datetime(2030, 1, 1, tzinfo=UTC)
    assert status_of(entry(ends=math.inf), now=30).ends_in is None


def test_nothing_read_yet_is_missing():
    status = status_of(entry(error=StoreUnavailableError("connection refused")), now=0)
    assert (status.state, status.age, status.ends_in, status.refreshed_at) == (SecretState.MISSING, None, None, None)
    assert status.error == "connection refused"


def health(*statuses):
    return Health(live=True, open=True, secrets=statuses)


def test_missing_is_what_somebody_needs_and_cannot_have():
    why = StoreUnavailableError("connection refused")
    assert health(status_of(entry(error=why), now=0)).missing == {"ns/a": "connection refused"}
    assert health(status_of(entry(), now=0)).missing == {"ns/a": "it was not read yet"}
    assert health(status_of(entry(ends=5.0), now=9)).missing == {"ns/a": "it was not read yet"}
    assert health(status_of(entry(stale_at=5.0, refresh_at=5.0), now=9)).missing == {}
    assert health(status_of(entry(subscribed=False), now=0)).missing == {}


def test_ready_is_open_with_nothing_missing():
    there, absent = status_of(entry(made=10.0), now=20), status_of(entry(), now=20)
    assert health(there).ready
    assert not health(there, absent).ready
    assert not Health(live=True, open=False, secrets=(there,)).ready


def test_a_status_says_how_long_it_was_good_for():
    assert status_of(entry(life=90.0), now=30).life == 90
    assert status_of(entry(), now=30).life is None
    assert status_of(entry(error=StoreUnavailableError("x")), now=30).life is None
