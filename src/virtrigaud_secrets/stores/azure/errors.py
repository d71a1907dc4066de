"""The one seam where answers of Key Vault and of login servers, and the SDK's exceptions, become our errors.

Faults are returned, not raised: whoever raises one does it away from the SDK's exceptions, which hold tokens and
values. A server's own words are recognised by their codes and never repeated.
"""

from __future__ import annotations

import email.utils
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol, cast

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    SecretNotFoundError,
    SecretsError,
    StoreError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.stores.azure.clouds import METADATA_SERVICE

if TYPE_CHECKING:
    import requests

_DISABLED: Final = frozenset({"SecretDisabled", "KeyDisabled", "CertificateDisabled"})

_DENIED: Final[Mapping[str, str]] = {
    "ForbiddenByFirewall": "the vault's firewall refuses this address",
    "ForbiddenByConnection": "the vault takes no requests from this network: it may want its private endpoint",
    "ForbiddenByRbac": "no role of the login grants {permission} in this vault",
    "ForbiddenByPolicy": "no access policy grants the login {permission} in this vault",
    "AccessDenied": "no access policy grants the login {permission} in this vault",
}
"""Inner code of a 403 → what is said. ForbiddenByRbac and its like are Key Vault's own."""

_LOGIN_REASONS: Final[Mapping[int, str]] = {
    50034: "the tenant does not know the identity",
    53003: "a conditional access policy refuses the login",
    70021: "the application trusts no such federated identity: compare issuer, subject and audience",
    90002: "there is no such tenant",
    500011: "the tenant has no such resource: is environmentType that of the vault?",
    700016: "the tenant knows no application of that client id",
    700024: "the assertion has expired or is not valid yet: is the clock right?",
    700027: "the application knows no such certificate, or its key did not sign",
    700211: "the application trusts no federated identity of this issuer",
    700212: "the application trusts no federated identity for this audience",
    700213: "the application trusts no federated identity of this subject",
    7000215: "the client secret is wrong",
    7000222: "the client secret has expired",
}
"""Number of an AADSTS code → what is said."""

_BROKEN: Final = "the answer is not what a key vault says: is vaultUrl the address of one?"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, as far as an error has to say it."""

    path: str
    """Path in the vault's API."""
    permission: str
    """What the login must be allowed to do."""
    timeout: float
    """Seconds that one request may take."""
    now: Callable[[], datetime]
    """Wall time, for a `Retry-After` that is a date."""
    writing: bool = False
    """Whether it changes something, so that a lost answer leaves open whether it did."""


class _Response(Protocol):
    """What the SDK's exceptions carry."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes


class DeletedNameError(ConflictError):
    """The name belongs to an object that was deleted and can be recovered."""


class AnswerTooLongError(Exception):
    """More was sent than any vault has to say."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A request that failed."""

    error: SecretsError
    """The error to raise."""
    token_refused: bool = False
    """Whether it is the login's token that the vault refuses."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The last bad answer of a login server."""

    status: int
    """Its HTTP status."""
    codes: tuple[int, ...] = ()
    """Numbers of its AADSTS codes."""
    request_id: str = ""
    """Its identifier of the request."""
    retry_after: float | None = None
    """Seconds it asked to wait."""

    @classmethod
    def of(cls, response: requests.Response, now: Callable[[], datetime]) -> Refusal | None:
        """What `response` says, None for one that is no refusal."""
        if response.status_code < HTTPStatus.BAD_REQUEST:
            return None
        numbers = _object(response.content).get("error_codes")
        codes = cast("list[object]", numbers) if isinstance(numbers, list) else []
        return cls(
            response.status_code,
            tuple(code for code in codes if isinstance(code, int)),
            response.headers.get("x-ms-request-id", ""),
            retry_after(response.headers.get("Retry-After"), now),
        )


