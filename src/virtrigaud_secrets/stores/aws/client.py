"""What the clients of both services share: single reads, reads of several secrets in one call, and which to choose.

How a service is asked is the matter of `secrets_manager` and `parameter_store`.
"""

from __future__ import annotations

import copy
import itertools
import threading
from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final, Protocol, TypeVar, cast

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    InvalidRequestError,
    SecretsError,
    StoreError,
)
from virtrigaud_secrets.golang import encoding_json
from virtrigaud_secrets.stores.aws import names
from virtrigaud_secrets.stores.aws.errors import request_id_in, text_in
from virtrigaud_secrets.stores.aws.session import Sessions
from virtrigaud_secrets.stores.aws.transport import Answer as Reply
from virtrigaud_secrets.stores.aws.transport import Service
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
from virtrigaud_secrets.stores.payload import Lookup, TextPayload

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.aws import AWSProvider

BATCH_AGAIN: Final = timedelta(hours=1)
"""How long a refused batch call is not tried again: policies are mended by people, and each try costs a request."""

_ItemT = TypeVar("_ItemT")
_ResultT = TypeVar("_ResultT")

Outcome = Answer | SecretsError
"""What became of a fetch."""


class Writes(Protocol):
    """What writes to a service: names are given in full."""

    def push(self, push: Push, path: str) -> PushOutcome:
        """Write a value."""
        ...

    def exists(self, target: PushTarget, path: str) -> bool:
        """Whether it is there."""
        ...

    def delete(self, target: PushTarget, path: str, *, dry_run: bool) -> PushOutcome:
        """Delete it."""
        ...


