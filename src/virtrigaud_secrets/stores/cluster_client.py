"""The official Kubernetes client, made for one cluster and one identity. What is asked of it belongs in `cluster_api`.

Its global state stays untouched: no default configuration, no proxy from the environment, no log level set.
"""

from __future__ import annotations

import http.client
import logging
import os
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, cast

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.stores.cluster_access import ClusterAccess, TokenSource, import_kubernetes

if TYPE_CHECKING:
    from urllib3 import PoolManager

USER_AGENT: Final = "virtrigaud-secrets"
"""Who we are in the cluster's audit log, beside the identity."""

MAX_CLIENT_PEM_BYTES: Final = 16 << 10
"""Client certificates and keys pass through a pipe; this much fits into one on every system without a reader."""

MAX_IDLE_CONNECTIONS: Final = 8
"""Connections kept for the next request. One resolve sends four requests at a time unless told otherwise."""


class Response(Protocol):
    """What is used of `urllib3.HTTPResponse`."""

    def read1(self, amt: int) -> bytes:
        """What has come of the body, at most so much; empty at its end."""
        ...

    def release_conn(self) -> None:
        """Let the next request have the connection."""
        ...

    def close(self) -> None:
        """Drop the connection."""
        ...


class CoreV1(Protocol):
    """What is used of the official client's `CoreV1Api`."""

    def read_namespaced_secret(
        self, name: str, namespace: str, *, _preload_content: bool, _request_timeout: tuple[float, float]
    ) -> Response:
        """GET one Secret."""
        ...

    def list_namespaced_secret(
        self,
        namespace: str,
        *,
        label_selector: str,
        limit: int,
        _continue: str,
        _preload_content: bool,
        _request_timeout: tuple[float, float],
    ) -> Response:
        """GET one page of Secrets."""
        ...

    def create_namespaced_secret(
        self, namespace: str, body: object, *, _preload_content: bool, _request_timeout: tuple[float, float]
    ) -> Response:
        """POST one Secret."""
        ...

    def replace_namespaced_secret(
        self, name: str, namespace: str, body: object, *, _preload_content: bool, _request_timeout: tuple[float, float]
    ) -> Response:
        """PUT one Secret."""
        ...

    def delete_namespaced_secret(
        self, name: str, namespace: str, *, body: object, _preload_content: bool, _request_timeout: tuple[float, float]
    ) -> Response:
        """DELETE one Secret."""
        ...

    def read_namespaced_config_map(
        self, name: str, namespace: str, *, _preload_content: bool, _request_timeout: tuple[float, float]
    ) -> Response:
        """GET one ConfigMap."""
        ...

    def read_namespaced_service_account(
        self, name: str, namespace: str, *, _preload_content: bool, _request_timeout: tuple[float, float]
    ) -> Response:
        """GET one service account."""
        ...

    def read_namespace(self, name: str, *, _preload_content: bool, _request_timeout: tuple[float, float]) -> Response:
        """GET one namespace."""
        ...

    def create_namespaced_service_account_token(
        self, name: str, namespace: str, body: object, *, _preload_content: bool, _request_timeout: tuple[float, float]
    ) -> Response:
        """POST one TokenRequest."""
        ...


class Connection(NamedTuple):
    """The official client, and how to close what it holds open."""

    core: CoreV1
    """The client."""
    close: Callable[[], None]
    """Closes its connections."""


def connect_client(access: ClusterAccess) -> Connection:
    """The official client for `access`, with connections of its own. Sends nothing.

    Raises:
        MissingDependencyError: the client is not installed.
        ConfigurationError: CA, certificate or key cannot be used.
    """
    client = import_kubernetes("kubernetes.client")
    with _untouched_logging():
        configuration = client.Configuration(host=access.server)
        configuration.proxy = None
        if (source := access.token) is not None:
            # The hook is asked before each request; without an entry the client sends no header at all.
            configuration.api_key = {"authorization": ""}
            configuration.refresh_api_key_hook = partial(_log_in, source)
        api_client = client.ApiClient(configuration)
    api_client.user_agent = USER_AGENT
    pool = connection_pool(access)
    api_client.rest_client.pool_manager = pool

    def close() -> None:
        pool.clear()
        api_client.close()

    return Connection(cast("CoreV1", client.CoreV1Api(api_client)), close)


def connection_pool(access: ClusterAccess) -> PoolManager:
    """Connections to one cluster, trusting what `access` trusts. Nothing is retried, no redirect is followed unasked.

    Raises:
        ConfigurationError: CA, certificate or key cannot be used.
    """
    import urllib3

    manager = partial(urllib3.ProxyManager, access.proxy) if access.proxy else urllib3.PoolManager
    return manager(
        ssl_context=tls_context(access),
        retries=False,
        maxsize=MAX_IDLE_CONNECTIONS,
        server_hostname=access.server_name or None,
    )


class _Configuration(Protocol):
    api_key: dict[str, str]


def _log_in(source: TokenSource, configuration: _Configuration) -> None:
    """Put the token for the next request where the client looks for it."""
    configuration.api_key["authorization"] = f"Bearer {source().reveal_text()}"


def tls_context(access: ClusterAccess) -> ssl.SSLContext:
    """Who is trusted and who we are, for TLS. Keys do not touch the disk.

    Raises:
        ConfigurationError: CA, certificate or key cannot be used.
    """
    try:
        context = ssl.create_default_context(cadata=access.authorities or None)
    except (ssl.SSLError, ValueError):
        raise ConfigurationError(f"{access.origin}: the certificate authority is no PEM certificate") from None
    # Many a cluster's CA has no key identifier. Go's TLS does not ask for one; Python does from 3.13 on.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not access.client_certificate:
        return context
    try:
        with _piped(access.client_certificate) as certificate, _piped(access.client_key.reveal()) as key:
            # An encrypted key would otherwise ask for its password on the terminal.
            context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, OSError, ValueError):
        raise ConfigurationError(
            f"{access.origin}: client certificate and key cannot be used (PEM, unencrypted, belonging together)"
        ) from None
    return context


@contextmanager
def _piped(content: bytes) -> Generator[str]:
    """A path from which `content` can be read once. `ssl` takes keys from paths only."""
    if len(content) > MAX_CLIENT_PEM_BYTES:
        raise ValueError("too large")
    reading, writing = os.pipe()
    try:
        os.write(writing, content)
        os.close(writing)
        yield f"/dev/fd/{reading}"
    finally:
        os.close(reading)


@contextmanager
def _untouched_logging() -> Generator[None]:
    """Undo what making a `Configuration` does to the whole process: it sets log and debug levels."""
    loggers = [logging.getLogger(name) for name in ("client", "urllib3")]
    levels, debug_level = [logger.level for logger in loggers], http.client.HTTPConnection.debuglevel
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        http.client.HTTPConnection.debuglevel = debug_level
