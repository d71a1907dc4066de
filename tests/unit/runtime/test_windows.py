"""`syncWindows` and refresh policies on a running resolver, on the test's clock. It begins at noon on 2030-01-01."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from virtrigaud_secrets import Resolver, Settings
from virtrigaud_secrets.cache.entries import SecretName
from virtrigaud_secrets.errors import StoreUnavailableError
from virtrigaud_secrets.models.external_secret import SyncWindows
from virtrigaud_secrets.runtime.windows import Windows
from virtrigaud_secrets.testing import ManualClock

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
HOUR = 3600.0
KV, MIXED = SecretName("ns", "kv"), SecretName("ns", "mixed")
NIGHTS = "syncWindows: {kind: allow, windows: [{schedule: '0 22 * * *', duration: 2h}]}"
"""Ten hours from the clock's beginning, and two hours long."""
DAYS = "syncWindows: {kind: deny, windows: [{schedule: '0 6 * * *', duration: 16h}]}"
"""The same, but for the hours before six."""


def windows(**written):
    return SyncWindows.model_validate(written)


@pytest.fixture
def windowed(catalog_of, lab, clock):
    """A resolver whose `kv` and `mixed` have these lines in their spec."""
    opened = []

    def make(lines):
        opened.append(Resolver(catalog_of(lines), settings=Settings(), clock=clock, background=False))
        return opened[-1]

    yield make
    for resolver in opened:
        resolver.close()


@pytest.mark.parametrize(
    ("written", "at", "opens"),
    [
        (None, 5.0, 5.0),
        ({"kind": "allow", "windows": [{"schedule": "0 22 * * *", "duration": "2h"}]}, 5.0, 10 * HOUR),
        ({"kind": "allow", "windows": [{"schedule": "0 22 * * *", "duration": "2h"}]}, 11 * HOUR, 11 * HOUR),
        ({"kind": "allow", "windows": [{"schedule": "0 22 * * *", "duration": "2h"}]}, math.inf, math.inf),
        ({"kind": "allow", "windows": [{"schedule": "0 22 * * *", "duration": "2h"}]}, 1e13, math.inf),
        ({"kind": "allow", "windows": [{"schedule": "0 0 30 2 *", "duration": "2h"}]}, 5.0, math.inf),
    ],
)
def test_moments_on_the_clock_that_never_steps(written, at, opens):
    clock = ManualClock(NOON)
    found = Windows(lambda _: None if written is None else windows(**written), clock)

    assert found.opens(KV, at) == opens


@pytest.mark.parametrize("lines", [NIGHTS, DAYS])
def test_a_read_by_interval_waits_for_the_next_window(windowed, lab, clock, lines):
    resolver = windowed(lines)
    first = resolver.resolve("kv", namespace="ns")
    for _ in range(9):
        clock.advance(HOUR)
        assert resolver.resolve("kv", namespace="ns") is first
        assert resolver.cached("kv", namespace="ns") is first
    assert lab.count("get", "kv/a") == 1
    lab.secrets["kv/a"]["password"] = "new"
    clock.advance(HOUR + 1)
    assert resolver.resolve("kv", namespace="ns").text("a") == "new"
    assert lab.count("get", "kv/a") == 2


def test_what_nobody_asked_for_in_the_last_window_waits_for_the_next_one(windowed, lab, clock):
    resolver = windowed(NIGHTS)
    first = resolver.resolve("kv", namespace="ns")
    clock.advance(13 * HOUR)
    assert resolver.resolve("kv", namespace="ns") is first
    clock.advance(21 * HOUR)
    resolver.resolve("kv", namespace="ns")
    assert lab.count("get", "kv/a") == 2


def test_resolve_all_reads_nothing_ahead_that_windows_hold_back(windowed, lab, clock):
    resolver = windowed(NIGHTS)
    resolver.resolve_all([("ns", "kv")])
    clock.advance(HOUR)
    resolver.resolve_all([("ns", "kv")])
    assert lab.count("get", "kv/a") == 1


