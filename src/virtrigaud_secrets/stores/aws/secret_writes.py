"""Secrets Manager: how secrets are written under ESO's mark, a tag (ESO §3.3). Nothing that writes is sent twice."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import InvalidRequestError, SecretNotFoundError
from virtrigaud_secrets.models.push_metadata import PolicySourceRef, SecretsManagerPushMetadata
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.assignment import Refusal
from virtrigaud_secrets.stores.aws.client import mappings
from virtrigaud_secrets.stores.aws.errors import text_in
from virtrigaud_secrets.stores.aws.tags import changes_of, tag_list, tags_in
from virtrigaud_secrets.stores.aws.transport import Answer as Reply
from virtrigaud_secrets.stores.aws.transport import Service
from virtrigaud_secrets.stores.base import Push, PushOutcome, PushTarget, StoreContext
from virtrigaud_secrets.stores.merging import has_property, is_empty, with_property, without_property
from virtrigaud_secrets.stores.push_metadata import MARK, is_owned, not_owned, read_metadata, refuse_mark

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.aws import AWSProvider

FIRST_VERSION: Final = "00000000-0000-0000-0000-000000000001"
"""Id of the first version, as ESO gives it: of two that create a secret, the second is refused."""
DEFAULT_DESCRIPTION: Final = "secret 'managed-by:external-secrets'"
"""What ESO writes where the manifest says nothing."""
DEFAULT_KEY: Final = "alias/aws/secretsmanager"
"""The key that AWS keeps for the service."""


@dataclass(frozen=True, slots=True)
class _Change:
    """One request that a push comes to."""

    operation: str
    parameters: Mapping[str, object] = field(repr=False)


class SecretWrites:
    """Writes to one store."""

    def __init__(self, spec: AWSProvider, context: StoreContext, service: Service) -> None:
        self._spec = spec
        self._context = context
        self._service = service

    def push(self, push: Push, path: str) -> PushOutcome:
        """Create a secret or a new version of one that is ours; tags, policy and replicas as its metadata says.

        Raises:
            NotOwnedError: it lacks the mark.
            InvalidRequestError: it is marked for deletion, or no JSON that a property could be written to.
        """
        metadata = read_metadata(push, SecretsManagerPushMetadata)
        refuse_mark(metadata.tags, push)
        about = self._described(path)
        if about is not None and not is_owned(tags_in(about)):
            raise not_owned(push.target, path)
        current = None if about is None else self._current(about, path)
        wanted = push.value
        if push.target.property:
            merged = with_property(current, push.target.property, wanted)
            if isinstance(merged, Refusal):
                raise InvalidRequestError(merged.reason, path=path)
            wanted = merged
        changes = list(self._changes(metadata, about, current, wanted, path))
        if not push.dry_run:
            for change in changes:
                self._service.tell(change.operation, change.parameters, path=path)
        if about is None:
            return PushOutcome.CREATED
        return PushOutcome.UPDATED if changes else PushOutcome.UNCHANGED

    def exists(self, target: PushTarget, path: str) -> bool:
        """Whether it has a current version, and the property in it."""
        current = self._value(path)
        return current is not None and (not target.property or has_property(current, target.property))

    def delete(self, target: PushTarget, path: str, *, dry_run: bool) -> PushOutcome:
        """Delete a secret that is ours as the store says, or one property of it."""
        about = self._described(path)
        if about is None or about.get("DeletedDate") is not None:
            return PushOutcome.ABSENT
        if not is_owned(tags_in(about)):
            return PushOutcome.NOT_OWNED
        # Differs from ESO: there a property takes the whole secret with it.
        left = None
        if target.property:
            current = self._current(about, path)
            left = None if current is None else without_property(current, target.property)
            if left is None:
                return PushOutcome.ABSENT
        if dry_run:
            return PushOutcome.DELETED
        if left is not None and not is_empty(left):
            binary = "SecretBinary" in self._read(path)
            self._service.tell("PutSecretValue", {"SecretId": path, **_version(left, binary=binary)}, path=path)
        else:
            self._service.tell("DeleteSecret", {"SecretId": path, **self._deletion()}, path=path)
        return PushOutcome.DELETED

    def _changes(
        self,
        metadata: SecretsManagerPushMetadata,
        about: Reply | None,
        current: Sensitive | None,
        wanted: Sensitive,
        path: str,
    ) -> Iterator[_Change]:
        binary = metadata.secret_push_format == "binary"  # noqa: S105  # a word, not a secret
        if about is None:
            yield _Change("CreateSecret", _creation(metadata, wanted, path, binary=binary))
            yield from self._policy(metadata, path)
            return
        if metadata.tags:
            removed, added = changes_of(tags_in(about), {**metadata.tags, **MARK})
            if removed:
                yield _Change("UntagResource", {"SecretId": path, "TagKeys": removed})
            if added:
                yield _Change("TagResource", {"SecretId": path, "Tags": tag_list(added)})
        yield from self._policy(metadata, path)
        yield from _replicas(metadata, about, path)
        if current != wanted:
            yield _Change("PutSecretValue", {"SecretId": path, **_version(wanted, binary=binary)})

    def _policy(self, metadata: SecretsManagerPushMetadata, path: str) -> Iterator[_Change]:
        # Differs from ESO: a policy that the manifest does not speak of stays.
        wanted = metadata.resource_policy
        if wanted is None or wanted.policy_source_ref is None:
            return
        text = self._policy_text(wanted.policy_source_ref)
        try:
            there = text_in(self._service.ask("GetResourcePolicy", {"SecretId": path}, path=path), "ResourcePolicy")
        except SecretNotFoundError:
            there = ""
        if _as_json(there) != _as_json(text):
            block = {} if wanted.block_public_policy is None else {"BlockPublicPolicy": wanted.block_public_policy}
            yield _Change("PutResourcePolicy", {"SecretId": path, "ResourcePolicy": text, **block})

    def _policy_text(self, source: PolicySourceRef) -> str:
        namespace = self._context.namespace
        if source.kind == "ConfigMap":
            return self._context.references.config_map_value(source.name, source.key, namespace=namespace)
        return self._context.references.secret_value(source.name, source.key, namespace=namespace).reveal_text()

    def _described(self, path: str) -> Reply | None:
        try:
            return self._service.ask("DescribeSecret", {"SecretId": path}, path=path)
        except SecretNotFoundError:
            return None

    def _current(self, about: Reply, path: str) -> Sensitive | None:
        """Its current value, None where it has no version yet."""
        if about.get("DeletedDate") is not None:
            raise InvalidRequestError(
                "the secret is marked for deletion: restore it, or wait until it is gone", path=path
            )
        return self._value(path) if about.get("VersionIdsToStages") else None

    def _value(self, path: str) -> Sensitive | None:
        try:
            reply = self._read(path)
        except SecretNotFoundError:
            return None
        value = reply.get("SecretString", reply.get("SecretBinary"))
        return Sensitive(value) if isinstance(value, (str, bytes)) else None

    def _read(self, path: str) -> Reply:
        return self._service.ask("GetSecretValue", {"SecretId": path}, path=path)

    def _deletion(self) -> dict[str, object]:
        config = self._spec.secrets_manager
        if config is None:
            return {}
        if config.force_delete_without_recovery:
            return {"ForceDeleteWithoutRecovery": True}
        return {"RecoveryWindowInDays": config.recovery_window_in_days} if config.recovery_window_in_days else {}


def _creation(metadata: SecretsManagerPushMetadata, value: Sensitive, path: str, *, binary: bool) -> dict[str, object]:
    key = metadata.kms_key_id or DEFAULT_KEY
    made: dict[str, object] = {
        "Name": path,
        "Tags": tag_list({**metadata.tags, **MARK}),
        "Description": metadata.description or DEFAULT_DESCRIPTION,
        "KmsKeyId": key,
        **_version(value, binary=binary),
        "ClientRequestToken": FIRST_VERSION,
    }
    if metadata.replication_locations:
        made["AddReplicaRegions"] = _regions(metadata.replication_locations, key)
    return made


def _replicas(metadata: SecretsManagerPushMetadata, about: Reply, path: str) -> Iterator[_Change]:
    if not metadata.replication_locations:
        return
    there = {text_in(item, "Region") for item in mappings(about.get("ReplicationStatus"))}
    wanted = set(metadata.replication_locations)
    if gone := sorted(there - wanted):
        yield _Change("RemoveRegionsFromReplication", {"SecretId": path, "RemoveReplicaRegions": gone})
    if new := sorted(wanted - there):
        key = metadata.kms_key_id or text_in(about, "KmsKeyId") or DEFAULT_KEY
        yield _Change("ReplicateSecretToRegions", {"SecretId": path, "AddReplicaRegions": _regions(new, key)})


def _regions(names: tuple[str, ...] | list[str], key: str) -> list[dict[str, str]]:
    return [{"Region": name, "KmsKeyId": key} for name in names]


def _version(value: Sensitive, *, binary: bool) -> dict[str, object]:
    """A new version, with an id of its own: a second request with it changes nothing."""
    return {"SecretBinary" if binary else "SecretString": value, "ClientRequestToken": str(uuid.uuid4())}


def _as_json(text: str) -> object:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text
