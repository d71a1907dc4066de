"""Any objects of a cluster's API: read, listed, watched and written as JSON.

For what works in a cluster beside stores. Bodies may be Secrets: their data is base64 text of values, so no body may be
shown, logged or put into an error. Nothing is cached, nothing is retried.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple, cast
from urllib.parse import urlencode

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import ClosedError, MissingDependencyError, SecretsError
from virtrigaud_secrets.stores.cluster_access import ClusterAccess
from virtrigaud_secrets.stores.cluster_answers import (
    MAX_ANSWER_BYTES,
    Operation,
    check_names,
    conflict,
    decoded,
    failure,
    read_body,
    refusal,
    tells_absence,
    unknown,
    unreadable,
)
from virtrigaud_secrets.stores.cluster_client import USER_AGENT, Response, connection_pool

if TYPE_CHECKING:
    from urllib3 import PoolManager
    from urllib3.response import BaseHTTPResponse

PAGE_SIZE: Final = 100
"""Objects asked for at a time: few requests for a thousand, and one page stays far from a cluster's own limits."""

MAX_PAGE_BYTES: Final = PAGE_SIZE * MAX_ANSWER_BYTES
"""The most that one page may hold."""

WATCH_MARGIN: Final = timedelta(seconds=15)
"""How long after a watch should have ended its connection counts as dead."""

_CHUNK: Final = 1 << 16
_ON_MANY: Final = frozenset({"list", "watch", "create"})
"""Verbs whose address names no object."""
_DONE: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED})
_JSON: Final = "application/json"
_MERGE_PATCH: Final = "application/merge-patch+json"
_PARTIAL: Final = "application/json;as={};g=meta.k8s.io;v=v1"


class Resource(NamedTuple):
    """One kind of object, as the API names it."""

    group: str
    """API group; empty for the core group."""
    version: str
    """Version of the group."""
    plural: str
    """Name in URLs and in RBAC."""
    kind: str
    """Name in manifests."""

    @property
    def api_version(self) -> str:
        """`apiVersion` in manifests."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def root(self) -> str:
        """Where the group and version are in the API."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


SECRETS: Final = Resource("", "v1", "secrets", "Secret")
CONFIG_MAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace")
PODS: Final = Resource("", "v1", "pods", "Pod")
EVENTS: Final = Resource("", "v1", "events", "Event")
DEPLOYMENTS: Final = Resource("apps", "v1", "deployments", "Deployment")
LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease")
EXTERNAL_SECRETS: Final = Resource("external-secrets.io", "v1", "externalsecrets", "ExternalSecret")
SECRET_STORES: Final = Resource("external-secrets.io", "v1", "secretstores", "SecretStore")
CLUSTER_SECRET_STORES: Final = Resource("external-secrets.io", "v1", "clustersecretstores", "ClusterSecretStore")
_ACCESS_REVIEWS: Final = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview")


class Listing(NamedTuple):
    """What a list gave."""

    items: tuple[Mapping[str, object], ...]
    """The objects, in the order of the API. They carry neither `apiVersion` nor `kind`."""
    resource_version: str
    """Where a watch goes on from here."""

    def __repr__(self) -> str:
        """How many, and no body."""
        return f"<{len(self.items)} objects at {self.resource_version}>"


class Change(NamedTuple):
    """One line of a watch."""

    kind: str
    """`ADDED`, `MODIFIED`, `DELETED`, or `BOOKMARK`: nothing changed, and the object has a `resourceVersion` only."""
    object: Mapping[str, object]
    """The object after the change; before it where it was deleted."""

    def __repr__(self) -> str:
        """What happened, and no body."""
        return f"<{self.kind}>"


class _Request(NamedTuple):
    """One HTTP request."""

    method: str
    operation: Operation
    root: str
    query: Mapping[str, str]
    body: Mapping[str, object] | None = None
    content_type: str = _JSON
    accept: str = _JSON


