import pytest

from virtrigaud_secrets.cache.answers import Kept
from virtrigaud_secrets.cache.entries import SecretName
from virtrigaud_secrets.leases.actions import Read, Renew
from virtrigaud_secrets.leases.verdicts import Meaning, Verdict
from virtrigaud_secrets.runtime.health import LoginStatus
from virtrigaud_secrets.stores.base import AnswerKind, Fetch, LoginState, StoreKey

STORE = StoreKey("SecretStore", "ns", "lab")
APP = Fetch(store=STORE, key="creds/app")
DB, DB_TOO = SecretName("ns", "db"), SecretName("ns", "db-too")


@pytest.fixture
def keeper(resolver):
    return resolver.keeper


@pytest.fixture
def holdings(keeper):
    return keeper.holdings


def test_what_hangs_on_nothing_has_no_serial(resolver, holdings, lab, clock):
    resolver.resolve("kv")
    answer = lab.read(Fetch(store=STORE, key="kv/a"))
    assert holdings.offer(Fetch(store=STORE, key="kv/a"), Kept(answer, clock.elapsed())) == 0


def test_a_lease_is_known_from_the_first_read_on(resolver, holdings):
    resolver.resolve("db")
    snapshot = resolver.keeper.entries.get(DB).snapshot
    assert snapshot.ends == 60
    assert holdings.users(APP) == [DB]
    assert holdings.is_usable(APP, snapshot.serials[APP])
    assert holdings.is_usable(APP, snapshot.serials[APP], min_ttl=60)
    assert not holdings.is_usable(APP, snapshot.serials[APP], min_ttl=61)
    assert holdings.is_in_force(APP, snapshot.serials[APP])
    assert not holdings.is_in_force(APP, snapshot.serials[APP] + 1)


def test_a_grant_says_what_the_answer_says(resolver, holdings, lab, clock):
    clock.advance(100)
    grant = holdings.grant_of(Kept(lab.read(APP), clock.elapsed()))
    assert (grant.kind, grant.sent, grant.length, grant.renewable) == (AnswerKind.LEASE, 100, 60, True)
    assert grant.lease_id == "creds/app/1"
    certificate = lab.read(Fetch(store=STORE, key="pki/web"))
    clock.advance(10)
    grant = holdings.grant_of(Kept(certificate, 100.0))
    assert (grant.kind, grant.length, grant.renewable, grant.lease_id) == (AnswerKind.CERTIFICATE, 3600, False, "")


def test_who_uses_it_is_noted_and_the_last_one_lets_go(resolver, keeper, holdings, lab):
    resolver.resolve("db")
    resolver.resolve("db-too")
    assert holdings.users(APP) == [DB, DB_TOO]
    keeper.forget(DB)
    assert holdings.users(APP) == [DB_TOO]
    assert lab.count("renew") == 0
    keeper.forget(DB_TOO)
    assert holdings.users(APP) == []
    resolver.run_due()
    assert lab.cut == [("creds/app/1", 1.0)]


def test_what_is_refused_changes_nothing(resolver, holdings, lab, clock):
    resolver.resolve("db")
    before = resolver.keeper.entries.get(DB).snapshot.serials[APP]
    serial = holdings.offer(APP, Kept(lab.read(APP), clock.elapsed()))
    assert not holdings.is_usable(APP, before)
    assert holdings.reject(APP, serial, Verdict(Meaning.DEFINITE))
    assert not holdings.reject(APP, serial, Verdict(Meaning.DEFINITE))
    assert holdings.is_in_force(APP, before)
    assert holdings.is_usable(APP, before)


def test_a_renewal_moves_the_ends_of_all_who_use_it(resolver, keeper, holdings, clock):
    resolver.resolve("db")
    resolver.resolve("db-too")
    clock.advance(40)
    resolver.run_due()
    assert {keeper.entries.get(name).snapshot.ends for name in (DB, DB_TOO)} == {100}


def test_due_gives_what_is_to_be_sent_once(resolver, holdings, clock):
    resolver.resolve("db")
    requests, due_at = holdings.due()
    assert requests == []
    assert 30 <= due_at <= 39
    clock.advance(40)
    (request,) = holdings.due()[0]
    assert isinstance(request, Renew)
    assert request.increment == 60
    assert holdings.due()[0] == []


def test_keep_reading_reads_what_was_never_read(resolver, keeper, holdings):
    entry = keeper.entries.obtain(SecretName("ns", "kv"))
    holdings.keep_reading(entry, 60.0)
    (request,) = holdings.due()[0]
    assert isinstance(request, Read)
    assert request.key == entry.name


def test_no_lock_is_held_while_somebody_is_told(resolver, holdings, monkeypatch):
    seen = []

    def tell(happened, name):
        seen.append(holdings._lock.locked())

    monkeypatch.setattr(holdings, "_tell", tell)
    resolver.resolve("db")
    holdings.call(lambda core, now: core.jumped(100.0, now))
    holdings.pass_on()
    assert seen
    assert not any(seen)


def test_a_closed_store_has_no_login_to_see(resolver, holdings):
    resolver.resolve("kv")
    resolver.close()
    holdings.see_login(STORE)
    assert holdings.due()[0] == []


def test_the_logins_that_leases_hang_on(resolver, holdings, lab, clock):
    assert holdings.logins() == ()
    lab.state = LoginState(generation=1, own=True, renewable=True, replaceable=True, duration=1000, sent=0.0)
    resolver.resolve("db")
    clock.advance(10)
    assert holdings.logins() == (LoginStatus(store="SecretStore ns/lab", ends_in=990, life=1000),)
    assert resolver.health().logins == holdings.logins()
