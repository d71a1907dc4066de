"""Who we are at Google, for Vault's `gcp` login: a statement that Vault can check with Google (ESO §3.1, "gcp").

Signed with a service account's own key here, or by Google for those who hold none (`google_servers`).
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
from virtrigaud_secrets.stores.vault import google_servers, references

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.vault import VaultGCPAuth

LIFE: Final = timedelta(minutes=10)
"""How long the statement holds: below the 15 minutes that a role allows by default, with room for clocks."""


MACHINE_AUDIENCE: Final = "http://vault/{role}"
"""Whom a machine's token is for. Vault looks at its end only."""


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
        ConfigurationError: a key is not there, or is none.
        StoreError: Google refuses or does not answer.
    """
    return {"role": spec.role, "jwt": _statement(spec, context)}


def _statement(spec: VaultGCPAuth, context: StoreContext) -> Sensitive:
    """The JWT, by the first way of ESO's order that is set: secretRef, workloadIdentity, then the machine's own."""
    if spec.secret_ref is not None:
        field = "auth.gcp.secretRef.secretAccessKeySecretRef"
        key = references.secret(spec.secret_ref.secret_access_key_secret_ref, context, field=field)
        return _by_key(key, f"what {field} names", spec.role, context)
    if spec.workload_identity is not None:
        claims = _claims(spec.role, int(context.clock.now().timestamp()))
        return google_servers.signed_by_workload(spec, spec.workload_identity, claims, context)
    # `serviceAccountRef` is the pod's own account to ESO, which asks the metadata server too.
    path = context.settings.google_application_credentials
    if path is None or spec.service_account_ref is not None:
        return google_servers.machine_token(MACHINE_AUDIENCE.format(role=spec.role), context)
    try:
        key = Sensitive(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"the Google credentials {path} cannot be read: {error.strerror}") from None
    return _by_key(key, str(path), spec.role, context)


def _by_key(written: Sensitive, place: str, role: str, context: StoreContext) -> Sensitive:
    key = _parsed(written)
    signed = None if key is None else _signed(key, role, int(context.clock.now().timestamp()))
    if signed is None:
        raise ConfigurationError(f"{context.store}: {place} holds no service account key of Google, as JSON")
    return signed


def _claims(role: str, now: int) -> dict[str, object]:
    return {"aud": f"vault/{role}", "exp": now + int(LIFE.total_seconds()), "iat": now}


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
    claims = {**_claims(role, now), "sub": key.email}
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
