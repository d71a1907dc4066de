"""Asks a cloud's identity servers on the way to a login: trust, time, size, and repetition. Knows no cloud.

None of these requests changes anything, so one that failed for a passing reason is sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, TypeVar
from urllib.parse import urlsplit

from virtrigaud_secrets.errors import StoreError, StoreUnavailableError, ThrottledError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import StoreContext, at_store
from virtrigaud_secrets.stores.retrying import repeat_reads
from virtrigaud_secrets.stores.vault import errors, trust

LONGEST_ANSWER: Final = 256 * 1024
"""Credentials and tokens take some kilobytes."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request to an identity server."""

    method: str
    """`GET` or `POST`."""
    url: str
    """Where, as the cloud writes it: `Settings.endpoints` may lead elsewhere."""
    headers: Mapping[str, str | Sensitive] = field(default_factory=dict[str, str | Sensitive], repr=False)
    """Header lines."""
    body: Sensitive | None = None
    """What to send."""
    limit: float | None = None
    """Seconds it may take, where that is less than the setting."""
    address: str = ""
    """Where to send it instead, whatever `Settings.endpoints` says."""


def asked(
    question: Question, context: StoreContext, *, path: str, read: Callable[[int, Sensitive], _T | StoreError]
) -> _T:
    """What `read` makes of status and body of the answer.

    `read` is not asked about answers that are about the server rather than the request: 408, 429, 5xx.

    Raises:
        StoreError: what `read` returned as one, or that there is no answer.
        ConfigurationError: `Settings.ca_file` cannot be used.
    """

    def once() -> _T:
        outcome = _outcome(question, context, read)
        if isinstance(outcome, StoreError):
            raise at_store(outcome, context.store, path)
        return outcome

    return repeat_reads(once, context)


def _outcome(
    question: Question, context: StoreContext, read: Callable[[int, Sensitive], _T | StoreError]
) -> _T | StoreError:
    """No fault of the request is raised here: a traceback could show what was sent."""
    import urllib3

    tls, seconds = trust.settings_context(context), context.settings.request_timeout.total_seconds()
    seconds = seconds if question.limit is None else min(seconds, question.limit)
    headers = {"User-Agent": "virtrigaud-secrets"} | {
        name: value.reveal_text() if isinstance(value, Sensitive) else value for name, value in question.headers.items()
    }
    with urllib3.PoolManager(ssl_context=tls) as pools:
        try:
            answer = pools.request(
                question.method,
                question.address or _address(question.url, context),
                body=None if question.body is None else question.body.reveal(),
                headers=headers,
                retries=False,
                redirect=False,
                timeout=seconds,
                preload_content=False,
            )
            status, body = answer.status, Sensitive(answer.read(LONGEST_ANSWER))
        except (urllib3.exceptions.HTTPError, OSError) as failure:
            source = trust.settings_source(context)
            return errors.of_exception(failure, path="", timeout=seconds, trust=source).error
    wait = errors.retry_after(answer.headers.get("Retry-After"), context.clock.now)
    return _of_trouble(status, wait) or read(status, body)


def _of_trouble(status: int, wait: float | None) -> StoreError | None:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ThrottledError("the cloud's identity server asks to slow down", status=status, retry_after=wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return StoreUnavailableError("the cloud's identity server failed", status=status, retry_after=wait)
    return None


def _address(url: str, context: StoreContext) -> str:
    parts = urlsplit(url)
    server = f"{parts.scheme}://{parts.netloc}"
    return context.settings.address(server) + url[len(server) :]
