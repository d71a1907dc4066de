from dataclasses import replace

import pytest

from virtrigaud_secrets.cache.entries import SecretName
from virtrigaud_secrets.errors import InvalidRequestError, LeaseNotFoundError, StoreUnavailableError
from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.leases.actions import LookUp, Read, Renew, RenewLogin
from virtrigaud_secrets.stores.base import AnswerKind, Fetch, LoginState, StoreKey

STORE = StoreKey("SecretStore", "ns", "lab")
APP = Fetch(store=STORE, key="creds/app")
DB, KV = SecretName("ns", "db"), SecretName("ns", "kv")
LOGIN = LoginState(generation=1, own=True, renewable=True, replaceable=True, duration=1000, sent=0.0)


@pytest.fixture
def work(resolver):
    return resolver._upkeep.work


def due(resolver):
    return resolver.keeper.holdings.due()[0]


def next_due(resolver, clock):
    while not (actions := due(resolver)):
        clock.advance(0.1)
    (action,) = actions
    return action


def run_to(resolver, clock, until, *, only=None):
    """Carry out what is due until then; `only` says of which kind all but renewals of leases have to be."""
    while clock.elapsed() < until:
        for action in due(resolver):
            assert only is None or isinstance(action, only | Renew)
            resolver._upkeep.work.carry_out(action)
        clock.advance(0.5)


def snapshot_of(resolver, name=DB):
    return resolver.keeper.entries.get(name).snapshot


def test_renews_and_moves_the_end(resolver, work, lab, clock):
    resolver.resolve("db")
    clock.advance(39)
    (action,) = due(resolver)
    assert isinstance(action, Renew)
    work.carry_out(action)
    assert lab.cut == [("creds/app/1", 60.0)]
    assert snapshot_of(resolver).ends == 99


def test_reads_anew_what_cannot_be_renewed(resolver, work, lab, clock):
    lab.roles["creds/app"].renewable = False
    first = resolver.resolve("db")
    clock.advance(48)
    (action,) = due(resolver)
    assert isinstance(action, Read)
    work.carry_out(action)
    second = resolver.resolve("db")
    assert (first["username"], second["username"]) == (b"user-1", b"user-2")
    assert (lab.count("get", "creds/app"), lab.count("renew")) == (2, 0)


def test_looks_up_what_a_renewal_left_in_doubt(resolver, work, lab, clock):
    resolver.resolve("db")
    clock.advance(39)
    lab.fail("renew", "creds/app", InvalidRequestError("failed to renew entry"))
    work.carry_out(due(resolver)[0])
    action = next_due(resolver, clock)
    assert isinstance(action, LookUp)
    work.carry_out(action)
    assert lab.count("look up") == 1
    assert snapshot_of(resolver).ends == pytest.approx(60)
    assert lab.made == 1


def test_reads_a_manifest_by_interval(resolver, work, lab, clock):
    subscription = resolver.subscribe("kv")
    (action,) = due(resolver)
    assert isinstance(action, Read)
    assert action.key == KV
    work.carry_out(action)
    assert sorted(subscription.current) == ["a", "b"]
    assert lab.count("get") == 2


def test_a_failure_is_reported_and_tried_again(resolver, work, lab, clock, told):
    resolver.subscribe("kv")
    lab.down("get")
    work.carry_out(due(resolver)[0])
    assert due(resolver) == []
    assert told(resolver).kinds("kv")[EventKind.ERROR] >= 1
    clock.advance(10)
    lab.up()
    work.carry_out(due(resolver)[0])
    assert snapshot_of(resolver, KV) is not None


def test_what_nobody_uses_any_more_is_not_read(resolver, work, lab, clock):
    lab.roles["creds/app"].renewable = False
    resolver.resolve("db")
    clock.advance(48)
    (action,) = due(resolver)
    resolver.keeper.forget(DB)
    work.carry_out(action)
    assert lab.count("get", "creds/app") == 1


