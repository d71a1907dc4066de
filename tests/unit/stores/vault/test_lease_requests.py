import math
import threading

import pytest

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ClosedError,
    InvalidRequestError,
    LeaseNotFoundError,
    LeaseNotRenewableError,
    LeaseRoleGoneError,
    StoreUnavailableError,
)
from virtrigaud_secrets.stores.base import Extension, Fetch, StoreKey
from virtrigaud_secrets.stores.vault.client import VaultClient
from virtrigaud_secrets.stores.vault.lease_requests import LOOK_UP_LEASE, RENEW_LEASE

STORE = StoreKey("SecretStore", "team", "vault-secret-store")
CREDS = "vsphere/creds/dynamic-role"
LEASE = f"{CREDS}/opensesame"
KUBERNETES = {"kubernetes": {"role": "virtrigaud-role", "serviceAccountRef": {"name": "external-secrets"}}}
LOGIN = "auth/kubernetes/login"
MOUNT = {"data": {"path": "vsphere/", "type": "database"}}
CAPPED = ['TTL of "1h" exceeded the effective max_ttl of "8s"; TTL value is capped accordingly']


def credential(lease=LEASE, duration=6):
    return {
        "lease_id": lease,
        "renewable": True,
        "lease_duration": duration,
        "data": {"username": "v-1", "password": "canary-1"},
    }


def granted(server, token="own-1", life=100, **fields):
    return server.say(200, {"auth": {"client_token": token, "lease_duration": life, "renewable": True} | fields})


@pytest.fixture
def make(make_spec, make_context, server):
    made = []

    def make(auth=None, **context):
        spec = make_spec(**({"auth": auth} if auth else {}))
        client = VaultClient(spec, make_context(**context))
        made.append(client)
        return client

    server.on("GET", f"sys/internal/ui/mounts/{CREDS}", server.say(200, MOUNT))
    server.on("GET", CREDS, server.say(200, credential()))
    yield make
    for client in made:
        client.close(revoke=False)


@pytest.fixture
def client(make):
    made = make()
    made.get(Fetch(store=STORE, key=CREDS))
    return made


def renewed(duration=6, **fields):
    return {"lease_id": LEASE, "renewable": True, "lease_duration": duration, "data": None} | fields


