"""`TargetWriter`: looks at a target Secret, decides, and sends the one request that follows. Decides nothing itself.

No write goes over a change that was not seen: each names the version it was decided on, and after a conflict it is
decided anew from a fresh look.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.delivery import target_report as report
from virtrigaud_secrets.delivery.live_secret import LiveSecret
from virtrigaud_secrets.delivery.managed_fields import field_manager
from virtrigaud_secrets.delivery.target_decision import Action, Decision, decide, decide_removal
from virtrigaud_secrets.delivery.target_owner import made_by
from virtrigaud_secrets.errors import ConflictError, NothingFoundError, SecretsError, forget_locals
from virtrigaud_secrets.stores.cluster_objects import SECRETS

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle
    from virtrigaud_secrets.delivery.secret_target import SecretTarget
    from virtrigaud_secrets.stores.cluster_objects import ClusterObjects

MAX_ATTEMPTS: Final = 4
"""Looks at a Secret that others keep changing. More would be a fight, and the caller tries again later."""


class TargetWriter:
    """Writes target Secrets of one cluster. Blocking, safe to use from several threads for different targets.

    Failures are not raised: they are part of the decision, as the status of an ExternalSecret needs them.
    """

    def __init__(
        self, cluster: ClusterObjects, *, may_own_others: Callable[[SecretTarget], bool] = lambda _: True
    ) -> None:
        """Sends nothing yet.

        Args:
            cluster: whose Secrets; closing it is the caller's business.
            may_own_others: whether the ExternalSecret may own Secrets beside its target. Whoever follows the cluster
                knows without asking; otherwise it is asked after every write.
        """
        self._cluster = cluster
        self._may_own_others = may_own_others
        self._swept: dict[tuple[str, str], SecretTarget] = {}
        self._lock = Lock()

    def read(self, target: SecretTarget) -> LiveSecret | None:
        """The target Secret that is there, or None.

        Raises:
            StoreError: the cluster refuses or gives no usable answer.
        """
        document = self._cluster.get(SECRETS, target.name, namespace=target.namespace)
        return None if document is None else LiveSecret.from_document(document)

    def write(self, target: SecretTarget, outcome: Bundle | SecretsError) -> Decision:
        """Make the target Secret what a resolve says it is; where it is already, send no write.

        Args:
            target: what the manifest asks for.
            outcome: as for `decide`. A failure sends nothing.

        Returns:
            What was done, or why it could not be.
        """
        if isinstance(outcome, SecretsError) and not isinstance(outcome, NothingFoundError):
            return decide(target, None, outcome)
        if target.creation_policy == "None":
            return decide(target, None, outcome)
        done = self._settle(target, lambda current: decide(target, current, outcome))
        if target.creation_policy != "Owner" or done.failure is not None or isinstance(outcome, SecretsError):
            return done
        return self._sweep(target, done)

    def remove(self, target: SecretTarget) -> Decision:
        """Do what becomes of the target Secret when its ExternalSecret is deleted."""
        return self._settle(target, lambda current: decide_removal(target, current))

    def forget(self, manifest: str, *, namespace: str) -> None:
        """An ExternalSecret is gone, or somebody else's: nothing is remembered of it."""
        with self._lock:
            self._swept.pop((namespace, manifest), None)

    def _settle(self, target: SecretTarget, deciding: Callable[[LiveSecret | None], Decision]) -> Decision:
        condition, attempts, is_bound = report.NOT_WRITTEN, MAX_ATTEMPTS, False
        while True:
            attempts -= 1
            try:
                decision = deciding(self.read(target))
                condition = report.NOT_DELETED if decision.action is Action.DELETE else report.NOT_WRITTEN
                is_bound = decision.action is Action.REPLACE
                self._carry_out(target, decision)
            except SecretsError as error:
                if not attempts or not isinstance(error, ConflictError):
                    return replace(_failed(condition, error, target), is_bound=is_bound)
            else:
                return decision

    def _carry_out(self, target: SecretTarget, decision: Decision) -> None:
        secret = decision.secret
        if secret is None:
            return
        manager = field_manager(target.manifest)
        match decision.action:
            case Action.CREATE:
                body = secret.to_document()
                self._cluster.create(SECRETS, body, namespace=secret.namespace, field_manager=manager)
            case Action.REPLACE:
                body = secret.to_document()
                self._cluster.replace(SECRETS, secret.name, body, namespace=secret.namespace, field_manager=manager)
            case Action.DELETE:
                self._delete(secret)
            case Action.LEAVE:
                pass

    def _sweep(self, target: SecretTarget, done: Decision) -> Decision:
        """Delete what the ExternalSecret owned before its target got another name.

        Differs from ESO: after the write, not before it. There is always one of both.
        """
        with self._lock:
            if done.action is Action.LEAVE and self._swept.get((target.namespace, target.manifest)) == target:
                return done
        if not self._may_own_others(target):
            return done
        deleted = 0
        try:
            listing = self._cluster.list(
                SECRETS, namespace=target.namespace, labels=target.own_secrets, metadata_only=True
            )
            for secret in map(LiveSecret.from_document, listing.items):
                if secret.name != target.name and made_by(secret, target):
                    deleted += self._delete(secret)
        except SecretsError as error:
            failed = _failed(report.ORPHANS_LEFT, error, target)
            return replace(failed, action=done.action, secret=done.secret, is_bound=True)
        with self._lock:
            self._swept[target.namespace, target.manifest] = target
        return replace(done, events=(*done.events, *[report.ORPHAN_DELETION] * deleted))

    def _delete(self, secret: LiveSecret) -> bool:
        """Delete the Secret that was looked at, and no other."""
        return self._cluster.delete(
            SECRETS, secret.name, namespace=secret.namespace, uid=secret.uid, resource_version=secret.version
        )


def _failed(condition: report.Condition, error: SecretsError, target: SecretTarget) -> Decision:
    # Frames on the way hold the body that was sent.
    forget_locals(error)
    error.at(target.subject)
    return Decision(condition=condition, events=(report.failure_event(error),), failure=error)
