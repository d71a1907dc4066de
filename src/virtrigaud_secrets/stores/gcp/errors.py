"""The one seam where Google's answers and the HTTP library's exceptions become this library's errors.

Faults are returned, not raised: whoever raises one does it away from the answer's text and from Google's exceptions,
both of which may hold values. A server's own words are recognised and never repeated.
"""

from __future__ import annotations

import email.utils
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final, cast

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    SecretNotFoundError,
    SecretVersionDeletedError,
    StoreError,
    StoreUnavailableError,
    ThrottledError,
)

_DENIALS: Final[Mapping[str, str]] = {
    "SERVICE_DISABLED": "the Secret Manager API is not enabled in the project",
    "CONSUMER_INVALID": "the project does not exist, or is not one that requests can be counted on",
    "BILLING_DISABLED": "the project has no billing account",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "the access token lacks the scope cloud-platform: it is set at the node or VM",
    "SECURITY_POLICY_VIOLATED": "a VPC service perimeter refuses the request",
}
"""Google's reason for a 403 → what is said. Others are a missing permission."""

_WORDS: Final = frozenset({
    "access_denied", "invalid_client", "invalid_grant", "invalid_request", "invalid_scope", "invalid_target",
    "unauthorized_client", "unsupported_grant_type",
    "FAILED_PRECONDITION", "INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED", "UNAUTHENTICATED",
})  # fmt: skip
"""Codes of OAuth and of Google's APIs that may be repeated to people. Anything else could be anything."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A request that failed."""

    error: StoreError
    """The error to raise."""
    token_refused: bool = False
    """Whether it is the access token that is refused, not the request."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is kept of an answer with an error: codes, none of its words."""

    status: int
    """The HTTP status."""
    code: str = ""
    """Google's or OAuth's code for it, empty where it is not a known one."""
    reason: str = ""
    """Google's reason for it, empty where it is not a known one."""

    @classmethod
    def read(cls, status: int, body: bytes) -> Refusal:
        """The refusal in an answer, whatever its body is."""
        answer = parsed(body)
        error = answer.get("error")
        if isinstance(error, str):
            return cls(status, error if error in _WORDS else "")
        if not isinstance(error, dict):
            return cls(status)
        told = cast("dict[str, object]", error)
        code = told.get("status")
        return cls(status, code if isinstance(code, str) and code in _WORDS else "", _reason(told.get("details")))


def of_answer(refusal: Refusal, *, path: str, capability: str, retry_after: float | None = None) -> Fault:
    """The fault that an answer of Secret Manager with a status of 300 or more means.

    Args:
        refusal: what the answer says.
        path: the resource that was asked for.
        capability: the permission that the request needs.
        retry_after: seconds the server asks to wait.
    """
    status = refusal.status
    if status == HTTPStatus.NOT_FOUND:
        return Fault(SecretNotFoundError("there is no such secret or version", path=path, status=status))
    if status == HTTPStatus.FORBIDDEN:
        reason = _DENIALS.get(refusal.reason) or (
            f"the identity lacks the permission {capability}, or there is no such project: Google does not say which"
        )
        return Fault(AccessDeniedError(reason, capability=capability, path=path, status=status))
    if status == HTTPStatus.UNAUTHORIZED:
        error = AuthenticationError("Secret Manager does not accept the access token", path=path, status=status)
        return Fault(error, token_refused=True)
    if refusal.code == "FAILED_PRECONDITION":
        return Fault(deleted_version(path, status))
    if waiting := of_trouble(status, path=path, retry_after=retry_after):
        return waiting
    return Fault(InvalidRequestError("Secret Manager calls the request wrong", path=path, status=status))


def of_write(refusal: Refusal, *, path: str, capability: str, retry_after: float | None = None) -> Fault:
    """The same for a request that writes: it may have been about a state that is not the current one."""
    if refusal.status == HTTPStatus.CONFLICT or refusal.code == "FAILED_PRECONDITION":
        reason = "somebody else changed the secret meanwhile"
        return Fault(ConflictError(reason, path=path, status=refusal.status))
    return of_answer(refusal, path=path, capability=capability, retry_after=retry_after)


def deleted_version(path: str, status: int | None = None) -> SecretVersionDeletedError:
    """The error for a version that is there and holds nothing any more; ESO does not count it as missing."""
    reason = (
        "the version is disabled or destroyed; Secret Manager's `latest` is the newest version whatever its state: "
        "enable it, name a version, or set secretVersionSelectionPolicy to LatestOrFetch"
    )
    error = SecretVersionDeletedError(reason, path=path, status=status)
    error.missing = False
    return error


def of_trouble(status: int, *, path: str, retry_after: float | None = None) -> Fault | None:
    """The fault of a status that is about the server rather than the request; None for all others."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        reason = "Google asks to slow down: a quota is used up"
        return Fault(ThrottledError(reason, path=path, status=status, retry_after=retry_after))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        error = StoreUnavailableError("the server failed", path=path, status=status, retry_after=retry_after)
        return Fault(_final(error) if status == HTTPStatus.NOT_IMPLEMENTED else error)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Fault(_final(StoreUnavailableError("the server sends elsewhere", path=path, status=status)))
    return None


def unreadable(path: str) -> Fault:
    """The fault of an answer that is none of Secret Manager's."""
    return Fault(StoreUnavailableError("the answer is not what Secret Manager answers", path=path))


def of_exception(failure: BaseException, *, path: str, timeout: float, trust: str) -> Fault | None:
    """The fault that an exception of the HTTP library means; None for any other exception.

    Args:
        failure: what was raised.
        path: what was asked for.
        timeout: seconds that were allowed.
        trust: which setting says whom to trust, for TLS.
    """
    import requests
    import urllib3.exceptions

    chain = list(_causes(failure))
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            # OpenSSL's own phrase: it names the fault and the host, nothing of the request.
            why = cause.verify_message or "verification failed"
            text = f"the server's certificate is not trusted ({why}); certificates to trust come from {trust}"
            return Fault(_final(StoreUnavailableError(text, path=path)))
    if isinstance(failure, requests.exceptions.SSLError):
        return Fault(_final(StoreUnavailableError("the TLS handshake with the server failed", path=path)))
    if isinstance(failure, (requests.exceptions.Timeout, TimeoutError)) or any(
        isinstance(cause, (urllib3.exceptions.ReadTimeoutError, TimeoutError)) for cause in chain
    ):
        return Fault(StoreUnavailableError(f"no complete answer within {timeout:g} s", path=path))
    if isinstance(failure, (requests.RequestException, urllib3.exceptions.HTTPError, OSError)):
        return Fault(StoreUnavailableError(_broken(chain), path=path))
    return None


def parsed(body: bytes) -> Mapping[str, object]:
    """The JSON object that `body` is, empty where it is none."""
    try:
        answer: object = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", answer) if isinstance(answer, dict) else {}


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


def _reason(details: object) -> str:
    for detail in cast("list[object]", details) if isinstance(details, list) else []:
        reason = cast("dict[str, object]", detail).get("reason") if isinstance(detail, dict) else None
        if isinstance(reason, str) and reason in _DENIALS:
            return reason
    return ""


def _broken(chain: list[BaseException]) -> str:
    import urllib3.exceptions

    if any(isinstance(cause, urllib3.exceptions.NameResolutionError) for cause in chain):
        return "the server's name cannot be resolved"
    if any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in chain):
        refused = any(isinstance(cause, ConnectionRefusedError) for cause in chain)
        return "the server refuses connections" if refused else "the server cannot be reached"
    return "the connection broke before the answer was complete"


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