class TestRenew:
    def test_asks_for_the_increment_in_whole_seconds(self, client, server, clock):
        server.on("PUT", RENEW_LEASE, server.say(200, renewed()))
        clock.advance(3)
        assert client.leases.renew(LEASE, increment=5.2) == Extension(duration=6, sent=3.0)
        assert server.seen[-1].body == {"lease_id": LEASE, "increment": 6}

    @pytest.mark.parametrize("increment", [0.0, -3.0, 0.2])
    def test_asks_for_at_least_a_second(self, client, server, increment):
        server.on("PUT", RENEW_LEASE, server.say(200, renewed(1)))
        client.leases.renew(LEASE, increment=increment)
        assert server.seen[-1].body["increment"] == 1

    def test_says_where_the_server_gave_less(self, client, server):
        server.on("PUT", RENEW_LEASE, server.say(200, renewed(2, warnings=CAPPED)))
        assert client.leases.renew(LEASE, increment=6).capped

    def test_42_odd_answers_become_no_odd_lease(self, client, server):
        """Another lease id and data are nobody's; a duration is within reason, and nothing for none."""
        for duration, expected in ((0, 0), (-5, 0), (10**30, 10 * 365 * 24 * 3600), ("6", 0), (None, 0)):
            server.on("PUT", RENEW_LEASE, server.say(200, renewed(duration, lease_id="other", data={"password": "x"})))
            assert client.leases.renew(LEASE, increment=6).duration == expected

    @pytest.mark.parametrize(
        ("status", "said", "error"),
        [
            (400, "lease not found", LeaseNotFoundError),
            (400, "invalid lease", LeaseNotFoundError),
            (400, "lease is not renewable", LeaseNotRenewableError),
            (400, "failed to renew entry: could not find role with name x", LeaseRoleGoneError),
            (400, "failed to renew entry: connection refused", InvalidRequestError),
            (403, "1 error occurred:\n\t* permission denied\n\n", AccessDeniedError),
            (500, "internal error", StoreUnavailableError),
        ],
    )
    def test_each_refusal_has_its_meaning(self, client, server, status, said, error):
        server.on("PUT", RENEW_LEASE, server.say(status, {"errors": [said]}))
        asked = len(server.seen)
        with pytest.raises(error) as caught:
            client.leases.renew(LEASE, increment=6)
        assert type(caught.value) is error
        assert caught.value.store == str(STORE)
        assert LEASE not in str(caught.value)
        assert len(server.seen) == asked + 1

    def test_a_lease_that_is_gone_is_not_handed_back(self, client, server):
        server.on("PUT", RENEW_LEASE, server.say(400, {"errors": ["lease not found"]}))
        with pytest.raises(LeaseNotFoundError):
            client.leases.renew(LEASE, increment=6)
        client.close()
        assert server.asked("sys/leases/revoke") == 0

    def test_a_renewed_lease_is_handed_back_after_its_first_end(self, client, server, clock):
        server.on("PUT", RENEW_LEASE, server.say(200, renewed(60)))
        server.on("PUT", "sys/leases/revoke", server.say(204))
        client.leases.renew(LEASE, increment=60)
        clock.advance(30)
        client.close()
        assert [seen.body for seen in server.seen if seen.path == "sys/leases/revoke"] == [{"lease_id": LEASE}]

    def test_an_answer_out_of_a_cache_says_so_and_when_it_was_made(self, client, server, clock):
        clock.advance(100)
        server.on("PUT", RENEW_LEASE, server.say(200, renewed(), X_Cache="HIT", Age="40"))
        assert client.leases.renew(LEASE, increment=6) == Extension(duration=6, sent=60.0, shared=True)

    def test_no_two_requests_look_the_same_to_a_cache(self, client, server):
        server.on("PUT", RENEW_LEASE, server.say(200, renewed()))
        client.leases.renew(LEASE, increment=6)
        client.leases.renew(LEASE, increment=6)
        first, second = (seen.headers["X-Virtrigaud-Request"] for seen in server.seen[-2:])
        assert first != second


class TestRemaining:
    def test_is_what_the_server_says(self, client, server):
        server.on("PUT", LOOK_UP_LEASE, server.say(200, {"data": {"ttl": 4, "expire_time": "2030-01-01T00:00:00Z"}}))
        assert client.leases.remaining(LEASE) == 4.0
        assert server.seen[-1].body == {"lease_id": LEASE}

    def test_a_lease_without_an_end(self, client, server):
        server.on("PUT", LOOK_UP_LEASE, server.say(200, {"data": {"ttl": 0, "expire_time": None}}))
        assert client.leases.remaining(LEASE) == math.inf

    def test_one_that_is_gone(self, client, server):
        server.on("PUT", LOOK_UP_LEASE, server.say(400, {"errors": ["invalid lease"]}))
        with pytest.raises(LeaseNotFoundError):
            client.leases.remaining(LEASE)

    def test_an_answer_that_says_nothing(self, client, server):
        server.on("PUT", LOOK_UP_LEASE, server.say(200, {"data": None}))
        with pytest.raises(StoreUnavailableError, match="nothing of the lease"):
            client.leases.remaining(LEASE)