class AWSClient(StoreClient):
    """Talks to one AWS service in one region as one identity."""

    batches = True
    service_name: ClassVar[str]
    """The service as the SDK calls it."""
    batch_operation: ClassVar[str]
    """The operation that reads several secrets."""
    batch_size: ClassVar[int]
    """The most that it takes."""

    def __init__(self, spec: AWSProvider, context: StoreContext) -> None:
        """Nothing is sent yet.

        Raises:
            ConfigurationError: the spec cannot be used.
        """
        self.spec = spec
        self.context = context
        sessions = Sessions(spec, context)
        self.service = Service(self.service_name, sessions.connect, context, trust=sessions.trust)
        self._lock = threading.Lock()
        self._batch_refused_at: float | None = None

    def get(self, fetch: Fetch) -> Answer:
        """Read one secret, or its tags."""
        wanted = names.canonical(fetch, self.spec)
        path = names.path(wanted, self.spec)
        try:
            return self._tags(wanted, path) if wanted.metadata else self.read(wanted, path)
        except StoreError as error:
            at_store(error, self.context.store, path)
            raise

    def get_all(self, fetches: Sequence[Fetch]) -> list[Outcome]:
        """Read several: those without a version in as few calls as the service allows, the rest side by side.

        Where policies allow single reads only, as the guide's does, all are single reads.
        """
        wanted = [names.canonical(fetch, self.spec) for fetch in fetches]
        plain = [fetch for fetch in dict.fromkeys(wanted) if not fetch.metadata and not fetch.version]
        outcomes: dict[Fetch, Outcome] = {}
        if len(plain) > 1 and not self._batch_is_refused():
            groups = [group for group in _groups(plain, self.batch_size) if len(group) > 1]
            for answered in self.side_by_side(self._batch, groups):
                outcomes.update(answered)
        rest = [fetch for fetch in dict.fromkeys(wanted) if fetch not in outcomes]
        outcomes.update(zip(rest, self.side_by_side(self._outcome, rest), strict=True))
        return [outcomes[fetch] for fetch in wanted]

    def find(self, query: Query) -> Mapping[str, Answer]:
        """Secrets by name, tags and path, each service by ESO's rules for it (ESO §3.3)."""
        if not query.name and not query.tags:
            raise InvalidRequestError(
                "dataFrom.find must have a name or tags", store=str(self.context.store), path=query.path
            )
        try:
            return self.search(query)
        except StoreError as error:
            at_store(error, self.context.store, query.path)
            raise

    @property
    @abstractmethod
    def writes(self) -> Writes:
        """What writes to the service."""

    def push(self, push: Push) -> PushOutcome:
        """Write a value under ESO's mark, the tag `managed-by: external-secrets` (ESO §3.3)."""
        with self._writing(push.target) as path:
            return self.writes.push(push, path)

    def exists(self, target: PushTarget) -> bool:
        """Whether it is there, and the property in it."""
        with self._writing(target) as path:
            return self.writes.exists(target, path)

    def delete(self, target: PushTarget, *, dry_run: bool = False) -> PushOutcome:
        """Delete it, if it is ours."""
        with self._writing(target) as path:
            return self.writes.delete(target, path, dry_run=dry_run)

    @contextmanager
    def _writing(self, target: PushTarget) -> Generator[str]:
        """The name that a key has in the service."""
        self.service.refuse_if_closed()
        path = f"{self.spec.prefix or ''}{target.key}"
        try:
            yield path
        except StoreError as error:
            at_store(error, self.context.store, path)
            raise

    def close(self, *, revoke: bool = True) -> None:
        """Close the connections. There is nothing to end: temporary credentials of AWS end by themselves."""
        del revoke
        self.service.close()

    @abstractmethod
    def read(self, fetch: Fetch, path: str) -> Answer:
        """One secret, in a call of its own."""

    @abstractmethod
    def read_batch(self, wanted: Mapping[str, Fetch]) -> Mapping[Fetch, Outcome]:
        """Those of `wanted` (by name) that one call answers for; what it leaves open is read singly."""

    @abstractmethod
    def search(self, query: Query) -> Mapping[str, Answer]:
        """What `query`, which has a name or tags, finds."""

    @abstractmethod
    def read_tags(self, path: str) -> Reply:
        """The answer that holds the tags of a secret, as `Tags` or `TagList`."""

    def answer(self, value: object, *, path: str, version: str, request_id: str) -> Answer | None:
        """An answer for a text or bytes; None where there is neither."""
        if isinstance(value, str):
            value = value.encode()
        if not isinstance(value, bytes):
            return None
        payload = TextPayload(value, lookup=Lookup.LITERAL_THEN_PATH, store=str(self.context.store), path=path)
        return Answer(payload=payload, path=path, version=version, request_id=request_id)

    def pages(
        self, operation: str, parameters: Mapping[str, object], *, path: str, of: str
    ) -> Iterable[Mapping[str, object]]:
        """The items of all pages of an operation that lists; `of` is the name of the list in its answers."""
        following: dict[str, object] = {}
        while True:
            reply = self.service.ask(operation, {**parameters, **following}, path=path)
            yield from mappings(reply.get(of))
            token = text_in(reply, "NextToken")
            if not token:
                return
            following = {"NextToken": token}

    def side_by_side(self, call: Callable[[_ItemT], _ResultT], items: Sequence[_ItemT]) -> list[_ResultT]:
        """What `call` makes of each item, in their order, some at the same time."""
        if len(items) < 2:  # noqa: PLR2004  # one needs no threads
            return [call(item) for item in items]
        with ThreadPoolExecutor(min(self.context.settings.concurrency, len(items))) as pool:
            return list(pool.map(call, items))

    def _tags(self, fetch: Fetch, path: str) -> Answer:
        reply = self.read_tags(path)
        tags = {
            text_in(tag, "Key"): text_in(tag, "Value") for tag in mappings(reply.get("Tags") or reply.get("TagList"))
        }
        found = self.answer(
            encoding_json.marshal(tags), path=path, version=fetch.version, request_id=request_id_in(reply)
        )
        return cast("Answer", found)

    def _batch(self, fetches: Sequence[Fetch]) -> Mapping[Fetch, Outcome]:
        wanted = {names.path(fetch, self.spec): fetch for fetch in fetches}
        try:
            return self.read_batch(wanted)
        except (AccessDeniedError, InvalidRequestError) as error:
            # The guide's policy allows single reads only; and one malformed name must not take the others with it.
            if isinstance(error, AccessDeniedError):
                self._remember_refusal()
            return {}
        except SecretsError as error:
            return {fetch: self._own(error, path) for path, fetch in wanted.items()}

    def _own(self, error: SecretsError, path: str) -> SecretsError:
        """The error of a shared call for one of those who shared it: callers add to it."""
        own = copy.copy(error)
        return at_store(own, self.context.store, path) if isinstance(own, StoreError) else own

    def _remember_refusal(self) -> None:
        with self._lock:
            self._batch_refused_at = self.context.clock.elapsed()

    def _batch_is_refused(self) -> bool:
        with self._lock:
            since = self._batch_refused_at
        return since is not None and self.context.clock.elapsed() - since < BATCH_AGAIN.total_seconds()


def mappings(value: object) -> list[Mapping[str, object]]:
    """The objects of a list in an answer; empty where there is no list."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("Mapping[str, object]", item) for item in items if isinstance(item, Mapping)]


def _groups(fetches: Sequence[Fetch], size: int) -> list[list[Fetch]]:
    waiting = iter(fetches)
    return list(iter(lambda: list(itertools.islice(waiting, size)), []))
