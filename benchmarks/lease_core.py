"""What many leases in one core cost: memory each, CPU for a simulated day, wall time of that day.

python benchmarks/lease_core.py [leases] [seconds of a lease]
"""

from __future__ import annotations

import gc
import heapq
import random
import sys
import time
import tracemalloc

from virtrigaud_secrets.leases.actions import Read, Renew
from virtrigaud_secrets.leases.core import LeaseCore
from virtrigaud_secrets.leases.gate import Gate
from virtrigaud_secrets.leases.state import Grant
from virtrigaud_secrets.stores.base import AnswerKind, Extension, LoginState, StoreKey

DAY = 86_400.0
LATENCY = 0.02
STORE = StoreKey("SecretStore", "benchmark", "vault")


def grant(number: int, sent: float, length: float) -> Grant:
    """What a read is granted."""
    return Grant(kind=AnswerKind.LEASE, sent=sent, length=length, lease_id=f"l{number}", renewable=True, login=1)


def filled(leases: int, length: float) -> LeaseCore:
    """A core with leases that were read over the first length, as a process does that grows."""
    # As many a second as the leases need: what is measured is the core, not the gate.
    rate = 10 * leases / length + 10
    core = LeaseCore(uniform=random.Random(1).uniform, gate=Gate(rate=rate, burst=int(rate) + 20, under_way=1000))
    state = LoginState(generation=1, own=True, renewable=True, replaceable=True, duration=0, sent=0.0)
    core.login_seen(STORE, state, 0.0)
    for number in range(leases):
        core.hold(number, grant(number, length / 2 * number / leases, length), store=STORE, now=0.0)
    return core


def live(core: LeaseCore, length: float) -> tuple[int, int]:
    """Answer what the core asks for a day. Gives the requests, and how many leases had ended when it asked."""
    under_way: list[tuple[float, int, Read | Renew, float]] = []
    now, asked, late = 0.0, 0, 0
    while True:
        for action in core.due(now):
            asked += 1
            assert isinstance(action, Read | Renew)
            late += core.ends(action.key, now) <= now
            heapq.heappush(under_way, (now + LATENCY, asked, action, now))
        core.happened.clear()
        now = min(core.wake_at(now), under_way[0][0] if under_way else DAY)
        if now >= DAY:
            return asked, late
        while under_way and under_way[0][0] <= now:
            _, _, action, sent = heapq.heappop(under_way)
            if isinstance(action, Renew):
                core.renewed(action, Extension(duration=int(length), sent=sent), now)
            else:
                core.read(action, grant(asked, sent, length), now)
                core.accept(action.key, now)


def main() -> None:
    """Print what was measured."""
    leases, length = (*map(int, sys.argv[1:]), *(100_000, 3600)[len(sys.argv) - 1 :])
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    core = filled(leases, length)
    gc.collect()
    each = (tracemalloc.get_traced_memory()[0] - before) / leases
    tracemalloc.stop()
    core.happened.clear()
    wall, spent = time.perf_counter(), time.process_time()
    asked, late = live(core, length)
    wall, spent = time.perf_counter() - wall, time.process_time() - spent
    print(f"{leases} leases of {length:g} s, Python {sys.version.split()[0]}")
    print(f"memory {each:.0f} bytes a lease")
    print(f"a day: {asked} requests, {late} of them for what had ended")
    print(f"a day takes {wall:.1f} s; {spent / asked * 1e6:.1f} µs a request; {spent / DAY:.4%} of one CPU")

    state = LoginState(generation=2, own=True, renewable=True, replaceable=True, duration=0, sent=DAY)
    wall = time.perf_counter()
    for _ in range(1000):
        core.login_seen(STORE, LoginState(**{**vars_of(state), "generation": 1}), DAY)
    print(f"a login that is in use is seen in {(time.perf_counter() - wall) * 1e3:.2f} µs")
    wall = time.perf_counter()
    core.login_seen(STORE, state, DAY)
    print(f"all leases learn of a new login in {(time.perf_counter() - wall) * 1e3:.0f} ms")
    wall = time.perf_counter()
    core.jumped(3600.0, DAY)
    print(f"all leases learn of a suspend in {(time.perf_counter() - wall) * 1e3:.0f} ms")


def vars_of(state: LoginState) -> dict[str, object]:
    """The fields of a login."""
    return {name: getattr(state, name) for name in state.__slots__}


if __name__ == "__main__":
    main()
