"""What to do about a target Secret: pure, from what is there and what came of a resolve (ESO §2.6 to §2.9).

Sends nothing and knows no cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeVar

from virtrigaud_secrets.delivery import target_report as report
from virtrigaud_secrets.delivery.live_secret import LiveSecret
from virtrigaud_secrets.delivery.managed_fields import managed_keys
from virtrigaud_secrets.delivery.secret_target import CREATED_BY
from virtrigaud_secrets.delivery.target_limits import refusal_of
from virtrigaud_secrets.delivery.target_owner import (
    controller_of,
    disowned,
    is_external_secret,
    is_ours,
    made_by,
    owned,
)
from virtrigaud_secrets.errors import (
    ConfigurationError,
    ImmutableSecretError,
    NothingFoundError,
    NotOwnedError,
    ResolveError,
    SecretsError,
    ValidationError,
)
from virtrigaud_secrets.resolver.hashes import data_hash
from virtrigaud_secrets.resolver.rendering import DEFAULT_TYPE
from virtrigaud_secrets.sensitive import Sensitive

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle
    from virtrigaud_secrets.delivery.secret_target import CreationPolicy, SecretTarget

_T = TypeVar("_T")

MANAGED: Final = "reconcile.external-secrets.io/managed"
"""Label of every Secret that is written."""

MANAGED_VALUE: Final = "true"

DATA_HASH: Final = "reconcile.external-secrets.io/data-hash"
"""Annotation that tells whether somebody else changed the data."""

_KEEPING: Final = frozenset({"Merge", "CreateOrMerge"})
"""Creation policies under which keys of others stay."""


class Action(Enum):
    """What is to be done."""

    LEAVE = "leave"
    CREATE = "create"
    REPLACE = "replace"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done about a Secret, and what is to be said when it is done."""

    action: Action = Action.LEAVE
    """What."""
    secret: LiveSecret | None = None
    """The Secret as it is to be, or the one to delete; None where nothing is done."""
    condition: report.Condition
    """The ExternalSecret's condition."""
    events: tuple[report.Event, ...] = ()
    """Its events."""
    is_bound: bool = False
    """Whether `status.binding` is to name the Secret from now on: as in ESO, an update that fails names it too."""
    failure: SecretsError | None = None
    """Why it is not as the manifest wants it."""
    is_permanent: bool = False
    """Whether only a change of the manifest or of the Secret can mend the failure: trying again is of no use."""


def is_valid(secret: LiveSecret | None, policy: CreationPolicy) -> bool:
    """Whether a Secret is as it was left. One that is not is written anew, whatever `refreshPolicy` says (ESO §2.8).

    Args:
        secret: what is there.
        policy: `spec.target.creationPolicy`.
    """
    # Differs from ESO: without a Secret to write there is none that could be wrong, and no reason to read at each look.
    if policy in {"Orphan", "None"} or (policy == "Merge" and secret is None):
        return True
    return (
        secret is not None
        and secret.labels.get(MANAGED) == MANAGED_VALUE
        and secret.annotations.get(DATA_HASH) == data_hash(secret.values())
    )


def decide(target: SecretTarget, current: LiveSecret | None, outcome: Bundle | SecretsError) -> Decision:
    """What to do about a target Secret.

    Args:
        target: what the manifest asks for.
        current: the Secret that is there, or None.
        outcome: the bundle to write, `NothingFoundError` where the store has nothing of what was asked for, or why
            that is not known. Only the first two ever lead to a write.
    """
    if isinstance(outcome, NothingFoundError):
        return _without_values(target, current, outcome)
    if isinstance(outcome, SecretsError):
        return _failed(report.NOT_WRITTEN if _is_about_the_target(outcome) else report.NOT_RESOLVED, outcome)
    if target.creation_policy == "None":
        return Decision(condition=report.SYNCED)
    decision = _made(target, outcome) if current is None else _changed(target, current, outcome)
    refusal = None if decision.secret is None else refusal_of(target, decision.secret)
    if refusal is None:
        return decision
    return replace(_failed(report.NOT_WRITTEN, refusal), is_bound=current is not None)


