"""Sends requests to one AWS service: the SDK's client, its credentials, the one place for retries.

Who we are is decided by `session`; what a fault means by `errors`. Nothing that AWS answers is looked into here.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import re
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Protocol, cast

from virtrigaud_secrets.errors import AuthenticationError, ClosedError, SecretsError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.aws.errors import Asked, of_exception
from virtrigaud_secrets.stores.base import RetryPolicy, StoreContext
from virtrigaud_secrets.stores.retrying import repeat_reads

DEFAULT_ATTEMPTS: Final = 3
"""How often a request is sent where `retrySettings` does not say: ESO's default (ESO §2.10)."""
BINARY: Final = "SecretBinary"
"""The parameter that takes bytes; all others take text."""
TALKATIVE: Final = (
    "botocore.auth", "botocore.awsrequest", "botocore.credentials", "botocore.endpoint", "botocore.handlers",
    "botocore.hooks", "botocore.parsers", "botocore.retryhandler", "botocore.utils",
)  # fmt: skip
"""The SDK's loggers that write bodies, tokens and signatures at level DEBUG."""

Answer = Mapping[str, object]
"""What the SDK makes of a service's answer."""


class Credentials(Protocol):
    """The SDK's credentials, fetched or refreshed when they are asked for."""

    def get_frozen_credentials(self) -> object:
        """Credentials that are good now."""
        ...


class SdkEvents(Protocol):
    """The hooks of a boto3 client."""

    def register(self, event_name: str, handler: Callable[..., object]) -> object:
        """Call `handler` at an event."""
        ...


class SdkMeta(Protocol):
    """What a boto3 client tells of itself."""

    @property
    def endpoint_url(self) -> str:
        """Where it sends to."""
        ...

    @property
    def events(self) -> SdkEvents:
        """Its hooks."""
        ...


class SdkEndpoint(Protocol):
    """How a boto3 client sends."""

    http_session: object
    """Its connections."""


class SdkClient(Protocol):
    """A boto3 client. Its operations are methods that the SDK makes from its service descriptions."""

    _endpoint: SdkEndpoint

    @property
    def meta(self) -> SdkMeta:
        """What it tells of itself."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    """A client of one service, and the identity it signs with."""

    client: SdkClient
    """The client."""
    credentials: Credentials | None
    """None for requests that are not signed."""


_WORD: Final = re.compile("(?<!^)(?=[A-Z])")
_withheld: ContextVar[bool] = ContextVar("virtrigaud_secrets_aws_withheld", default=False)


class _Withholding(logging.Filter):
    """Keeps what the SDK writes about our requests from its debug log; other users of the SDK keep theirs."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG or not _withheld.get()


_WITHHOLDING: Final = _Withholding()


@contextmanager
def withheld() -> Generator[None]:
    """While it lasts, this thread's requests leave nothing in the SDK's debug log."""
    for name in TALKATIVE:
        logging.getLogger(name).addFilter(_WITHHOLDING)
    token = _withheld.set(True)
    try:
        yield
    finally:
        _withheld.reset(token)


def send(
    connection: Connection,
    asked: Asked,
    parameters: Mapping[str, object],
    context: StoreContext,
    *,
    repeatable: bool = True,
) -> Answer:
    """The answer to one request. One that changes nothing is repeated as `retrySettings` says.

    A `Sensitive` among the parameters is revealed on the way out.

    Raises:
        StoreError: it failed in the end.
        ConfigurationError: the SDK cannot be used.
    """
    method = cast("Callable[..., Answer]", getattr(connection.client, _WORD.sub("_", asked.operation).lower()))
    if connection.credentials is not None:
        # Before the request, so that retries of the login and of the request do not multiply.
        _mapped(connection.credentials.get_frozen_credentials, asked, context)
    call = functools.partial(_call, method, parameters)
    if not repeatable:
        return _mapped(call, asked, context)
    return repeat_reads(lambda: _mapped(call, asked, context), patient(context))


