"""Credentials for S3 and what speaks it, such as the storage of a migration. Connects nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from virtrigaud_secrets.credentials.base import Arguments, Credentials
from virtrigaud_secrets.credentials.reading import Reading
from virtrigaud_secrets.sensitive import Sensitive

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class S3Credentials(Credentials):
    """What signs requests to S3, by the keys of VirtRigaud's migration Secrets."""

    access_key_id: str
    """Which key signs."""
    secret_access_key: Sensitive
    """The key."""
    session_token: Sensitive | None = None
    """What goes with keys that were lent for a time."""

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Self:
        """The credentials in the keys `accessKeyID`, `secretAccessKey` and, where it is there, `sessionToken`.

        Raises:
            ValidationError: a key is missing or not what it should be; names manifest and key.
        """
        reading = Reading(bundle, cls)
        access_key_id, secret_access_key = reading.word("accessKeyID"), reading.word("secretAccessKey")
        session_token = reading.optional_word("sessionToken")
        reading.refuse_faults()
        return cls(
            source=reading.source,
            access_key_id=access_key_id.reveal_text(),
            secret_access_key=secret_access_key,
            session_token=session_token,
        )

    def client_arguments(self) -> Arguments:
        """Keyword arguments for `boto3.client("s3", …)` and `boto3.Session`."""
        arguments = Arguments(
            aws_access_key_id=self.access_key_id, aws_secret_access_key=self.secret_access_key.reveal_text()
        )
        if self.session_token is not None:
            arguments["aws_session_token"] = self.session_token.reveal_text()
        return arguments
