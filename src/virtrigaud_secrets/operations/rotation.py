"""Forces ExternalSecrets to refresh, then restarts the Deployments that use them, and watches both come to their end.

What is judged is judged in `forced_refresh` and `rollout`. Needs no more of RBAC than `list` and `patch` on both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import ConflictError, StoreError, StoreUnavailableError, ThrottledError
from virtrigaud_secrets.operations.bodies import Body, Name, mapping, name_of, text
from virtrigaud_secrets.operations.forced_refresh import (
    ANNOTATION,
    Before,
    RefreshState,
    Revoked,
    before,
    judge_refresh,
    mark_of,
    what_it_keeps,
    why_never,
)
from virtrigaud_secrets.operations.outcomes import Item, OperationReport, Outcome, Step, attempted
from virtrigaud_secrets.operations.rollout import RolloutState, is_paused, judge_rollout
from virtrigaud_secrets.stores.cluster_objects import DEPLOYMENTS, EXTERNAL_SECRETS, Listing, Resource

PROVIDER_DEPLOYMENTS: Final = "app.kubernetes.io/name=virtrigaud-provider-runtime"
"""Label that VirtRigaud puts on the Deployments of its providers."""

RESTARTED_AT: Final = "kubectl.kubernetes.io/restartedAt"
"""Annotation of the pod template by which `kubectl rollout restart` makes new pods."""

FIELD_MANAGER: Final = "virtrigaud-secrets-rotation"
"""Who is named in `managedFields`."""

REFRESH_LIMIT: Final = timedelta(seconds=60)
"""How long refreshes are waited for: some attempts of a controller that retries after 1, 2, 4… seconds."""

ROLLOUT_LIMIT: Final = timedelta(seconds=300)
"""How long rollouts are waited for: what the guide gives `kubectl rollout status`."""

LOOK_EVERY: Final = 2.0
"""Seconds between two looks at what is waited for."""

REFRESH: Final = "refresh"
RESTART: Final = "restart"
ROLLOUT: Final = "rollout"

_NO_REFRESHES: Final = "no ExternalSecret matches"
_NO_RESTARTS: Final = "no Deployment matches"

_PAUSED: Final = "it is paused: `kubectl rollout resume` first"

_OF_REFRESH: Final = {
    RefreshState.DONE: Outcome.DONE,
    RefreshState.FAILING: Outcome.FAILED,
    RefreshState.PENDING: Outcome.TIMED_OUT,
}
_OF_ROLLOUT: Final = {
    RolloutState.COMPLETE: Outcome.DONE,
    RolloutState.FAILED: Outcome.FAILED,
    RolloutState.UNDER_WAY: Outcome.TIMED_OUT,
}

Say = Callable[[str], None]
"""Is told of progress, a line at a time."""


class Cluster(Protocol):
    """What is asked of the cluster: `virtrigaud_secrets.stores.cluster_objects.ClusterObjects` does it."""

    def list(self, resource: Resource, *, namespace: str = "", labels: str = "") -> Listing:
        """All objects of a kind."""
        ...

    def patch(self, resource: Resource, name: str, body: Body, *, namespace: str = "", field_manager: str = "") -> Body:
        """Change some fields of an object by a JSON merge patch."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which objects are meant."""

    namespace: str = ""
    """One namespace; empty for all."""
    external_secrets: str = ""
    """Label selector of ExternalSecrets, as `kubectl -l` takes it; empty for all."""
    deployments: str = PROVIDER_DEPLOYMENTS
    """Label selector of Deployments."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What one run writes on objects. With the same mark nothing is written twice."""

    at: datetime
    """When the run began, aware UTC."""

    @property
    def force_sync(self) -> str:
        """Seconds since 1970, as in the guide, with a fraction: another value for every run."""
        return f"{self.at.timestamp():.6f}"

    @property
    def restarted_at(self) -> str:
        """The time as kubectl writes it."""
        return self.at.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """One run over the objects of a scope. Each method is one step, and may be called again after it was cut off."""

    cluster: Cluster
    """The cluster."""
    scope: Scope
    """Which objects."""
    mark: Mark
    """What is written on them."""
    clock: Clock = field(default_factory=SystemClock)
    """Time."""
    say: Say = lambda _: None
    """Is told of progress."""
    revoked: Revoked | None = None
    """What was revoked before: an ExternalSecret that has it and is never refreshed again keeps it dead."""

    def planned(self) -> tuple[Step, Step]:
        """What `refresh` and `restart` would change. Only lists."""
        refreshes = [
            self._never(found, why) if (why := why_never(found)) else _item(found, EXTERNAL_SECRETS, Outcome.PLANNED)
            for found in self._external_secrets().values()
        ]
        restarts = [
            _item(found, DEPLOYMENTS, *((Outcome.FAILED, _PAUSED) if is_paused(found) else (Outcome.PLANNED, "")))
            for found in self._deployments().values()
        ]
        return Step.of(REFRESH, refreshes, nothing=_NO_REFRESHES), Step.of(RESTART, restarts, nothing=_NO_RESTARTS)

    def refresh(self, *, limit: timedelta = REFRESH_LIMIT) -> Step:
        """Make the ExternalSecrets refresh, and wait until each of them reports success.

        Raises:
            StoreError: they cannot be listed.
        """
        found = self._external_secrets()
        settled: dict[Name, Item] = {}
        was: dict[Name, Before | None] = {}
        for name, body in found.items():
            if why := why_never(body):
                settled[name] = self._never(body, why)
                continue
            was[name] = None if mark_of(body) == self.mark.force_sync else before(body)
            fault = was[name] and self._patched(EXTERNAL_SECRETS, name, _force(self.mark.force_sync))
            if fault:
                settled[name] = fault
        lost = _lost(settled)
        waiting = [name for name in was if name not in settled or name in lost]
        self.say(f"{len(waiting)} of {len(found)} ExternalSecrets were told to refresh")

        def judge(body: Body | None, name: Name) -> Item:
            if body is None:
                return _named(name, EXTERNAL_SECRETS, Outcome.SKIPPED, "it was deleted meanwhile")
            if name in lost and mark_of(body) != self.mark.force_sync:
                return lost[name]
            judged = judge_refresh(body, was=was[name], forced_at=self.mark.at)
            return _item(body, EXTERNAL_SECRETS, _OF_REFRESH[judged.state], judged.message)

        # What fails is tried again by its controller, so only success ends the wait early.
        final = frozenset({Outcome.DONE, Outcome.SKIPPED})
        settled |= self._watch(EXTERNAL_SECRETS, waiting, judge, limit=limit, final=final)
        return Step.of(REFRESH, (settled[name] for name in found), nothing=_NO_REFRESHES)

    def restart(self) -> Step:
        """Make the Deployments replace their pods. One that this run restarted before is left alone.

        Raises:
            StoreError: they cannot be listed.
        """
        found = self._deployments()
        items: dict[Name, Item] = {}
        for name, body in found.items():
            if is_paused(body):
                items[name] = _item(body, DEPLOYMENTS, Outcome.FAILED, _PAUSED)
            elif _restarted_at(body) == self.mark.restarted_at:
                items[name] = _item(body, DEPLOYMENTS, Outcome.DONE, "it was restarted before")
            else:
                fault = self._patched(DEPLOYMENTS, name, _restart(self.mark.restarted_at))
                items[name] = fault or _item(body, DEPLOYMENTS, Outcome.DONE)
        if lost := _lost(items):
            now = self._deployments()
            items |= {
                name: _item(now[name], DEPLOYMENTS, Outcome.DONE)
                for name in lost
                if name in now and _restarted_at(now[name]) == self.mark.restarted_at
            }
        return Step.of(RESTART, items.values(), nothing=_NO_RESTARTS)

    def rollout(self, restarted: Step, *, limit: timedelta = ROLLOUT_LIMIT) -> Step:
        """Wait until the rollouts of what was restarted have come to their end.

        Args:
            restarted: what `restart` returned.
            limit: how long all of them together may take.

        Raises:
            StoreError: they cannot be listed.
        """
        waiting = [(item.namespace, item.name) for item in restarted.items if item.outcome is Outcome.DONE]

        def judge(body: Body | None, name: Name) -> Item:
            if body is None:
                return _named(name, DEPLOYMENTS, Outcome.FAILED, "it is gone, or its labels no longer match")
            judged = judge_rollout(body)
            return _item(body, DEPLOYMENTS, _OF_ROLLOUT[judged.state], judged.message)

        final = frozenset({Outcome.DONE, Outcome.FAILED})
        seen = self._watch(DEPLOYMENTS, waiting, judge, limit=limit, final=final)
        return Step.of(ROLLOUT, (seen[name] for name in waiting), nothing="nothing was restarted")

    def _never(self, body: Body, why: str) -> Item:
        """An ExternalSecret that no annotation makes refresh."""
        if self.revoked is not None and (kept := what_it_keeps(body, self.revoked)):
            judged = judge_refresh(body, was=None, forced_at=self.mark.at)
            if judged.state is RefreshState.DONE:
                return _item(body, EXTERNAL_SECRETS, Outcome.DONE, judged.message)
            why += f"; {kept}: delete its Secret, which makes it refresh"
            return _item(body, EXTERNAL_SECRETS, Outcome.FAILED, why)
        return _item(body, EXTERNAL_SECRETS, Outcome.SKIPPED, why)

    def _watch(
        self,
        resource: Resource,
        waiting: Iterable[Name],
        judge: Callable[[Body | None, Name], Item],
        *,
        limit: timedelta,
        final: frozenset[Outcome],
    ) -> dict[Name, Item]:
        """The last judgement of each, as soon as all are final or the limit has passed."""
        until = self.clock.elapsed() + limit.total_seconds()
        seen = {name: _named(name, resource, Outcome.TIMED_OUT, "the cluster gave no answer") for name in waiting}
        pending = list(seen)
        while pending:
            if (found := self._look(resource)) is not None:
                for name in pending:
                    item = judge(found.get(name), name)
                    if item != seen[name]:
                        self.say(f"{item.subject}: {item.detail}")
                    seen[name] = item
                pending = [name for name in pending if seen[name].outcome not in final]
            if not pending or self.clock.elapsed() >= until:
                break
            self.clock.sleep(LOOK_EVERY)
        return seen

    def _look(self, resource: Resource) -> Mapping[Name, Body] | None:
        """The objects as they are now; None where the cluster gives no answer for the moment."""
        try:
            return self._external_secrets() if resource is EXTERNAL_SECRETS else self._deployments()
        except (StoreUnavailableError, ThrottledError) as error:
            if not error.retryable:
                raise
            self.say(str(error))
            return None

    def _patched(self, resource: Resource, name: Name, body: Body) -> Item | None:
        """Send a patch once; what became of the object if not what was wanted."""
        try:
            self.cluster.patch(resource, name[1], body, namespace=name[0], field_manager=FIELD_MANAGER)
        except ConflictError:
            return _named(name, resource, Outcome.SKIPPED, "it was deleted meanwhile")
        except StoreUnavailableError as error:
            return _named(name, resource, Outcome.UNKNOWN, str(error))
        except StoreError as error:
            return _named(name, resource, Outcome.FAILED, str(error))
        return None

    def _external_secrets(self) -> dict[Name, Body]:
        return self._listed(EXTERNAL_SECRETS, self.scope.external_secrets)

    def _deployments(self) -> dict[Name, Body]:
        return self._listed(DEPLOYMENTS, self.scope.deployments)

    def _listed(self, resource: Resource, labels: str) -> dict[Name, Body]:
        found = self.cluster.list(resource, namespace=self.scope.namespace, labels=labels)
        return dict(sorted((name_of(body), body) for body in found.items))


