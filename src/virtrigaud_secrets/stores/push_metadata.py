"""Reads `metadata` of a push as a backend's own model, and says what ESO's mark of ownership is. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from virtrigaud_secrets.errors import InvalidRequestError, NotOwnedError
from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.push_metadata import PushSecretMetadataDocument
from virtrigaud_secrets.models.remarks import Location, field_path, remarks_of
from virtrigaud_secrets.stores.base import Push, PushTarget

MANAGED_BY: Final = "managed-by"
"""Tag, label or custom metadata that says whose a secret is."""
OWNER: Final = "external-secrets"
"""Its value for what was pushed. ESO writes the same, so that either may go on with what the other began."""
MARK: Final[Mapping[str, str]] = {MANAGED_BY: OWNER}
"""The mark itself."""

SpecT = TypeVar("SpecT", bound=Model)


def is_owned(marks: Mapping[str, str]) -> bool:
    """Whether tags, labels or custom metadata carry the mark."""
    return marks.get(MANAGED_BY) == OWNER


def read_metadata(push: Push, model: type[SpecT]) -> SpecT:
    """The `spec` of the push's metadata; the model's defaults where there is none.

    Raises:
        InvalidRequestError: it is no PushSecretMetadata, or its spec is not what this backend knows.
    """
    from pydantic import ValidationError

    if push.metadata is None:
        return model()
    place: Location = ("metadata",)
    try:
        document = PushSecretMetadataDocument.model_validate(push.metadata, by_alias=True, by_name=False)
        place = ("metadata", "spec")
        return model.model_validate({} if document.spec is None else document.spec, by_alias=True, by_name=False)
    except ValidationError as error:
        found = remarks_of(error, push.metadata)
        reason = "; ".join(f"{field_path((*place, *remark.location))}: {remark.message}" for remark in found)
    raise InvalidRequestError(reason, store=str(push.target.store), path=push.target.key)


def not_owned(target: PushTarget, path: str) -> NotOwnedError:
    """The error for a secret that is there and does not carry the mark."""
    return NotOwnedError(
        f"the secret is there and not marked {MANAGED_BY}: {OWNER}: it is not ours to overwrite. Give it that mark to "
        "hand it over",
        store=str(target.store),
        path=path,
    )


def refuse_mark(tags: Mapping[str, str], push: Push) -> None:
    """Refuse tags of a manifest that would replace the mark.

    Raises:
        InvalidRequestError: they name it.
    """
    if MANAGED_BY in tags:
        raise InvalidRequestError(
            f'metadata.spec.tags may not name "{MANAGED_BY}": that is the mark of ownership',
            store=str(push.target.store),
            path=push.target.key,
        )
