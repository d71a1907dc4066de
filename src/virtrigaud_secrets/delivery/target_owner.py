"""Whose a target Secret is: the controller's reference in `metadata.ownerReferences` (ESO §2.9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.delivery.secret_target import CREATED_BY

if TYPE_CHECKING:
    from virtrigaud_secrets.delivery.live_secret import LiveSecret
    from virtrigaud_secrets.delivery.secret_target import SecretTarget

GROUP: Final = "external-secrets.io"
KIND: Final = "ExternalSecret"
API_VERSION: Final = f"{GROUP}/v1"
"""What ESO writes, whatever version the manifest is of."""


def controller_of(secret: LiveSecret) -> Mapping[str, object] | None:
    """The owner that answers for the Secret; there is one at most."""
    return next((owner for owner in secret.owners if owner.get("controller") is True), None)


def is_external_secret(owner: Mapping[str, object]) -> bool:
    """Whether an owner is an ExternalSecret, of whatever version."""
    group, _, _ = str(owner.get("apiVersion")).rpartition("/")
    return (group, owner.get("kind")) == (GROUP, KIND)


def is_ours(owner: Mapping[str, object], target: SecretTarget) -> bool:
    """Whether an owner is the target's ExternalSecret: by name, as one that was made anew takes over."""
    return is_external_secret(owner) and owner.get("name") == target.manifest


def made_by(secret: LiveSecret, target: SecretTarget) -> bool:
    """Whether the target's ExternalSecret made the Secret or took it over."""
    controller = controller_of(secret)
    if controller is not None:
        return is_ours(controller, target)
    return secret.labels.get(CREATED_BY) == target.created_by


def owned(secret: LiveSecret, target: SecretTarget) -> tuple[Mapping[str, object], ...]:
    """The owners, with the target's ExternalSecret as the one that answers for it, where it stood if it was one."""
    reference: dict[str, object] = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": target.manifest,
        "uid": target.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    if not any(is_ours(owner, target) for owner in secret.owners):
        return (*secret.owners, reference)
    return tuple(reference if is_ours(owner, target) else owner for owner in secret.owners)


def disowned(secret: LiveSecret, target: SecretTarget) -> tuple[Mapping[str, object], ...]:
    """The owners without the target's ExternalSecret, where it answered for the Secret."""
    return tuple(owner for owner in secret.owners if owner.get("controller") is not True or not is_ours(owner, target))
