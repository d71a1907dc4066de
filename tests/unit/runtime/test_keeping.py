"""What a resolver keeps, on a store in memory: what is sent, what is given out, what is let go of."""

from __future__ import annotations

import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest

from virtrigaud_secrets.cache.entries import SecretName
from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ClosedError,
    NotReadyError,
    SecretNotFoundError,
    SecretsError,
    StoreUnavailableError,
    TemplateError,
)
from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.runtime.health import SecretState
from virtrigaud_secrets.stores.base import Fetch, StoreKey

CANARY = "canary-" + "91b2e7"
STORE = StoreKey("SecretStore", "ns", "lab")
APP = Fetch(store=STORE, key="creds/app")


class TestResolveAll:
    def test_each_path_is_read_once(self, resolver, lab):
        found = resolver.resolve_all()
        assert not [outcome for outcome in found.values() if isinstance(outcome, SecretsError)]
        assert len(found) == 9
        paths = {path for what, path in lab.asked if what == "get"}
        assert paths == {"kv/a", "kv/b", "creds/app", "creds/other", "pki/web", "static/app"}
        assert lab.count("get") == len(paths)

    def test_batches_are_used_where_the_backend_has_them(self, make_resolver, lab):
        lab.batches = True
        make_resolver().resolve_all([("ns", "kv"), ("ns", "kv-too")])
        assert lab.batch_sizes == [2]

    def test_the_second_time_comes_from_memory(self, resolver, lab):
        first = resolver.resolve_all([("ns", "kv"), ("ns", "db")])
        assert resolver.resolve_all([("ns", "kv"), ("ns", "db")]) == first
        assert lab.count("get") == 3

    def test_one_that_fails_takes_no_other_with_it(self, resolver, lab):
        del lab.secrets["kv/b"]
        found = resolver.resolve_all([("ns", "kv"), ("ns", "kv-too"), ("ns", "nobody")])
        assert isinstance(found["ns", "kv"], SecretNotFoundError)
        assert found["ns", "kv-too"]["user"] == b"a"
        assert isinstance(found["ns", "nobody"], SecretsError)

    def test_what_would_fail_makes_no_credential(self, resolver, lab):
        del lab.secrets["kv/a"]
        found = resolver.resolve_all([("ns", "mixed")])
        assert isinstance(found["ns", "mixed"], SecretNotFoundError)
        assert lab.made == 0

    def test_what_is_given_out_from_memory_is_not_read_ahead(self, resolver, lab, clock, run):
        """A static role whose time is up: an answer that was read ahead and used by nobody ended its rotations."""
        lab.roles["static/app"].ttl = 10.0
        subscription = resolver.subscribe("static")
        run(resolver, 1)
        clock.advance(9.8)
        resolver.resolve_all([("ns", "static")])
        run(resolver, 120, step=0.5)
        assert lab.count("get", "static/app") >= 9
        assert subscription.current["username"] == f"user-{lab.made}".encode()

    def test_a_closed_resolver_says_so(self, resolver):
        resolver.resolve_all()
        resolver.close()
        with pytest.raises(ClosedError):
            resolver.resolve_all()


class TestRefresh:
    def test_reads_all_anew_and_rotates(self, resolver, lab):
        first = resolver.resolve("mixed")
        second = resolver.refresh("mixed")
        assert (first["username"], second["username"]) == (b"user-1", b"user-2")
        assert resolver.resolve("mixed") is second
        assert (lab.count("get", "creds/app"), lab.count("get", "kv/a")) == (2, 2)

    def test_a_failure_leaves_what_was_there(self, resolver, lab):
        first = resolver.resolve("mixed")
        lab.down()
        with pytest.raises(StoreUnavailableError):
            resolver.refresh("mixed")
        assert resolver.resolve("mixed") is first
        lab.up()
        assert resolver.refresh("mixed") is not first

    def test_the_old_credential_is_drained(self, resolver, lab, clock, run):
        resolver.resolve("db")
        resolver.refresh("db")
        run(resolver, 1)
        assert lab.cut == [("creds/app/1", 10.0)]
        run(resolver, 20)
        assert lab.living() == ["creds/app/2"]


