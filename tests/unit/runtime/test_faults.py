"""The faults of the design that the runtime answers for, by number, on a store in memory. Requests are counted."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise

import pytest

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    CredentialExpiredError,
    LeaseRoleGoneError,
    SecretNotFoundError,
    StoreUnavailableError,
)
from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.runtime.lease_work import UNWANTED
from virtrigaud_secrets.stores.base import AnswerKind, Fetch, StoreKey

CANARY = "canary-" + "91b2e7"
STORE = StoreKey("SecretStore", "ns", "lab")
APP = Fetch(store=STORE, key="creds/app")


def lost(path):
    error = StoreUnavailableError("connection reset", path=path)
    error.acted = True
    return error


def test_fault_05_a_value_is_served_till_its_end_and_then_refused_with_words(resolver, lab, clock, run, told):
    """Path, end and cause are named; it recovers within one delay after the store is back."""
    lab.roles["creds/app"].ttl = 6.0
    subscription = resolver.subscribe("db")
    run(resolver, 1)
    lab.down()
    ends = resolver.keeper.entries.get(subscription.name).snapshot.ends
    asked = len(lab.asked)
    while clock.elapsed() < ends - 0.3:
        assert subscription.current["username"] == b"user-1"
        assert resolver.resolve("db")["username"] == b"user-1"
        run(resolver, 0.25)
    run(resolver, 20)
    assert len(lab.asked) - asked <= 2 * 26
    for ask in (lambda: subscription.current, lambda: resolver.resolve("db")):
        with pytest.raises(CredentialExpiredError) as caught:
            ask()
        text = str(caught.value)
        assert "creds/app ended at 2030-01-01 12:00:" in text
        assert "connection refused" in text
        assert CANARY not in text
        assert caught.value.ended_at is not None
    assert "connection refused" in resolver.health().missing["ns/db"]
    lab.up()
    back = clock.elapsed()
    while not resolver.health().ready:
        run(resolver, 0.1, step=0.1)
    assert clock.elapsed() - back <= 1.1
    assert subscription.current["username"] == b"user-2"
    assert told(resolver).kinds("db")[EventKind.EXPIRED] == 1


def test_fault_06_a_store_that_hangs_blocks_no_valid_value_and_no_renewal_of_another(make_resolver, lab, clock):
    """With threads: every thread of the pool hangs in requests of those who resolve."""
    resolver = make_resolver(background=True, concurrency=2)
    resolver.resolve("db")
    go = threading.Event()
    for key in ("kv/a", "kv/b"):
        lab.troubles["get", key] = lambda: go.wait(20)
    askers = [threading.Thread(target=resolver.resolve, args=["kv"], daemon=True) for _ in range(4)]
    for asker in askers:
        asker.start()
    clock.advance(39)
    assert eventually(lambda: lab.count("renew") == 1)
    assert resolver.resolve("db")["username"] == b"user-1"
    go.set()
    for asker in askers:
        asker.join(20)


def test_fault_09_a_lost_reply_leaves_at_most_one_orphan_and_is_not_asked_again_in_haste(resolver, lab, clock, run):
    lab.roles["creds/app"].renewable = False
    resolver.resolve("db")
    made = []

    def lose_the_first():
        made.append(clock.elapsed())
        if len(made) == 1:
            raise lost("creds/app")

    lab.troubles["get", "creds/app"] = lose_the_first
    run(resolver, 59)
    assert len(made) == 2
    assert made[1] - made[0] >= 1.0
    assert resolver.resolve("db")["username"] == b"user-2"


def test_fault_09_on_demand_too(resolver, lab, clock):
    lab.fail("get", "creds/app", lost("creds/app"))
    for _ in range(10):
        with pytest.raises(StoreUnavailableError):
            resolver.resolve("db")
    assert lab.count("get", "creds/app") == 1


def test_fault_09_a_lost_reply_keeps_nothing_else_of_the_manifest_stale(resolver, lab, clock, run):
    """The credential is good until its end: what else the manifest gives is read as ever."""
    lab.roles["creds/app"].renewable = False
    lab.roles["creds/app"].ttl = 300.0
    resolver.resolve("mixed")
    lab.secrets["kv/a"] = {"username": "new", "password": "new"}
    reads: list[float] = []

    def lose():
        reads.append(clock.elapsed())
        raise lost("creds/app")

    lab.troubles["get", "creds/app"] = lose
    while not reads:
        run(resolver, 0.1, step=0.1)
    assert resolver.resolve("mixed")["server"] == b"new"
    assert len(reads) == 1


def test_fault_09_a_reply_lost_on_demand_is_not_asked_for_again_in_haste_by_the_background(resolver, lab, clock, run):
    lab.roles["creds/app"].renewable = False
    resolver.resolve("db")
    reads: list[tuple[float, bool]] = []
    asking = False

    def lose():
        reads.append((clock.elapsed(), asking))
        raise lost("creds/app")

    lab.troubles["get", "creds/app"] = lose
    while clock.elapsed() < 55:
        asking = True
        with pytest.raises(StoreUnavailableError):
            resolver.refresh("db")
        asking = False
        run(resolver, 1.7, step=0.05)
    in_background = [now - before for (before, _), (now, asked) in pairwise(reads) if not asked]
    assert len(in_background) > 3
    assert min(in_background) >= 1.0


def test_fault_12_role_deleted(resolver, lab, clock, run, told):
    """Served till its end; the event has the server's words."""
    subscription = resolver.subscribe("db")
    run(resolver, 1)
    lab.fail("renew", "creds/app", LeaseRoleGoneError("could not find role with name app"))
    lab.fail("get", "creds/app", SecretNotFoundError("unknown role: app", path="creds/app"))
    run(resolver, 54)
    assert subscription.current["username"] == b"user-1"
    assert resolver.resolve("db")["username"] == b"user-1"
    run(resolver, 10)
    with pytest.raises(CredentialExpiredError, match="unknown role: app"):
        _ = subscription.current
    assert any("could not find role" in event.reason for event in told(resolver).seen)
    assert lab.count("renew") == 1
    assert lab.count("get", "creds/app") <= 40


