"""Repeats a request that does no harm, for backends whose SDK does not. Sends nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from virtrigaud_secrets.errors import StoreError
from virtrigaud_secrets.stores.base import StoreContext

if TYPE_CHECKING:
    import tenacity
    import tenacity.wait

RETRIES: Final = 2
"""Repetitions where the manifest says nothing: a server that restarts is back by then, and a dead one is told soon."""
RETRY_WAIT: Final = (0.5, 1.5)
"""Seconds before each, at least and at most, apart enough that many clients do not come back at once."""

_ResultT = TypeVar("_ResultT")


def repeat_reads(ask: Callable[[], _ResultT], context: StoreContext) -> _ResultT:
    """What `ask` returns. It is asked again after an error that may pass, within the time one request may take.

    Waits as `retrySettings` say, and at least as long as the server asked for.

    Raises:
        StoreError: the last one.
    """
    import tenacity

    clock, policy = context.clock, context.retry
    started, limit = clock.elapsed(), context.settings.request_timeout.total_seconds()
    retries = RETRIES if policy is None else policy.retries
    pause: tenacity.wait.wait_base = (
        tenacity.wait_random(*RETRY_WAIT) if policy is None else tenacity.wait_fixed(policy.interval)
    )

    def wait(state: tenacity.RetryCallState) -> float:
        return max(pause(state), _asked_wait(state))

    def stop(state: tenacity.RetryCallState) -> bool:
        return state.attempt_number > retries or clock.elapsed() - started + state.upcoming_sleep > limit

    retrying = tenacity.Retrying(
        sleep=clock.sleep, retry=tenacity.retry_if_exception(_may_pass), wait=wait, stop=stop, reraise=True
    )
    return retrying(ask)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, StoreError) and error.retryable


def _asked_wait(state: tenacity.RetryCallState) -> float:
    error = None if state.outcome is None else state.outcome.exception()
    return (error.retry_after or 0.0) if isinstance(error, StoreError) else 0.0
