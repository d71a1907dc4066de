"""The requests made to a cluster's API: Secrets, ConfigMaps, namespaces, service accounts and their tokens.

Bodies are decoded here: the official client would write them to its debug log and show them in its errors' and
models' texts. Where the cluster is comes from `cluster_access`; what to do about an object that is not there is the
caller's decision.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Final, cast

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import ClosedError, SecretsError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.cluster_access import ClusterAccess
from virtrigaud_secrets.stores.cluster_answers import (
    MAX_ANSWER_BYTES,
    Operation,
    check_names,
    conflict,
    decoded,
    failure,
    read_body,
    tells_absence,
    unreadable,
)
from virtrigaud_secrets.stores.cluster_client import Connection, CoreV1, Response, connect_client

PAGE_SIZE: Final = 25
"""Secrets asked for at a time: as many of the largest still are one bounded answer."""

MAX_PAGE_BYTES: Final = PAGE_SIZE * MAX_ANSWER_BYTES
"""The most that one page of Secrets may hold."""

TOKEN_LIFETIME: Final = timedelta(seconds=600)
"""What ESO asks for, and the shortest that a cluster gives."""

_NAMESPACES: Final = "namespaces"  # the one resource here that lives in no namespace


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
        operation = Operation("get", "secrets", namespace, name)
        answer = self._send(
            operation,
            lambda core: core.read_namespaced_secret(
                name, namespace, _preload_content=False, _request_timeout=self._timeout
            ),
        )
        return None if answer is None else _secret(answer, operation)

    def secrets(
        self, *, namespace: str, labels: Mapping[str, str] | None = None, selector: str = ""
    ) -> Iterator[SecretObject]:
        """All Secrets of a namespace, or those with these labels, one page after the other.

        Args:
            namespace: where they are.
            labels: labels that they have.
            selector: further conditions, as the API's `labelSelector` writes them.

        Raises:
            StoreError: as for `secret_object`.
        """
        operation = Operation("list", "secrets", namespace, "")
        pairs = [f"{key}={value}" for key, value in sorted((labels or {}).items())]
        selector = ",".join(filter(None, (*pairs, selector)))
        following = ""
        while True:
            answer = self._send(operation, self._page_request(namespace, selector, following), limit=MAX_PAGE_BYTES)
            items = None if answer is None else answer.get("items")
            if answer is None or not isinstance(items, list):
                raise unreadable(operation)
            for item in cast("list[object]", items):
                if not isinstance(item, dict):
                    raise unreadable(operation)
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
        operation = Operation("create", "secrets", namespace, secret.name)
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
        operation = Operation("update", "secrets", namespace, secret.name)
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
        operation = Operation("delete", "secrets", namespace, secret.name)
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

    def _write(self, operation: Operation, request: Callable[[CoreV1], Response]) -> None:
        if self._send(operation, request) is None:
            raise conflict(operation)

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
        operation = Operation("get", "configmaps", namespace, name)
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
        operation = Operation("get", _NAMESPACES, "", name)
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
        operation = Operation("get", "serviceaccounts", namespace, name)
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
        operation = Operation("create", "serviceaccounts/token", namespace, name)
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
            raise unreadable(operation)
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
        self, operation: Operation, request: Callable[[CoreV1], Response], *, limit: int = MAX_ANSWER_BYTES
    ) -> Mapping[str, object] | None:
        """The decoded answer, or None for 404."""
        check_names(operation.resource, _names(operation))
        core = self._core()
        try:
            # The client's time limit is for each read, not for all of them.
            until = self._clock.elapsed() + sum(self._timeout)
            content = read_body(request(core), limit=limit, until=until, clock=self._clock)
        except SecretsError:
            raise
        except Exception as error:
            absent = getattr(error, "status", None) == HTTPStatus.NOT_FOUND
            if absent and tells_absence(getattr(error, "body", None), operation):
                return None
            found = unreadable(operation) if absent else failure(str(self), error, operation)
            if found is None:
                raise
        else:
            return decoded(content, operation)
        # Outside of the handler: the client's errors carry the server's body and must not hang on ours.
        raise found


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


def _names(operation: Operation) -> tuple[str, ...]:
    """What goes into the address."""
    if operation.resource == _NAMESPACES:
        return (operation.name,)
    return (operation.namespace,) if operation.verb == "list" else (operation.namespace, operation.name)


def _secret(answer: Mapping[str, object], operation: Operation) -> SecretObject:
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


def _values(data: object, operation: Operation) -> dict[str, Sensitive]:
    try:
        return {key: Sensitive(base64.b64decode(text, validate=True)) for key, text in _texts(data, operation).items()}
    except (binascii.Error, ValueError):
        pass
    raise unreadable(operation)


def _texts(values: object, operation: Operation) -> dict[str, str]:
    """A map of text to text; absent counts as empty."""
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise unreadable(operation)
    entries = cast("dict[str, object]", values)
    texts = {key: value for key, value in entries.items() if isinstance(value, str)}
    if len(texts) != len(entries):
        raise unreadable(operation)
    return texts