def test_fault_14_a_certificate_is_reissued_and_never_renewed(resolver, lab, run):
    subscription = resolver.subscribe("certificate")
    run(resolver, 2500, step=30)
    assert subscription.current["username"] == b"user-2"
    assert (lab.count("renew"), lab.count("get", "pki/web")) == (0, 2)


def test_fault_19_one_login_for_all_who_find_the_token_dead(resolver, lab, clock, run):
    """At the store: `tests/unit/stores/vault/test_lease_requests.py`. Here: all its leases are read anew, once each."""
    from dataclasses import replace

    from virtrigaud_secrets.stores.base import LoginState

    lab.state = LoginState(generation=1, own=True, renewable=True, replaceable=True, duration=1000, sent=0.0)
    resolver.subscribe("db")
    resolver.subscribe("other-db")
    run(resolver, 1)
    lab.leases.clear()
    lab.state = replace(lab.state, generation=2, sent=clock.elapsed(), replaced_dead=True)
    resolver.refresh("kv")
    resolver.keeper.holdings.see_login(STORE)
    run(resolver, 12)
    assert (lab.count("get", "creds/app"), lab.count("get", "creds/other")) == (2, 2)
    assert resolver.resolve("db")["username"] in {b"user-3", b"user-4"}
    assert lab.count("log in") == 0


def test_fault_20_a_path_that_policy_denies_disturbs_no_other(resolver, lab):
    lab.fail("get", "kv/b", AccessDeniedError("permission denied", path="kv/b"))

    def ask(number):
        name = "kv" if number % 2 else "kv-too"
        try:
            return resolver.resolve(name)["a"]
        except AccessDeniedError as error:
            return error.path

    with ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(ask, range(50)))
    assert outcomes == [CANARY.encode() + b"-a", "kv/b"] * 25
    assert lab.count("get", "kv/b") == 1
    assert lab.count("log in") == lab.count("inspect login") == 0