def rotate(
    cluster: Cluster,
    scope: Scope,
    *,
    clock: Clock | None = None,
    refresh_limit: timedelta = REFRESH_LIMIT,
    rollout_limit: timedelta = ROLLOUT_LIMIT,
    restart_anyway: bool = False,
    dry_run: bool = False,
    say: Say = lambda _: None,
) -> OperationReport:
    """Refresh the ExternalSecrets of a scope, then restart its Deployments, and wait for both.

    Args:
        cluster: the cluster.
        scope: which objects.
        clock: time; by default the system's.
        refresh_limit: how long all refreshes together may take.
        rollout_limit: how long all rollouts together may take.
        restart_anyway: restart even if a refresh failed. Otherwise pods would start with what they had.
        dry_run: only tell what would be changed.
        say: is told of progress.

    Raises:
        StoreError: the ExternalSecrets cannot be listed. What fails later is in the report.
    """
    time = clock or SystemClock()
    run = Rotation(cluster=cluster, scope=scope, mark=Mark(time.now()), clock=time, say=say)
    if dry_run:
        return OperationReport(operation="rotate", dry_run=True, steps=run.planned())
    refreshed = run.refresh(limit=refresh_limit)
    if not refreshed.ok and not restart_anyway:
        held = "a refresh failed, so nothing was restarted"
        steps = refreshed, Step(name=RESTART, outcome=Outcome.NOT_DONE, detail=held)
        return OperationReport(operation="rotate", steps=(*steps, Step(name=ROLLOUT, outcome=Outcome.NOT_DONE)))
    restarted = attempted(RESTART, run.restart)
    if not refreshed.items and not restarted.items:
        # A selector with a slip of the pen would otherwise look like a rotation, week after week.
        refreshed, restarted = (replace(step, outcome=Outcome.FAILED) for step in (refreshed, restarted))
    rolled_out = attempted(ROLLOUT, lambda: run.rollout(restarted, limit=rollout_limit))
    return OperationReport(operation="rotate", steps=(refreshed, restarted, rolled_out))


def _force(value: str) -> Body:
    return {"metadata": {"annotations": {ANNOTATION: value}}}


def _restart(value: str) -> Body:
    return {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: value}}}}}


def _restarted_at(deployment: Body) -> str:
    """What the last restart wrote; empty where there was none."""
    template = mapping(mapping(deployment.get("spec")).get("template"))
    annotations = mapping(mapping(template.get("metadata")).get("annotations"))
    return text(annotations.get(RESTARTED_AT))


def _lost(items: Mapping[Name, Item]) -> dict[Name, Item]:
    """What was sent and may have been carried out."""
    return {name: item for name, item in items.items() if item.outcome is Outcome.UNKNOWN}


def _item(body: Body, resource: Resource, outcome: Outcome, detail: str = "") -> Item:
    return _named(name_of(body), resource, outcome, detail)


def _named(name: Name, resource: Resource, outcome: Outcome, detail: str = "") -> Item:
    return Item(kind=resource.kind, namespace=name[0], name=name[1], outcome=outcome, detail=detail)
