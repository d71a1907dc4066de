"""`KubernetesClient`: one store's fetches and searches, sent to the cluster that `login` finds."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from virtrigaud_secrets.errors import (
    AuthenticationError,
    ClosedError,
    InvalidRequestError,
    SecretNotFoundError,
    StoreError,
    UnsupportedFeatureError,
)
from virtrigaud_secrets.golang import regexp
from virtrigaud_secrets.models.push_metadata import KubernetesPushMetadata
from virtrigaud_secrets.stores.base import (
    Answer,
    Fetch,
    Push,
    PushOutcome,
    PushTarget,
    Query,
    StoreClient,
    StoreContext,
    at_store,
)
from virtrigaud_secrets.stores.cluster_access import ClusterAccess
from virtrigaud_secrets.stores.cluster_api import ClusterAPI, SecretObject
from virtrigaud_secrets.stores.kubernetes import pushes
from virtrigaud_secrets.stores.kubernetes.login import access_of
from virtrigaud_secrets.stores.kubernetes.payload import MetadataPayload, SecretPayload
from virtrigaud_secrets.stores.push_metadata import read_metadata
from virtrigaud_secrets.stores.retrying import repeat_reads

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.kubernetes import KubernetesProvider

_ResultT = TypeVar("_ResultT")

MAX_LABEL_PREFIX: Final = 253
"""Characters before the slash in a label's key."""
MAX_LABEL_PART: Final = 63
"""Characters in a label's value, or in its key behind the slash."""

_LABEL_PREFIX: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", re.ASCII)
_LABEL_PART: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", re.ASCII)


