"""The SDK's HTTP session within two bounds of ours: how long a whole answer may take, and how much it may hold.

The SDK's own time limit is for each read, so that a server that dribbles would hold it up for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, cast

from virtrigaud_secrets.clock import Clock

MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""The most an answer may hold: twenty secrets of 64 KiB, in base64, with room."""
CONNECTIONS: Final = 10
"""Connections kept for one service: more than requests are sent at the same time."""
_CHUNK: Final = 65536


class Body(Protocol):
    """What is used of urllib3's answers."""

    def read1(self, amt: int) -> bytes:
        """What has come of the body; empty at its end."""
        ...

    def close(self) -> None:
        """Give up the connection."""
        ...


class SdkRequest(Protocol):
    """What is used of the SDK's requests."""

    url: str
    """Where it goes."""
    stream_output: bool
    """Whether the answer is left to be read by others."""


class SdkAnswer(Protocol):
    """What is used of the SDK's answers."""

    raw: Body
    """urllib3's own."""
    _content: bytes


class SdkSession(Protocol):
    """What the SDK asks of its session."""

    def send(self, request: SdkRequest) -> SdkAnswer:
        """The answer to a request."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class BoundedSession:
    """Stands where the SDK keeps its session. Safe to use from several threads."""

    def __init__(self, session: SdkSession, *, seconds: float, clock: Clock) -> None:
        """A session around the SDK's own.

        Args:
            session: it sends.
            seconds: how long a whole answer may take.
            clock: time.
        """
        self._session = session
        self._seconds = seconds
        self._clock = clock

    def send(self, request: SdkRequest) -> SdkAnswer:
        """The answer to a request, whole.

        Raises:
            botocore.exceptions.HTTPClientError: it does not come, or not whole, in time, or in size.
        """
        until = self._clock.elapsed() + self._seconds
        request.stream_output = True
        answer = self._session.send(request)
        # Where the SDK looks for it before it would read.
        answer._content = whole(answer.raw, until, self._clock.elapsed, request.url)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._session.close()


def bounded_session(*, verify: bool | str, seconds: float, clock: Clock) -> BoundedSession:
    """A session that takes no proxy from the environment.

    Args:
        verify: the file of certificates to trust, or True for the SDK's own list.
        seconds: how long connecting, and a whole answer, may take.
        clock: time.
    """
    from botocore.httpsession import URLLib3Session

    session = URLLib3Session(
        verify=verify,  # pyright: ignore[reportArgumentType]  # it takes files too
        proxies={},
        timeout=(seconds, seconds),  # pyright: ignore[reportArgumentType]  # as documented
        max_pool_connections=CONNECTIONS,
    )
    return BoundedSession(cast("SdkSession", session), seconds=seconds, clock=clock)


def whole(body: Body, until: float, now: Callable[[], float], url: str) -> bytes:
    """All of an answer.

    Raises:
        botocore.exceptions.HTTPClientError: it does not come whole, in time, or in size.
    """
    import urllib3.exceptions as faults
    from botocore import exceptions as sdk

    chunks: list[bytes] = []
    size = 0
    failure: Exception
    try:
        while chunk := body.read1(_CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if now() > until or size > MAX_ANSWER_BYTES:
                break
        else:
            return b"".join(chunks)
        failure = sdk.ReadTimeoutError(endpoint_url=url)
        if size > MAX_ANSWER_BYTES:
            failure = sdk.HTTPClientError(error="the answer is too long")
    except faults.ReadTimeoutError:
        failure = sdk.ReadTimeoutError(endpoint_url=url)
    except (faults.HTTPError, OSError):
        failure = sdk.ConnectionClosedError(endpoint_url=url)
    body.close()
    raise failure