class TestReport:
    def test_a_lease_that_is_gone_is_read_anew_at_once(self, resolver, lab, run):
        subscription = resolver.subscribe("db")
        run(resolver, 1)
        lab.leases.clear()
        subscription.report_failure(subscription.current)
        run(resolver, 0.5)
        assert subscription.current["username"] == b"user-2"

    def test_one_that_lives_is_looked_up_and_then_read_anew(self, resolver, lab, clock, run):
        bundle = resolver.resolve("db")
        resolver.report_failure(bundle)
        run(resolver, 0.5)
        assert (lab.count("look up"), lab.count("get", "creds/app")) == (1, 1)
        clock.advance(7)
        resolver.report_failure(bundle)
        run(resolver, 0.5)
        assert (lab.count("look up"), lab.count("get", "creds/app")) == (1, 2)

    def test_a_hundred_reports_are_one(self, resolver, lab, run):
        bundle = resolver.resolve("db")
        for _ in range(100):
            resolver.report_failure(bundle)
        run(resolver, 1)
        assert lab.count("look up") == 1

    def test_a_value_without_a_lease_is_read_anew_once_a_second(self, resolver, lab, clock):
        bundle = resolver.resolve("kv")
        resolver.report_failure(bundle)
        clock.advance(1.5)
        lab.secrets["kv/a"]["password"] = "new"
        for _ in range(50):
            resolver.report_failure(bundle)
        assert eventually(lambda: resolver.resolve("kv")["a"] == b"new")
        assert lab.count("get", "kv/a") == 2

    def test_while_the_store_is_down_too(self, resolver, lab, clock):
        bundle = resolver.resolve("kv")
        lab.down()
        clock.advance(1.5)
        for _ in range(50):
            resolver.report_failure(bundle)
            time.sleep(0.001)
        assert eventually(lambda: resolver.keeper.entries.get(SecretName("ns", "kv")).error is not None)
        assert lab.count("get", "kv/a") == 2


class TestPins:
    def test_a_pinned_credential_is_kept_alive_through_a_rotation(self, resolver, lab, run):
        subscription = resolver.subscribe("db")
        run(resolver, 1)
        with subscription.use() as value:
            resolver.refresh("db")
            run(resolver, 200)
            assert value["username"] == b"user-1"
            assert "creds/app/1" in lab.living()
            assert subscription.current["username"] != b"user-1"
        run(resolver, 15)
        assert "creds/app/1" not in lab.living()

    def test_for_as_long_as_the_settings_allow(self, make_resolver, lab, run):
        resolver = make_resolver(pin_limit=timedelta(minutes=5))
        subscription = resolver.subscribe("db")
        run(resolver, 1)
        with subscription.use():
            resolver.refresh("db")
            run(resolver, 400, step=1)
            assert "creds/app/1" not in lab.living()

    def test_many_users_are_counted(self, resolver, lab, run):
        subscription = resolver.subscribe("db")
        run(resolver, 1)
        with subscription.use():
            with subscription.use():
                resolver.refresh("db")
            run(resolver, 100)
            assert "creds/app/1" in lab.living()


class TestMinTtl:
    def test_reads_anew_what_ends_sooner(self, resolver, lab, clock):
        first = resolver.resolve("db")
        assert resolver.resolve("db", min_ttl=timedelta(seconds=60)) is first
        clock.advance(1)
        assert resolver.resolve("db", min_ttl=timedelta(seconds=59)) is first
        assert resolver.resolve("db", min_ttl=timedelta(seconds=60)) is not first
        assert lab.made == 2

    def test_who_asks_for_more_than_is_ever_granted_gets_half_of_that_at_least(self, resolver, lab, clock):
        first = resolver.resolve("db")
        hours = timedelta(hours=9)
        assert resolver.resolve("db", min_ttl=hours) is resolver.resolve("db", min_ttl=hours) is first
        clock.advance(31)
        second = resolver.resolve("db", min_ttl=hours)
        assert second is not first
        assert resolver.resolve("db", min_ttl=hours) is second
        assert lab.made == 2

    def test_many_who_ask_for_more_than_is_left_share_one_read(self, resolver, lab, clock):
        resolver.resolve("db")
        clock.advance(1)
        go, begun = threading.Event(), threading.Event()

        def wait():
            begun.set()
            go.wait(20)

        lab.troubles["get", ""] = wait
        with ThreadPoolExecutor(20) as pool:
            asked = [pool.submit(resolver.resolve, "db", min_ttl=timedelta(seconds=60)) for _ in range(20)]
            assert begun.wait(20)
            time.sleep(0.05)
            go.set()
            assert len({id(one.result(20)) for one in asked}) == 1
        assert lab.made == 2