class KubernetesClient(StoreClient):
    """Reads and writes the Secrets of one namespace as one identity."""

    def __init__(
        self,
        spec: KubernetesProvider,
        context: StoreContext,
        *,
        open_api: Callable[[ClusterAccess], ClusterAPI] | None = None,
    ) -> None:
        """Nothing is sent and nothing is read yet."""
        self._spec = spec
        self._context = context
        self._namespace = spec.remote_namespace
        self._open_api = open_api or partial(ClusterAPI, timeout=context.settings.request_timeout, clock=context.clock)
        self._lock = threading.Lock()
        self._api: ClusterAPI | None = None
        self._closed = False

    def get(self, fetch: Fetch) -> Answer:
        """The Secret whose name is the fetch's key, or its metadata."""
        path = f"namespaces/{self._namespace}/secrets/{fetch.key}"
        found = self._ask(lambda api: api.secret_object(fetch.key, namespace=self._namespace), path)
        if found is None:
            raise _absent(path, str(self._context.store))
        return self._answer(found, path, metadata=fetch.metadata)

    def find(self, query: Query) -> Mapping[str, Answer]:
        """The Secrets with all of the query's labels, else those whose name matches; the path is ignored (ESO §3.6)."""
        labels = dict(query.tags)
        if not labels and not query.name:
            raise UnsupportedFeatureError(f"{query.store}: dataFrom.find needs tags or a name for Kubernetes Secrets")
        path = f"namespaces/{self._namespace}/secrets"
        if wrong := [key for key, value in labels.items() if not _is_label(key, value)]:
            raise at_store(InvalidRequestError(f"find.tags: {wrong[0]!r} is no label of Kubernetes"), query.store, path)
        wanted = None if labels else regexp.compile_pattern(query.name)

        def chosen(secrets: Iterable[SecretObject]) -> list[SecretObject]:
            return [one for one in secrets if wanted is None or wanted.match(one.name)]

        found = self._ask(lambda api: chosen(api.secrets(namespace=self._namespace, labels=labels)), path)
        return {one.name: self._answer(one, f"{path}/{one.name}", metadata=False) for one in found}

    def push(self, push: Push) -> PushOutcome:
        """Write into a Secret, as ESO does: no mark is kept, and what is there is overwritten (ESO §3.6)."""
        metadata = read_metadata(push, KubernetesPushMetadata)
        path = f"namespaces/{metadata.remote_namespace or self._namespace}/secrets/{push.target.key}"
        try:
            pushes.check(push, metadata, kind=self._context.store.kind)
        except StoreError as error:
            at_store(error, self._context.store, path)
            raise
        namespace = metadata.remote_namespace or self._namespace
        before = self._ask(lambda api: api.secret_object(push.target.key, namespace=namespace), path)
        after = pushes.wanted(before, push, metadata)
        if before is not None and pushes.same(before, after):
            return PushOutcome.UNCHANGED
        if not push.dry_run:
            self._write(before, after, namespace, path)
        return PushOutcome.CREATED if before is None else PushOutcome.UPDATED

    def exists(self, target: PushTarget) -> bool:
        """Whether there is such a Secret, and the key in it."""
        found = self._found(target)
        return found is not None and (not target.property or target.property in found.data)

    def delete(self, target: PushTarget, *, dry_run: bool = False) -> PushOutcome:
        """Delete a Secret, or one key of it; the last key takes the Secret with it."""
        found = self._found(target)
        if found is None or (target.property and target.property not in found.data):
            return PushOutcome.ABSENT
        if not dry_run:
            left = pushes.without(found, target)
            self._write(found, left, self._namespace, self._path(target))
        return PushOutcome.DELETED

    def close(self, *, revoke: bool = True) -> None:  # noqa: ARG002  # a service account's token cannot be revoked
        """Close the connections."""
        with self._lock:
            self._closed = True
            api, self._api = self._api, None
        if api is not None:
            api.close()

    def _path(self, target: PushTarget) -> str:
        return f"namespaces/{self._namespace}/secrets/{target.key}"

    def _found(self, target: PushTarget) -> SecretObject | None:
        return self._ask(lambda api: api.secret_object(target.key, namespace=self._namespace), self._path(target))

    def _write(self, before: SecretObject | None, after: SecretObject | None, namespace: str, path: str) -> None:
        """Create, replace or delete, once: a request that may have been carried out is not sent again."""

        def request(api: ClusterAPI) -> None:
            if before is None and after is not None:
                api.create_secret(after, namespace=namespace)
            elif after is not None:
                api.replace_secret(after, namespace=namespace)
            elif before is not None:
                api.delete_secret(before, namespace=namespace)

        self._ask(request, path, repeat=False)

    def _answer(self, found: SecretObject, path: str, *, metadata: bool) -> Answer:
        store = str(self._context.store)
        payload = (
            MetadataPayload(found.labels, found.annotations, store=store, path=path)
            if metadata
            else SecretPayload(found.data, store=store, path=path)
        )
        return Answer(payload=payload, path=path, version=found.version)

    def _ask(self, question: Callable[[ClusterAPI], _ResultT], path: str, *, repeat: bool = True) -> _ResultT:
        """The answer; asked once more after a new login where ours was refused, as tokens and certificates rotate."""
        try:
            api = self._current()
            try:
                return repeat_reads(lambda: question(api), self._context) if repeat else question(api)
            except AuthenticationError:
                pass
            fresh = self._current(instead_of=api)
            return repeat_reads(lambda: question(fresh), self._context) if repeat else question(fresh)
        except StoreError as error:
            at_store(error, self._context.store, path)
            raise

    def _current(self, *, instead_of: ClusterAPI | None = None) -> ClusterAPI:
        """The API under the login that is good, as far as is known."""
        # Held over the reading of references, on purpose: nobody can go on without the login, and one serves all.
        with self._lock:
            if self._closed:
                raise ClosedError(f"{self._context.store} was closed")
            if self._api is None or self._api is instead_of:
                # The one before is left to the garbage collector: another thread may be in the middle of a request.
                self._api = self._open_api(access_of(self._spec, self._context))
            return self._api


def _absent(path: str, store: str) -> SecretNotFoundError:
    error = SecretNotFoundError("there is no such Secret", store=store, path=path, status=404)
    error.missing_value = False
    return error


def _is_label(key: str, value: str) -> bool:
    """Whether it can stand in a label selector as itself."""
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > MAX_LABEL_PREFIX or not _LABEL_PREFIX.fullmatch(prefix)):
        return False
    return _is_label_part(name) and (not value or _is_label_part(value))


def _is_label_part(text: str) -> bool:
    return len(text) <= MAX_LABEL_PART and _LABEL_PART.fullmatch(text) is not None