@pytest.mark.parametrize("name", ["db", "kv", "mixed"])
def test_fault_26_a_hundred_threads_on_a_cold_key_send_one_request(resolver, lab, name):
    go, start, outcomes = threading.Event(), threading.Barrier(101), []
    lab.troubles["get", ""] = lambda: go.wait(20)

    def ask():
        start.wait()
        outcomes.append(resolver.resolve(name))

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    start.wait()
    time.sleep(0.05)
    go.set()
    for thread in threads:
        thread.join(20)
    assert len(set(map(id, outcomes))) == 1
    assert len(outcomes) == 100
    assert {lab.asked.count(request) for request in lab.asked} == {1}


def test_fault_26_or_all_get_the_same_error(resolver, lab):
    go, start, outcomes = threading.Event(), threading.Barrier(101), []

    def refuse():
        go.wait(20)
        raise StoreUnavailableError("connection refused")

    lab.troubles["get", "creds/app"] = refuse

    def ask():
        start.wait()
        try:
            resolver.resolve("db")
        except StoreUnavailableError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    start.wait()
    time.sleep(0.05)
    go.set()
    for thread in threads:
        thread.join(20)
    assert len({str(error) for error in outcomes}) == 1
    assert len(set(map(id, outcomes))) == len(outcomes) == 100
    assert lab.count("get", "creds/app") == 1


def test_fault_27_who_stops_waiting_leaves_the_request_alone(resolver, lab):
    """A thread that gives up, as by a timeout of its own: what comes of the request is for the next one who asks."""
    begun, go = threading.Event(), threading.Event()

    def wait():
        begun.set()
        go.wait(20)

    lab.troubles["get", "creds/app"] = wait
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(resolver.resolve, "db")
        assert begun.wait(20)
        second = pool.submit(resolver.resolve, "db")
        with pytest.raises(TimeoutError):
            first.result(0.05)
        go.set()
        assert second.result(20) is first.result(20) is resolver.resolve("db")
    assert lab.count("get", "creds/app") == 1


@pytest.mark.parametrize("revoke", [True, False])
def test_fault_30_close_hands_back_once_and_stops_everything(resolver, lab, clock, run, revoke):
    subscription = resolver.subscribe("db")
    run(resolver, 1)
    resolver.close(revoke=revoke)
    resolver.close()
    assert lab.closed == [revoke]
    asked = len(lab.asked)
    clock.advance(1000)
    assert resolver.run_due() == float("inf")
    assert len(lab.asked) == asked
    with pytest.raises(Exception, match="closed"):
        _ = subscription.current


def test_fault_30_close_ends_although_requests_hang(make_resolver, lab):
    resolver = make_resolver(background=True)
    go, begun = threading.Event(), threading.Event()

    def hang():
        begun.set()
        go.wait(20)

    lab.troubles["get", ""] = hang
    with ThreadPoolExecutor(1) as pool:
        asker = pool.submit(lambda: outcome_of(lambda: resolver.resolve("kv")))
        assert begun.wait(20)
        before = time.monotonic()
        resolver.close()
        assert time.monotonic() - before < 5
        go.set()
        asker.result(20)


def test_fault_33_nothing_is_served_past_its_end_after_a_suspend(resolver, lab, clock):
    """A suspended machine: no thread ran for an hour, and the clock that counts it knows."""
    resolver.resolve("db")
    subscription = resolver.subscribe("other-db")
    resolver.run_due()
    clock.advance(timedelta(hours=1))
    with pytest.raises(CredentialExpiredError):
        _ = subscription.current
    assert resolver.resolve("db")["username"] == b"user-3"
    assert lab.count("get", "creds/app") == 2


