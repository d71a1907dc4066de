"""Repeats a request that does no harm, for all backends: their SDKs are told not to. Sends nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

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

    return _retrying(context, again=tenacity.retry_if_exception(_may_pass), error_of=_raised, pause=RETRY_WAIT)(ask)


def repeat_faults(
    ask: Callable[[], _ResultT],
    context: StoreContext,
    *,
    fault_of: Callable[[_ResultT], StoreError | None],
    pause: tuple[float, float],
) -> _ResultT:
    """The same where an error is a result: what `ask` returns, the last time if it is a fault each time.

    Args:
        ask: sends the request.
        context: store and settings.
        fault_of: the error in a result after which `ask` may be asked again; None for a result to keep.
        pause: seconds before each repetition, at least and at most, where the manifest says nothing.
    """
    import tenacity

    def error_of(state: tenacity.RetryCallState) -> StoreError | None:
        return fault_of(_returned(state))

    again = tenacity.retry_if_result(lambda result: fault_of(result) is not None)
    return _retrying(context, again=again, error_of=error_of, pause=pause, at_the_end=_returned)(ask)


def _retrying(
    context: StoreContext,
    *,
    again: tenacity.retry_base,
    error_of: Callable[[tenacity.RetryCallState], BaseException | None],
    pause: tuple[float, float],
    at_the_end: Callable[[tenacity.RetryCallState], Any] | None = None,
) -> tenacity.Retrying:
    """How often and after what time something is asked again."""
    import tenacity

    clock, policy = context.clock, context.retry
    started, limit = clock.elapsed(), context.settings.request_timeout.total_seconds()
    retries = RETRIES if policy is None else policy.retries
    chosen: tenacity.wait.wait_base = (
        tenacity.wait_random(*pause) if policy is None else tenacity.wait_fixed(policy.interval)
    )

    def wait(state: tenacity.RetryCallState) -> float:
        error = error_of(state)
        asked = error.retry_after if isinstance(error, StoreError) else None
        return max(chosen(state), asked or 0.0)

    def stop(state: tenacity.RetryCallState) -> bool:
        return state.attempt_number > retries or clock.elapsed() - started + state.upcoming_sleep > limit

    return tenacity.Retrying(
        sleep=clock.sleep, retry=again, wait=wait, stop=stop, reraise=True, retry_error_callback=at_the_end
    )


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, StoreError) and error.retryable


def _raised(state: tenacity.RetryCallState) -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()


def _returned(state: tenacity.RetryCallState) -> Any:
    return None if state.outcome is None else state.outcome.result()