class ClusterObjects:
    """A cluster's API under one identity. Blocking, safe to use from several threads.

    ```python
    objects = ClusterObjects(find_cluster(settings, clock), timeout=settings.timeout)
    for secret in objects.list(SECRETS, namespace="vsphere-providers", metadata_only=True).items: ...
    ```

    All methods raise `StoreError` where the cluster refuses or gives no usable answer (its messages name verb and
    resource and never show an answer), `ConfigurationError` for a name that is none, and `ClosedError` after `close`.
    """

    def __init__(self, access: ClusterAccess, *, timeout: timedelta, clock: Clock | None = None) -> None:
        """Sends nothing yet.

        Args:
            access: cluster and identity.
            timeout: the most that one request waits, for connecting and for each part of the answer.
            clock: time.
        """
        self._access = access
        self._timeout = timeout.total_seconds()
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._pool: PoolManager | None = None
        self._streams: set[BaseHTTPResponse] = set()
        self._closed = False

    def __str__(self) -> str:
        """Address and origin, for messages."""
        return f"the cluster API at {self._access.server} ({self._access.origin})"

    def get(
        self, resource: Resource, name: str, *, namespace: str = "", metadata_only: bool = False
    ) -> Mapping[str, object] | None:
        """One object, or None if the cluster has no such object.

        Args:
            resource: its kind.
            name: its name.
            namespace: its namespace; empty for what lives in none.
            metadata_only: leave out everything but `metadata`: a Secret's data then never comes here.
        """
        operation = Operation("get", resource.plural, namespace, name, resource.kind)
        accept = _PARTIAL.format("PartialObjectMetadata") if metadata_only else _JSON
        return self._send(_Request("GET", operation, resource.root, {}, accept=accept))

    def list(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> Listing:
        """All objects of a kind, read page by page as they were at one moment.

        Args:
            resource: their kind.
            namespace: one namespace; empty for all, and for what lives in none.
            labels: a label selector as `kubectl -l` takes it; empty for all.
            fields: a field selector, such as `type=kubernetes.io/tls` of Secrets; empty for all.
            metadata_only: leave out everything but `metadata`.

        Raises:
            WatchExpiredError: the list took so long that the cluster forgot its beginning.
        """
        operation = Operation("list", resource.plural, namespace, "", resource.kind)
        accept = _PARTIAL.format("PartialObjectMetadataList") if metadata_only else _JSON
        items: list[Mapping[str, object]] = []
        query = {"limit": str(PAGE_SIZE), **_selecting(labels, fields)}
        while True:
            page = self._send(_Request("GET", operation, resource.root, query, accept=accept), limit=MAX_PAGE_BYTES)
            if page is None:
                raise unknown(str(self), operation)
            # Go writes an empty list of metadata as null.
            found = page.get("items", "")
            if found is None:
                found = []
            if not isinstance(found, list):
                raise unreadable(operation)
            for item in cast("list[object]", found):
                if not isinstance(item, dict):
                    raise unreadable(operation)
                items.append(cast("dict[str, object]", item))
            following = _mark(page, "continue")
            if not following:
                return Listing(tuple(items), _mark(page, "resourceVersion"))
            query = {**query, "continue": following}

    def watch(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        labels: str = "",
        resource_version: str,
        timeout: timedelta,
        metadata_only: bool = False,
    ) -> Iterator[Change]:
        """What changes after `resource_version`, until the server ends it or `close` is called from another thread.

        Args:
            resource: the kind.
            namespace: one namespace; empty for all, and for what lives in none.
            labels: a label selector; an object that no longer fits counts as deleted.
            resource_version: where to go on: of a `Listing`, or of the last change.
            timeout: when the server is to end it. A broken connection is noticed no sooner.
            metadata_only: leave out everything but `metadata`.

        Raises:
            WatchExpiredError: the cluster no longer knows that point. List anew.
            StoreUnavailableError: the connection broke. Go on from the last change.
        """
        operation = Operation("watch", resource.plural, namespace, "", resource.kind)
        seconds = str(max(1, round(timeout.total_seconds())))
        query = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": seconds, **_selecting(labels)}
        query["resourceVersion"] = resource_version
        accept = _PARTIAL.format("PartialObjectMetadata") if metadata_only else _JSON
        request = _Request("GET", operation, resource.root, query, accept=accept)
        return self._changes(request, (timeout + WATCH_MARGIN).total_seconds())

    def create(
        self, resource: Resource, body: Mapping[str, object], *, namespace: str = "", field_manager: str = ""
    ) -> Mapping[str, object]:
        """Make an object and return it as the cluster keeps it.

        Args:
            resource: its kind.
            body: the object, with `metadata.name`; `apiVersion` and `kind` are filled in.
            namespace: its namespace; empty for what lives in none.
            field_manager: who is to be named in `managedFields`.

        Raises:
            ConflictError: there is one of that name.
        """
        # A name is generated by the server or checked by it: it is no part of the address.
        operation = Operation("create", resource.plural, namespace, "", resource.kind)
        answer = self._write("POST", operation, resource, body, field_manager)
        if answer is None:
            raise unknown(str(self), operation)
        return answer

    def replace(
        self,
        resource: Resource,
        name: str,
        body: Mapping[str, object],
        *,
        namespace: str = "",
        subresource: str = "",
        field_manager: str = "",
    ) -> Mapping[str, object]:
        """Write all of an object and return it as the cluster keeps it.

        With `metadata.resourceVersion` in the body this fails if anybody has changed the object since.

        Raises:
            ConflictError: somebody has, or it is gone.
        """
        operation = Operation("update", _part(resource, subresource), namespace, name, resource.kind)
        answer = self._write("PUT", operation, resource, body, field_manager)
        if answer is None:
            raise conflict(operation)
        return answer

    def patch(
        self,
        resource: Resource,
        name: str,
        body: Mapping[str, object],
        *,
        namespace: str = "",
        subresource: str = "",
        field_manager: str = "",
    ) -> Mapping[str, object]:
        """Change some fields of an object by a JSON merge patch (RFC 7386) and return it as the cluster keeps it.

        With `metadata.resourceVersion` in the body this fails if anybody has changed the object since.

        Raises:
            ConflictError: somebody has, or it is gone.
        """
        operation = Operation("patch", _part(resource, subresource), namespace, name, resource.kind)
        query = {"fieldManager": field_manager} if field_manager else {}
        answer = self._send(_Request("PATCH", operation, resource.root, query, body, _MERGE_PATCH))
        if answer is None:
            raise conflict(operation)
        return answer

    def delete(
        self, resource: Resource, name: str, *, namespace: str = "", uid: str = "", resource_version: str = ""
    ) -> bool:
        """Delete an object; False if there was none.

        Args:
            resource: its kind.
            name: its name.
            namespace: its namespace; empty for what lives in none.
            uid: delete only this one, not another of its name made since.
            resource_version: delete only if nobody has changed it since.

        Raises:
            ConflictError: it is another one, or was changed.
        """
        operation = Operation("delete", resource.plural, namespace, name, resource.kind)
        given = {"uid": uid, "resourceVersion": resource_version}
        preconditions = {key: value for key, value in given.items() if value}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        return self._send(_Request("DELETE", operation, resource.root, {}, body)) is not None

    def reviewed(
        self, verb: str, resource: Resource, *, namespace: str = "", subresource: str = "", name: str = ""
    ) -> bool:
        """Whether RBAC lets us do `verb` there: in one namespace, or with an empty one everywhere; to one or to all."""
        attributes = {"verb": verb, "group": resource.group, "resource": resource.plural}
        attributes |= {"namespace": namespace, "subresource": subresource}
        attributes |= {"name": name} if name else {}
        answer = self.create(_ACCESS_REVIEWS, {"spec": {"resourceAttributes": attributes}})
        status = answer.get("status")
        return isinstance(status, dict) and cast("dict[str, object]", status).get("allowed") is True

    def close(self) -> None:
        """End all watches and close all connections. The second call does nothing."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
            streams, self._streams = self._streams, set()
        for stream in streams:
            # Wakes the thread that waits for the next line; closing it from here would not.
            with suppress(RuntimeError, ValueError, OSError):  # it ended by itself meanwhile
                stream.shutdown()
        if pool is not None:
            pool.clear()

    def _write(
        self, method: str, operation: Operation, resource: Resource, body: Mapping[str, object], field_manager: str
    ) -> Mapping[str, object] | None:
        whole = {**body, "apiVersion": resource.api_version, "kind": resource.kind}
        query = {"fieldManager": field_manager} if field_manager else {}
        return self._send(_Request(method, operation, resource.root, query, whole))

    def _send(self, request: _Request, *, limit: int = MAX_ANSWER_BYTES) -> Mapping[str, object] | None:
        """The decoded answer, or None for 404."""
        try:
            until = self._clock.elapsed() + 2 * self._timeout
            answer = self._open(request, self._timeout)
            content = read_body(cast("Response", answer), limit=limit, until=until, clock=self._clock)
        except SecretsError:
            raise
        except Exception as error:
            found = failure(str(self), error, request.operation)
            if found is None:
                raise
        else:
            if answer.status == HTTPStatus.NOT_FOUND:
                if not tells_absence(content, request.operation):
                    raise unreadable(request.operation)
                return None
            self._check(answer, request.operation)
            return decoded(content, request.operation)
        # Outside of the handler: an error of the way there may hold parts of a body.
        raise found

    def _changes(self, request: _Request, patience: float) -> Generator[Change]:
        """The lines of a watch."""
        try:
            answer = self._open(request, patience)
            self._check(answer, request.operation)
            yield from self._lines(answer, request.operation)
        except SecretsError:
            raise
        except Exception as error:
            if self._closed:
                return
            found = failure(str(self), error, request.operation)
            if found is None:
                raise
        else:
            return
        raise found

    def _check(self, answer: BaseHTTPResponse, operation: Operation) -> None:
        """Raise what a refusal means."""
        if answer.status in _DONE:
            return
        answer.close()
        if answer.status == HTTPStatus.NOT_FOUND:
            raise unknown(str(self), operation)
        raise refusal(str(self), answer.status, answer.headers, operation)

    def _lines(self, answer: BaseHTTPResponse, operation: Operation) -> Generator[Change]:
        """One change after the other, until the server ends it or `close` does."""
        with self._lock:
            if self._closed:
                answer.close()
                raise ClosedError(f"{self} was closed")
            self._streams.add(answer)
        rest = b""
        try:
            while part := answer.read1(_CHUNK):
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    yield self._change(line, operation)
                if len(rest) > MAX_ANSWER_BYTES:
                    raise unreadable(operation)
        finally:
            with self._lock:
                self._streams.discard(answer)
            answer.close()

    def _change(self, line: bytes, operation: Operation) -> Change:
        document = decoded(line, operation)
        kind, body = document.get("type"), document.get("object")
        if not isinstance(kind, str) or not isinstance(body, dict):
            raise unreadable(operation)
        found = cast("dict[str, object]", body)
        if kind != "ERROR":
            return Change(kind, found)
        code = found.get("code")
        status = code if isinstance(code, int) else HTTPStatus.INTERNAL_SERVER_ERROR
        raise refusal(str(self), status, None, operation)

    def _open(self, request: _Request, patience: float) -> BaseHTTPResponse:
        """Send, and return as soon as the answer's head is there."""
        from urllib3 import Timeout

        operation = request.operation
        check_names(operation.resource, _names(operation))
        pool = self._connected()
        headers = {"Accept": request.accept, "User-Agent": USER_AGENT}
        if (token := self._access.token) is not None:
            headers["Authorization"] = f"Bearer {token().reveal_text()}"
        content: bytes | None = None
        if request.body is not None:
            headers["Content-Type"] = request.content_type
            content = json.dumps(request.body).encode()
        query = f"?{urlencode(request.query)}" if request.query else ""
        return pool.request(
            request.method,
            f"{self._access.server}{request.root}/{operation.path}{query}",
            body=content,
            headers=headers,
            timeout=Timeout(connect=self._timeout, read=patience),
            redirect=False,
            preload_content=False,
        )

    def _connected(self) -> PoolManager:
        with self._lock:
            if self._closed:
                raise ClosedError(f"{self} was closed")
            if self._pool is None:
                try:
                    self._pool = connection_pool(self._access)
                except ImportError:
                    raise MissingDependencyError("access to the cluster's API", extra="kubernetes") from None
            return self._pool


def _names(operation: Operation) -> tuple[str, ...]:
    """What goes into the address."""
    names = (operation.namespace,) if operation.namespace else ()
    return names if operation.verb in _ON_MANY else (*names, operation.name)


def _part(resource: Resource, subresource: str) -> str:
    return f"{resource.plural}/{subresource}" if subresource else resource.plural


def _selecting(labels: str, fields: str = "") -> dict[str, str]:
    selectors = {"labelSelector": labels, "fieldSelector": fields}
    return {key: value for key, value in selectors.items() if value}


def _mark(page: Mapping[str, object], key: str) -> str:
    """One text of a list's metadata."""
    metadata = page.get("metadata")
    mark = cast("dict[str, object]", metadata).get(key) if isinstance(metadata, dict) else None
    return mark if isinstance(mark, str) else ""