def test_fault_34_a_wall_clock_that_jumps_ahead_is_looked_into(resolver, lab, clock, run, told):
    lab.roles["creds/app"].ttl = 7200.0
    resolver.subscribe("db")
    run(resolver, 1)
    clock.step(timedelta(hours=1))
    run(resolver, 10)
    assert lab.count("look up") == 1
    assert lab.count("get", "creds/app") == 1
    assert resolver.resolve("db")["username"] == b"user-1"
    assert resolver.health().secrets[0].ends_in > 7000
    assert told(resolver).kinds()[EventKind.JUMPED] == 1


def test_fault_34_what_ended_meanwhile_is_read_anew_once(resolver, lab, clock, run):
    resolver.subscribe("db")
    run(resolver, 1)
    clock.step(timedelta(hours=1))
    run(resolver, 10)
    assert lab.count("get", "creds/app") == 2
    assert resolver.resolve("db")["username"] == b"user-2"


def test_fault_34_one_that_is_set_back_changes_nothing(resolver, lab, clock, run):
    resolver.subscribe("db")
    run(resolver, 1)
    asked = len(lab.asked)
    clock.step(timedelta(hours=-1))
    run(resolver, 10)
    assert len(lab.asked) == asked


def test_fault_34_certificates_are_judged_by_the_wall_clock(resolver, lab, clock, run):
    subscription = resolver.subscribe("certificate")
    run(resolver, 1)
    clock.step(timedelta(minutes=45))
    run(resolver, 10)
    assert subscription.current["username"] == b"user-2"


def test_fault_37_values_without_a_lease_are_read_by_the_manifests_interval(resolver, lab, run):
    resolver.subscribe("kv")
    run(resolver, 600, step=5)
    assert 10 <= lab.count("get", "kv/a") <= 14


@pytest.mark.parametrize(
    "error",
    [
        SecretNotFoundError("there is no such secret", path="kv/a"),
        AccessDeniedError("permission denied", path="kv/a"),
    ],
)
def test_fault_38_a_definite_answer_is_obeyed_although_stale_values_may_be_served(resolver, lab, clock, run, error):
    subscription = resolver.subscribe("kv")
    run(resolver, 1)
    lab.fail("get", "kv/a", error)
    run(resolver, 61)
    for ask in (lambda: subscription.current, lambda: resolver.resolve("kv")):
        with pytest.raises(type(error)):
            ask()
    assert resolver.keeper.answers.get(Fetch(store=STORE, key="kv/a")) is None
    assert "ns/kv" in resolver.health().missing


def test_fault_41_a_callback_that_raises_or_blocks_holds_nothing_up(make_resolver, lab, clock, caplog):
    resolver = make_resolver(background=True)
    lab.roles["creds/app"].ttl = 60.0
    subscription, go, seen = resolver.subscribe("db"), threading.Event(), []

    def bad(new, old):
        raise ValueError(new["password"])

    subscription.on_change(bad)
    subscription.on_change(lambda new, old: go.wait(30))
    subscription.on_change(lambda new, old: seen.append(new["username"]))
    assert eventually(lambda: resolver.health().ready)
    clock.advance(39)
    assert eventually(lambda: lab.count("renew") == 1)
    assert subscription.current["username"] == b"user-1"
    resolver.refresh("db")
    assert seen == []
    go.set()
    assert resolver.notices.drain(20)
    assert seen == [b"user-1", b"user-2"]
    raised = [record for record in caplog.records if "raised" in record.getMessage()]
    assert {record.getMessage() for record in raised} == {
        "a callback of ns/db raised ValueError; it was told and is passed over"
    }
    assert CANARY not in caplog.text