class TestStale:
    def test_a_value_is_served_within_max_stale_and_marked(self, make_resolver, lab, clock, told):
        resolver = make_resolver(max_stale=timedelta(minutes=2))
        bundle = resolver.resolve("kv")
        lab.down()
        clock.advance(61)
        assert resolver.resolve("kv") is bundle
        assert resolver.resolve("kv") is bundle
        (status,) = resolver.health().secrets
        assert (status.state, status.ends_in) == (SecretState.STALE, pytest.approx(119))
        assert "connection refused" in status.error
        assert told(resolver).kinds("kv")[EventKind.STALE_SERVED] == 1
        clock.advance(120)
        with pytest.raises(SecretsError, match="connection refused"):
            resolver.resolve("kv")
        assert resolver.health().secrets[0].state is SecretState.EXPIRED
        lab.up()
        clock.advance(6)
        assert resolver.resolve("kv") is bundle
        assert resolver.health().secrets[0].error == ""

    def test_never_where_the_settings_say_so(self, make_resolver, lab, clock):
        resolver = make_resolver(max_stale=timedelta(0))
        resolver.resolve("kv")
        lab.down()
        clock.advance(60)
        with pytest.raises(SecretsError):
            resolver.resolve("kv")

    def test_requests_are_few_while_the_store_is_down(self, resolver, lab, clock):
        resolver.resolve("kv-too")
        lab.down()
        clock.advance(60)
        for _ in range(600):
            resolver.resolve("kv-too")
            clock.advance(0.1)
        assert lab.count("get") <= 1 + 60 / 4

    @pytest.mark.parametrize("error", [SecretNotFoundError("gone"), AccessDeniedError("denied")])
    def test_never_against_a_definite_answer(self, resolver, lab, clock, error):
        resolver.resolve("kv")
        lab.fail("get", "kv/a", error)
        clock.advance(60)
        with pytest.raises(type(error)):
            resolver.resolve("kv")
        lab.down("get")
        clock.advance(6)
        with pytest.raises(SecretsError, match="refused"):
            resolver.resolve("kv")

    def test_whoever_asks_meanwhile_gets_the_old_value_and_one_job_reads_anew(self, resolver, lab, clock):
        bundle = resolver.resolve("kv-too")
        go = threading.Event()
        lab.troubles["get", ""] = lambda: go.wait(20)
        clock.advance(resolver.keeper.entries.get(SecretName("ns", "kv-too")).snapshot.refresh_at + 0.001)
        for _ in range(1000):
            assert resolver.resolve("kv-too") is bundle
        assert len(resolver.keeper.workers._jobs) <= 1
        go.set()
        assert eventually(lambda: resolver.keeper.entries.get(SecretName("ns", "kv-too")).snapshot.made > 0)
        assert lab.count("get") == 2


class TestErrors:
    def test_are_remembered_briefly(self, resolver, lab, clock):
        del lab.secrets["kv/a"]
        for _ in range(100):
            with pytest.raises(SecretNotFoundError):
                resolver.resolve("kv-too")
        assert lab.count("get", "kv/a") == 1
        clock.advance(5)
        lab.secrets["kv/a"] = {"username": "u", "password": "p"}
        assert resolver.resolve("kv-too")["user"] == b"u"

    def test_whatever_a_backend_raises_comes_as_an_error_of_ours(self, resolver, lab, run):
        lab.fail("get", "creds/app", ZeroDivisionError(CANARY))
        subscription = resolver.subscribe("db")
        with pytest.raises(StoreUnavailableError, match="ZeroDivisionError") as caught:
            resolver.resolve("db")
        assert CANARY not in str(caught.value)
        lab.up()
        run(resolver, 10)
        assert subscription.current["username"] == b"user-1"

    def test_a_backend_that_fails_beside_a_lease_gives_the_lease_back(self, resolver, lab, clock, run):
        resolver.resolve("mixed")
        lab.fail("get", "kv/a", ZeroDivisionError("x"))
        with pytest.raises(StoreUnavailableError):
            resolver.refresh("mixed")
        lab.up()
        run(resolver, 200)
        assert len(lab.living()) == 1
        assert resolver.resolve("mixed")["username"]


