from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.cache.entries import Snapshot
from virtrigaud_secrets.runtime.wishes import Wish
from virtrigaud_secrets.stores.base import Fetch, StoreKey

CREDENTIAL = Fetch(store=StoreKey("SecretStore", "ns", "vault"), key="a")
MADE = Snapshot(
    bundle=Bundle({"password": b"x"}),
    made_at=datetime(2030, 1, 1, tzinfo=UTC),
    made=100.0,
    read_at=90.0,
    interval=60.0,
    refresh_at=150.0,
    stale_at=160.0,
    ends=200.0,
    serials={CREDENTIAL: 7},
    found={},
)


@pytest.mark.parametrize(
    ("wish", "granted"),
    [
        (Wish(), True),
        (Wish(newer_than=90.0), True),
        (Wish(newer_than=90.5), False),
        (Wish(credential=(CREDENTIAL, 7)), True),
        (Wish(credential=(CREDENTIAL, 8)), False),
        (Wish(credential=(CREDENTIAL, 7), newer_than=95.0), False),
        (Wish(min_ttl=80.0), True),
        (Wish(min_ttl=81.0), False),
        (Wish(min_ttl=81.0, asked_at=100.0), True),
        (Wish(min_ttl=81.0, asked_at=100.5), False),
    ],
)
def test_what_was_under_way_may_be_what_was_wished_for(wish, granted):
    assert wish.is_granted_by(MADE, 120.0) is granted
