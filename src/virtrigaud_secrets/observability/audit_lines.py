"""One access as a line in the shape of Vault's audit log. No value is in it, unless as its keyed hash."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.runtime.accesses import SecretAccess, StoreRead
from virtrigaud_secrets.sensitive import Sensitive

PREFIX: Final = "hmac-sha256:"
"""How a hashed value is written, as Vault writes it."""


class Hasher:
    """Hashes values under the user's salt."""

    def __init__(self, salt: Sensitive) -> None:
        self._salt = salt

    def hashed(self, value: bytes) -> str:
        """The hash of a value: equal values of one salt have equal hashes, and nobody without it can try values."""
        return PREFIX + hmac.new(self._salt.reveal(), value, hashlib.sha256).hexdigest()


def line_of_access(access: SecretAccess, *, number: str, pid: int, hasher: Hasher | None) -> dict[str, object]:
    """Somebody was given a secret, or was not.

    Args:
        access: what happened.
        number: identifier of the line.
        pid: the process.
        hasher: hashes values; None leaves them out.
    """
    response: dict[str, object] = {}
    if access.bundle is not None:
        response["cached"] = access.cached
        response["data"] = {key: "" if hasher is None else hasher.hashed(value) for key, value in access.bundle.items()}
        response["sources"] = sources_of(access.bundle)
    if access.outcome:
        response["outcome"] = access.outcome
    request = {"id": number, "operation": str(access.kind), "path": access.manifest}
    if access.target:
        request["target"] = access.target
    return _line(access.at, _who(access.caller, access.thread, pid), request, response, access.error)


def line_of_read(read: StoreRead, *, pid: int) -> dict[str, object]:
    """A store was asked. `request.id` is the store's own, as in its own log."""
    request = {"id": read.request_id, "operation": "read", "path": read.path, "store": read.store}
    response: dict[str, object] = {}
    if read.error is None:
        response = {"version": read.version, "lease": read.lease}
    return _line(read.at, _who(read.caller, read.thread, pid), request, response, read.error)


def encoded(line: Mapping[str, object]) -> bytes:
    """A line with its end. What a reader of lines could take for an end is escaped."""
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def sources_of(bundle: Bundle) -> list[dict[str, str]]:
    """The reads that a bundle was made of, each once."""
    distinct = {
        (origin.store, origin.path, origin.version, origin.request_id): {
            "request_id": origin.request_id,
            "store": origin.store,
            "path": origin.path,
            "version": origin.version,
            "lease": "" if origin.lease is None else origin.lease.fingerprint,
        }
        for origins in bundle.provenance.values()
        for origin in origins
    }
    return [distinct[key] for key in sorted(distinct)]


def _who(caller: str, thread: str, pid: int) -> dict[str, object]:
    return {"display_name": caller, "metadata": {"thread": thread, "pid": str(pid)}}


def _line(
    at: datetime,
    who: Mapping[str, object],
    request: Mapping[str, object],
    response: Mapping[str, object],
    error: SecretsError | None,
) -> dict[str, object]:
    line: dict[str, object] = {
        "time": at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "type": "response",
        "auth": who,
        "request": request,
        "response": response,
    }
    if error is not None:
        # Errors of this package name manifest, field and path, and never a value.
        line |= {"error": str(error), "error_class": type(error).__name__, "error_code": error.code}
    return line