def test_a_path_that_stops_being_leased_is_read_by_interval_from_then_on(resolver, work, lab, clock):
    lab.roles["creds/app"].renewable = False
    resolver.resolve("db")
    clock.advance(48)
    (action,) = due(resolver)
    del lab.roles["creds/app"]
    lab.secrets["creds/app"] = {"username": "plain", "password": "x", "mode": "good"}
    work.carry_out(action)
    clock.advance(20)
    assert resolver.resolve("db")["username"] == b"plain"


class TestLogins:
    @pytest.fixture(autouse=True)
    def login(self, lab):
        lab.state = LOGIN

    def test_is_renewed_in_time(self, resolver, work, lab, clock):
        resolver.resolve("db")
        run_to(resolver, clock, 700, only=RenewLogin)
        assert lab.count("renew login") == 1
        assert lab.state.sent > 500

    def test_one_that_cannot_be_renewed_is_replaced_and_ended_once_nothing_hangs_on_it(self, resolver, lab, clock):
        lab.state = replace(LOGIN, renewable=False)
        resolver.resolve("db")
        run_to(resolver, clock, 1200)
        assert (lab.count("log in"), lab.count("end login")) == (1, 1)
        assert lab.asked.index(("log in", "1")) < lab.asked.index(("end login", "1"))
        assert resolver.resolve("db")["username"] != b"user-1"

    def test_one_that_was_given_is_asked_about_once(self, resolver, lab, clock):
        lab.state = replace(LOGIN, own=False, renewable=False, replaceable=False, duration=None)
        lab.troubles["inspect login", ""] = lambda: setattr(lab, "state", replace(lab.state, duration=0))
        resolver.resolve("db")
        run_to(resolver, clock, 300)
        assert lab.count("inspect login") == 1
        assert lab.count("end login") == 0

    def test_a_failure_is_reported_and_not_raised(self, resolver, lab, clock, told):
        lab.down("renew login", error=StoreUnavailableError("connection refused"))
        resolver.resolve("db")
        run_to(resolver, clock, 680)
        assert lab.count("renew login") >= 2
        assert any(event.reason == "connection refused" for event in told(resolver).seen)

    def test_a_lease_ends_with_its_login(self, resolver, work, lab, clock):
        lab.state = replace(LOGIN, duration=30, renewable=False, replaceable=False)
        resolver.resolve("db")
        assert snapshot_of(resolver).ends == 30


@pytest.mark.parametrize("raised", [ZeroDivisionError("canary"), LeaseNotFoundError("x")], ids=["bug", "gone"])
@pytest.mark.parametrize("what", ["renew", "look up", "get"])
def test_whatever_a_backend_raises_nothing_comes_out(resolver, lab, clock, told, what, raised):
    lab.roles["creds/app"].renewable = what != "get"
    resolver.resolve("db")
    lab.fail(what, "creds/app", raised)
    if what == "look up":
        lab.fail("renew", "creds/app", InvalidRequestError("failed to renew entry"))
    run_to(resolver, clock, 55)
    assert lab.count(what) >= 1
    lab.up()
    clock.advance(10)
    assert resolver.resolve("db")["username"]
    assert "canary" not in str(told(resolver).seen)


def test_kinds_of_answers_have_their_own_ends(resolver, lab):
    resolver.resolve("certificate")
    assert snapshot_of(resolver, SecretName("ns", "certificate")).ends == 3600
    assert lab.roles["pki/web"].kind is AnswerKind.CERTIFICATE


def test_a_renewal_that_nobody_answers_shows_in_health(resolver, work, lab, clock):
    resolver.resolve("db")
    assert resolver.health().stores == {"SecretStore ns/lab": True}
    clock.advance(39)
    (action,) = due(resolver)
    lab.down("renew", error=StoreUnavailableError("nobody answers"))
    work.carry_out(action)
    assert resolver.health().stores == {"SecretStore ns/lab": False}