def decide_removal(target: SecretTarget, current: LiveSecret | None) -> Decision:
    """What to do about a Secret whose ExternalSecret is being deleted (ESO §2.6).

    With `deletionPolicy: Delete` it goes, if the ExternalSecret owns it. All others are left to the cluster, which
    collects what an owner left behind.
    """
    controller = None if current is None else controller_of(current)
    if (
        current is None
        or target.deletion_policy != "Delete"
        or controller is None
        or not is_ours(controller, target)
        or controller.get("uid") != target.uid
    ):
        return Decision(condition=report.RETAINED)
    return Decision(action=Action.DELETE, secret=current, condition=report.DELETED)


def _made(target: SecretTarget, bundle: Bundle) -> Decision:
    if target.creation_policy == "Merge":
        return Decision(condition=report.MISSING)
    return Decision(
        action=Action.CREATE,
        secret=_wanted(target, LiveSecret(name=target.name, namespace=target.namespace), bundle),
        condition=report.SYNCED,
        events=(report.CREATION,),
        is_bound=True,
    )


def _changed(target: SecretTarget, current: LiveSecret, bundle: Bundle) -> Decision:
    return _foreign(target, current) or _updated(target, current, _wanted(target, current, bundle))


def _without_values(target: SecretTarget, current: LiveSecret | None, missing: NothingFoundError) -> Decision:
    """Nothing of what was asked for is in the store. A bundle without keys is another thing."""
    match target.deletion_policy:
        case "Retain":
            return Decision(condition=report.RETAINED)
        case "Merge":
            # The resolver makes an empty bundle of this.
            return _failed(report.NOT_RESOLVED, missing)
        case _:
            return _deleted(target, current)


def _deleted(target: SecretTarget, current: LiveSecret | None) -> Decision:
    if target.creation_policy != "Owner":
        fault = ConfigurationError(
            f"Secret {target.name} is not deleted: deletionPolicy Delete needs creationPolicy Owner, "
            f"not {target.creation_policy}"
        )
        return _refused(report.NOT_DELETED, fault.at(target.subject, "spec.target.deletionPolicy"))
    if current is None or current.is_going:
        return Decision(condition=report.DELETED)
    # Differs from ESO: it deletes whatever has the name.
    if not made_by(current, target):
        error = NotOwnedError("the Secret is not deleted: this ExternalSecret did not make it", path=target.path)
        return _refused(report.NOT_DELETED, error.at(target.subject, "spec.target.name"))
    return Decision(action=Action.DELETE, secret=current, condition=report.DELETED, events=(report.DELETION,))


def _foreign(target: SecretTarget, current: LiveSecret) -> Decision | None:
    """The refusal of a Secret that answers to somebody else; None where it is free or ours."""
    controller = controller_of(current)
    if controller is None or is_ours(controller, target):
        return None
    other = f"{controller.get('kind')} {controller.get('name')}"
    error = NotOwnedError(f"the Secret is owned by {other}", path=target.path)
    error.at(target.subject, "spec.target.name")
    if is_external_secret(controller):
        return _refused(report.OWNED_BY_ANOTHER, error, is_bound=True)
    if target.creation_policy != "Owner":
        return None
    return _refused(report.OWNED_BY_ANOTHER_CONTROLLER, error, is_bound=True)


def _wanted(target: SecretTarget, base: LiveSecret, bundle: Bundle) -> LiveSecret:
    """The Secret as it is to be, made from the one that is there."""
    return _marked(target, _filled(target, base, bundle))


