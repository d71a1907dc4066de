"""Tokens of Kubernetes service accounts, signed and checked with a key of its own as a cluster does. No server."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.sensitive import Sensitive

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ISSUER: Final = "https://kubernetes.default.svc.cluster.local"
"""Who signs, and whom tokens are for unless said otherwise: a cluster's default."""
TOKEN_LIFE: Final = timedelta(hours=1)
"""How long the kubelet's projected tokens hold."""
_COORDINATE_BYTES: Final = 32
"""ES256 writes a signature as two numbers of this length (RFC 7518 3.4)."""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Whose token it is."""

    name: str
    """Its name."""
    namespace: str
    """Its namespace."""

    @property
    def username(self) -> str:
        """How Kubernetes calls it."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def uid(self) -> str:
        """A stable identifier."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, self.username))


class InvalidTokenError(Exception):
    """A token does not prove anything. The message says why and never shows the token."""


class TokenSigner:
    """Signs tokens of service accounts and tells its own, unexpired ones from all others."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        self._key: Final[EllipticCurvePrivateKey] = ec.generate_private_key(ec.SECP256R1())
        self._clock: Final[Clock] = clock or SystemClock()

    @property
    def public_pem(self) -> bytes:
        """The key that tells its tokens from others, PEM."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(
        self, account: ServiceAccount, *, audiences: Sequence[str] = (ISSUER,), life: timedelta = TOKEN_LIFE
    ) -> Sensitive:
        """A token as the kubelet projects it into a pod."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        now = int(self._clock.now().timestamp())
        claims = {
            "aud": list(audiences),
            "exp": now + int(life.total_seconds()),
            "iat": now,
            "iss": ISSUER,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": {
                "namespace": account.namespace,
                "serviceaccount": {"name": account.name, "uid": account.uid},
            },
            "nbf": now,
            "sub": account.username,
        }
        signed = f"{_segment({'alg': 'ES256', 'typ': 'JWT'})}.{_segment(claims)}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(_COORDINATE_BYTES) + s.to_bytes(_COORDINATE_BYTES)
        return Sensitive(f"{signed}.{_base64url(signature)}")

    def check(self, token: Sensitive, *, audiences: Sequence[str] = ()) -> tuple[ServiceAccount, tuple[str, ...]]:
        """Whose token it is, and for which of `audiences` (the issuer itself where none are asked for) it is good.

        Raises:
            InvalidTokenError: signature, time or audience is wrong.
        """
        claims = self._verified_claims(token)
        now = self._clock.now().timestamp()
        if not _number(claims, "nbf") <= now < _number(claims, "exp"):
            raise InvalidTokenError("token has expired or is not valid yet")
        meant_for = tuple(str(name) for name in cast("list[object]", claims.get("aud") or []))
        shared = tuple(name for name in (audiences or (ISSUER,)) if name in meant_for)
        if not shared:
            raise InvalidTokenError("token is for other audiences")
        _, _, namespace, name = str(claims.get("sub")).split(":")
        return ServiceAccount(name, namespace), shared

    def _verified_claims(self, token: Sensitive) -> dict[str, object]:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

        try:
            signed, _, signature = token.reveal_text().rpartition(".")
            header, claims = (json.loads(_from_base64url(part)) for part in signed.split("."))
            raw = _from_base64url(signature)
        except ValueError:
            raise InvalidTokenError("not a signed token") from None
        if cast("dict[str, object]", header).get("alg") != "ES256" or len(raw) != 2 * _COORDINATE_BYTES:
            raise InvalidTokenError("token is signed in another way")
        r, s = int.from_bytes(raw[:_COORDINATE_BYTES]), int.from_bytes(raw[_COORDINATE_BYTES:])
        try:
            self._key.public_key().verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise InvalidTokenError("token is signed by somebody else") from None
        return cast("dict[str, object]", claims)


def _number(claims: dict[str, object], name: str) -> float:
    value = claims.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _segment(value: object) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64url(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
