"""One request to a cluster's API in the words of RBAC: how its answer is read, and which of our errors a failure is.

Sends nothing. No error here carries anything of a body.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final, NamedTuple, cast

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    StoreError,
    StoreUnavailableError,
    ThrottledError,
    WatchExpiredError,
)
from virtrigaud_secrets.stores.cluster_client import Response

MAX_ANSWER_BYTES: Final = 4 << 20
"""etcd keeps at most 1.5 MiB per object; base64 and metadata come on top. More is no answer of a cluster."""

_CHUNK: Final = 1 << 16
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", re.ASCII)
_MAX_NAME: Final = 253


class Operation(NamedTuple):
    """One request, in the words of RBAC."""

    verb: str
    resource: str
    """The resource's plural, with `/subresource` where one is asked for."""
    namespace: str
    """Empty for what lives in no namespace, and for all namespaces."""
    name: str
    """Empty with verbs on many."""
    kind: str = "Secret"
    """What one object of it is called, for messages."""

    @property
    def path(self) -> str:
        """Where in the API, below the group and version."""
        base, _, subresource = self.resource.partition("/")
        scope = ("namespaces", self.namespace) if self.namespace else ()
        return "/".join(filter(None, (*scope, base, self.name, subresource)))

    @property
    def place(self) -> str:
        """Where, for messages."""
        if self.namespace:
            return f"in namespace {self.namespace}"
        return f"of {self.name}" if self.name else "in all namespaces"

    @property
    def right(self) -> str:
        """The right it needs."""
        return f"{self.verb} {self.resource}"


def check_names(resource: str, names: Iterable[str]) -> None:
    """Refuse what could lead a URL elsewhere; the API would refuse it too.

    Raises:
        ConfigurationError: one of the names is none.
    """
    for name in names:
        if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
            raise ConfigurationError(f"{name!r} is no name of a Kubernetes object ({resource})")


def read_body(answer: Response, *, limit: int, until: float, clock: Clock) -> bytes:
    """All of the body; empty if there is more than `limit` bytes of it.

    Raises:
        urllib3.exceptions.HTTPError: it did not come, or not before `clock.elapsed()` reached `until`.
    """
    import urllib3.exceptions as transport

    parts: list[bytes] = []
    size = 0
    while part := answer.read1(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > limit:
            answer.close()
            return b""
        if clock.elapsed() > until:
            answer.close()
            raise transport.TimeoutError
    answer.release_conn()
    return b"".join(parts)


def decoded(content: bytes, operation: Operation) -> Mapping[str, object]:
    """The JSON object of a body.

    Raises:
        StoreUnavailableError: it holds none.
    """
    try:
        document: object = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise unreadable(operation)
    return cast("dict[str, object]", document)


def tells_absence(content: object, operation: Operation) -> bool:
    """Whether an answer with the status 404 is a cluster's own word that an object is not there.

    A proxy whose cluster is away answers 404 as well: what hangs on the object must not be taken for gone.
    """
    if not operation.name:
        return True
    try:
        document: object = json.loads(content) if isinstance(content, (bytes, str)) else None
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and cast("dict[str, object]", document).get("kind") == "Status"


def failure(cluster: str, error: Exception, operation: Operation) -> StoreError | None:
    """Our error for one of the client's or of urllib3's; None for any other.

    Args:
        cluster: the cluster, for messages.
        error: the official client's error with its `status`, or one of the way there.
        operation: what was asked.
    """
    import urllib3.exceptions as transport

    status = getattr(error, "status", None)
    if isinstance(status, int) and status:
        return refusal(cluster, status, getattr(error, "headers", None), operation)
    # The client gives TLS failures the status 0.
    if status is None and not isinstance(error, (transport.HTTPError, OSError)):
        return None
    found = StoreUnavailableError(
        f"{cluster} gave no usable answer to `{operation.right}`: {_reason(error)}", path=operation.path
    )
    # Waiting does not mend trust.
    found.retryable = not _distrusted(error)
    return found


def refusal(cluster: str, status: int, headers: object, operation: Operation) -> StoreError:
    """The error for one status code."""
    right, path = operation.right, operation.path
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return AuthenticationError(f"{cluster} does not accept our credentials", path=path, status=status)
        case HTTPStatus.FORBIDDEN:
            return AccessDeniedError(
                f"{cluster} refuses `{right}` {operation.place}: RBAC must grant this verb to us",
                capability=right,
                path=path,
                status=status,
            )
        case HTTPStatus.CONFLICT:
            return conflict(operation)
        case HTTPStatus.TOO_MANY_REQUESTS:
            return ThrottledError(
                f"{cluster} asks to slow down", path=path, status=status, retry_after=_retry_after(headers)
            )
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.GONE:
            kind = WatchExpiredError if status == HTTPStatus.GONE else StoreUnavailableError
            return kind(f"{cluster} failed to answer `{right}`", path=path, status=status)
        case _:
            return InvalidRequestError(f"{cluster} calls `{right}` a wrong request", path=path, status=status)


def conflict(operation: Operation) -> ConflictError:
    """The error for a write that came too late."""
    what = "there is one already" if operation.verb == "create" else "somebody else changed or deleted it"
    return ConflictError(
        f"the {operation.kind} was not written: {what} meanwhile", path=operation.path, status=HTTPStatus.CONFLICT
    )


def unknown(cluster: str, operation: Operation) -> InvalidRequestError:
    """The error for a kind or namespace that the cluster does not have."""
    return InvalidRequestError(
        f"{cluster} cannot `{operation.right}` {operation.place}: it has no such namespace or no kind "
        f"{operation.kind} (is its CRD installed?)",
        path=operation.path,
        status=HTTPStatus.NOT_FOUND,
    )


def unreadable(operation: Operation) -> StoreUnavailableError:
    """The error for an answer that is none."""
    return StoreUnavailableError(
        f"the answer to `{operation.right}` is not what a cluster answers", path=operation.path
    )


def _distrusted(error: BaseException) -> bool:
    """Whether the server's certificate is the fault; the client nests what OpenSSL said in causes and arguments."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        if isinstance(one, ssl.SSLCertVerificationError):
            return True
        seen.add(id(one))
        waiting += [*one.args, one.__cause__, one.__context__, getattr(one, "reason", None)]
    return False


def _reason(error: Exception) -> str:
    """What went wrong on the way, without texts of the server."""
    import urllib3.exceptions as transport

    if getattr(error, "status", None) == 0 or isinstance(error, transport.SSLError):
        return "its certificate is not trusted, or TLS failed"
    # The special before the general: they inherit from each other.
    reasons: tuple[tuple[type[Exception], str], ...] = (
        (transport.NameResolutionError, "its name cannot be resolved"),
        (transport.NewConnectionError, "it cannot be reached"),
        (transport.ConnectTimeoutError, "connecting took too long"),
        (transport.TimeoutError, "it took too long"),
        (transport.ProxyError, "the proxy failed"),
    )
    return next((text for kind, text in reasons if isinstance(error, kind)), "the connection broke")


def _retry_after(headers: object) -> float | None:
    """Seconds of a `Retry-After` header; a cluster never sends a date."""
    text = cast("Mapping[str, str]", headers).get("Retry-After") if hasattr(headers, "get") else None
    return float(text) if text and text.isascii() and text.isdigit() else None