def _filled(target: SecretTarget, base: LiveSecret, bundle: Bundle) -> LiveSecret:
    """The Secret with what the bundle has for it."""
    before = managed_keys(base.managed_fields, target.manifest)
    kept = _without(base.data, before.data) if target.creation_policy in _KEEPING else {}
    data = kept | {key: Sensitive(value) for key, value in bundle.items()}
    added = () if base.is_going else [one for one in target.finalizers if one not in base.finalizers]
    named = target.type or (bundle.type if bundle.type != DEFAULT_TYPE else "")
    return replace(
        base,
        data=data,
        labels=_without(base.labels, before.labels) | dict(bundle.labels),
        annotations=_without(base.annotations, before.annotations) | dict(bundle.annotations),
        type=named or base.type or DEFAULT_TYPE,
        immutable=base.immutable or target.immutable,
        finalizers=(*base.finalizers, *dict.fromkeys(added)),
    )


def _marked(target: SecretTarget, secret: LiveSecret) -> LiveSecret:
    """The Secret with the signs of its management: labels, the hash of its data, its owner."""
    is_owner = target.creation_policy == "Owner"
    labels = {key: value for key, value in secret.labels.items() if key != CREATED_BY} | {MANAGED: MANAGED_VALUE}
    if is_owner:
        labels[CREATED_BY] = target.created_by
    return replace(
        secret,
        labels=labels,
        annotations={**secret.annotations, DATA_HASH: data_hash(secret.values())},
        owners=owned(secret, target) if is_owner else disowned(secret, target),
    )


def _without(entries: Mapping[str, _T], keys: frozenset[str]) -> dict[str, _T]:
    return {key: value for key, value in entries.items() if key not in keys}


def _updated(target: SecretTarget, current: LiveSecret, wanted: LiveSecret) -> Decision:
    """From what is there to what is to be there."""
    if current.immutable:
        return _updated_immutable(target, current, wanted)
    if wanted.has_metadata_of(current) and wanted.has_content_of(current):
        return Decision(condition=report.SYNCED, is_bound=True)
    # Differs from ESO: the cluster would refuse this each time anew.
    if wanted.type != (current.type or DEFAULT_TYPE):
        error = ImmutableSecretError(
            f"the Secret has type {current.type}, which no write can change to {wanted.type}: delete it",
            path=target.path,
        )
        return _refused(report.NOT_WRITTEN, error.at(target.subject, "spec.target.template.type"), is_bound=True)
    return Decision(
        action=Action.REPLACE, secret=wanted, condition=report.SYNCED, events=(report.UPDATE,), is_bound=True
    )


def _updated_immutable(target: SecretTarget, current: LiveSecret, wanted: LiveSecret) -> Decision:
    """An immutable Secret gets metadata only, and no event tells of it.

    As in ESO, that is what management needs where the manifest itself says immutable, and otherwise all that the
    Secret should have, the hash of the data that it should have among it.
    """
    kept = (
        _marked(target, current)
        if target.immutable
        else replace(wanted, data=current.data, type=current.type, immutable=True)
    )
    decision = Decision(condition=report.SYNCED, is_bound=True)
    if not wanted.has_content_of(current):
        error = ImmutableSecretError("the Secret is immutable and holds something else: delete it", path=target.path)
        decision = _refused(report.IMMUTABLE, error.at(target.subject, "spec.target.immutable"), is_bound=True)
    if kept.has_metadata_of(current):
        return decision
    return replace(decision, action=Action.REPLACE, secret=kept)


def _is_about_the_target(error: SecretsError) -> bool:
    """Whether the stores answered, and what was made of it is at fault: ESO renders while it updates the Secret."""
    if isinstance(error, ResolveError):
        return all(_is_about_the_target(one) for one in error.errors)
    places = error.fields
    return isinstance(error, ValidationError) or (
        bool(places) and all(place.startswith("spec.target") for place in places)
    )


def _failed(condition: report.Condition, error: SecretsError) -> Decision:
    return Decision(condition=condition, events=(report.failure_event(error),), failure=error)


def _refused(condition: report.Condition, error: SecretsError, *, is_bound: bool = False) -> Decision:
    return replace(_failed(condition, error), is_permanent=True, is_bound=is_bound)