def test_fault_41_a_callback_may_resolve_subscribe_and_close(make_resolver, lab):
    resolver = make_resolver(background=True)
    seen, done = [], threading.Event()

    def call(new, old):
        seen.append(resolver.resolve("db") is new)
        seen.append(sorted(resolver.resolve("kv")))
        resolver.subscribe("kv-too").close()
        subscription.close()
        resolver.close()
        done.set()

    subscription = resolver.subscribe("db")
    subscription.on_change(call)
    outcome_of(lambda: subscription.current)
    assert done.wait(20)
    assert seen == [True, ["a", "b"]]


def test_fault_41_an_observer_that_raises_holds_nobody_up(make_resolver, lab, told, caplog):
    resolver = make_resolver()

    class Bad:
        def on_event(self, event):
            raise SystemExit(3)

    resolver.observe(Bad())
    resolver.resolve("db")
    resolver.resolve("kv")
    assert told(resolver).kinds()[EventKind.CREATED] == 2
    assert "SystemExit" in caplog.text


@pytest.mark.parametrize(("duration", "ends"), [(10**12, 39 + 10 * 365 * 24 * 3600), (20, 59)])
def test_fault_42_odd_renewals(resolver, lab, clock, duration, ends, monkeypatch):
    from virtrigaud_secrets.stores.base import Extension

    resolver.resolve("db")
    client = resolver._connections.client(STORE)
    monkeypatch.setattr(
        type(client.leases), "renew", lambda self, lease_id, increment: Extension(duration=duration, sent=39.0)
    )
    clock.advance(39)
    resolver.run_due()
    snapshot = resolver.keeper.entries.get(resolver.keeper.maker.name_of("db", "ns")).snapshot
    assert snapshot.ends == ends
    assert dict(resolver.resolve("db"))["username"] == b"user-1"


@pytest.mark.parametrize("duration", [0, -5])
def test_fault_42_a_renewal_of_nothing_means_lost(resolver, lab, clock, run, told, duration, monkeypatch):
    from virtrigaud_secrets.stores.base import Extension

    resolver.resolve("db")
    client = resolver._connections.client(STORE)
    monkeypatch.setattr(
        type(client.leases), "renew", lambda self, lease_id, increment: Extension(duration=duration, sent=39.0)
    )
    clock.advance(39)
    run(resolver, 1)
    assert told(resolver).kinds("db")[EventKind.LOST] == 1
    assert resolver.resolve("db")["username"] == b"user-2"


def test_fault_43_a_reply_that_comes_too_late_is_cut_and_never_used(resolver, lab, clock):
    """Its ExternalSecret was let go of, and resolved anew, while the request for the old one was under way."""
    lab.roles["creds/app"].renewable = True
    resolver.resolve("db")
    name = resolver.keeper.maker.name_of("db", "ns")
    resolver.keeper.holdings.call(lambda core, now: core.refresh(APP, now))
    (action,) = resolver.keeper.holdings.due()[0]

    def forget():
        lab.troubles.clear()
        resolver.keeper.forget(name)

    lab.troubles["get", "creds/app"] = forget
    resolver._upkeep.work.carry_out(action)
    kept = resolver.keeper.answers.get(APP)
    assert kept is None or kept.serial != UNWANTED
    resolver.run_due()
    assert {lease for lease, _ in lab.cut} == {"creds/app/1", "creds/app/2"}
    assert {increment for _, increment in lab.cut} == {1.0}
    assert resolver.resolve("db")["username"] == b"user-3"


def test_static_roles_follow_their_rotation(resolver, lab, run):
    subscription = resolver.subscribe("static")
    run(resolver, 1)
    assert lab.roles["static/app"].kind is AnswerKind.STATIC_ROLE
    run(resolver, 12)
    assert subscription.current["username"] == b"user-2"
    assert lab.count("get", "static/app") == 2


def outcome_of(ask):
    try:
        return ask()
    except Exception as error:  # noqa: BLE001  # each has its own
        return error


def eventually(wanted):
    until = time.monotonic() + 20
    while not wanted():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True
