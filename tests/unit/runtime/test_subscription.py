import threading

import pytest

from virtrigaud_secrets.errors import (
    ClosedError,
    CredentialExpiredError,
    SecretNotFoundError,
    StoreUnavailableError,
    ValidationError,
)

CANARY = "canary-" + "91b2e7"


class Login:
    """A class of credentials."""

    def __init__(self, user):
        self.user = user

    @classmethod
    def from_bundle(cls, bundle):
        return cls(bundle.text("username"))


class Picky(Login):
    @classmethod
    def from_bundle(cls, bundle):
        if bundle.text("username") != "user-1":
            raise ValueError(bundle.text("password"))
        return super().from_bundle(bundle)


def test_the_first_current_waits_for_the_first_value(resolver, lab):
    subscription = resolver.subscribe("db")
    assert not subscription.filled
    assert lab.asked == []
    assert subscription.current["username"] == b"user-1"
    assert subscription.filled
    assert subscription.current is subscription.current
    assert lab.count("get") == 1


def test_a_value_is_of_the_class_that_was_named(resolver):
    subscription = resolver.subscribe("db", Login)
    assert subscription.current.user == "user-1"
    assert subscription.current is subscription.current


def test_what_was_resolved_before_is_not_read_again(resolver, lab):
    resolver.resolve("db")
    assert resolver.subscribe("db", Login).current.user == "user-1"
    resolver.run_due()
    assert lab.count("get") == 1


def test_follows_rotations_and_tells(resolver, lab, clock, run, told):
    lab.roles["creds/app"].renewable = False
    subscription, seen = resolver.subscribe("db", Login), []
    subscription.on_change(lambda new, old: seen.append((new.user, old and old.user)))
    run(resolver, 50)
    assert subscription.current.user == "user-2"
    told(resolver)
    assert seen == [("user-1", None), ("user-2", "user-1")]


def test_a_callback_that_was_ended_is_not_called(resolver, run, told):
    subscription, seen = resolver.subscribe("db", Login), []
    end = subscription.on_change(lambda new, old: seen.append(new))
    end()
    end()
    run(resolver, 1)
    told(resolver)
    assert seen == []


def test_a_callback_that_comes_late_is_told_of_the_value_in_force(resolver, run, told):
    subscription, seen = resolver.subscribe("db", Login), []
    run(resolver, 1)
    subscription.on_change(lambda new, old: seen.append((new.user, old)))
    resolver.refresh("db")
    told(resolver)
    assert [user for user, _ in seen] == ["user-1", "user-2"]
    assert [old and old.user for _, old in seen] == [None, "user-1"]


def test_no_change_no_call(resolver, run, told):
    subscription, seen = resolver.subscribe("kv"), []
    subscription.on_change(lambda new, old: seen.append(new))
    run(resolver, 200, step=5)
    told(resolver)
    assert len(seen) == 1


def test_a_value_that_the_class_refuses_keeps_the_old_one_and_hides_why(resolver, lab, clock, run):
    lab.roles["creds/app"].renewable = False
    subscription = resolver.subscribe("db", Picky)
    run(resolver, 55)
    assert subscription.current.user == "user-1"
    error = resolver.keeper.entries.get(subscription.name).error
    assert isinstance(error, ValidationError)
    assert "ValueError" in str(error)
    assert CANARY not in str(error)
    clock.advance(10)
    with pytest.raises(CredentialExpiredError, match="creds/app"):
        _ = subscription.current


def test_current_says_why_there_is_none(resolver, lab):
    lab.fail("get", "creds/app", StoreUnavailableError("connection refused"))
    subscription = resolver.subscribe("db")
    with pytest.raises(StoreUnavailableError, match="refused"):
        _ = subscription.current


def test_gone_is_gone_at_once(resolver, lab, clock, run):
    subscription = resolver.subscribe("kv")
    run(resolver, 1)
    del lab.secrets["kv/a"]
    run(resolver, 61)
    assert not subscription.filled
    with pytest.raises(SecretNotFoundError):
        _ = subscription.current


def test_close_lets_go_of_the_lease(resolver, lab, run):
    with resolver.subscribe("db") as subscription:
        run(resolver, 1)
    subscription.close()
    run(resolver, 1)
    assert lab.cut == [("creds/app/1", 1.0)]
    with pytest.raises(ClosedError):
        _ = subscription.current


def test_the_last_of_several_lets_go(resolver, lab, run):
    first, second = resolver.subscribe("db"), resolver.subscribe("db", Login)
    run(resolver, 1)
    first.close()
    run(resolver, 1)
    assert lab.cut == []
    assert second.current.user == "user-1"
    second.close()
    run(resolver, 1)
    assert len(lab.cut) == 1


def test_a_closed_resolver_gives_nothing(resolver, run):
    subscription = resolver.subscribe("db")
    run(resolver, 1)
    resolver.close()
    with pytest.raises(ClosedError):
        _ = subscription.current
    with pytest.raises(ClosedError):
        resolver.subscribe("db")


def test_use_gives_the_value_and_lets_go_whatever_happens(resolver, run):
    subscription = resolver.subscribe("db", Login)
    run(resolver, 1)
    seen = []

    def fail():
        with subscription.use() as value:
            seen.append(value.user)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert seen == ["user-1"]
    core = resolver.keeper.holdings._core
    assert [term.pins for term in core._terms.values() if term.lease_id] == [0]


def test_report_failure_of_a_value_that_was_replaced_leads_to_nothing(resolver, lab, clock, run):
    lab.roles["creds/app"].renewable = False
    subscription = resolver.subscribe("db", Login)
    run(resolver, 1)
    old = subscription.current
    run(resolver, 49)
    assert subscription.current is not old
    asked = len(lab.asked)
    subscription.report_failure(old)
    run(resolver, 1)
    assert len(lab.asked) == asked


def test_repr_shows_no_value(resolver, run):
    subscription = resolver.subscribe("db")
    run(resolver, 1)
    assert repr(subscription) == "<Subscription ns/db>"


def test_many_threads_wait_for_the_first_value_together(resolver, lab):
    subscription, seen = resolver.subscribe("db", Login), []
    start = threading.Barrier(16)

    def ask():
        start.wait()
        seen.append(subscription.current)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(seen) == 16
    assert {value.user for value in seen} == {"user-1"}
    assert lab.count("get") == 1