def of_failure(failure: Exception, asked: Asked) -> Fault:
    """The fault that an exception on the way to a vault means."""
    from azure.core.exceptions import HttpResponseError

    if isinstance(failure, SecretsError):
        # The login's: it passed through the SDK, whose frames hold the request.
        failure.__context__ = failure.__cause__ = None
        return Fault(failure.with_traceback(None))
    response = cast("_Response | None", failure.response) if isinstance(failure, HttpResponseError) else None
    if response is not None:
        fault = _of_answer(response.status_code, response.headers, response.content, asked)
        return _left_open(fault) if asked.writing and isinstance(fault.error, StoreUnavailableError) else fault
    if isinstance(failure, ValueError):
        reason = "the vault asks for a login to another service than the one its address belongs to: is vaultUrl right?"
        return Fault(AuthenticationError(reason, path=asked.path))
    fault = Fault(of_connection(failure, asked.path, asked.timeout))
    return _left_open(fault) if asked.writing and _was_sent(failure) else fault


def _left_open(fault: Fault) -> Fault:
    """`fault`, of a request that may have been carried out all the same."""
    error = fault.error
    if isinstance(error, StoreError):
        error.acted = True
        error.reason += "; it may have been written all the same, and is not sent again: the next push looks"
    return fault


def _was_sent(failure: Exception) -> bool:
    """Whether the request may have gone out before the connection failed."""
    import urllib3.exceptions

    before = (
        ssl.SSLCertVerificationError,
        ConnectionRefusedError,
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
    )
    return not any(isinstance(cause, before) for cause in _causes(failure))


def _of_answer(status: int, headers: Mapping[str, str], body: bytes, asked: Asked) -> Fault:
    request_id = headers.get("x-ms-request-id", "")
    codes = _codes(_member(_object(body), "error"))
    match status:
        case HTTPStatus.UNAUTHORIZED:
            reason = "the vault refuses the login's token: compare the login's tenant with the vault's"
            return Fault(
                AuthenticationError(reason, path=asked.path, status=status, request_id=request_id), token_refused=True
            )
        case HTTPStatus.FORBIDDEN:
            return Fault(_forbidden(codes, request_id, asked))
        case HTTPStatus.NOT_FOUND:
            reason = "the vault has no such object, or not this version of it"
            return Fault(SecretNotFoundError(reason, path=asked.path, status=status, request_id=request_id))
        case HTTPStatus.CONFLICT if asked.writing:
            return Fault(_conflict(codes, request_id, asked))
        case HTTPStatus.TOO_MANY_REQUESTS:
            wait = retry_after(headers.get("Retry-After"), asked.now)
            reason = "the vault asks to slow down"
            return Fault(
                ThrottledError(reason, path=asked.path, status=status, request_id=request_id, retry_after=wait)
            )
        case _:
            return Fault(_other(status, headers, request_id, asked))


def _conflict(codes: list[str], request_id: str, asked: Asked) -> StoreError:
    kind, reason = ConflictError, "somebody else changes the object, or it is just being deleted or recovered"
    if "ObjectIsDeletedButRecoverable" in codes:
        kind, reason = DeletedNameError, "an object of that name was deleted and can still be recovered"
    return kind(reason, path=asked.path, status=HTTPStatus.CONFLICT, request_id=request_id)


def _forbidden(codes: list[str], request_id: str, asked: Asked) -> StoreError:
    disabled = any(code in _DISABLED for code in codes)
    known = next((_DENIED[code] for code in reversed(codes) if code in _DENIED), _DENIED["ForbiddenByPolicy"])
    return AccessDeniedError(
        "the object, or this version of it, is disabled" if disabled else known.format(permission=asked.permission),
        capability="" if disabled else asked.permission,
        path=asked.path,
        status=HTTPStatus.FORBIDDEN,
        request_id=request_id,
    )


def _other(status: int, headers: Mapping[str, str], request_id: str, asked: Asked) -> StoreError:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        wait = retry_after(headers.get("Retry-After"), asked.now)
        return StoreUnavailableError(
            "the vault failed", path=asked.path, status=status, request_id=request_id, retry_after=wait
        )
    if status >= HTTPStatus.BAD_REQUEST:
        reason = "the vault calls the request wrong"
        return InvalidRequestError(reason, path=asked.path, status=status, request_id=request_id)
    broken = StoreUnavailableError(_BROKEN, path=asked.path, status=status, request_id=request_id)
    broken.retryable = False
    return broken