class TestRejected:
    def test_a_rotation_that_a_template_refuses_keeps_the_old_one_and_gives_the_new_one_back(
        self, resolver, lab, clock, run, told
    ):
        subscription = resolver.subscribe("db")
        run(resolver, 1)
        lab.mode = "poison"
        with pytest.raises(TemplateError):
            resolver.refresh("db")
        run(resolver, 15)
        assert subscription.current["username"] == resolver.resolve("db")["username"] == b"user-1"
        assert lab.living() == ["creds/app/1"]
        assert told(resolver).kinds("db")[EventKind.ERROR] >= 1
        lab.mode = "good"
        assert resolver.refresh("db")["username"] != b"user-1"

    def test_requests_stay_few_while_it_is_refused(self, resolver, lab, clock, run):
        lab.roles["creds/app"].renewable = False
        resolver.subscribe("db")
        run(resolver, 1)
        lab.mode = "poison"
        run(resolver, 59)
        assert 2 <= lab.made <= 20

    def test_a_rotation_that_a_template_refuses_for_good_makes_fewer_and_fewer(self, resolver, lab, clock, run):
        lab.roles["creds/app"].renewable = False
        subscription = resolver.subscribe("db")
        run(resolver, 1)
        lab.mode = "poison"
        run(resolver, 60)
        before = lab.made
        for _ in range(60):
            run(resolver, 60)
            with suppress(SecretsError):
                resolver.resolve("db")
            with suppress(SecretsError):
                _ = subscription.current
        # A role of 60 s is renewed every 30 to 39 s while all is well.
        assert lab.made - before <= 60 * 60 / (0.75 * 30) + 2
        lab.mode = "good"
        run(resolver, 31)
        assert subscription.current["username"]

    def test_who_asks_for_a_longer_life_again_and_again_makes_no_more_of_them(self, resolver, lab, clock, run):
        resolver.resolve("db")
        lab.mode = "poison"
        run(resolver, 25)
        before = lab.made
        for _ in range(20):
            with pytest.raises(TemplateError):
                resolver.resolve("db", min_ttl=timedelta(seconds=50))
        assert lab.made - before == 1
        assert resolver.resolve("db")["username"] == b"user-1"

    def test_a_first_one_that_a_template_refuses_is_not_renewed_for_ever(self, resolver, lab, clock, run):
        lab.mode = "poison"
        with pytest.raises(TemplateError):
            resolver.resolve("db")
        run(resolver, 120)
        assert lab.living() == []
        assert lab.made == 1


class TestShared:
    def test_two_manifests_with_one_role_rotate_together_to_the_same_credential(self, resolver, lab, run):
        lab.roles["creds/app"].renewable = False
        first, second = resolver.subscribe("db"), resolver.subscribe("db-too")
        run(resolver, 1)
        for _ in range(5):
            before = first.current["username"]
            while first.current["username"] == before:
                run(resolver, 0.5)
            assert eventually(lambda: second.current["login"] == first.current["username"])
        assert lab.count("get", "creds/app") == lab.made == 6

    def test_a_refresh_of_one_is_followed_by_the_other(self, resolver, lab):
        resolver.resolve("db")
        resolver.resolve("db-too")
        assert resolver.refresh("db")["username"] == b"user-2"
        assert eventually(lambda: resolver.resolve("db-too")["login"] == b"user-2")
        assert lab.made == 2

    def test_one_that_cannot_use_it_holds_the_other_not_up(self, resolver, lab, run):
        lab.roles["creds/app"].renewable = False
        resolver.subscribe("db")
        other = resolver.subscribe("db-too")
        run(resolver, 1)
        lab.mode = "poison"
        run(resolver, 55)
        assert other.current["login"] != b"user-1"


