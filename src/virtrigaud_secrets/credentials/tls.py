"""A certificate with its key and authority, as contexts for servers and clients. What rotates is in `rotating_tls`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Final, Self

from virtrigaud_secrets.credentials.base import Credentials
from virtrigaud_secrets.credentials.reading import Reading
from virtrigaud_secrets.credentials.tls_contexts import client_context, server_context
from virtrigaud_secrets.errors import ConfigurationError, MissingDependencyError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.validation.tls import AUTHORITY_KEY, CERTIFICATE_KEY, PRIVATE_KEY, check_tls

if TYPE_CHECKING:
    import ssl

    import grpc

    from virtrigaud_secrets.bundle import Bundle

_UNUSABLE: Final = frozenset({"encrypted-key", "empty"})
"""Warnings of the TLS check without whose remedy no context can be made."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TLSCredentials(Credentials):
    """What a TLS Secret holds: the guide's `provider-tls`, and VirtRigaud's `/etc/virtrigaud/tls`."""

    certificate: str
    """PEM chain, the own certificate first."""
    private_key: Sensitive
    """Its key, PEM without a passphrase."""
    authority: str | None = None
    """PEM of the authorities that judge the other side; None where the Secret names none."""

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Self:
        """The credentials in the keys `tls.crt`, `tls.key` and, where it is there, `ca.crt`.

        Whether the certificate holds now is not judged: there is no clock here, and the resolver has judged it.

        Raises:
            ValidationError: a key is missing, not what it should be, or they are of different issuances.
        """
        reading = Reading(bundle, cls)
        certificate, private_key = reading.document(CERTIFICATE_KEY), reading.document(PRIVATE_KEY)
        authority = reading.optional_document(AUTHORITY_KEY)
        if certificate and private_key:
            reading.check(check_tls, refused=_UNUSABLE)
        reading.refuse_faults()
        return cls(
            source=reading.source,
            certificate=certificate.reveal_text(),
            private_key=private_key,
            authority=None if authority is None else authority.reveal_text(),
        )

    def server_context(self, *, verify_clients: bool = True) -> ssl.SSLContext:
        """A context for a server with this certificate.

        Args:
            verify_clients: require client certificates that `authority` has signed, as VirtRigaud's manager shows them.

        Raises:
            ConfigurationError: clients are to be verified and there is no `ca.crt`.
        """
        return server_context(
            self.certificate, self.private_key, authorities=self._judge_of_clients() if verify_clients else None
        )

    def client_context(self) -> ssl.SSLContext:
        """A context for a client that shows this certificate and trusts `authority`, or else the system's list."""
        return client_context(self.authority, certificate=self.certificate, private_key=self.private_key)

    def grpc_server_credentials(self, *, verify_clients: bool = True) -> grpc.ServerCredentials:
        """Credentials for `grpc.Server.add_secure_port`.

        Args:
            verify_clients: as `server_context`.

        Raises:
            ConfigurationError: clients are to be verified and there is no `ca.crt`.
            MissingDependencyError: grpcio is not installed.
        """
        return import_grpc().ssl_server_credentials(
            [self._pair()], root_certificates=self._roots(verify_clients), require_client_auth=verify_clients
        )

    def grpc_certificate_configuration(self, *, verify_clients: bool = True) -> grpc.ServerCertificateConfiguration:
        """What `grpc.dynamic_ssl_server_credentials` wants for each certificate; see `grpc_server_credentials`."""
        return import_grpc().ssl_server_certificate_configuration(
            [self._pair()], root_certificates=self._roots(verify_clients)
        )

    def grpc_channel_credentials(self) -> grpc.ChannelCredentials:
        """Credentials for `grpc.secure_channel` that show this certificate and trust `authority`, or gRPC's list.

        Raises:
            MissingDependencyError: grpcio is not installed.
        """
        return import_grpc().ssl_channel_credentials(
            root_certificates=None if self.authority is None else self.authority.encode(),
            private_key=self.private_key.reveal(),
            certificate_chain=self.certificate.encode(),
        )

    def _pair(self) -> tuple[bytes, bytes]:
        return self.private_key.reveal(), self.certificate.encode()

    def _roots(self, verify_clients: bool) -> bytes | None:  # noqa: FBT001  # passed on
        return self._judge_of_clients().encode() if verify_clients else None

    def _judge_of_clients(self) -> str:
        if self.authority is None:
            raise ConfigurationError(
                f"{self.source}: client certificates cannot be verified: there is no ca.crt. Add it to the manifest, "
                "or pass verify_clients=False to serve anybody"
            )
        return self.authority


def import_grpc() -> ModuleType:
    """The package grpc.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        return import_module("grpc")
    except ImportError:
        raise MissingDependencyError("TLS for gRPC", extra="grpc") from None
