"""The one seam where the server's answers and the HTTP library's exceptions become this library's errors.

Faults are returned, not raised: whoever raises one does it away from the answer's text and from the library's
exceptions, both of which may hold values. A server's own words are recognised and never repeated.
"""

from __future__ import annotations

import email.utils
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    InvalidRequestError,
    LeaseNotFoundError,
    LeaseNotRenewableError,
    LeaseRoleGoneError,
    MountNotFoundError,
    SecretNotFoundError,
    SecretVersionDeletedError,
    StoreError,
    StoreSealedError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.golang.encoding_json import Decoded

_TOKEN_REFUSED: Final = frozenset({"permission denied", "invalid token"})
"""Bare words of a 403 that is about the token. A policy's refusal is a list: `1 error occurred: …`."""

_NO_MOUNT: Final = "no handler for route"
_CHECK_AND_SET: Final = "did not match the current version"
_UPGRADING: Final = "Upgrading from non-versioned to versioned"
_WRONG_KV_FORM: Final = "Invalid path for a versioned K/V secrets engine"

_REASONS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile("unknown role|role .*not found|could not find role"), "the engine has no such role"),
    (re.compile("common_name field is required"), "a certificate needs a common_name"),
    (re.compile("not allowed by this role"), "the role does not allow a name that was asked for"),
    (
        re.compile("beyond the expiration of the CA"),
        "the certificate would outlive its authority: ask for a shorter ttl",
    ),
    (re.compile("one use left"), "the token has too few uses left for a leased secret"),
    (re.compile("invalid role or secret ID|invalid secret id|invalid role_id"), "role id or secret id is wrong"),
    (re.compile("invalid role name|^role .* could not be found"), "the auth method has no such role"),
    (re.compile("invalid username or password"), "user name or password is wrong"),
    (re.compile("ldap operation failed"), "user name or password is wrong, or the directory cannot be asked"),
    (re.compile(r"invalid subject \(sub\) claim"), "the role is for another subject than the token's"),
    (re.compile("error verifying token signature"), "the token is signed by nobody whom the auth method knows"),
    (re.compile("no client certificate found|failed to match all constraints"), "the client certificate fits no role"),
    (
        re.compile("invalid audience|audience claim"),
        "the service account token has another audience than the role asks",
    ),
    (re.compile("missing client token"), "the request carried no token"),
    (re.compile("unsupported operation"), "the path does not support this request"),
    (re.compile("allowed_parameters|not permitted parameter"), "the policy refuses a parameter"),
    (re.compile("Field validation failed"), "a parameter has the wrong type"),
)
"""Known words of the server → what is said instead. The first that is found counts."""


_LEASE_FAULTS: Final[tuple[tuple[re.Pattern[str], type[InvalidRequestError], str], ...]] = (
    (re.compile("lease not found|invalid lease"), LeaseNotFoundError, "the server does not know the lease"),
    (re.compile("lease is not renewable|is not renewable"), LeaseNotRenewableError, "the lease is not renewable"),
    (re.compile("past the max TTL"), LeaseNotRenewableError, "it is at the end of its longest life"),
    (
        re.compile("failed to renew entry.*could not find role", re.DOTALL),
        LeaseRoleGoneError,
        "the lease's role is gone",
    ),
)
"""Words of the server about leases and logins → what they are, whatever the status."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A request that failed."""

    error: StoreError
    """The error to raise."""
    acted: bool = False
    """Whether the server may have carried the request out all the same."""
    transient: bool = False
    """Whether the same request may be answered a moment later."""
    token_refused: bool = False
    """Whether it is the token that is refused, not the request."""
    conflict: bool = False
    """Whether a write did not find the version it was to replace."""


def of_answer(
    status: int, body: Mapping[str, Decoded], *, path: str, capability: str, retry_after: float | None = None
) -> Fault:
    """The fault that an answer with a status of 300 or more means.

    Args:
        status: the HTTP status.
        body: the answer's JSON, empty where it has none.
        path: the path that was asked.
        capability: what a policy must grant for the request.
        retry_after: seconds the server asks to wait.
    """
    words = _words(body)
    request_id = text_of(body, "request_id")
    lease_fault = next((found for found in _LEASE_FAULTS if any(map(found[0].search, words))), None)
    if lease_fault is not None:
        _, kind, said = lease_fault
        return Fault(kind(said, path=path, status=status, request_id=request_id))
    return _of_status(status, words, body, path=path, capability=capability, retry_after=retry_after)


