"""Whose certificates are trusted, and which one is shown: a TLS context from a Vault spec. Nothing is sent here."""

from __future__ import annotations

import os
import ssl
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.golang import base64
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import StoreContext
from virtrigaud_secrets.stores.vault import references
from virtrigaud_secrets.stores.vault.auth_methods import chosen_method

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.vault import VaultProvider

MAX_SHARED: Final = 32
"""Contexts kept for stores to come: more sets of authorities than one process meets."""
_sharing: Final = threading.Lock()
_contexts: Final[dict[bytes | None, ssl.SSLContext]] = {}
"""By the authorities' PEM, None for the system's. Those with a client certificate are never shared."""


def check_bundle(spec: VaultProvider, context: StoreContext) -> None:
    """Refuse a `caBundle` that is no certificate, before anything is sent.

    Raises:
        ConfigurationError: it is none.
    """
    if spec.ca_bundle:
        _shared(_bundle(spec.ca_bundle, context), f"{context.store}: caBundle")


def source(spec: VaultProvider, context: StoreContext) -> str:
    """Which setting says whom to trust, for people."""
    if spec.ca_bundle:
        return "the store's caBundle"
    if spec.ca_provider is not None:
        return "the store's caProvider"
    if context.settings.ca_file is not None:
        return settings_source(context)
    return "the system, as neither caBundle, caProvider nor Settings.ca_file names any"


def settings_source(context: StoreContext) -> str:
    """The same for servers that the spec says nothing of."""
    if context.settings.ca_file is not None:
        return f"Settings.ca_file ({context.settings.ca_file})"
    return "the system, as Settings.ca_file names none"


def settings_context(context: StoreContext) -> ssl.SSLContext:
    """The context for servers that the spec says nothing of: it is not theirs that a `caBundle` names.

    Raises:
        ConfigurationError: `Settings.ca_file` cannot be used.
    """
    return _shared(*_default_authorities(context))


def tls_context(spec: VaultProvider, context: StoreContext) -> ssl.SSLContext:
    """The context for connections to the spec's server: exactly the authorities that were chosen, TLS 1.2 or newer.

    Raises:
        ConfigurationError: an authority or client certificate cannot be found or used.
    """
    pem, place = _authorities(spec, context)
    shown = _certificate(spec, context)
    if shown is None:
        return _shared(pem, place)
    made = _trusting(pem, place)
    chain, key, fields = shown
    if not _load_pair(made, chain, key):
        raise ConfigurationError(f"{context.store}: {fields} are no pair in PEM form")
    return made


def certificates(spec: VaultProvider, context: StoreContext) -> dict[str, bytes]:
    """The certificates that connections rest on, in PEM, by where they come from; not the system's, and no key.

    Raises:
        ConfigurationError: one cannot be found.
    """
    pem, place = _authorities(spec, context)
    found = {} if pem is None else {place: pem}
    if (shown := _certificate(spec, context)) is not None:
        chain, _, fields = shown
        found[f"{context.store}: {fields}"] = chain.reveal()
    return found


def _authorities(spec: VaultProvider, context: StoreContext) -> tuple[bytes | None, str]:
    """The certificates to trust, None for the system's, and where they come from."""
    if spec.ca_bundle:
        return _bundle(spec.ca_bundle, context), f"{context.store}: caBundle"
    if spec.ca_provider is not None:
        return references.authority(spec.ca_provider, context), f"{context.store}: caProvider"
    return _default_authorities(context)


def _default_authorities(context: StoreContext) -> tuple[bytes | None, str]:
    if context.settings.ca_file is not None:
        return _read(context.settings.ca_file), f"Settings.ca_file ({context.settings.ca_file})"
    return None, "the system"


