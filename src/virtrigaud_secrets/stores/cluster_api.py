"""The requests made to a cluster's API: Secrets, ConfigMaps, namespaces, service accounts and their tokens.

Bodies are decoded here: the official client would write them to its debug log and show them in its errors' and
models' texts. Where the cluster is comes from `cluster_access`; what to do about an object that is not there is the
caller's decision.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Final, NamedTuple, cast

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ClosedError,
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    SecretsError,
    StoreError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.cluster_access import ClusterAccess
from virtrigaud_secrets.stores.cluster_client import Connection, CoreV1, Response, connect_client

MAX_ANSWER_BYTES: Final = 4 << 20
"""etcd keeps at most 1.5 MiB per object; base64 and metadata come on top. More is no answer of a cluster."""

PAGE_SIZE: Final = 25
"""Secrets asked for at a time: as many of the largest still are one bounded answer."""

MAX_PAGE_BYTES: Final = PAGE_SIZE * MAX_ANSWER_BYTES
"""The most that one page of Secrets may hold."""

TOKEN_LIFETIME: Final = timedelta(seconds=600)
"""What ESO asks for, and the shortest that a cluster gives."""

_CHUNK: Final = 1 << 16
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", re.ASCII)
_MAX_NAME: Final = 253
_NAMESPACES: Final = "namespaces"  # the one resource here that lives in no namespace


class _Operation(NamedTuple):
    """One request, in the words of RBAC."""

    verb: str
    resource: str
    namespace: str
    name: str

    @property
    def path(self) -> str:
        if self.resource == _NAMESPACES:
            return f"{self.resource}/{self.name}"
        base, _, subresource = self.resource.partition("/")
        return "/".join(filter(None, ("namespaces", self.namespace, base, self.name, subresource)))

    @property
    def place(self) -> str:
        return f"of {self.name}" if self.resource == _NAMESPACES else f"in namespace {self.namespace}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretObject:
    """A Kubernetes Secret, as far as it is used."""

    name: str
    """Its name."""
    data: Mapping[str, Sensitive]
    """Its values, decoded."""
    labels: Mapping[str, str]
    """Its labels."""
    annotations: Mapping[str, Sensitive]
    """Its annotations: `kubectl apply` keeps a copy of the whole Secret there."""
    version: str = ""
    """Its `resourceVersion`."""
    type: str = "Opaque"
    """Its type."""
    document: Mapping[str, object] = field(default_factory=dict[str, object], repr=False)
    """All of it as the cluster told it, so that a write changes nothing else."""


class ClusterAPI:
    """A cluster's API under one identity. Blocking, safe to use from several threads.

    Nothing is cached: what is asked for may rotate. Nothing is retried here.
    """

    def __init__(
        self,
        access: ClusterAccess,
        *,
        timeout: timedelta,
        clock: Clock | None = None,
        connect: Callable[[ClusterAccess], Connection] | None = None,
    ) -> None:
        self._access = access
        self._clock = clock or SystemClock()
        self._timeout = (timeout.total_seconds(), timeout.total_seconds())
        self._connect = connect or connect_client
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._closed = False

    def __str__(self) -> str:
        """Address and origin, for messages."""
        return f"the cluster API at {self._access.server} ({self._access.origin})"

    def secret(self, name: str, *, namespace: str) -> dict[str, Sensitive] | None:
        """A Secret's data, or None if the cluster has no such Secret.

        Raises:
            StoreError: as for `secret_object`.
        """
        found = self.secret_object(name, namespace=namespace)
        return None if found is None else dict(found.data)

    def secret_object(self, name: str, *, namespace: str) -> SecretObject | None:
        """A Secret with labels and annotations, or None if the cluster has no such Secret.

        Raises:
            StoreError: refused or no usable answer; names verb and resource, never shows the answer.
        """
        operation = _Operation("get", "secrets", namespace, name)
        answer = self._send(
            operation,
            lambda core: core.read_namespaced_secret(
                name, namespace, _preload_content=False, _request_timeout=self._timeout
            ),
        )
        return None if answer is None else _secret(answer, operation)

    def secrets(self, *, namespace: str, labels: Mapping[str, str] | None = None) -> Iterator[SecretObject]:
        """All Secrets of a namespace, or those with these labels, one page after the other.

        Raises:
            StoreError: as for `secret_object`.
        """
        operation = _Operation("list", "secrets", namespace, "")
        selector = ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items()))
        following = ""
        while True:
            answer = self._send(operation, self._page_request(namespace, selector, following), limit=MAX_PAGE_BYTES)
            items = None if answer is None else answer.get("items")
            if answer is None or not isinstance(items, list):
                raise _unreadable(operation)
            for item in cast("list[object]", items):
                if not isinstance(item, dict):
                    raise _unreadable(operation)
                yield _secret(cast("dict[str, object]", item), operation)
            mark = _metadata(answer).get("continue")
            if not isinstance(mark, str) or not mark:
                return
            following = mark

    def create_secret(self, secret: SecretObject, *, namespace: str) -> None:
        """Make a Secret.

        Raises:
            ConflictError: there is one.
            StoreError: as for `secret_object`.
        """
        operation = _Operation("create", "secrets", namespace, secret.name)
        self._write(
            operation,
            lambda core: core.create_namespaced_secret(
                namespace, _body(secret, namespace), _preload_content=False, _request_timeout=self._timeout
            ),
        )

    def replace_secret(self, secret: SecretObject, *, namespace: str) -> None:
        """Write a Secret that was read before, if nobody else has since.

        Raises:
            ConflictError: somebody has, or it is gone.
            StoreError: as for `secret_object`.
        """
        operation = _Operation("update", "secrets", namespace, secret.name)
        self._write(
            operation,
            lambda core: core.replace_namespaced_secret(
                secret.name,
                namespace,
                _body(secret, namespace),
                _preload_content=False,
                _request_timeout=self._timeout,
            ),
        )

    def delete_secret(self, secret: SecretObject, *, namespace: str) -> None:
        """Delete a Secret that was read before, if nobody has changed it since.

        Raises:
            ConflictError: somebody has, or it is gone.
            StoreError: as for `secret_object`.
        """
        operation = _Operation("delete", "secrets", namespace, secret.name)
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"resourceVersion": secret.version},
        }
        self._write(
            operation,
            lambda core: core.delete_namespaced_secret(
                secret.name, namespace, body=options, _preload_content=False, _request_timeout=self._timeout
            ),
        )

    def _write(self, operation: _Operation, request: Callable[[CoreV1], Response]) -> None:
        if self._send(operation, request) is None:
            raise _conflict(operation)

    def _page_request(self, namespace: str, selector: str, following: str) -> Callable[[CoreV1], Response]:
        return lambda core: core.list_namespaced_secret(
            namespace,
            label_selector=selector,
            limit=PAGE_SIZE,
            _continue=following,
            _preload_content=False,
            _request_timeout=self._timeout,
        )

    def config_map(self, name: str, *, namespace: str) -> dict[str, str] | None:
        """A ConfigMap's `data` (not its `binaryData`), or None if the cluster has no such ConfigMap.

        Raises:
            StoreError: as for `secret`.
        """
        operation = _Operation("get", "configmaps", namespace, name)
        answer = self._send(
            operation,
            lambda core: core.read_namespaced_config_map(
                name, namespace, _preload_content=False, _request_timeout=self._timeout
            ),
        )
        return None if answer is None else _texts(answer.get("data"), operation)

    def namespace_labels(self, name: str) -> dict[str, str] | None:
        """A namespace's labels, or None if the cluster has no such namespace.

        Raises:
            StoreError: as for `secret`.
        """
        operation = _Operation("get", _NAMESPACES, "", name)
        answer = self._send(
            operation,
            lambda core: core.read_namespace(name, _preload_content=False, _request_timeout=self._timeout),
        )
        return None if answer is None else _texts(_metadata(answer).get("labels"), operation)

    def service_account_annotations(self, name: str, *, namespace: str) -> dict[str, str] | None:
        """A service account's annotations, or None if the cluster has no such account.

        Raises:
            StoreError: as for `secret`.
        """
        operation = _Operation("get", "serviceaccounts", namespace, name)
        answer = self._send(
            operation,
            lambda core: core.read_namespaced_service_account(
                name, namespace, _preload_content=False, _request_timeout=self._timeout
            ),
        )
        return None if answer is None else _texts(_metadata(answer).get("annotations"), operation)

    def service_account_token(
        self, name: str, *, namespace: str, audiences: Sequence[str] = (), lifetime: timedelta | None = None
    ) -> Sensitive | None:
        """A new token of a service account, or None if the cluster has no such account.

        Args:
            name: the account.
            namespace: its namespace.
            audiences: whom the token is for; empty for the cluster itself.
            lifetime: how long it is good; ten minutes unless told otherwise.

        Raises:
            StoreError: as for `secret`.
        """
        operation = _Operation("create", "serviceaccounts/token", namespace, name)
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "audiences": list(audiences),
                "expirationSeconds": int((lifetime or TOKEN_LIFETIME).total_seconds()),
            },
        }
        answer = self._send(
            operation,
            lambda core: core.create_namespaced_service_account_token(
                name, namespace, body, _preload_content=False, _request_timeout=self._timeout
            ),
        )
        if answer is None:
            return None
        status = answer.get("status")
        token = cast("dict[str, object]", status).get("token") if isinstance(status, dict) else None
        if not isinstance(token, str) or not token:
            raise _unreadable(operation)
        return Sensitive(token)

    def close(self) -> None:
        """Close all connections. The second call does nothing."""
        with self._lock:
            self._closed = True
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _core(self) -> CoreV1:
        with self._lock:
            if self._closed:
                raise ClosedError(f"{self} was closed")
            if self._connection is None:
                self._connection = self._connect(self._access)
            return self._connection.core

    def _send(
        self, operation: _Operation, request: Callable[[CoreV1], Response], *, limit: int = MAX_ANSWER_BYTES
    ) -> Mapping[str, object] | None:
        """The decoded answer, or None for 404."""
        _check_names(operation)
        core = self._core()
        try:
            # The client's time limit is for each read, not for all of them.
            until = self._clock.elapsed() + sum(self._timeout)
            content = self._content(request(core), limit, until)
        except SecretsError:
            raise
        except Exception as error:
            status = getattr(error, "status", None)
            if status == HTTPStatus.NOT_FOUND:
                return None
            failure = self._failure(error, status, operation)
            if failure is None:
                raise
        else:
            return _decoded(content, operation)
        # Outside of the handler: the client's errors carry the server's body and must not hang on ours.
        raise failure

    def _content(self, answer: Response, limit: int, until: float) -> bytes:
        """All of the body, bounded in size and time; empty if there is too much of it."""
        import urllib3.exceptions as transport

        parts: list[bytes] = []
        size = 0
        while part := answer.read1(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > limit:
                answer.close()
                return b""
            if self._clock.elapsed() > until:
                answer.close()
                raise transport.TimeoutError
        answer.release_conn()
        return b"".join(parts)

    def _failure(self, error: Exception, status: object, operation: _Operation) -> StoreError | None:
        """Our error for one of the client's or of urllib3's; None for any other."""
        import urllib3.exceptions as transport

        if isinstance(status, int) and status:
            return self._refusal(status, getattr(error, "headers", None), operation)
        # The client gives TLS failures the status 0.
        if status is None and not isinstance(error, (transport.HTTPError, OSError)):
            return None
        asked = f"{operation.verb} {operation.resource}"
        failure = StoreUnavailableError(
            f"{self} gave no usable answer to `{asked}`: {_reason(error)}", path=operation.path
        )
        # Waiting does not mend trust.
        failure.retryable = not _distrusted(error)
        return failure

    def _refusal(self, status: int, headers: object, operation: _Operation) -> StoreError:
        """The error for one status code."""
        right, path = f"{operation.verb} {operation.resource}", operation.path
        match status:
            case HTTPStatus.UNAUTHORIZED:
                return AuthenticationError(f"{self} does not accept our credentials", path=path, status=status)
            case HTTPStatus.FORBIDDEN:
                return AccessDeniedError(
                    f"{self} refuses `{right}` {operation.place}: RBAC must grant this verb to us",
                    capability=right,
                    path=path,
                    status=status,
                )
            case HTTPStatus.CONFLICT:
                return _conflict(operation)
            case HTTPStatus.TOO_MANY_REQUESTS:
                return ThrottledError(
                    f"{self} asks to slow down", path=path, status=status, retry_after=_retry_after(headers)
                )
            case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.GONE:
                # Gone: the list changed too much between two of its pages.
                return StoreUnavailableError(f"{self} failed to answer `{right}`", path=path, status=status)
            case _:
                return InvalidRequestError(f"{self} calls `{right}` a wrong request", path=path, status=status)


def _conflict(operation: _Operation) -> ConflictError:
    what = "there is one already" if operation.verb == "create" else "somebody else changed or deleted it"
    return ConflictError(
        f"the Secret was not written: {what} meanwhile", path=operation.path, status=HTTPStatus.CONFLICT
    )


def _body(secret: SecretObject, namespace: str) -> dict[str, object]:
    """What is sent for a Secret: what the cluster told of it, with what is to be."""
    metadata: dict[str, object] = {
        **_metadata(secret.document),
        "name": secret.name,
        "namespace": namespace,
        "labels": dict(secret.labels),
        "annotations": {key: value.reveal_text() for key, value in secret.annotations.items()},
    }
    return {
        **secret.document,
        "apiVersion": "v1",
        "kind": "Secret",
        "type": secret.type,
        "metadata": metadata,
        "data": {key: base64.b64encode(value.reveal()).decode() for key, value in secret.data.items()},
    }


def _check_names(operation: _Operation) -> None:
    """Refuse what could lead a URL elsewhere; the API would refuse it too."""
    names = (operation.namespace,) if operation.verb == "list" else (operation.namespace, operation.name)
    for name in (operation.name,) if operation.resource == _NAMESPACES else names:
        if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
            raise ConfigurationError(f"{name!r} is no name of a Kubernetes object ({operation.resource})")


def _decoded(content: bytes, operation: _Operation) -> Mapping[str, object]:
    try:
        document: object = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise _unreadable(operation)
    return cast("dict[str, object]", document)


def _secret(answer: Mapping[str, object], operation: _Operation) -> SecretObject:
    metadata = _metadata(answer)
    name, version = metadata.get("name"), metadata.get("resourceVersion")
    annotations, kind = _texts(metadata.get("annotations"), operation), answer.get("type")
    return SecretObject(
        name=name if isinstance(name, str) else operation.name,
        data=_values(answer.get("data"), operation),
        labels=_texts(metadata.get("labels"), operation),
        annotations={key: Sensitive(text) for key, text in annotations.items()},
        version=version if isinstance(version, str) else "",
        type=kind if isinstance(kind, str) and kind else "Opaque",
        document=answer,
    )


def _metadata(answer: Mapping[str, object]) -> Mapping[str, object]:
    metadata = answer.get("metadata")
    return cast("dict[str, object]", metadata) if isinstance(metadata, dict) else {}


def _values(data: object, operation: _Operation) -> dict[str, Sensitive]:
    try:
        return {key: Sensitive(base64.b64decode(text, validate=True)) for key, text in _texts(data, operation).items()}
    except (binascii.Error, ValueError):
        pass
    raise _unreadable(operation)


def _texts(values: object, operation: _Operation) -> dict[str, str]:
    """A map of text to text; absent counts as empty."""
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise _unreadable(operation)
    entries = cast("dict[str, object]", values)
    texts = {key: value for key, value in entries.items() if isinstance(value, str)}
    if len(texts) != len(entries):
        raise _unreadable(operation)
    return texts


def _unreadable(operation: _Operation) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"the answer to `{operation.verb} {operation.resource}` is not what a cluster answers", path=operation.path
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