def _of_status(
    status: int,
    words: list[str],
    body: Mapping[str, Decoded],
    *,
    path: str,
    capability: str,
    retry_after: float | None,
) -> Fault:
    request_id = text_of(body, "request_id")
    if status == HTTPStatus.FORBIDDEN:
        return _forbidden(words, path=path, capability=capability, request_id=request_id)
    if status == HTTPStatus.NOT_FOUND:
        return Fault(not_found(body, path=path))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _UNAVAILABLE:
        return _unavailable(status, words, path=path, retry_after=retry_after)
    if status < HTTPStatus.BAD_REQUEST:
        return Fault(_final(StoreUnavailableError("the server sends elsewhere", path=path, status=status)))
    if any(_UPGRADING in word for word in words):
        return Fault(StoreUnavailableError("the KV engine is not ready yet", path=path, status=status), transient=True)
    reason = next((said for pattern, said in _REASONS if any(map(pattern.search, words))), _REFUSED)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        reason = "the path does not support this request"
    conflict = any(_CHECK_AND_SET in word for word in words)
    return Fault(InvalidRequestError(reason, path=path, status=status, request_id=request_id), conflict=conflict)


def _unavailable(status: int, words: list[str], *, path: str, retry_after: float | None) -> Fault:
    if status == HTTPStatus.SERVICE_UNAVAILABLE and any("sealed" in word for word in words):
        return Fault(StoreSealedError("the server is sealed: somebody must unseal it", path=path, status=status))
    reason, acted = _UNAVAILABLE.get(status, ("the server failed", True))
    kind = ThrottledError if status == HTTPStatus.TOO_MANY_REQUESTS else StoreUnavailableError
    error = kind(reason, path=path, status=status, retry_after=retry_after)
    return Fault(error, acted=acted, transient=status != HTTPStatus.NOT_IMPLEMENTED)


_REFUSED: Final = "the server refuses the request as it is; its audit log tells why"

_UNAVAILABLE: Final[Mapping[int, tuple[str, bool]]] = {
    HTTPStatus.REQUEST_TIMEOUT: ("the server waited too long for the request", True),
    HTTPStatus.PRECONDITION_FAILED: ("the server has not yet seen what was written before", False),
    HTTPStatus.TOO_MANY_REQUESTS: ("the server asks to slow down", False),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "the server failed; for a dynamic credential it may be the database or API behind it",
        True,
    ),
    HTTPStatus.NOT_IMPLEMENTED: ("the server is not initialised", False),
    HTTPStatus.BAD_GATEWAY: ("a gateway in front of the server, or an engine's upstream, does not answer", True),
    HTTPStatus.SERVICE_UNAVAILABLE: ("the server is not available", True),
    HTTPStatus.GATEWAY_TIMEOUT: ("a gateway in front of the server waited too long", True),
}
"""Status → what is said, and whether the request may have been carried out."""


def _forbidden(words: list[str], *, path: str, capability: str, request_id: str) -> Fault:
    refused = bool(words) and all(word in _TOKEN_REFUSED for word in words)
    error = AccessDeniedError(
        f'the login\'s policies do not grant the capability "{capability}" on this path',
        capability=capability,
        path=path,
        status=HTTPStatus.FORBIDDEN,
        request_id=request_id,
    )
    return Fault(error, token_refused=refused)


def not_found(body: Mapping[str, Decoded], *, path: str) -> StoreError:
    """Which of the server's four ways of saying 404 it is."""
    request_id = text_of(body, "request_id")
    data = body.get("data")
    if isinstance(data, Mapping) and isinstance(data.get("metadata"), Mapping):
        return deleted_version(data, path=path, request_id=request_id)
    if any(_WRONG_KV_FORM in warning for warning in _texts(body.get("warnings"))):
        return SecretNotFoundError(
            'the KV engine is of version 2: its paths have "data/" behind the mount; set version to v2 in the store',
            path=path,
            status=HTTPStatus.NOT_FOUND,
            request_id=request_id,
        )
    if any(_NO_MOUNT in word for word in _words(body)):
        return MountNotFoundError("no secrets engine is mounted there", path=path, status=HTTPStatus.NOT_FOUND)
    return SecretNotFoundError("there is no such secret", path=path, status=HTTPStatus.NOT_FOUND, request_id=request_id)


