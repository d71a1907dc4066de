import math
from datetime import UTC, datetime

from virtrigaud_secrets.cache.entries import SecretName
from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.leases.actions import Happened
from virtrigaud_secrets.runtime.telling import event_of
from virtrigaud_secrets.stores.base import Fetch, StoreKey

AT = datetime(2030, 1, 1, tzinfo=UTC)
STORE = StoreKey("SecretStore", "ns", "s")
FETCH = Fetch(store=STORE, key="creds/app")


def test_an_event_of_a_lease_names_secret_store_path_and_no_lease_id():
    happened = Happened(
        kind=EventKind.RENEWED, key=FETCH, lease_id="creds/app/opensesame", remaining=5.0, attempt=2, reason="x"
    )
    event = event_of(happened, SecretName("ns", "db"), at=AT)
    assert (event.kind, event.at, event.namespace, event.name) == (EventKind.RENEWED, AT, "ns", "db")
    assert (event.store, event.path) == ("SecretStore ns/s", "creds/app")
    assert (event.remaining, event.attempt, event.reason) == (5.0, 2, "x")
    assert len(event.lease) == 12
    assert "opensesame" not in repr(event)


def test_leases_are_told_apart_by_their_hash():
    first, same, other = (
        event_of(Happened(kind=EventKind.LOST, key=FETCH, lease_id=lease), None, at=AT).lease for lease in "aab"
    )
    assert first == same != other


def test_an_event_of_a_login_names_its_store():
    event = event_of(Happened(kind=EventKind.TOKEN_RENEWED, store=STORE), None, at=AT)
    assert (event.store, event.path, event.name, event.lease) == ("SecretStore ns/s", "", "", "")


def test_what_never_ends_has_no_remaining_time():
    assert event_of(Happened(kind=EventKind.TOKEN_RENEWED, remaining=math.inf), None, at=AT).remaining is None
