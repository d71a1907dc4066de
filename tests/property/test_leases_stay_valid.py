"""No schedule lets a renewable lease lapse while the server answers; faults of any kind are survived."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from virtrigaud_secrets.stores.base import AnswerKind
from virtrigaud_secrets.testing.simulation import Fault, Role, TokenRole, World

LENGTHS = st.one_of(st.integers(2, 20), st.integers(20, 600), st.integers(600, 24 * 3600)).map(float)
SEEDS = st.integers(0, 2**32)


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS,
    length=LENGTHS,
    maximum=st.floats(1.0, 60.0),
    leases=st.integers(1, 4),
    renewable=st.booleans(),
    may_renew=st.booleans(),
    latency=st.floats(0.0, 1 / 30),
    token=st.one_of(st.none(), st.tuples(st.floats(0.2, 20), st.floats(1, 30), st.booleans())),
)
@example(
    seed=1, length=6.0, maximum=20 / 6, leases=4, renewable=True, may_renew=True, latency=0.01, token=(0.9, 3.0, True)
)
def test_no_lease_lapses_while_the_server_answers(seed, length, maximum, leases, renewable, may_renew, latency, token):
    ttl = max(int(token[0] * length), 5) if token else length
    world = World(seed=seed, latency=min(latency * min(length, ttl), 5.0), timeout=30)
    if token is not None:
        world.vault.login_role = TokenRole(length=int(ttl), maximum=token[1] * ttl, renewable=token[2])
    for number in range(leases):
        world.keep(
            number,
            Role(length=length, maximum=length * maximum, renewable=renewable, may_renew=may_renew),
            path="role",
        )
    world.run(min(40 * length, 20_000 + 3 * length))
    assert world.without() == 0, [kept.gaps for kept in world.kept.values()]


FAULTS = st.sampled_from([fault for fault in Fault if fault is not Fault.NO_LOGIN])
OUTAGES = st.lists(
    st.tuples(st.floats(0, 86_000), st.floats(0.1, 3_000), FAULTS, st.one_of(st.none(), st.floats(0, 4_000))),
    max_size=12,
)


@settings(max_examples=15, deadline=None)
@given(
    seed=SEEDS,
    lengths=st.lists(st.tuples(LENGTHS.map(lambda one: max(one, 30.0)), st.floats(1.0, 30.0)), min_size=1, max_size=4),
    outages=OUTAGES,
    revoked=st.lists(st.tuples(st.floats(0, 86_000), st.sampled_from(["role", "token", "server"])), max_size=4),
    token=st.integers(300, 40_000),
)
def test_a_day_of_faults_is_survived(seed, lengths, outages, revoked, token):
    world = World(seed=seed, timeout=10)
    world.vault.login_role = TokenRole(length=token, maximum=5 * token)
    for number, (length, maximum) in enumerate(lengths):
        world.keep(str(number), Role(length=length, maximum=length * maximum))
    world.keep("cert", Role(kind=AnswerKind.CERTIFICATE, length=3600, leased=False))
    for start, seconds, fault, retry_after in outages:
        world.vault.outage(start, seconds, fault, retry_after=retry_after)
    acts = {
        "role": lambda: world.vault.revoke("0", world.now),
        "token": lambda: world.vault.end_token(world.vault.tokens[-1], world.now),
        "server": lambda: world.vault.restart_empty(world.now),
    }
    for at, what in revoked:
        world.change(at, acts[what])
    world.run(90_000)
    slowest = max(length for length, _ in lengths)
    world.run(0.7 * slowest + 60)
    core = world.core
    for key, kept in world.kept.items():
        assert core.ends(key, world.clock) > world.clock, "good again once the server answers"
        assert kept.lease.end() > world.now
        # A rotation and the cut of what it replaced, and a moment later the same for a new login, are four.
        assert world.most_within(1.0, key) <= 6
    if not revoked:
        assert world.refused() == 0, "nothing is given out that does not work"
    assert len(core._timers) <= 2 * (len(core._holds) + len(core._terms)) + 64
    assert len(core._terms) <= 12 * len(core._holds)
    assert len(core._lanes) <= len(core._holds) + len(core._terms)