class TestLettingGo:
    def test_too_many_secrets_let_go_of_the_leases_of_the_oldest(self, make_resolver, lab, run, told):
        resolver = make_resolver(max_secrets=2)
        for name in ("db", "other-db", "kv"):
            resolver.resolve(name)
            lab.clock.advance(1)
        run(resolver, 5)
        assert lab.living() == ["creds/other/2"]
        assert told(resolver).kinds("db")[EventKind.RELEASED] == 1
        assert {status.name for status in resolver.health().secrets} == {"kv", "other-db"}
        assert resolver.keeper.answers.get(APP) is None
        assert resolver.resolve("db")["username"] == b"user-3"

    def test_an_answer_that_another_one_uses_stays(self, make_resolver, lab):
        resolver = make_resolver(max_secrets=2)
        for name in ("kv", "kv-too", "db"):
            resolver.resolve(name)
            lab.clock.advance(1)
        assert resolver.keeper.answers.get(Fetch(store=STORE, key="kv/a")) is not None
        assert resolver.keeper.answers.get(Fetch(store=STORE, key="kv/b")) is None

    def test_one_that_is_let_go_of_while_it_is_made_leaves_nothing_behind(self, resolver, lab, clock, run):
        begun, go = threading.Event(), threading.Event()

        def wait():
            begun.set()
            go.wait(20)

        name = resolver.subscribe("db").name
        lab.troubles["get", "creds/app"] = wait
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(resolver.resolve, "db")
            assert begun.wait(20)
            resolver.keeper.forget(name)
            go.set()
            assert asked.result(20)["username"] == b"user-1"
        lab.up()
        run(resolver, 300, step=1)
        assert lab.made == 1
        assert lab.living() == []
        assert resolver.keeper.holdings.users(APP) == []
        assert resolver.resolve("db")["username"] == b"user-2"

    def test_the_last_subscription_does_not_end_what_somebody_resolved(self, resolver, lab, run):
        with resolver.subscribe("db") as subscription:
            bundle = subscription.current
            assert resolver.resolve("db") is bundle
        run(resolver, 50, step=1)
        assert lab.living() == ["creds/app/1"]
        assert resolver.resolve("db") is bundle

    def test_subscribing_and_closing_at_the_same_time_leaves_no_subscription_to_nothing(self, make_resolver, lab):
        resolver = make_resolver(background=True)
        failures = []

        def work():
            for _ in range(30):
                with resolver.subscribe("kv") as subscription:
                    try:
                        assert subscription.current["a"]
                        entry = resolver.keeper.entries.get(SecretName("ns", "kv"))
                        assert entry is not None
                        assert subscription in entry.takers
                    except (AssertionError, SecretsError) as error:
                        failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []
        assert resolver.keeper.entries.get(SecretName("ns", "kv")) is None

    def test_memory_does_not_grow_with_rotations(self, resolver, lab, run):
        lab.roles["creds/app"].ttl = 6.0
        lab.roles["creds/app"].renewable = False
        resolver.subscribe("db")
        run(resolver, 600, step=0.5)
        holdings = resolver.keeper.holdings
        assert lab.made > 90
        assert len(holdings._core._terms) <= 8
        assert len(resolver.keeper.answers._kept) == 1
        assert len(holdings._users) == 1


class TestInterrupts:
    @pytest.mark.parametrize("raised", [KeyboardInterrupt(), SystemExit(1)])
    def test_an_interrupted_rotation_is_tried_again(self, resolver, lab, clock, run, raised):
        lab.roles["creds/app"].renewable = False
        subscription = resolver.subscribe("db")
        run(resolver, 1)
        lab.troubles["get", "creds/app"] = lambda: raise_(raised)
        with pytest.raises(type(raised)):
            run(resolver, 50)
        lab.up()
        run(resolver, 10)
        assert subscription.current["username"] == b"user-2"

    def test_an_interrupted_making_gives_its_lease_back(self, resolver, lab, clock, run, monkeypatch):
        resolver.resolve("db")
        from virtrigaud_secrets.runtime import making

        def interrupt(*_args, **_more):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(making, "render", interrupt)
            with pytest.raises(KeyboardInterrupt):
                resolver.refresh("db")
        run(resolver, 100)
        assert len(lab.living()) == 1
        assert resolver.resolve("db")["username"] == b"user-1"


def test_what_needs_itself_to_be_made_is_an_error_and_no_deadlock(resolver, lab):
    class Circular:
        @classmethod
        def from_bundle(cls, bundle):
            return resolver.resolve("db")

    subscription = resolver.subscribe("db", Circular)
    with pytest.raises(SecretsError, match="needs it to be made"):
        _ = subscription.current