def test_a_subscription_is_refreshed_in_windows_only_and_nothing_spins_meanwhile(windowed, lab, clock):
    resolver = windowed(NIGHTS)
    with resolver.subscribe("kv", namespace="ns") as subscription:
        wakes, reads = 0, {}
        while clock.elapsed() < 48 * HOUR:
            waits = resolver.run_due()
            reads[lab.count("get", "kv/a")] = reads.get(lab.count("get", "kv/a"), clock.elapsed())
            wakes += 1
            clock.advance(min(max(waits, 0.001), 600.0))
        assert subscription.current.text("a")
    at = sorted(reads.values())
    assert at[0] == 0.0
    assert all(10 * HOUR <= moment % (24 * HOUR) <= 12 * HOUR for moment in at[1:])
    # Two nights of two hours, a read a minute.
    assert 2 * 120 <= len(at) <= 2 * 160
    assert wakes < 2 * len(at) + 48 * 6 + 50


def test_what_could_not_be_read_before_a_window_closed_is_good_until_the_next_one(windowed, lab, clock):
    resolver = windowed(NIGHTS)
    with resolver.subscribe("kv", namespace="ns") as subscription:
        resolver.run_due()
        clock.advance(11 * HOUR)
        lab.down()
        while clock.elapsed() < 30 * HOUR:
            clock.advance(min(max(resolver.run_due(), 0.001), 300.0))
            if clock.elapsed() > 12 * HOUR + 60:
                assert subscription.current
        lab.up()
        lab.secrets["kv/a"]["password"] = "new"
        while clock.elapsed() < 35 * HOUR:
            clock.advance(min(max(resolver.run_due(), 0.001), 300.0))
        assert subscription.current.text("a") == "new"


def test_windows_that_never_open_hold_back_for_ever(windowed, lab, clock):
    resolver = windowed("syncWindows: {kind: allow, windows: [{schedule: '0 0 30 2 *', duration: 1h}]}")
    with resolver.subscribe("kv", namespace="ns") as subscription:
        for _ in range(50):
            resolver.run_due()
            clock.advance(24 * HOUR)
            assert subscription.current
        assert resolver.run_due() > 365 * 24 * HOUR
    assert lab.count("get", "kv/a") == 1


def test_windows_hold_back_neither_refresh_nor_the_first_read(windowed, lab, clock):
    resolver = windowed(NIGHTS)
    resolver.resolve("kv", namespace="ns")
    clock.advance(60)
    lab.secrets["kv/a"]["password"] = "new"
    assert resolver.refresh("kv", namespace="ns").text("a") == "new"
    assert lab.count("get", "kv/a") == 2


def test_a_failed_first_read_is_repeated_outside_of_windows(windowed, lab, clock):
    resolver = windowed(NIGHTS)
    lab.fail("get", "kv/a", StoreUnavailableError("connection refused"))
    with pytest.raises(StoreUnavailableError):
        resolver.resolve("kv", namespace="ns")
    lab.up()
    clock.advance(60)
    resolver.resolve("kv", namespace="ns")


def test_leases_are_renewed_and_rotated_whatever_windows_say(windowed, lab, clock):
    resolver = windowed(NIGHTS)
    with resolver.subscribe("mixed", namespace="ns") as subscription:
        while clock.elapsed() < 2 * HOUR:
            clock.advance(min(max(resolver.run_due(), 0.001), 5.0))
        assert subscription.current
    assert lab.count("renew", "creds/app") + lab.count("get", "creds/app") > 60
    assert lab.count("get", "kv/a") == 1


@pytest.mark.parametrize("lines", ["refreshPolicy: OnChange", "refreshPolicy: CreatedOnce", "refreshInterval: 0s"])
def test_what_has_no_interval_is_read_once_and_by_refresh(windowed, lab, clock, lines):
    resolver = windowed(lines)
    first = resolver.resolve("kv", namespace="ns")
    with resolver.subscribe("kv", namespace="ns"):
        for _ in range(100):
            resolver.run_due()
            clock.advance(HOUR)
            assert resolver.resolve("kv", namespace="ns") is first
        assert resolver.run_due() > timedelta(days=365).total_seconds()
    assert lab.count("get", "kv/a") == 1
    resolver.refresh("kv", namespace="ns")
    assert lab.count("get", "kv/a") == 2