def of_login(refusal: Refusal | None, failure: Exception | None, *, method: str, timeout: float) -> StoreError:
    """The error of a login that failed.

    Args:
        refusal: the login server's last bad answer, if there was one.
        failure: what the SDK raised, None where it just brought no token.
        method: `authType` of the store.
        timeout: seconds that one request may take.
    """
    if refusal is None:
        if failure is None or isinstance(failure, ValueError):
            return AuthenticationError(f"the {method} login brought no token")
        error = of_connection(failure, "", timeout)
        error.reason = f"{method} login: {error.reason}"
        if method == "ManagedIdentity":
            error.reason += (
                f"; it is asked at the metadata service {METADATA_SERVICE}, which only machines and pods on Azure "
                "have: elsewhere, authType is ServicePrincipal or WorkloadIdentity"
            )
        return error
    facts = {"status": refusal.status, "request_id": refusal.request_id}
    if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        reason = f"{method} login: the login server asks to slow down"
        return ThrottledError(reason, retry_after=refusal.retry_after, **facts)  # type: ignore[arg-type]  # as named
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR or refusal.status == HTTPStatus.GONE:
        reason = f"{method} login: the login server failed"
        return StoreUnavailableError(reason, retry_after=refusal.retry_after, **facts)  # type: ignore[arg-type]  # as above
    # The metadata service has no codes: it knows only machines that have the identity, or have not.
    unknown = "the machine has no such identity, or several and identityId names none of them"
    otherwise = unknown if method == "ManagedIdentity" and refusal.status == HTTPStatus.BAD_REQUEST else ""
    why = next((_LOGIN_REASONS[code] for code in refusal.codes if code in _LOGIN_REASONS), otherwise)
    return AuthenticationError(f"the {method} login was refused" + (f": {why}" if why else ""), **facts)  # type: ignore[arg-type]  # as above


def of_connection(failure: Exception, path: str, timeout: float) -> StoreError:
    """The error that an exception below the SDK means."""
    import urllib3.exceptions

    chain = list(_causes(failure))
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            # OpenSSL's own phrase: it names the fault and the host, nothing of the request.
            why = cause.verify_message or "verification failed"
            return _final(f"the server's certificate is not trusted ({why}): see Settings.ca_file", path)
        if isinstance(cause, AnswerTooLongError):
            return _final("the answer is too long for a vault", path)
    # The first that is found counts: the later ones are what the earlier ones are wrapped in.
    meanings: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
        ((ssl.SSLError, urllib3.exceptions.SSLError), "the TLS handshake with the server failed"),
        (
            urllib3.exceptions.NameResolutionError,
            "the server's name cannot be resolved: there may be no vault of that name",
        ),
        (ConnectionRefusedError, "the server refuses connections"),
        (urllib3.exceptions.NewConnectionError, "the server cannot be reached"),
        ((TimeoutError, urllib3.exceptions.TimeoutError), f"no complete answer within {timeout:g} s"),
        ((urllib3.exceptions.HTTPError, OSError), "the connection broke before the answer was complete"),
    )
    found = (said for kinds, said in meanings if any(isinstance(cause, kinds) for cause in chain))
    return StoreUnavailableError(next(found, f"{_BROKEN} ({type(failure).__name__})"), path=path)


def retry_after(header: str | None, now: Callable[[], datetime]) -> float | None:
    """Seconds that a `Retry-After` header asks for, by number or by date."""
    if header is None:
        return None
    if header.strip().isascii() and header.strip().isdigit():
        return float(header)
    try:
        return max((email.utils.parsedate_to_datetime(header) - now()).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None


def _codes(error: Mapping[str, object]) -> list[str]:
    """The code of an error and of those inside it, from the outermost on."""
    found: list[str] = []
    while error:
        found.append(str(error.get("code")))
        error = _member(error, "innererror")
    return found


def _member(value: Mapping[str, object], name: str) -> dict[str, object]:
    member = value.get(name)
    return cast("dict[str, object]", member) if isinstance(member, dict) else {}


def _object(body: bytes) -> dict[str, object]:
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _final(reason: str, path: str) -> StoreUnavailableError:
    """An error that waiting does not mend."""
    error = StoreUnavailableError(reason, path=path)
    error.retryable = False
    return error


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
        waiting += [*item.args, item.__cause__, item.__context__]
        waiting += [getattr(item, "reason", None), getattr(item, "inner_exception", None)]