class TestLogin:
    @pytest.fixture
    def own(self, make, server):
        server.on("POST", LOGIN, granted(server), granted(server, "own-2"))
        made = make(KUBERNETES, token="")
        made.get(Fetch(store=STORE, key=CREDS))
        return made

    def test_there_is_none_before_the_first(self, make, server):
        assert make(KUBERNETES, token="").leases.login() is None
        assert server.seen == []

    def test_one_of_ours(self, own):
        state = own.leases.login()
        assert (state.generation, state.own, state.renewable, state.replaceable, state.duration) == (
            1,
            True,
            True,
            True,
            100,
        )

    def test_one_that_was_given_is_asked_about(self, client, server, clock):
        state = client.leases.login()
        assert (state.own, state.replaceable, state.duration) == (False, False, None)
        clock.advance(7)
        server.on("GET", "auth/token/lookup-self", server.say(200, {"data": {"ttl": 50, "renewable": True}}))
        state = client.leases.inspect_login(1)
        assert (state.duration, state.renewable, state.sent) == (50, True, 7.0)
        assert client.leases.login() == state

    def test_is_extended_by_what_it_was_granted(self, own, server, clock):
        clock.advance(60)
        server.on("POST", "auth/token/renew-self", granted(server, life=90, warnings=None))
        state = own.leases.renew_login(1)
        assert (state.generation, state.duration, state.sent) == (1, 90, 60.0)
        assert server.seen[-1].body == {"increment": 100}
        assert server.asked(LOGIN) == 1

    def test_18_past_its_maximum_is_an_error_and_renewing_is_not_repeated(self, own, server):
        server.on("POST", "auth/token/renew-self", server.say(500, {"errors": ["past the max TTL, cannot renew"]}))
        with pytest.raises(InvalidRequestError):
            own.leases.renew_login(1)
        assert server.asked("auth/token/renew-self") == 1

    def test_is_replaced_and_the_old_one_ended_later(self, own, server):
        state = own.leases.log_in_anew(1)
        assert (state.generation, state.replaced_dead) == (2, False)
        assert server.asked("auth/token/revoke-self") == 0
        server.on("POST", "auth/token/revoke-self", server.say(204))
        own.leases.end_login(1)
        assert server.seen[-1].token == "own-1"
        own.leases.end_login(1)
        own.leases.end_login(2)
        assert server.asked("auth/token/revoke-self") == 1

    def test_what_was_replaced_meanwhile_gives_the_login_in_use(self, own, server):
        own.leases.log_in_anew(1)
        asked = len(server.seen)
        for again in (own.leases.log_in_anew, own.leases.renew_login, own.leases.inspect_login):
            assert again(1).generation == 2
        assert len(server.seen) == asked

    def test_one_that_the_server_refuses_is_replaced_and_known_dead(self, own, server):
        server.on("POST", "auth/token/renew-self", server.say(403, {"errors": ["permission denied"]}))
        state = own.leases.renew_login(1)
        assert (state.generation, state.replaced_dead) == (2, True)

    def test_nothing_is_asked_of_a_closed_store(self, own):
        own.close()
        with pytest.raises(ClosedError):
            own.leases.renew_login(1)
        with pytest.raises(ClosedError):
            own.leases.log_in_anew(1)


def test_19_a_token_revoked_behind_the_back_is_replaced_by_exactly_one_login(make, server):
    """Fifty threads read; each request is sent at most once more."""
    dead = threading.Event()
    server.on("POST", LOGIN, granted(server), granted(server, "own-2"))

    def read(seen):
        if dead.is_set() and seen.token == "own-1":
            return server.say(403, {"errors": ["permission denied"]})
        return server.say(200, {"data": {"data": {"password": "x"}, "metadata": {"version": 1}}})

    server.on("GET", "secret/data/a", read)
    client = make(KUBERNETES, token="")
    client.get(Fetch(store=STORE, key="a"))
    dead.set()
    outcomes, start = [], threading.Barrier(50)

    def ask():
        start.wait()
        outcomes.append(client.get(Fetch(store=STORE, key="a")).path)

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outcomes == ["secret/data/a"] * 50
    assert server.asked(LOGIN) == 2
    assert server.asked("secret/data/a") <= 1 + 100
    assert client.leases.login().replaced_dead


def test_20_a_path_that_policy_denies_leads_to_no_login(make, server):
    denied = {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}
    server.on("POST", LOGIN, granted(server))
    server.on("GET", "secret/data/denied", server.say(403, denied))
    server.on("GET", "secret/data/a", server.say(200, {"data": {"data": {}, "metadata": {"version": 1}}}))
    server.on("GET", "auth/token/lookup-self", server.say(200, {"data": {"ttl": 50}}))
    client = make(KUBERNETES, token="")
    outcomes, start = [], threading.Barrier(50)

    def ask(number):
        start.wait()
        try:
            outcomes.append(client.get(Fetch(store=STORE, key="denied" if number % 2 else "a")).path)
        except AccessDeniedError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=ask, args=[number]) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["access-denied"] * 25 + ["secret/data/a"] * 25
    assert server.asked(LOGIN) == 1
    assert server.asked("secret/data/denied") == 25
