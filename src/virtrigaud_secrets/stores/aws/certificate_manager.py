"""Certificate Manager: a certificate, its chain and its key as one PEM text (ESO §3.3).

AWS gives a key out under a passphrase only, and may charge for it: what was exported is kept, and exported again when
the certificate is another. Functions that hold a key return None instead of raising: a traceback may show locals.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Final, NoReturn

from virtrigaud_secrets.errors import DecodingError, InvalidRequestError, SecretNotFoundError, StoreError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.aws import names
from virtrigaud_secrets.stores.aws.errors import request_id_in, text_in
from virtrigaud_secrets.stores.aws.session import Sessions
from virtrigaud_secrets.stores.aws.transport import Service
from virtrigaud_secrets.stores.base import Answer, Fetch, Payload, StoreClient, StoreContext, at_store

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.aws import AWSProvider

KEPT: Final = 128
"""Exported certificates kept: more than one store has, and as many as ESO keeps."""
PASSPHRASE_BYTES: Final = 24
"""Random bytes of a passphrase; in hexadecimal it has none of the characters that AWS refuses."""


class CertificatePayload(Payload):
    """A certificate, then its chain, then its key. It has no properties: templates pick from it (`filterPEM`)."""

    __slots__ = ("_bundle", "_path")

    def __init__(self, bundle: Sensitive, *, path: str) -> None:
        self._bundle = bundle
        self._path = path

    def whole(self) -> bytes:
        """All of it."""
        return self._bundle.reveal()

    def property(self, name: str) -> bytes:  # noqa: ARG002  # ESO's provider does not look at it either
        """All of it, whatever the property: as ESO has it."""
        return self._bundle.reveal()

    def entries(self, name: str = "") -> NoReturn:  # noqa: ARG002  # as above
        """Refused, as in ESO."""
        raise DecodingError(f"a certificate of AWS cannot be split into entries [path {self._path}]")


class CertificateManagerClient(StoreClient):
    """Reads from Certificate Manager in one region as one identity."""

    service_name: ClassVar[str] = "acm"

    def __init__(self, spec: AWSProvider, context: StoreContext) -> None:
        """Nothing is sent yet.

        Raises:
            ConfigurationError: the spec cannot be used.
        """
        self._spec = spec
        self._context = context
        sessions = Sessions(spec, context)
        self.service = Service(self.service_name, sessions.connect, context, trust=sessions.trust)
        self._lock = threading.Lock()
        self._exported: OrderedDict[str, tuple[bytes, Sensitive]] = OrderedDict()

    def get(self, fetch: Fetch) -> Answer:
        """The certificate of an ARN. A key leaves AWS once for each certificate."""
        self.service.refuse_if_closed()
        path = names.path(names.canonical(fetch, self._spec), self._spec)
        try:
            return self._get(path)
        except StoreError as error:
            if isinstance(error, SecretNotFoundError):
                # ESO's provider passes AWS's error on without looking at it (ESO §3.3).
                error.missing = False
            at_store(error, self._context.store, path)
            raise

    def close(self, *, revoke: bool = True) -> None:
        """Close the connections, and forget what was exported."""
        del revoke
        self.service.close()
        with self._lock:
            self._exported.clear()

    def _get(self, path: str) -> Answer:
        shown = self.service.ask("GetCertificate", {"CertificateArn": path}, path=path)
        mark = _fingerprint(shown)
        with self._lock:
            kept = self._exported.get(path)
        if kept is not None and kept[0] == mark:
            bundle, request_id = kept[1], request_id_in(shown)
        else:
            bundle, request_id = self._export(path)
        return Answer(
            payload=CertificatePayload(bundle, path=path), path=path, version=mark.hex()[:16], request_id=request_id
        )

    def _export(self, path: str) -> tuple[Sensitive, str]:
        passphrase = Sensitive(secrets.token_hex(PASSPHRASE_BYTES))
        # Exporting makes nothing: asked twice, it gives the same key twice.
        reply = self.service.ask("ExportCertificate", {"CertificateArn": path, "Passphrase": passphrase}, path=path)
        bundle = _bundle(reply, passphrase)
        if bundle is None:
            raise InvalidRequestError("AWS gives a private key that cannot be read, or none", path=path)
        with self._lock:
            self._exported[path] = (_fingerprint(reply), bundle)
            self._exported.move_to_end(path)
            while len(self._exported) > KEPT:
                self._exported.popitem(last=False)
        return bundle, request_id_in(reply)


def _fingerprint(reply: Mapping[str, object]) -> bytes:
    """What tells one certificate with its chain from another."""
    parts = (text_in(reply, name).strip() for name in ("Certificate", "CertificateChain"))
    return hashlib.sha256("\n".join(parts).encode()).digest()


def _bundle(reply: Mapping[str, object], passphrase: Sensitive) -> Sensitive | None:
    """Certificate, chain and key in the clear, each ended by one line break."""
    key = _opened(text_in(reply, "PrivateKey"), passphrase)
    if key is None:
        return None
    parts = [text_in(reply, "Certificate"), text_in(reply, "CertificateChain"), key.reveal_text()]
    return Sensitive("".join(f"{part.strip()}\n" for part in parts if part.strip()))


def _opened(encrypted: str, passphrase: Sensitive) -> Sensitive | None:
    """The key as PKCS #8 in PEM without encryption."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    try:
        key = load_pem_private_key(encrypted.encode(), password=passphrase.reveal())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return Sensitive(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
