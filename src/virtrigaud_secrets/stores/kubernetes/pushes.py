"""What a Secret of a cluster is to become by a push (ESO §3.6). Decisions only; requests belong in `client`.

There is no mark of ownership here, as in ESO: whoever may change the Secrets of a namespace owns them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from virtrigaud_secrets.errors import InvalidRequestError
from virtrigaud_secrets.models.push_metadata import KubernetesPushMetadata
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Push, PushTarget
from virtrigaud_secrets.stores.cluster_api import SecretObject

ValueT = TypeVar("ValueT")

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
"""Annotation in which `kubectl apply` keeps the whole Secret, values included."""


def check(push: Push, metadata: KubernetesPushMetadata, *, kind: str) -> None:
    """Refuse what cannot be written to a Secret.

    Args:
        push: the push.
        metadata: its metadata.
        kind: of the store.

    Raises:
        InvalidRequestError: one key is to be the whole Secret, or another namespace is none of the store's.
    """
    if push.secret_key and not push.target.property:
        raise InvalidRequestError("one key is written into a Secret: remoteRef.property must say under which")
    if metadata.remote_namespace and kind != "ClusterSecretStore":
        raise InvalidRequestError("metadata.spec.remoteNamespace is for a ClusterSecretStore only")


def wanted(current: SecretObject | None, push: Push, metadata: KubernetesPushMetadata) -> SecretObject:
    """The Secret as it is to be."""
    if current is None:
        current = SecretObject(name=push.target.key, data={}, labels={}, annotations={}, type=push.type)
    # Differs from ESO: a copy of the source in plain sight does not travel with one of its keys.
    notes = {key: value for key, value in push.annotations.items() if key != LAST_APPLIED}
    annotations = {key: Sensitive(value) for key, value in _source(notes, metadata.annotations, metadata).items()}
    return SecretObject(
        name=current.name,
        data=_data(current, push),
        labels=_target(current.labels, _source(push.labels, metadata.labels, metadata), metadata),
        annotations=_target(current.annotations, annotations, metadata),
        version=current.version,
        type=push.type,
        document=current.document,
    )


def without(current: SecretObject, target: PushTarget) -> SecretObject | None:
    """The Secret without a property; None where nothing is left of it."""
    if not target.property or current.data.keys() <= {target.property}:
        return None
    return SecretObject(
        name=current.name,
        data={key: value for key, value in current.data.items() if key != target.property},
        labels=current.labels,
        annotations=current.annotations,
        version=current.version,
        type=current.type,
        document=current.document,
    )


def same(one: SecretObject, other: SecretObject) -> bool:
    """Whether two are equal in all that a push writes."""
    return (one.data, one.labels, one.annotations, one.type) == (
        other.data,
        other.labels,
        other.annotations,
        other.type,
    )


def _data(current: SecretObject, push: Push) -> Mapping[str, Sensitive]:
    if not push.target.property:
        return dict(push.entries)
    return {**current.data, push.target.property: push.value}


def _source(own: Mapping[str, str], more: Mapping[str, str], metadata: KubernetesPushMetadata) -> dict[str, str]:
    return dict(more) if metadata.source_merge_policy == "Replace" else {**own, **more}


def _target(
    there: Mapping[str, ValueT], pushed: Mapping[str, ValueT], metadata: KubernetesPushMetadata
) -> dict[str, ValueT]:
    match metadata.target_merge_policy:
        case "Ignore":
            return dict(there)
        case "Replace":
            return dict(pushed)
        case "Merge":
            return {**there, **pushed}
