"""What stores answered, by fetch: one request under way for each, shared by all who ask meanwhile."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import ClassVar, Final

from virtrigaud_secrets.cache.reachability import Reachability
from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import SecretsError, StoreUnavailableError, forget_locals
from virtrigaud_secrets.stores.base import Answer, Fetch, Query, StoreClient


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that is kept."""

    answer: Answer
    """The answer."""
    sent: float
    """Before the request was sent, on the clock that never steps."""
    serial: int = 0
    """Which credential of the lease core it is; 0 for one that hangs on nothing."""


Outcome = Kept | SecretsError
"""What became of a fetch."""

Usable = Callable[[Fetch, Kept], bool]
"""Whether somebody may be given an answer that is kept."""

Took = Callable[[Fetch, Kept], Kept]
"""Is told of every answer that came in, before anybody who waits for it, and says how it is kept."""


Heard = Callable[["Fetch | Query", "Answer | SecretsError"], None]
"""Is told of every request that was sent to a store, and what came of it."""


def _unheard(asked: Fetch | Query, outcome: Answer | SecretsError) -> None:
    """Nobody wants to know."""


class AnswerCache:
    """Answers by fetch. Safe to use from several threads; no lock is held while a store is asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.heard: Heard = _unheard
        """Is told of every request."""
        self._lock = threading.Lock()
        self._kept: dict[Fetch, Kept] = {}
        self._flights: dict[Fetch, Future[Outcome]] = {}
        self.requested = 0
        """Fetches that were sent to a store."""
        self.hits = 0
        """Fetches that were answered without."""
        self.reachability: Final = Reachability()
        """Which stores answered."""
        self.asked: Callable[[Fetch, bool], None] | None = None
        """Is told of every fetch that was sent, and whether it was answered."""

    @property
    def in_flight(self) -> int:
        """Fetches that are under way."""
        return len(self._flights)

    def get(self, fetch: Fetch) -> Kept | None:
        """What is kept for a fetch."""
        return self._kept.get(fetch)

    def put(self, fetch: Fetch, kept: Kept | None) -> None:
        """Keep an answer, or drop the one that is kept."""
        with self._lock:
            if kept is None:
                self._kept.pop(fetch, None)
            else:
                self._kept[fetch] = kept

    def drop(self, fetches: Iterable[Fetch]) -> None:
        """Keep these no longer."""
        with self._lock:
            for fetch in fetches:
                self._kept.pop(fetch, None)

    def read(self, client: StoreClient, fetches: Sequence[Fetch], *, usable: Usable, took: Took) -> list[Outcome]:
        """What became of each fetch, in order: from what is kept, from a request under way, or by a request.

        An error that is shared comes as an object of one's own, since callers add to it.
        """
        found: dict[Fetch, Outcome] = {}
        waiting: dict[Fetch, Future[Outcome]] = {}
        leading: dict[Fetch, Future[Outcome]] = {}
        with self._lock:
            for fetch in dict.fromkeys(fetches):
                kept = self._kept.get(fetch)
                if kept is not None and usable(fetch, kept):
                    found[fetch] = kept
                elif (flight := self._flights.get(fetch)) is not None:
                    waiting[fetch] = flight
                else:
                    leading[fetch] = self._flights[fetch] = Future()
            self.hits += len(found) + len(waiting)
            self.requested += len(leading)
        if leading:
            found |= self._lead(client, leading, took)
        for fetch, flight in waiting.items():
            outcome = flight.result()
            found[fetch] = copy.copy(outcome) if isinstance(outcome, SecretsError) else outcome
        return [found[fetch] for fetch in fetches]

    def _lead(self, client: StoreClient, flights: Mapping[Fetch, Future[Outcome]], took: Took) -> dict[Fetch, Outcome]:
        fetches = list(flights)
        sent = self._clock.elapsed()
        outcomes: dict[Fetch, Outcome] = {}
        try:
            for fetch, outcome in zip(fetches, client.get_all(fetches), strict=True):
                if isinstance(outcome, Answer):
                    kept = took(fetch, Kept(outcome, sent if outcome.sent is None else outcome.sent))
                    self.put(fetch, kept)
                    outcomes[fetch] = kept
                else:
                    outcomes[fetch] = outcome
        except SecretsError as error:
            outcomes |= {fetch: copy.copy(error) for fetch in fetches if fetch not in outcomes}
        except Exception as error:  # noqa: BLE001  # a backend may be anybody's, and its words might hold a value
            forget_locals(error)
            reason = f"the backend raised {type(error).__name__}"
            outcomes |= {
                fetch: StoreUnavailableError(reason, store=str(fetch.store), path=fetch.key)
                for fetch in fetches
                if fetch not in outcomes
            }
        finally:
            with self._lock:
                for fetch in fetches:
                    self._flights.pop(fetch, None)
            for fetch, flight in flights.items():
                # Those who wait must not wait for ever, whatever happened to the one who asked for them.
                became = outcomes.get(fetch) or _interrupted(fetch)
                self.reachability.note(fetch.store, became)
                if self.asked is not None:
                    self.asked(fetch, isinstance(became, Kept))
                flight.set_result(became)
        for fetch, came in outcomes.items():
            self.heard(fetch, came.answer if isinstance(came, Kept) else came)
        return outcomes


def _interrupted(fetch: Fetch) -> StoreUnavailableError:
    return StoreUnavailableError("the request was interrupted", store=str(fetch.store), path=fetch.key)


@dataclass(slots=True, eq=False)
class CachingClient(StoreClient):
    """A store client for one piece of work: asks the cache first. `find` results are shared within the work only."""

    client: StoreClient
    """The store's own client."""
    cache: AnswerCache
    """What is kept."""
    usable: Usable
    """What of it may be used."""
    took: Took
    """Is told of new answers."""
    found: dict[Query, Mapping[str, Answer]] = field(default_factory=dict[Query, Mapping[str, Answer]])
    """What searches found before, where they need not be made anew."""
    used: dict[Fetch, Kept] = field(default_factory=dict[Fetch, Kept])
    """What was given out."""

    def get(self, fetch: Fetch) -> Answer:
        """One fetch."""
        (outcome,) = self.get_all([fetch])
        if isinstance(outcome, SecretsError):
            raise outcome
        return outcome

    def get_all(self, fetches: Sequence[Fetch]) -> list[Answer | SecretsError]:
        """What became of each fetch."""
        outcomes = self.cache.read(self.client, fetches, usable=self.usable, took=self.took)
        self.used.update(
            (fetch, outcome) for fetch, outcome in zip(fetches, outcomes, strict=True) if isinstance(outcome, Kept)
        )
        return [outcome.answer if isinstance(outcome, Kept) else outcome for outcome in outcomes]

    def find(self, query: Query) -> Mapping[str, Answer]:
        """Every secret that a search matches."""
        if query not in self.found:
            self.found[query] = found = self._searched(query)
            self.cache.reachability.note(query.store, found)
            for answer in found.values():
                self.cache.heard(query, answer)
        return self.found[query]

    def _searched(self, query: Query) -> Mapping[str, Answer]:
        try:
            return self.client.find(query)
        except SecretsError as error:
            self.cache.reachability.note(query.store, error)
            self.cache.heard(query, error)
            raise
        except Exception as error:  # noqa: BLE001  # as in `AnswerCache`
            forget_locals(error)
            reason = f"the backend raised {type(error).__name__}"
            raise StoreUnavailableError(reason, store=str(query.store), path=query.path) from None

    def close(self, *, revoke: bool = True) -> None:
        """Nothing: the store's client goes on."""


class BatchingClient(CachingClient):
    """The same in front of a backend that reads several secrets in one call."""

    __slots__ = ()

    batches: ClassVar[bool] = True
