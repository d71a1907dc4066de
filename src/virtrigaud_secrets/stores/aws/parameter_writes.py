"""Parameter Store: how parameters are written under ESO's mark, a tag (ESO §3.3). Nothing that writes is sent twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from virtrigaud_secrets.errors import ConflictError, DecodingError, InvalidRequestError, SecretNotFoundError
from virtrigaud_secrets.golang import encoding_json
from virtrigaud_secrets.models.push_metadata import ParameterStorePushMetadata
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.assignment import Refusal
from virtrigaud_secrets.stores.aws.client import mappings
from virtrigaud_secrets.stores.aws.tags import changes_of, tag_list, tags_in
from virtrigaud_secrets.stores.aws.transport import Service
from virtrigaud_secrets.stores.base import Push, PushOutcome, PushTarget, StoreContext, is_text
from virtrigaud_secrets.stores.merging import has_property, is_empty, with_property, without_property
from virtrigaud_secrets.stores.push_metadata import MARK, is_owned, not_owned, read_metadata, refuse_mark

DEFAULT_DESCRIPTION: Final = "secret 'managed-by:external-secrets'"
"""What ESO writes where the manifest says nothing."""
DEFAULT_KEY: Final = "alias/aws/ssm"
"""The key that AWS keeps for the service."""
_EXISTS: Final = "ParameterAlreadyExists"


class ParameterWrites:
    """Writes to one store."""

    def __init__(self, context: StoreContext, service: Service) -> None:
        self._strict = context.settings.strict
        self._service = service

    def push(self, push: Push, path: str) -> PushOutcome:
        """Create a parameter, or overwrite one that is ours.

        Raises:
            NotOwnedError: it lacks the mark.
            ConflictError: somebody else created it meanwhile.
            InvalidRequestError: it is no JSON that a property could be written to.
            DecodingError: the value is no text.
        """
        metadata = read_metadata(push, ParameterStorePushMetadata)
        refuse_mark(metadata.tags, push)
        wanted = _value(push, metadata)
        current = self._current(path)
        tags = {} if current is None else self._tags(path)
        if current is not None and not is_owned(tags):
            raise not_owned(push.target, path)
        # Differs from ESO unless strict: its provider takes no notice of a property, and writes the value alone.
        if push.target.property and not self._strict:
            merged = with_property(current, push.target.property, wanted)
            if isinstance(merged, Refusal):
                raise InvalidRequestError(merged.reason, path=path)
            wanted = merged
        if not is_text(wanted):
            raise DecodingError("a parameter is text, and the value is not UTF-8")
        if current == wanted:
            return PushOutcome.UNCHANGED
        if not push.dry_run:
            self._write(path, wanted, metadata, None if current is None else tags)
        return PushOutcome.CREATED if current is None else PushOutcome.UPDATED

    def exists(self, target: PushTarget, path: str) -> bool:
        """Whether there is the parameter, and the property in it."""
        current = self._current(path)
        return current is not None and (not target.property or self._strict or has_property(current, target.property))

    def delete(self, target: PushTarget, path: str, *, dry_run: bool) -> PushOutcome:
        """Delete a parameter that is ours, or one property of it."""
        current = self._current(path)
        if current is None:
            return PushOutcome.ABSENT
        if not is_owned(self._tags(path)):
            return PushOutcome.NOT_OWNED
        left = None
        if target.property and not self._strict:
            left = without_property(current, target.property)
            if left is None:
                return PushOutcome.ABSENT
        if dry_run:
            return PushOutcome.DELETED
        if left is not None and not is_empty(left):
            # What kind of parameter it is stays as it is.
            self._service.tell("PutParameter", {"Name": path, "Value": left, "Overwrite": True}, path=path)
        else:
            self._service.tell("DeleteParameter", {"Name": path}, path=path)
        return PushOutcome.DELETED

    def _write(
        self, path: str, value: Sensitive, metadata: ParameterStorePushMetadata, tags: Mapping[str, str] | None
    ) -> None:
        request = _request(path, value, metadata)
        if tags is None:
            # Tags and overwriting exclude each other, so that what is new can only be new.
            created = {**request, "Overwrite": False, "Tags": tag_list({**metadata.tags, **MARK})}
            try:
                self._service.tell("PutParameter", created, path=path)
            except InvalidRequestError as error:
                if _EXISTS not in error.reason:
                    raise
                conflict = ConflictError("somebody else created the parameter meanwhile", path=path)
            else:
                return
            raise conflict
        self._service.tell("PutParameter", {**request, "Overwrite": True}, path=path)
        if metadata.tags:
            resource = {"ResourceType": "Parameter", "ResourceId": path}
            removed, added = changes_of(tags, {**metadata.tags, **MARK})
            if removed:
                self._service.tell("RemoveTagsFromResource", {**resource, "TagKeys": removed}, path=path)
            if added:
                self._service.tell("AddTagsToResource", {**resource, "Tags": tag_list(added)}, path=path)

    def _current(self, path: str) -> Sensitive | None:
        try:
            reply = self._service.ask("GetParameter", {"Name": path, "WithDecryption": True}, path=path)
        except SecretNotFoundError:
            return None
        found = mappings([reply.get("Parameter")])
        value = found[0].get("Value") if found else None
        return Sensitive(value) if isinstance(value, str) else None

    def _tags(self, path: str) -> dict[str, str]:
        request = {"ResourceType": "Parameter", "ResourceId": path}
        return tags_in(self._service.ask("ListTagsForResource", request, path=path))


def _value(push: Push, metadata: ParameterStorePushMetadata) -> Sensitive:
    """The value; a whole Secret as JSON of base64 unless `encodeAsDecoded`, as ESO writes it."""
    if push.secret_key or metadata.encode_as_decoded:
        return push.value
    return Sensitive(encoding_json.marshal({key: value.reveal() for key, value in push.entries.items()}))


def _request(path: str, value: Sensitive, metadata: ParameterStorePushMetadata) -> dict[str, object]:
    request: dict[str, object] = {
        "Name": path,
        "Value": value,
        "Type": metadata.secret_type,
        "Description": metadata.description or DEFAULT_DESCRIPTION,
    }
    if metadata.secret_type == "SecureString":  # noqa: S105  # a word, not a secret
        request["KeyId"] = metadata.kms_key_id or DEFAULT_KEY
    if metadata.tier.type == "Advanced":
        request["Tier"] = "Advanced"
        if metadata.tier.policies is not None:
            request["Policies"] = json.dumps(metadata.tier.policies)
    return request
