from __future__ import annotations

import pytest

from virtrigaud_secrets.leases.actions import EndLogin, InspectLogin, LogIn, LookUp, Read, Renew, RenewLogin
from virtrigaud_secrets.leases.verdicts import Meaning
from virtrigaud_secrets.stores.base import AnswerKind, StoreKey
from virtrigaud_secrets.testing.simulation import Fault, Role, SimulatedVault, TokenRole
from virtrigaud_secrets.testing.simulation.client import Reply, SimulatedClient

STORE = StoreKey("SecretStore", "ns", "vault")
READ = Read(key="k", generation=1)


@pytest.fixture
def counted() -> list[str]:
    return []


@pytest.fixture
def client(counted) -> SimulatedClient:
    vault = SimulatedVault()
    vault.login_role = TokenRole(length=60, maximum=100)
    vault.roles["r"] = Role(length=30, maximum=50)
    return SimulatedClient(vault, lambda kind, key, at: counted.append(kind))


def send(client: SimulatedClient, action, now: float = 0.0, path: str = "r") -> Reply:
    reply = client.send(action, path, sent=now - 0.01, now=now)
    assert reply is not None
    return reply


def test_read_logs_in_and_gives_what_the_core_needs(client, counted):
    grant = send(client, READ).grant
    assert grant is not None
    assert (grant.kind, grant.length, grant.renewable, grant.login, grant.sent) == (
        AnswerKind.LEASE,
        30.0,
        True,
        1,
        -0.01,
    )
    assert counted == ["login"]
    send(client, READ)
    assert counted == ["login"]


def test_renew_and_look_up(client):
    grant = send(client, READ).grant
    assert grant is not None
    renewed = send(client, Renew(key="k", serial=1, lease_id=grant.lease_id, increment=30.0), 25.0)
    assert renewed.extension is not None
    assert (renewed.extension.duration, renewed.extension.capped) == (25, True)
    assert send(client, LookUp(key="k", serial=1, lease_id=grant.lease_id), 25.5).remaining == 24.0
    gone = send(client, LookUp(key="k", serial=1, lease_id="r/99"), 25.5)
    assert gone.verdict is not None
    assert gone.verdict.meaning is Meaning.GONE


def test_dead_token_is_replaced_once_and_the_request_sent_again(client, counted):
    send(client, READ)
    client.vault.end_token(client.vault.tokens[0], 5.0)
    reply = send(client, READ, 6.0)
    assert reply.grant is not None
    assert reply.login is not None
    assert (reply.login.generation, reply.login.replaced_dead) == (2, True)
    assert counted == ["login", "login"]


def test_dead_token_that_cannot_be_replaced(client):
    client.vault.login_role = TokenRole(length=60, replaceable=False)
    send(client, READ)
    client.vault.end_token(client.vault.tokens[0], 5.0)
    reply = send(client, READ, 6.0)
    assert reply.verdict is not None
    assert reply.verdict.meaning is Meaning.DEFINITE


def test_logins(client):
    client.vault.login_role.told = False
    state = send(client, READ).login
    assert state is not None
    assert state.duration is None
    state = send(client, InspectLogin(store=STORE, generation=1), 1.5).login
    assert state is not None
    assert state.duration == 58
    state = send(client, RenewLogin(store=STORE, generation=1), 50.0).login
    assert state is not None
    assert (state.duration, state.capped) == (50, True)
    state = send(client, LogIn(store=STORE, generation=1), 51.0).login
    assert state is not None
    assert (state.generation, state.replaced_dead) == (2, False)
    send(client, EndLogin(store=STORE, generation=1), 52.0)
    assert client.vault.tokens[0].end() == 52.0


def test_refused_login(client):
    send(client, READ)
    client.vault.outage(1.0, 9.0, Fault.NO_LOGIN)
    reply = send(client, LogIn(store=STORE, generation=1), 2.0)
    assert reply.verdict is not None
    client.vault.end_token(client.vault.tokens[0], 2.0)
    reply = send(client, READ, 3.0)
    assert reply.verdict is not None


@pytest.mark.parametrize(
    ("fault", "meaning", "acted"),
    [
        # Nobody knows what a server did that answers so.
        (Fault.UNAVAILABLE, Meaning.TRANSIENT, True),
        (Fault.THROTTLED, Meaning.TRANSIENT, False),
        (Fault.LOST, Meaning.TRANSIENT, True),
        (Fault.DATABASE, Meaning.TRANSIENT, True),
        (Fault.NO_READ, Meaning.TRANSIENT, True),
    ],
)
def test_faults_of_a_read(client, fault, meaning, acted):
    client.vault.outage(0.0, 9.0, fault, retry_after=4.0)
    verdict = send(client, READ).verdict
    assert verdict is not None
    assert (verdict.meaning, verdict.acted) == (meaning, acted)
    assert verdict.retry_after == (4.0 if fault is Fault.THROTTLED else None)
    assert len(client.vault.leases) == (fault is Fault.LOST)


def test_database_down_fails_renewals_and_not_look_ups(client):
    grant = send(client, READ).grant
    assert grant is not None
    client.vault.outage(1.0, 9.0, Fault.DATABASE)
    verdict = send(client, Renew(key="k", serial=1, lease_id=grant.lease_id, increment=30.0), 2.0).verdict
    assert verdict is not None
    assert verdict.meaning is Meaning.UNKNOWN
    assert send(client, LookUp(key="k", serial=1, lease_id=grant.lease_id), 2.0).remaining == 28.0


def test_hanging(client):
    client.vault.outage(0.0, 9.0, Fault.HANGING)
    assert client.send(READ, "r", sent=0.0, now=1.0) is None


def test_static_role_and_what_has_no_end(client):
    client.vault.roles["s"] = Role(kind=AnswerKind.STATIC_ROLE, length=10)
    client.vault.roles["kv"] = Role(kind=AnswerKind.INTERVAL, length=77)
    static = send(client, READ, 3.0, "s").grant
    value = send(client, READ, 3.0, "kv").grant
    assert static is not None
    assert value is not None
    assert (static.length, static.lease_id, static.login) == (7.0, "", 0)
    assert (value.length, value.lease_id, value.login) == (77, "", 0)
