"""Laws of the freshness table, against a model that keeps every value a store ever had.

While the store answers, nobody is given a value that was replaced longer ago than the interval; of one with windows,
not longer before somebody asked for it in one of them. While it does not, nothing older than `max_stale` beyond that.
It is asked no more often than an interval and a few repetitions allow.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from virtrigaud_secrets import Resolver, Settings
from virtrigaud_secrets.errors import StoreUnavailableError
from virtrigaud_secrets.runtime.keeper import REMEMBERED_ERROR
from virtrigaud_secrets.stores import registry
from virtrigaud_secrets.testing import FakeStore, ManualClock, NoReferences

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
INTERVAL, MAX_STALE = 60.0, 300.0
PASSES = st.sampled_from([0.1, 1.0, 5.0, 20.0, 47.0, 60.0, 61.0, 200.0, 359.0, 361.0, 1000.0, 3600.0, 40000.0])
MANIFESTS = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: store, namespace: ns}
spec: {provider: {fake: {data: []}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: plain, namespace: ns}
spec: {refreshInterval: 60s, secretStoreRef: {name: store}, data: [{secretKey: k, remoteRef: {key: plain}}]}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: once, namespace: ns}
spec: {refreshInterval: 0s, secretStoreRef: {name: store}, data: [{secretKey: k, remoteRef: {key: once}}]}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: nightly, namespace: ns}
spec:
  refreshInterval: 60s
  syncWindows: {kind: allow, windows: [{schedule: "0 22 * * *", duration: 2h}]}
  secretStoreRef: {name: store}
  data: [{secretKey: k, remoteRef: {key: nightly}}]
"""
NAMES = ("plain", "once", "nightly")


def is_open(moment: float) -> bool:
    """Whether it is between ten in the evening and midnight; noon is 0."""
    return (moment - 36000.0) % 86400.0 <= 7200.0


class Keeping(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock, self.store = ManualClock(NOON), FakeStore()
        self.version, self.replaced = 0, {}
        self.down_since: float | None = None
        self.up_since = float("-inf")
        self.first: dict[str, str] = {}
        self.asked_open: float | None = None
        self.put()
        self.patch = pytest.MonkeyPatch()
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "all.yaml").write_text(MANIFESTS)
            self.resolver = Resolver.from_path(
                directory,
                settings=Settings(max_stale=timedelta(seconds=MAX_STALE)),
                clock=self.clock,
                references=NoReferences(),
                background=False,
            )
        self.patch.setattr(registry, "factory", self.store.factory)

    @rule()
    def put(self) -> None:
        """Replace every value."""
        self.replaced[str(self.version)] = self.clock.elapsed()
        self.version += 1
        for name in NAMES:
            self.store.put(name, str(self.version))

    @rule(seconds=PASSES, replaced=st.booleans(), asked=st.booleans())
    def pass_time(self, seconds: float, *, replaced: bool, asked: bool) -> None:
        """Whoever asks finds what is longest due where the values were replaced just after they were read."""
        if replaced:
            self.ask_for_all()
            self.put()
        self.clock.advance(seconds)
        if asked:
            self.ask_for_all()

    def ask_for_all(self) -> None:
        for name in NAMES:
            self.ask(name)

    @rule()
    def go_down(self) -> None:
        if self.down_since is None:
            self.down_since = self.clock.elapsed()
            for name in NAMES:
                self.store.fail(name, StoreUnavailableError("connection refused"))

    @rule()
    def come_up(self) -> None:
        if self.down_since is not None:
            self.down_since, self.up_since = None, self.clock.elapsed()
            for name in NAMES:
                self.store.allow(name)

    @rule(name=st.sampled_from(NAMES))
    def ask(self, name: str) -> None:
        now = self.clock.elapsed()
        try:
            value = self.resolver.resolve(name, namespace="ns").text("k")
        except StoreUnavailableError:
            # An error may be remembered for a while after the store came back.
            assert self.down_since is not None or now < self.up_since + REMEMBERED_ERROR
            assert name != "once" or name not in self.first
            return
        age = now - self.replaced.get(value, now)
        if name == "once":
            assert self.first.setdefault(name, value) == value
            return
        answering = self.down_since is None and now >= self.up_since + REMEMBERED_ERROR
        if name == "nightly" and (self.asked_open is None or (answering and is_open(now))):
            self.asked_open = now
        # Nobody had it read since somebody asked for it in a window, or for the first time.
        closed = now - (self.asked_open or 0.0) if name == "nightly" else 0.0
        promised = INTERVAL + closed + (0.0 if answering else MAX_STALE)
        assert age <= promised + 1e-6

    @invariant()
    def the_store_is_not_asked_too_often(self) -> None:
        passed = self.clock.elapsed()
        for name in NAMES:
            asked = sum(key == name for key in self.store.reads)
            # At most every second while it fails, else at four fifths of the interval.
            assert asked <= 3 + passed

    def teardown(self) -> None:
        self.resolver.close()
        self.patch.undo()


TestKeeping = Keeping.TestCase
TestKeeping.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
