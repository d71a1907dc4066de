"""The guide's emergency procedure: revoke leases, refresh everything, restart, watch. Goes on where it was cut off.

The revocation is the one step that must not happen twice: credentials that were issued since would be ended too. Where
its answer is lost, nobody here decides what became of it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Protocol

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import ConfigurationError, SecretsError, StoreError
from virtrigaud_secrets.manifests import Catalog
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.operations.emergency_state import EmergencyState, LostRevocation, Revocation, StateFile
from virtrigaud_secrets.operations.forced_refresh import Revoked
from virtrigaud_secrets.operations.outcomes import Item, OperationReport, Outcome, Step, attempted
from virtrigaud_secrets.operations.rotation import (
    REFRESH,
    REFRESH_LIMIT,
    RESTART,
    ROLLOUT,
    ROLLOUT_LIMIT,
    Cluster,
    Mark,
    Rotation,
    Say,
    Scope,
)
from virtrigaud_secrets.stores.vault.operator import LeasesBelow, checked_prefix

REVOKE: Final = "revoke"

_STEPS_AFTER: Final = (REFRESH, RESTART, ROLLOUT)
_LEASES: Final = "Leases"


class Leases(Protocol):
    """What is asked of the server: `virtrigaud_secrets.stores.vault.operator.VaultOperator` does it."""

    def leases(self, prefix: str) -> LeasesBelow:
        """The leases below a prefix."""
        ...

    def revoke(self, prefix: str) -> None:
        """End every lease below a prefix, sent once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a run would hit."""

    leases: LeasesBelow | None
    """The leases; None where the login may not list them."""
    unseen: str
    """Why they are not listed; empty where they are."""
    refresh: Step
    """The ExternalSecrets."""
    restart: Step
    """The Deployments."""


@dataclass(slots=True, kw_only=True)
class Emergency:
    """One run, or the rest of one."""

    vault: Leases
    """The server whose leases are revoked."""
    store: str
    """The store it is known by, for the report and the state."""
    prefix: str
    """Below which path leases are revoked, such as `vsphere/creds/`."""
    cluster: Cluster
    """The cluster."""
    scope: Scope = field(default_factory=Scope)
    """Which objects are refreshed and restarted; by default all ExternalSecrets and all providers."""
    mounts: Mapping[str, str] = field(default_factory=dict[str, str])
    """What `mounts_of` tells of the stores that are known."""
    file: StateFile | None = None
    """Where to keep what was done. Without it a run that is cut off cannot go on."""
    clock: Clock = field(default_factory=SystemClock)
    """Time."""
    say: Say = lambda _: None
    """Is told of progress."""
    state: EmergencyState = field(init=False)
    """What was done so far."""
    _entered: bool = field(init=False, default=False, repr=False)

    def __post_init__(self) -> None:
        """Begin anew; `resume` goes on instead.

        Raises:
            ConfigurationError: the prefix is none.
        """
        self.prefix = checked_prefix(self.prefix)
        self.state = EmergencyState(store=self.store, prefix=self.prefix, scope=self.scope)

    def begin(self) -> None:
        """Refuse to forget a run that did not come to its end.

        Raises:
            ConfigurationError: there is one in the file, or one is under way.
        """
        with self._entering() as known:
            if known is not None and not known.finished and self.file is not None:
                raise ConfigurationError(
                    f"{self.file.path} is of a run that did not come to its end: go on with it (--resume), or name "
                    "another file"
                )

    def resume(self) -> None:
        """Go on where the run in the file was cut off.

        Raises:
            ConfigurationError: there is none, it is about something else, or it is under way.
        """
        with self._entering() as known:
            if known is None:
                raise ConfigurationError("there is no run to go on with: no state is kept where this one looks")
            if not known.same_run(self.state):
                raise ConfigurationError(
                    f"the run to go on with revokes {known.prefix} of {known.store} and may choose other objects: give "
                    "the same options again"
                )
            self.state = known

    @contextmanager
    def _entering(self) -> Generator[EmergencyState | None]:
        """Keep other runs off, from before the file is read; not where what was read is refused."""
        try:
            if self.file is not None:
                self.file.claim()
            yield None if self.file is None else self.file.read()
        except BaseException:
            self.close()
            raise
        self._entered = True

    def close(self) -> None:
        """Let other runs have the file. `run` does so at its end; whoever begins and does not run calls this."""
        if self.file is not None:
            self.file.release()
        self._entered = False

    @property
    def revocation_is_lost(self) -> bool:
        """Whether a revocation was sent of which no answer was seen."""
        return self.state.revocation is Revocation.SENT

    @property
    def revocation_is_done(self) -> bool:
        """Whether the server said that the revocation is done."""
        return self.state.revocation is Revocation.DONE

    def survey(self) -> Survey:
        """What a run would hit. Only lists.

        Raises:
            StoreError: the cluster refused or did not answer.
        """
        leases, unseen = self._look()
        refresh, restart = self._rotation(Mark(self.state.marked_at or self.clock.now())).planned()
        return Survey(leases=leases, unseen=unseen, refresh=refresh, restart=restart)

    def planned(self) -> OperationReport:
        """The survey as the report of a dry run.

        Raises:
            StoreError: the cluster refused or did not answer.
        """
        found = self.survey()
        if self.state.revocation is Revocation.DONE:
            revoke = Step(name=REVOKE, outcome=Outcome.SKIPPED, detail=self._done_before())
        else:
            items = _items(found.leases, Outcome.PLANNED)
            detail = found.unseen or ("" if items else f"no lease is below {self.prefix}")
            revoke = Step(name=REVOKE, outcome=Outcome.PLANNED, detail=detail, items=items)
        return OperationReport(operation="emergency", dry_run=True, steps=(revoke, found.refresh, found.restart))

    def evidence(self) -> str:
        """What there is to tell of a revocation whose answer was lost."""
        leases, unseen = self._look()
        if leases is None or not self.state.seen:
            what = unseen or "which leases there were before is not known"
        else:
            left = len(leases.hashes & set(self.state.seen))
            what = f"{left} of the {len(self.state.seen)} leases that were there before are still there"
        return (
            f"it was sent, and no answer was seen; {what}. Say whether it was carried out (--lost done) or is to be "
            "sent again (--lost again), which ends what was issued since, too"
        )

    def run(
        self,
        *,
        lost: LostRevocation | None = None,
        refresh_limit: timedelta = REFRESH_LIMIT,
        rollout_limit: timedelta = ROLLOUT_LIMIT,
    ) -> OperationReport:
        """Do what is left to do. What fails is in the report; a later `resume` and `run` tries it again.

        Where the revocation is not known to be done, nothing after it is tried. After it everything is: the old
        credentials are dead, so a provider whose refresh failed has nothing to lose by a restart.

        Args:
            lost: what to make of a revocation whose answer was lost; None leaves it unknown and stops there.
            refresh_limit: how long all refreshes together may take.
            rollout_limit: how long all rollouts together may take.

        Raises:
            ConfigurationError: the state cannot be kept, so that nothing more was sent; or neither `begin` nor `resume`
                was called since the last one, and the file is of a run that did not come to its end.
        """
        if not self._entered:
            self.begin()
        try:
            return self._run(lost, refresh_limit, rollout_limit)
        finally:
            self.close()

    def _run(self, lost: LostRevocation | None, refresh_limit: timedelta, rollout_limit: timedelta) -> OperationReport:
        revoked = self._revoke(lost)
        if not revoked.ok:
            left = tuple(Step(name=name, outcome=Outcome.NOT_DONE) for name in _STEPS_AFTER)
            return OperationReport(operation="emergency", steps=(revoked, *left))
        if self.state.marked_at is None:
            # Of now, not of the beginning: what was refreshed before the revocation is to be refreshed again.
            self._keep(replace(self.state, marked_at=self.clock.now()))
        rotation = self._rotation(Mark(self.state.marked_at or self.clock.now()))
        refreshed = attempted(REFRESH, lambda: rotation.refresh(limit=refresh_limit))
        restarted = attempted(RESTART, rotation.restart)
        rolled_out = attempted(ROLLOUT, lambda: rotation.rollout(restarted, limit=rollout_limit))
        report = OperationReport(operation="emergency", steps=(revoked, refreshed, restarted, rolled_out))
        if report.ok:
            self._keep(replace(self.state, finished=True))
        return report

    def _revoke(self, lost: LostRevocation | None) -> Step:
        if self.state.revocation is Revocation.DONE:
            return Step(name=REVOKE, outcome=Outcome.DONE, detail=self._done_before())
        if self.state.revocation is Revocation.SENT and lost is None:
            return Step(name=REVOKE, outcome=Outcome.UNKNOWN, detail=self.evidence())
        if self.state.revocation is Revocation.SENT and lost is LostRevocation.DONE:
            self._keep(replace(self.state, revocation=Revocation.DONE, revoked_at=self.clock.now()))
            return Step(name=REVOKE, outcome=Outcome.DONE, detail="taken as done, as was said; nothing was sent")
        leases, unseen = self._look()
        seen = () if leases is None else tuple(sorted(leases.hashes))
        self._keep(replace(self.state, revocation=Revocation.SENT, seen=seen))
        self.say(f"revoking the leases below {self.prefix}")
        try:
            self.vault.revoke(self.prefix)
        except SecretsError as error:
            if isinstance(error, StoreError) and error.acted:
                detail = f"{error}; whether it was carried out is not known, so nothing after it was tried"
                return Step(name=REVOKE, outcome=Outcome.UNKNOWN, detail=detail, items=_items(leases, Outcome.UNKNOWN))
            self._keep(replace(self.state, revocation=Revocation.PENDING))
            return Step(name=REVOKE, outcome=Outcome.FAILED, detail=str(error))
        try:
            self._keep(replace(self.state, revocation=Revocation.DONE, revoked_at=self.clock.now()))
        except ConfigurationError as error:
            # Whoever goes on is asked what became of it, and this is the one time that it is known.
            raise ConfigurationError(
                f"the revocation below {self.prefix} is done, and nothing after it: {error}"
            ) from None
        return Step(name=REVOKE, outcome=Outcome.DONE, detail=unseen, items=_items(leases, Outcome.DONE))

    def _look(self) -> tuple[LeasesBelow | None, str]:
        """The leases, or why they cannot be told: a login that may revoke need not be one that may list."""
        try:
            return self.vault.leases(self.prefix), ""
        except StoreError as error:
            return None, f"what is below {self.prefix} cannot be listed: {error}"

    def _done_before(self) -> str:
        when = "" if self.state.revoked_at is None else f" at {Mark(self.state.revoked_at).restarted_at}"
        return f"it was done{when} and is not repeated"

    def _rotation(self, mark: Mark) -> Rotation:
        return Rotation(
            cluster=self.cluster,
            scope=self.scope,
            mark=mark,
            clock=self.clock,
            say=self.say,
            revoked=Revoked(prefix=self.prefix, mounts=self.mounts),
        )

    def _keep(self, state: EmergencyState) -> None:
        if self.file is not None:
            self.file.write(state)
        self.state = state


def mounts_of(catalog: Catalog) -> dict[str, str]:
    """Of each store that puts an engine before its keys as they are, `Kind namespace/name` → the engine."""
    found: dict[str, str] = {}
    for document in catalog.stores:
        spec = document.spec.provider.spec
        if isinstance(spec, VaultProvider) and spec.version == "v1" and spec.path:
            found[document.subject] = spec.path.strip("/")
    return found


def _items(leases: LeasesBelow | None, outcome: Outcome) -> tuple[Item, ...]:
    """One item for each path that leases are of."""
    found = () if leases is None else leases.paths.items()
    items = [Item(kind=_LEASES, name=path, outcome=outcome, detail=_count(len(hashes))) for path, hashes in found]
    if leases is not None and leases.more:
        items.append(Item(kind=_LEASES, name="…", outcome=outcome, detail="more than can be listed"))
    return tuple(items)


def _count(number: int) -> str:
    return "1 lease" if number == 1 else f"{number} leases"
