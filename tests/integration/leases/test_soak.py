"""Everything at once, for as long as one likes: `nox -s soak`. Not part of the ordinary run."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from virtrigaud_secrets.errors import CredentialExpiredError, LocalServerError
from virtrigaud_secrets.testing.servers.fault_proxy import Trouble

pytestmark = [pytest.mark.integration, pytest.mark.soak, pytest.mark.timeout(1200)]

SECONDS = float(os.environ.get("VIRTRIGAUD_SECRETS_SOAK_SECONDS", "60"))
ROLES = 4
WORKERS = 8
SHORT = 1.9
"""Seconds of an outage that nobody may notice: less than 0.35 of a lease of six."""
TIMEOUT = 1.0
"""Seconds that one request may take."""
REVOKED_BOUND = 3.0
"""Seconds after a revocation from outside in which a login may be refused: until somebody has reported it and a new
credential was read, on a machine whose two cores are shared with both servers."""
OUTAGE_BOUND = 6.0
"""Seconds after a restart in which there may be nothing to log in with: what a lease has left, and one retry."""


@dataclass
class Record:
    """What the workers saw, and when somebody did what from outside."""

    began: float = field(default_factory=time.monotonic)
    logins: int = 0
    refused: list[float] = field(default_factory=list)
    expired: list[float] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    revocations: list[tuple[float, float]] = field(default_factory=list)
    outages: list[tuple[float, float]] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)

    def now(self) -> float:
        return time.monotonic() - self.began

    def unexplained(self) -> list[float]:
        return [at for at in self.refused if not self.after_revocation(at) and not self.after_outage(at)]

    def early(self) -> list[float]:
        return [at for at in self.expired if not self.after_outage(at) and not self.after_revocation(at)]

    def after_revocation(self, at: float) -> bool:
        return any(start <= at <= end + REVOKED_BOUND for start, end in self.revocations)

    def after_outage(self, at: float) -> bool:
        return any(start <= at <= end + OUTAGE_BOUND for start, end in self.outages)


def work(world, subscription, record: Record, stop: threading.Event, lock: threading.Lock) -> None:
    while not stop.is_set():
        try:
            with subscription.use() as bundle:
                if world.accepts(bundle):
                    with lock:
                        record.logins += 1
                else:
                    with lock:
                        record.refused.append(record.now())
                    subscription.report_failure(bundle)
                    stop.wait(0.1)
        except CredentialExpiredError:
            with lock:
                record.expired.append(record.now())
            stop.wait(0.1)
        except Exception as error:  # noqa: BLE001  # a soak reports whatever comes up
            with lock:
                record.other.append(f"{type(error).__name__}: {error}")
            stop.wait(0.5)


class Mischief:
    """What goes wrong, one thing after the other."""

    def __init__(self, world, proxy, record: Record, paths: list[str]) -> None:
        self._world = world
        self._proxy = proxy
        self._record = record
        self._paths = paths

    def unavailable(self) -> None:
        self._for_a_while(Trouble.STATUS, status=503)

    def hanging(self) -> None:
        # What hangs when it is over hangs on until its own time limit.
        self._for_a_while(Trouble.HANG, longest=SHORT - TIMEOUT)

    def reset(self) -> None:
        self._for_a_while(Trouble.RESET)

    def throttled(self) -> None:
        self._for_a_while(Trouble.STATUS, status=429)

    def half_a_body(self) -> None:
        self._for_a_while(Trouble.HALF)

    def sealed(self) -> None:
        start = self._record.now()
        self._world.openbao.seal()
        time.sleep(0.5)
        self._world.openbao.unseal()
        self._outage(start)

    def restarted(self) -> None:
        start = self._record.now()
        self._world.openbao.restart()
        self._outage(start)

    def revoked_by_prefix(self) -> None:
        path = random.choice(self._paths)  # no secret
        start = self._record.now()
        self._world.openbao.ask("PUT", f"sys/leases/revoke-prefix/{path}", {"sync": True})
        self._record.revocations.append((start, self._record.now()))

    def token_revoked(self) -> None:
        start = self._record.now()
        accessors = self._world.openbao.ask("LIST", "auth/token/accessors")["data"]["keys"]
        for accessor in accessors:
            # One that ended by itself meanwhile is as good as revoked.
            with suppress(LocalServerError):
                data = self._world.openbao.ask("POST", "auth/token/lookup-accessor", {"accessor": accessor})["data"]
                if "root" not in data["policies"]:
                    self._world.openbao.ask("POST", "auth/token/revoke-accessor", {"accessor": accessor})
        self._record.revocations.append((start, self._record.now()))

    def all(self):
        return [
            self.unavailable, self.hanging, self.reset, self.throttled, self.half_a_body, self.sealed,
            self.revoked_by_prefix, self.token_revoked, self.restarted,
        ]  # fmt: skip

    def _for_a_while(self, trouble: Trouble, *, longest: float = SHORT, **options: int) -> None:
        self._proxy.order(trouble, **options)
        time.sleep(random.uniform(0.3, longest))  # no secret
        self._proxy.heal()

    def _outage(self, start: float) -> None:
        end = self._record.now()
        if end - start > SHORT:
            self._record.outages.append((start, end))


def test_soak(world, proxy, through, open_resolver, recorder):
    from dataclasses import replace

    paths = [world.role(6, 20) for _ in range(ROLES)]
    names = {f"db-{number}": path for number, path in enumerate(paths)}
    settings = replace(through, request_timeout=timedelta(seconds=TIMEOUT))
    before = world.users()
    tokens = len(world.openbao.ask("LIST", "auth/token/accessors")["data"]["keys"])
    # Tokens of half a minute, a minute at most, so that logins are replaced as well.
    resolver = open_resolver(world.manifests(names, world.login(30, 60)), settings)
    subscriptions = [resolver.subscribe(name, namespace="team") for name in names]
    resolver.wait_ready(timeout=timedelta(seconds=20))
    started = time.time()
    record, stop, lock = Record(), threading.Event(), threading.Lock()
    workers = [
        threading.Thread(target=work, args=(world, subscriptions[number % ROLES], record, stop, lock))
        for number in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    mischief = Mischief(world, proxy, record, paths)
    waiting: list = []
    while record.now() < SECONDS:
        if not waiting:
            waiting = mischief.all()
            random.shuffle(waiting)
        play = waiting.pop()
        record.story.append(f"{record.now():.2f} {play.__name__} begins")
        play()
        record.story.append(f"{record.now():.2f} {play.__name__} is over")
        record.done[play.__name__] += 1
        # Long enough that the next fault meets leases that were renewed since.
        time.sleep(random.uniform(3.5, 5.0))  # no secret
    stop.set()
    for worker in workers:
        worker.join(20)
    resolver.close()
    kinds = Counter(str(event.kind) for event in recorder.events)
    print(  # noqa: T201  # what a soak is for
        f"\n{record.logins} logins, {len(record.refused)} refused, {len(record.expired)} times nothing to log in with"
    )
    print(f"faults: {dict(record.done)}\nevents: {dict(kinds)}\nrequests: {proxy.asked()}")  # noqa: T201  # as above
    if record.unexplained() or record.early() or record.other:
        for event in recorder.events:
            at = event.at.timestamp() - started
            record.story.append(
                f"{at:.2f}   {event.kind} {event.name} {event.remaining} {event.attempt} {event.reason}"
            )
        record.story += [f"{at:.2f} REFUSED" for at in record.refused] + [f"{at:.2f} EXPIRED" for at in record.expired]
        print("\n".join(sorted(record.story, key=lambda line: float(line.split()[0]))))  # noqa: T201  # as above
    assert record.other == []
    assert record.unexplained() == [], f"revocations {record.revocations}, outages {record.outages}"
    assert record.early() == [], f"revocations {record.revocations}, outages {record.outages}"
    assert record.logins > 5 * SECONDS
    end = time.monotonic() + 15
    while (world.users() - before or leases_of(world, paths)) and time.monotonic() < end:
        time.sleep(0.2)
    assert world.users() - before == set()
    assert leases_of(world, paths) == []
    assert len(world.openbao.ask("LIST", "auth/token/accessors")["data"]["keys"]) <= tokens


def leases_of(world, paths: list[str]) -> list[str]:
    found: list[str] = []
    for path in paths:
        try:
            data = world.openbao.ask("LIST", f"sys/leases/lookup/{path}")["data"]
        except LocalServerError:
            continue
        found += data["keys"]
    return found