def _call(method: Callable[..., Answer], parameters: Mapping[str, object]) -> Answer:
    return method(**{name: _revealed(name, value) for name, value in parameters.items()})


def _revealed(name: str, value: object) -> object:
    if not isinstance(value, Sensitive):
        return value
    return value.reveal() if name == BINARY else value.reveal_text()


def _mapped(call: Callable[[], object], asked: Asked, context: StoreContext) -> Answer:
    try:
        with withheld():
            return cast("Answer", call())
    except Exception as failure:
        limit = context.settings.request_timeout.total_seconds()
        error = of_exception(failure, asked, timeout=limit)
        if error is None:
            raise
    # Outside of the handler: the SDK's errors carry the service's words and must not hang on ours.
    raise error


def patient(context: StoreContext) -> StoreContext:
    """`context` with `retrySettings` read as ESO does for AWS: `maxRetries` counts attempts (ESO §2.10)."""
    policy = context.retry
    if policy is None:
        return context
    attempts = policy.retries or DEFAULT_ATTEMPTS
    return dataclasses.replace(context, retry=RetryPolicy(retries=attempts - 1, interval=policy.interval))


class Service:
    """One AWS service under one identity. Blocking, safe to use from several threads."""

    def __init__(self, name: str, connect: Callable[[str], Connection], context: StoreContext, *, trust: str) -> None:
        """Nothing is sent and nothing is read yet.

        Args:
            name: `secretsmanager` or `ssm`.
            connect: makes a client with credentials read anew.
            context: the store's.
            trust: which setting says whom to trust, for errors.
        """
        self._name = name
        self._connect = connect
        self._context = context
        self._trust = trust
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._closed = False

    def asked(self, operation: str, path: str) -> Asked:
        """What `operation` on `path` is, for errors."""
        return Asked(service=self._name, operation=operation, path=path, trust=self._trust)

    def ask(self, operation: str, parameters: Mapping[str, object], *, path: str) -> Answer:
        """The answer to a read. Credentials that the service refuses are read anew once, as they may have rotated.

        Raises:
            StoreError: it failed in the end.
            ConfigurationError: there is no identity to be had, or the SDK cannot be used.
            ClosedError: `close` was called.
        """
        return self._sent(operation, parameters, path=path, repeatable=True)

    def tell(self, operation: str, parameters: Mapping[str, object], *, path: str) -> Answer:
        """The answer to a write, which is sent once; again only after credentials that the service refused.

        Raises:
            StoreError: it failed; after no answer, it may have been carried out.
            ConfigurationError: as `ask`.
            ClosedError: `close` was called.
        """
        return self._sent(operation, parameters, path=path, repeatable=False)

    def _sent(self, operation: str, parameters: Mapping[str, object], *, path: str, repeatable: bool) -> Answer:
        asked = self.asked(operation, path)
        connection = self._current(asked)
        try:
            return send(connection, asked, parameters, self._context, repeatable=repeatable)
        except AuthenticationError as error:
            if not error.status or error.path != path:
                raise
        fresh = self._current(asked, instead_of=connection)
        return send(fresh, asked, parameters, self._context, repeatable=repeatable)

    def refuse_if_closed(self) -> None:
        """Raise `ClosedError` after `close`."""
        with self._lock:
            if self._closed:
                raise ClosedError(f"{self._context.store} was closed")

    def close(self) -> None:
        """Close the connections. The second call does nothing."""
        with self._lock:
            self._closed = True
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.client.close()

    def _current(self, asked: Asked, *, instead_of: Connection | None = None) -> Connection:
        self.refuse_if_closed()
        # Held over the reading of secretRef or instance metadata: nobody can go on without them.
        with self._lock:
            if self._connection is None or self._connection is instead_of:
                self._connection = self._made(asked)
            return self._connection

    def _made(self, asked: Asked) -> Connection:
        try:
            with withheld():
                return self._connect(self._name)
        except SecretsError:
            raise
        except Exception as failure:
            error = of_exception(failure, asked, timeout=self._context.settings.request_timeout.total_seconds())
            if error is None:
                raise
        raise error
