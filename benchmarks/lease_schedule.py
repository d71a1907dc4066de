"""Simulated share of time without a credential that works, and how 500 clients that start together keep apart.

python benchmarks/lease_schedule.py [seeds]
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass

from virtrigaud_secrets.testing.simulation import Role, World

HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True)
class Case:
    """One row."""

    name: str
    length: float
    maximum: float
    seconds: float
    outage: float = 0.0
    every: float = 0.0


CASES = (
    Case("6 s / 20 s, none", 6, 20, HOUR),
    Case("6 s / 20 s, 2 s every minute", 6, 20, HOUR, 2, 60),
    Case("8 s / 8 s, none", 8, 8, HOUR),
    Case("60 s / 5 min, 20 s every 10 min", 60, 300, DAY, 20, 600),
    Case("1 h / 24 h, 20 min every 12 h", HOUR, DAY, 30 * DAY, 1200, 12 * HOUR),
)


def measured(case: Case, seed: int) -> World:
    """One lease that lives through a case, the outages at times of its own."""
    world = World(seed=seed, record=False)
    world.keep("lease", Role(length=case.length, maximum=case.maximum))
    if case.every:
        start = world.random.uniform(0, case.every)
        while start < case.seconds:
            world.vault.outage(start, case.outage)
            start += case.every
    world.run(case.seconds)
    return world


def shares(seeds: int) -> None:
    """Print one line a case."""
    print(f"{'L0 / max, outages':34} {'without':>10} {'refused':>9} {'longest gap':>12} {'requests/h':>11}")
    for case in CASES:
        worlds = [measured(case, seed) for seed in range(seeds)]
        lived = case.seconds * seeds
        without = sum(world.without() for world in worlds) / lived
        refused = sum(world.refused() for world in worlds) / lived
        gaps = [end - start for world in worlds for start, end in world.kept["lease"].gaps]
        asked = sum(world.counted["Read"] + world.counted["Renew"] for world in worlds) / lived * HOUR
        print(f"{case.name:34} {without:10.5%} {refused:9.5%} {max(gaps, default=0.0):10.2f} s {asked:11.1f}")


def start_together(clients: int = 500, hours: int = 24) -> None:
    """Print the busiest second of a server whose clients all started in the same one."""
    seconds: Counter[int] = Counter()
    for seed in range(clients):
        world = World(seed=seed)
        world.keep("lease", Role(length=HOUR, maximum=10 * DAY))
        world.run(hours * HOUR)
        seconds.update(int(sent.at) for sent in world.sent("Renew", "Read"))
    print(f"{clients} clients start in the same second, leases of 1 h: busiest second later {max(seconds.values())}")


if __name__ == "__main__":
    shares(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    start_together()
