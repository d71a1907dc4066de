"""TLS that follows a rotation: one context or gRPC object for as long as a server runs, new certificates under it.

Connections that are open stay open; a handshake that begins after the rotation uses what is current then.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.credentials.tls import TLSCredentials, import_grpc
from virtrigaud_secrets.errors import SecretsError

if TYPE_CHECKING:
    import grpc

    from virtrigaud_secrets.runtime.subscription import Subscription


class _Followed:
    """The newest context, made once for each certificate. The last good one stays while a new one cannot be had."""

    def __init__(self, source: Subscription[TLSCredentials], make: Callable[[TLSCredentials], ssl.SSLContext]) -> None:
        self._source: Final = source
        self._make: Final = make
        self._lock: Final = threading.Lock()
        self._credentials = source.current
        self._context = make(self._credentials)

    def context(self) -> ssl.SSLContext:
        """The context of the current certificate."""
        try:
            credentials = self._source.current
            with self._lock:
                if credentials is not self._credentials:
                    self._context, self._credentials = self._make(credentials), credentials
                return self._context
        except SecretsError:
            # Whether it still holds is for the other side to judge, by the certificate's own end.
            with self._lock:
                return self._context


def rotating_server_context(source: Subscription[TLSCredentials], *, verify_clients: bool = True) -> ssl.SSLContext:
    """One context for a server that lives through rotations: every handshake uses the certificate that is current then.

    Works wherever Python's `ssl` serves: `http.server`, asyncio, uvicorn, aiohttp, gunicorn.

    Args:
        source: a subscription.
        verify_clients: require client certificates that the current `ca.crt` has signed.

    Raises:
        SecretsError: there is no certificate to begin with, or no `ca.crt` to verify clients by.
    """
    followed = _Followed(source, lambda credentials: credentials.server_context(verify_clients=verify_clients))

    def use_current(connection: ssl.SSLSocket | ssl.SSLObject, _name: str | None, _outer: ssl.SSLContext) -> None:
        # OpenSSL asks at every handshake, with or without a server name, and takes certificate and judges of clients
        # from the context that it is given here. The outer context is never changed, so no handshake races with it.
        connection.context = followed.context()

    outer = source.current.server_context(verify_clients=verify_clients)
    outer.sni_callback = use_current
    return outer


class _RotatingClientContext(ssl.SSLContext):
    """Hands every new connection to the context that is current then."""

    def follow(self, followed: _Followed) -> None:
        """Take contexts from there."""
        self._followed = followed
        self._alpn: list[str] = []

    def wrap_socket(self, *arguments: object, **options: object) -> ssl.SSLSocket:
        return self._inner().wrap_socket(*arguments, **options)  # type: ignore[arg-type]  # passed through

    def wrap_bio(self, *arguments: object, **options: object) -> ssl.SSLObject:
        return self._inner().wrap_bio(*arguments, **options)  # type: ignore[arg-type]  # passed through

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        self._alpn = list(alpn_protocols)

    def _inner(self) -> ssl.SSLContext:
        inner = self._followed.context()
        if self._alpn:
            inner.set_alpn_protocols(self._alpn)
        return inner


def rotating_client_context(source: Subscription[TLSCredentials]) -> ssl.SSLContext:
    """One context for a client that lives through rotations: a new connection shows and trusts what is current then.

    For clients that wrap their sockets by `ssl`: urllib3, requests, httpx, aiohttp, asyncio, `http.client`. Name and
    chain are verified whatever a library sets on it; only ALPN is passed on.

    Raises:
        SecretsError: there is no certificate to begin with.
    """
    context = _RotatingClientContext(ssl.PROTOCOL_TLS_CLIENT)
    context.follow(_Followed(source, TLSCredentials.client_context))
    return context


def rotating_grpc_server_credentials(
    source: Subscription[TLSCredentials], *, verify_clients: bool = True
) -> grpc.ServerCredentials:
    """Credentials for `grpc.Server.add_secure_port` that live through rotations: gRPC asks at every handshake.

    Args:
        source: a subscription.
        verify_clients: require client certificates that the current `ca.crt` has signed.

    Raises:
        SecretsError: there is no certificate to begin with, or no `ca.crt` to verify clients by.
        MissingDependencyError: grpcio is not installed.
    """
    module = import_grpc()
    first = source.current
    known = [first]

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        try:
            credentials = source.current
        except SecretsError:
            return None
        if credentials is known[0]:
            return None
        known[0] = credentials
        return configuration(credentials)

    def configuration(credentials: TLSCredentials) -> grpc.ServerCertificateConfiguration:
        return credentials.grpc_certificate_configuration(verify_clients=verify_clients)

    return module.dynamic_ssl_server_credentials(
        configuration(first), fetch, require_client_authentication=verify_clients
    )