def test_a_credentials_class_may_resolve_others(resolver, lab):
    class Joined:
        @classmethod
        def from_bundle(cls, bundle):
            return [bundle["username"], resolver.resolve("kv-too")["user"]]

    assert resolver.subscribe("db", Joined).current == [b"user-1", b"a"]


def test_a_subscriber_that_comes_late_is_filled(resolver, lab):
    resolver.resolve("db")
    subscription = resolver.subscribe("db")
    assert subscription.filled
    assert subscription.current is resolver.resolve("db")
    assert lab.made == 1


def test_a_path_that_stops_being_leased_reaches_subscribers(resolver, lab, clock, run):
    lab.roles["creds/app"].renewable = False
    subscription = resolver.subscribe("db")
    run(resolver, 1)
    del lab.roles["creds/app"]
    lab.secrets["creds/app"] = {"username": "plain", "password": "x", "mode": "good"}
    run(resolver, 50)
    assert eventually(lambda: subscription.current["username"] == b"plain")


def test_close_while_many_resolve_raises_nothing_but_closed(make_resolver, lab):
    for _ in range(10):
        resolver = make_resolver(concurrency=2)
        lab.troubles["get", ""] = lambda: time.sleep(0.002)
        outcomes, start = [], threading.Barrier(9)

        def work(resolver=resolver, outcomes=outcomes, start=start):
            start.wait()
            for name in ("kv", "mixed", "search", "db"):
                try:
                    resolver.resolve(name)
                    resolver.resolve_all()
                except Exception as error:  # noqa: BLE001  # what it is, is the question
                    outcomes.append(type(error))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        start.wait()
        time.sleep(0.003)
        resolver.close()
        for thread in threads:
            thread.join(20)
        assert set(outcomes) <= {ClosedError}
        with pytest.raises(ClosedError):
            resolver.resolve("kv")


def raise_(error):
    raise error


def eventually(wanted):
    until = time.monotonic() + 20
    while not wanted():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def test_no_log_event_error_or_status_shows_a_value(make_resolver, lab, clock, run, told, caplog):
    caplog.set_level("DEBUG")
    resolver = make_resolver()

    class Bad:
        def on_event(self, event):
            raise ValueError(CANARY)

        @classmethod
        def from_bundle(cls, bundle):
            raise ValueError(bundle.text("password"))

    resolver.observe(Bad())
    subscription = resolver.subscribe("other-db", Bad)
    refused = [outcome_of(lambda: subscription.current)]
    resolver.resolve_all()
    lab.mode = "poison"
    refused.append(outcome_of(lambda: resolver.refresh("db")))
    for error in (StoreUnavailableError("x"), ZeroDivisionError(CANARY), SecretNotFoundError("x")):
        lab.fail("get", "creds/app", error)
        lab.fail("get", "kv/a", error)
        refused += [outcome_of(lambda name=name: resolver.refresh(name)) for name in ("db", "kv", "mixed")]
        run(resolver, 40, step=1)
    assert all(isinstance(error, SecretsError) for error in refused)
    reports = [traceback.TracebackException.from_exception(error, capture_locals=True) for error in refused]
    frames = [frame for report in reports for frame in report.stack if "virtrigaud_secrets" in frame.filename]
    assert len(frames) > 20
    shown = [
        *(str(error) + repr(error) for error in refused),
        *(str(frame.locals) for frame in frames),
        *(repr(event) for event in told(resolver).seen),
        repr(resolver.health()),
        caplog.text,
    ]
    assert caplog.text
    assert not [text for text in shown if CANARY in text]
    assert not [text for text in shown if "creds/app/1" in text], "nor a lease id"


def outcome_of(ask):
    try:
        return ask()
    except Exception as error:  # noqa: BLE001  # what it is, is the question
        return error


def test_waiting_ends_on_a_clock_that_nobody_else_moves(resolver, lab, clock):
    lab.fail("get", "creds/app", StoreUnavailableError("connection refused"))
    subscription = resolver.subscribe("db")
    started = clock.elapsed()
    with pytest.raises(NotReadyError, match="connection refused"):
        resolver.wait_ready(timeout=timedelta(minutes=1))
    assert clock.elapsed() - started == pytest.approx(60)
    lab.up()
    resolver.wait_ready(timeout=timedelta(minutes=1))
    assert subscription.current["username"]