def deleted_version(data: Mapping[str, Decoded], *, path: str, request_id: str) -> SecretVersionDeletedError:
    """The error for a KV v2 answer that has metadata and no data."""
    metadata = data.get("metadata")
    destroyed = isinstance(metadata, Mapping) and metadata.get("destroyed") is True
    version = metadata.get("version") if isinstance(metadata, Mapping) else None
    which = f"version {version}" if isinstance(version, str) else "the version"
    return SecretVersionDeletedError(
        f"{which} of the secret was {'destroyed' if destroyed else 'deleted'}",
        path=path,
        status=HTTPStatus.NOT_FOUND,
        request_id=request_id,
    )


def of_login(fault: Fault, *, method: str) -> Fault:
    """The fault of a login request, as one of logging in."""
    error = fault.error
    if not isinstance(error, (AccessDeniedError, InvalidRequestError, SecretNotFoundError)):
        return fault
    if isinstance(error, MountNotFoundError):
        reason = f"no {method} auth method is mounted there"
    elif isinstance(error, AccessDeniedError):
        reason = f"the {method} login was refused: the identity does not fit the role, or could not be checked"
    else:
        reason = f"the {method} login was refused" + ("" if error.reason == _REFUSED else f": {error.reason}")
    return Fault(AuthenticationError(reason, path=error.path, status=error.status, request_id=error.request_id))


def of_exception(failure: Exception, *, path: str, timeout: float, trust: str) -> Fault:
    """The fault that an exception of the HTTP library means.

    Args:
        failure: what was raised.
        path: the path that was asked.
        timeout: seconds that were allowed.
        trust: which setting says whom to trust, for TLS.
    """
    import urllib3.exceptions

    chain = list(_causes(failure))
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            # OpenSSL's own phrase: it names the fault and the host, nothing of the request.
            why = cause.verify_message or "verification failed"
            return Fault(_final(StoreUnavailableError(
                f"the server's certificate is not trusted ({why}); certificates to trust come from {trust}", path=path
            )))  # fmt: skip
    if isinstance(failure, (urllib3.exceptions.SSLError, ssl.SSLError)) and not _cut(chain):
        return Fault(_final(StoreUnavailableError("the TLS handshake with the server failed", path=path)))
    if never_connected := _never_connected(chain):
        return Fault(StoreUnavailableError(never_connected, path=path), transient=True)
    # The class of what never connected is one of these too, in some versions.
    if isinstance(failure, urllib3.exceptions.ConnectTimeoutError):
        return Fault(StoreUnavailableError(f"no connection within {timeout:g} s", path=path), transient=True)
    if _timed_out(chain):
        error = StoreUnavailableError(f"no complete answer within {timeout:g} s", path=path)
        return Fault(error, acted=True, transient=True)
    return Fault(
        StoreUnavailableError("the connection broke before the answer was complete", path=path),
        acted=True,
        transient=True,
    )


def _cut(chain: list[BaseException]) -> bool:
    """Whether it is no fault of TLS, but a connection under TLS that ended."""
    return any(isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) for cause in chain)


def _timed_out(chain: list[BaseException]) -> bool:
    import urllib3.exceptions

    return any(isinstance(cause, (urllib3.exceptions.ReadTimeoutError, TimeoutError)) for cause in chain)


def _never_connected(chain: list[BaseException]) -> str:
    import urllib3.exceptions

    if any(isinstance(cause, urllib3.exceptions.NameResolutionError) for cause in chain):
        return "the server's name cannot be resolved"
    if any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in chain):
        refused = any(isinstance(cause, ConnectionRefusedError) for cause in chain)
        return "the server refuses connections" if refused else "the server cannot be reached"
    return ""


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """`failure` and all it was made of: these libraries nest in arguments as well as in causes."""
    seen: set[int] = set()
    waiting: list[object] = [failure]
    while waiting:
        item = waiting.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        waiting += [*item.args, item.__cause__, item.__context__, getattr(item, "reason", None)]


def _final(error: StoreUnavailableError) -> StoreUnavailableError:
    """`error`, marked as one that waiting does not mend."""
    error.retryable = False
    return error


def text_of(body: Mapping[str, Decoded], name: str) -> str:
    """A text of the answer, empty where it has none of that name."""
    found = body.get(name)
    return found if isinstance(found, str) else ""


def _words(body: Mapping[str, Decoded]) -> list[str]:
    return [word.strip() for word in _texts(body.get("errors"))]


def _texts(value: Decoded) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def retry_after(header: str | None, now: Callable[[], datetime]) -> float | None:
    """Seconds that a `Retry-After` header asks for, by number or by date."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max((email.utils.parsedate_to_datetime(header) - now()).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None
