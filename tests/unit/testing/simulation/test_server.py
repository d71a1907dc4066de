"""The simulated server answers as OpenBao was seen to."""

from __future__ import annotations

import math

import pytest

from virtrigaud_secrets.leases.verdicts import Meaning
from virtrigaud_secrets.stores.base import AnswerKind
from virtrigaud_secrets.testing.simulation import Fault, Refused, Role, SimulatedVault, TokenRole


@pytest.fixture
def vault() -> SimulatedVault:
    one = SimulatedVault()
    one.roles["short"] = Role(length=6, maximum=20)
    return one


def test_renewals_of_a_short_role_are_capped_and_then_not_found(vault):
    lease = vault.read("short", None, 0.0)
    granted = [vault.renew(lease.id, 6.0, None, at) for at in (2.5, 5.0, 7.5, 10.0, 12.5, 15.0, 17.5)]
    assert granted == [(6, False)] * 5 + [(5, True), (2, True)]
    with pytest.raises(Refused) as refused:
        vault.renew(lease.id, 6.0, None, 20.0)
    assert refused.value.meaning is Meaning.GONE


def test_a_renewal_can_shorten(vault):
    lease = vault.read("short", None, 0.0)
    assert vault.renew(lease.id, 2.0, None, 1.0) == (2, False)
    assert lease.end() == 3.0


def test_large_increment_gives_all_that_is_left(vault):
    lease = vault.read("short", None, 0.0)
    assert vault.renew(lease.id, 3600.0, None, 0.0) == (20, True)


def test_default_above_maximum(vault):
    vault.roles["r"] = Role(length=3600, maximum=8)
    assert vault.read("r", None, 0.0).end() == 8.0


def test_two_reads_are_two_credentials(vault):
    assert vault.read("short", None, 0.0).id != vault.read("short", None, 0.0).id


def test_lease_dies_with_its_token(vault):
    vault.login_role = TokenRole(length=5, maximum=15)
    token = vault.log_in(0.0)
    vault.roles["hour"] = Role(length=3600)
    lease = vault.read("hour", token, 0.0)
    assert lease.end() == 5.0
    assert [vault.renew_token(token, at) for at in (4.0, 8.0, 12.0)] == [(5, False), (5, False), (3, True)]
    with pytest.raises(Refused, match="past the max TTL"):
        vault.renew_token(token, 14.5)
    assert lease.end() == 15.0
    with pytest.raises(Refused) as refused:
        vault.read("hour", token, 15.0)
    assert refused.value.dead_token


def test_revocations(vault):
    one, two = vault.read("short", None, 0.0), vault.read("short", None, 0.0)
    vault.revoke("short", 1.0)
    assert one.end() == two.end() == 1.0
    token = vault.log_in(0.0)
    three = vault.read("short", token, 0.0)
    vault.restart_empty(2.0)
    assert (token.end(), three.end()) == (2.0, 2.0)


@pytest.mark.parametrize(
    ("role", "meaning"),
    [
        (Role(exists=False), Meaning.ROLE_GONE),
        (Role(may_renew=False), Meaning.DEFINITE),
        (Role(renewable=False), Meaning.NOT_RENEWABLE),
        (Role(kind=AnswerKind.CERTIFICATE), Meaning.NOT_RENEWABLE),
    ],
)
def test_refused_renewals(vault, role, meaning):
    exists, role.exists = role.exists, True
    vault.roles["r"] = role
    lease = vault.read("r", None, 0.0)
    role.exists = exists
    with pytest.raises(Refused) as refused:
        vault.renew(lease.id, 6.0, None, 1.0)
    assert refused.value.meaning is meaning


def test_look_up_rounds_down(vault):
    lease = vault.read("short", None, 0.0)
    assert vault.look_up(lease.id, None, 0.5) == 5
    vault.roles["short"].may_look_up = False
    with pytest.raises(Refused):
        vault.look_up(lease.id, None, 0.5)


@pytest.mark.parametrize("role", [Role(exists=False), Role(may_read=False)])
def test_refused_reads(vault, role):
    vault.roles["r"] = role
    with pytest.raises(Refused) as refused:
        vault.read("r", None, 0.0)
    assert refused.value.meaning is Meaning.DEFINITE


def test_tokens_that_may_not_look_at_themselves(vault):
    vault.login_role = TokenRole(may_look=False)
    token = vault.log_in(0.0)
    with pytest.raises(Refused):
        vault.look_at_token(token, 0.0)
    with pytest.raises(Refused):
        vault.renew_token(token, 0.0)


def test_looks_at_tokens(vault):
    assert vault.look_at_token(vault.log_in(0.0), 1.0) == 0
    vault.login_role = TokenRole(length=10, renewable=False)
    token = vault.log_in(0.0)
    assert vault.look_at_token(token, 0.5) == 9
    with pytest.raises(Refused, match="not renewable"):
        vault.renew_token(token, 1.0)
    vault.end_token(token, 2.0)
    assert token.end() == 2.0


def test_static_role_changes_late(vault):
    role = Role(kind=AnswerKind.STATIC_ROLE, length=10)
    vault.roles["s"] = role
    assert vault.static_ttl(role, 4.5) == 5
    assert vault.static_ttl(role, 20.3) == 0
    assert vault.static_ttl(role, 20.7) == 9
    assert vault.read("s", None, 20.3).end() == pytest.approx(20.6)
    assert vault.read("s", None, 20.7).end() == pytest.approx(30.6)


def test_what_has_no_end(vault):
    vault.roles["kv"] = Role(kind=AnswerKind.INTERVAL, length=60)
    assert vault.read("kv", None, 0.0).end() == math.inf


def test_proxy_repeats_a_lease_until_it_is_nearly_over(vault):
    vault.roles["p"] = Role(length=60, shared=True)
    one = vault.read("p", None, 0.0)
    assert vault.read("p", None, 44.0) is one
    assert vault.read("p", None, 46.0) is not one


def test_outages(vault):
    vault.outage(10.0, 5.0, Fault.THROTTLED, retry_after=3.0, path="a")
    vault.outage(12.0, 9.0)
    assert vault.fault(9.9, "a") is vault.fault(11.0, "b") is None
    assert vault.fault(10.0, "a") == (Fault.THROTTLED, 3.0)
    assert vault.fault(13.0, "b") == (Fault.UNAVAILABLE, None)


def test_tidy_forgets_what_ended_long_ago(vault):
    vault.login_role = TokenRole(length=5)
    vault.log_in(0.0)
    vault.read("short", None, 0.0)
    vault.tidy(60.0)
    assert (len(vault.leases), len(vault.tokens)) == (1, 1)
    vault.tidy(67.0)
    assert (len(vault.leases), len(vault.tokens)) == (0, 0)
