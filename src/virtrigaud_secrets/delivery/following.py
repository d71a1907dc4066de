"""Delivers what a subscription holds, now and after every rotation. Where to is its caller's business."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from virtrigaud_secrets.errors import SecretsError, forget_locals

if TYPE_CHECKING:
    from virtrigaud_secrets.runtime.subscription import Subscription

T = TypeVar("T")

_log = logging.getLogger("virtrigaud_secrets")


def follow(source: Subscription[T], deliver: Callable[[T], object], *, what: str) -> Callable[[], None]:
    """Deliver what is current, and again after every rotation.

    A delivery that fails after a rotation is logged, and what was delivered before stays.

    Args:
        source: a subscription.
        deliver: takes the value. Never called twice at the same time.
        what: what the log calls it; holds no value.

    Returns:
        What ends it; after it returned, nothing is delivered any more.

    Raises:
        SecretsError: there is nothing to deliver, or the first delivery failed.
    """
    lock = threading.RLock()
    ended = False

    def changed(new: T, _old: T | None) -> None:
        try:
            with lock:
                if not ended:
                    deliver(new)
        except (SecretsError, OSError) as error:
            forget_locals(error)
            reason = error if isinstance(error, SecretsError) else error.strerror
            _log.warning("%s was not renewed, what was there stays: %s", what, reason)

    def end() -> None:
        nonlocal ended
        unregister()
        with lock:
            ended = True

    # Under the lock, so that a rotation in between is delivered after what it takes the place of.
    with lock:
        unregister = source.on_change(changed)
        try:
            deliver(source.current)
        except BaseException:
            unregister()
            raise
    return end
