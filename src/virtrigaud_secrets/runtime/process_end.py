"""What becomes of open resolvers when the process ends or forks. Knows who is open, and nothing else of them."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Protocol


class Ending(Protocol):
    """Something that must be ended with the process."""

    def close(self) -> None:
        """End it. Never raises."""
        ...


class Forking(Ending, Protocol):
    """Something that begins anew in a forked child."""

    def begin_in_child(self) -> None:
        """Two processes on one connection would read each other's answers; a pool's threads do not cross a fork."""
        ...


_open: weakref.WeakSet[Forking] = weakref.WeakSet()
"""Closed at interpreter exit, begun anew in a forked child."""

_used: set[Ending] = set()
"""Closed at interpreter exit, so that a resolver dropped without `close()` leaves no lease behind. Held strongly: what
it resolved may still be in use, so collecting the resolver must not end leases."""


def opened(resolver: Forking) -> None:
    """It is to be closed at exit, if it is still there."""
    _open.add(resolver)


def used(connections: Ending) -> None:
    """They may hold leases: to be closed at exit, whoever opened them is still there or not."""
    _used.add(connections)


def closed(resolver: Forking, connections: Ending) -> None:
    """There is nothing left to end."""
    _used.discard(connections)
    _open.discard(resolver)


@atexit.register
def _close_all() -> None:
    for resolver in list(_open):
        resolver.close()
    for connections in list(_used):
        connections.close()


def _begin_anew_in_child() -> None:
    _used.clear()
    for resolver in list(_open):
        resolver.begin_in_child()


os.register_at_fork(after_in_child=_begin_anew_in_child)
