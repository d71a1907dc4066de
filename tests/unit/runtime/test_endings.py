from datetime import UTC, datetime, timedelta

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.cache.entries import SecretName, Snapshot
from virtrigaud_secrets.errors import StoreUnavailableError
from virtrigaud_secrets.runtime.endings import credential_expired
from virtrigaud_secrets.stores.base import Fetch, StoreKey

WALL = datetime(2030, 1, 1, 12, tzinfo=UTC)
PLANTED = "planted-value-7f3a"
STORE = StoreKey("SecretStore", "ns", "vault")


def snapshot(ends):
    return Snapshot(
        bundle=Bundle({"password": PLANTED.encode()}),
        made_at=WALL,
        made=0.0,
        read_at=0.0,
        interval=60.0,
        refresh_at=50.0,
        stale_at=60.0,
        ends=ends,
        serials={Fetch(store=STORE, key=key): 1 for key in ("b", "a")},
        found={},
    )


@pytest.mark.parametrize(("ends", "at"), [(70.0, WALL - timedelta(seconds=30)), (200.0, WALL), (-1.0, None)])
def test_it_tells_what_ended_when_and_why(ends, at):
    error = credential_expired(
        SecretName("ns", "app"), snapshot(ends), StoreUnavailableError("down"), now=100.0, wall=WALL
    )
    assert error.ended_at == at
    when = f" at {at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
    assert f"ExternalSecret ns/app: what was read from a, b ended{when}, and no new one could be had: down" in str(
        error
    )
    assert PLANTED not in str(error)


def test_a_reason_that_is_not_known_is_not_told():
    error = credential_expired(SecretName("ns", "app"), snapshot(70.0), None, now=100.0, wall=WALL)
    assert str(error).endswith("UTC")