def _shared(pem: bytes | None, place: str) -> ssl.SSLContext:
    """One context for all stores with the same authorities: the system's list takes 20 ms and a megabyte to load."""
    with _sharing:
        made = _contexts.get(pem)
        if made is None:
            made = _contexts[pem] = _trusting(pem, place)
            while len(_contexts) > MAX_SHARED:
                _contexts.pop(next(iter(_contexts)))
        return made


def _trusting(pem: bytes | None, place: str) -> ssl.SSLContext:
    made = _new_context()
    if pem is None:
        _load_system(made)
    else:
        _load(made, pem, place)
    return made


def _new_context() -> ssl.SSLContext:
    # Not ssl.create_default_context: that one writes session keys to a file if the environment says so.
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    # As Go has it: an intermediate authority in the bundle is trusted by itself.
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return made


def _bundle(written: str, context: StoreContext) -> bytes:
    """`caBundle` is base64 in JSON; people also write base64 of base64, which ESO takes (ESO §3.0)."""
    data = written.encode()
    for _ in range(2):
        try:
            data = base64.decode(data)
        except base64.Base64Error:
            break
        if b"-----BEGIN " in data:
            return data
    raise ConfigurationError(f"{context.store}: caBundle is not a base64-encoded PEM certificate")


def _load(made: ssl.SSLContext, pem: bytes, place: str) -> None:
    try:
        made.load_verify_locations(cadata=pem.decode("ascii"))
    except (ssl.SSLError, ValueError):
        raise ConfigurationError(f"{place} holds no PEM certificate that can be read") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"Settings.ca_file ({path}) cannot be read: {error.strerror}") from None


def _load_system(made: ssl.SSLContext) -> None:
    places = ssl.get_default_verify_paths()
    if places.cafile or places.capath:
        made.load_default_certs()
        return
    import certifi

    made.load_verify_locations(cafile=certifi.where())


def _certificate(spec: VaultProvider, context: StoreContext) -> tuple[Sensitive, Sensitive, str] | None:
    """The certificate that logs in, else that of the connection, as ESO has it; with its key and their fields."""
    if spec.auth is not None and spec.auth.cert is not None and chosen_method(spec) == "cert":
        by_login = spec.auth.cert
        chain = references.secret(by_login.client_cert, context, field="auth.cert.clientCert")
        key = references.secret(by_login.secret_ref, context, field="auth.cert.secretRef")
        return chain, key, "auth.cert.clientCert and secretRef"
    if spec.tls is None or not (spec.tls.cert_secret_ref or spec.tls.key_secret_ref):
        return None
    if spec.tls.cert_secret_ref is None or spec.tls.key_secret_ref is None:
        raise ConfigurationError(f"{context.store}: tls needs both certSecretRef and keySecretRef")
    chain = references.secret(spec.tls.cert_secret_ref, context, field="tls.certSecretRef", default_key="tls.crt")
    key = references.secret(spec.tls.key_secret_ref, context, field="tls.keySecretRef", default_key="tls.key")
    return chain, key, "tls.certSecretRef and tls.keySecretRef"


def _load_pair(made: ssl.SSLContext, chain: Sensitive, key: Sensitive) -> bool:
    with _file(Sensitive(chain.reveal() + b"\n" + key.reveal() + b"\n")) as path:
        try:
            # An empty password instead of a prompt on the terminal.
            made.load_cert_chain(path, password="")
        except (ssl.SSLError, OSError, ValueError):
            return False
    return True


@contextmanager
def _file(content: Sensitive) -> Generator[str]:
    """A file name for what only takes files: in memory on Linux, elsewhere a private file that is gone at once."""
    if hasattr(os, "memfd_create"):
        number = os.memfd_create("tls", os.MFD_CLOEXEC)
        try:
            os.write(number, content.reveal())
            yield f"/proc/self/fd/{number}"
        finally:
            os.close(number)
        return
    number, name = tempfile.mkstemp()
    try:
        os.write(number, content.reveal())
        yield name
    finally:
        os.close(number)
        Path(name).unlink()
