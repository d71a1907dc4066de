"""Who we are at Google, for Vault's `gcp` login: a statement signed with a service account's own key (ESO §3.1, "gcp").

Nothing is sent here. Vault fetches the key's public half from Google and checks the signature.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import StoreContext
from virtrigaud_secrets.stores.vault import references

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.vault import VaultGCPAuth

LIFE: Final = timedelta(minutes=10)
"""How long the statement holds: below the 15 minutes that a role allows by default, with room for clocks."""


@dataclass(frozen=True, slots=True)
class ServiceAccountKey:
    """A key as Google's console gives it out."""

    email: str
    """Whose it is."""
    key_id: str
    """Which of the account's keys."""
    private_key: Sensitive
    """The key, PEM."""


def login_body(spec: VaultGCPAuth, context: StoreContext) -> Mapping[str, object]:
    """What the login is sent: the role, and who we are.

    Raises:
        ConfigurationError: the key is not there, or is none.
    """
    written, place = _written(spec, context)
    key = _parsed(written)
    signed = None if key is None else _signed(key, spec.role, int(context.clock.now().timestamp()))
    if signed is None:
        raise ConfigurationError(f"{context.store}: {place} holds no service account key of Google, as JSON")
    return {"role": spec.role, "jwt": signed}


def _written(spec: VaultGCPAuth, context: StoreContext) -> tuple[Sensitive, str]:
    if spec.secret_ref is not None:
        field = "auth.gcp.secretRef.secretAccessKeySecretRef"
        return references.secret(
            spec.secret_ref.secret_access_key_secret_ref, context, field=field
        ), f"what {field} names"
    path = context.settings.google_application_credentials
    if path is None:
        raise ConfigurationError(
            f"{context.store}: auth.gcp names no secretRef, and GOOGLE_APPLICATION_CREDENTIALS "
            "(Settings.google_application_credentials) is not set"
        )
    try:
        return Sensitive(path.read_bytes()), str(path)
    except OSError as error:
        raise ConfigurationError(f"the Google credentials {path} cannot be read: {error.strerror}") from None


def _parsed(written: Sensitive) -> ServiceAccountKey | None:
    try:
        found: object = json.loads(written.reveal())
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    members = cast("dict[str, object]", found)
    parts = [members.get(name) for name in ("client_email", "private_key_id", "private_key")]
    if members.get("type") != "service_account" or not all(isinstance(part, str) and part for part in parts):
        return None
    email, key_id, private = (str(part) for part in parts)
    return ServiceAccountKey(email, key_id, Sensitive(private))


def _signed(key: ServiceAccountKey, role: str, now: int) -> Sensitive | None:
    """A JWT by RS256, which is the one way in which Google's keys sign; None if it is another kind of key."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    header = {"alg": "RS256", "kid": key.key_id, "typ": "JWT"}
    claims = {"aud": f"vault/{role}", "exp": now + int(LIFE.total_seconds()), "iat": now, "sub": key.email}
    text = f"{_segment(header)}.{_segment(claims)}"
    try:
        private = load_pem_private_key(key.private_key.reveal(), password=None)
    except (ValueError, TypeError):
        return None
    if not isinstance(private, rsa.RSAPrivateKey):
        return None
    signature = private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return Sensitive(f"{text}.{_base64url(signature)}")


def _segment(value: Mapping[str, object]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
