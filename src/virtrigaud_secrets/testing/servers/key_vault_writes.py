"""What changes objects of the Key Vault stand-in: set, import, update. Says no where the service does."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

from virtrigaud_secrets.testing.servers.key_vault_messages import Reply, Request, bad, error, missing
from virtrigaud_secrets.testing.servers.key_vault_objects import VaultObjects, Version, standard_base64

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

PEM: Final = "application/x-pem-file"
"""The form of a certificate that its policy asks for, where it is not PKCS#12."""
PKCS12: Final = "application/x-pkcs12"
"""The form it has otherwise: its bytes in base64."""
_NEEDED: Final = {"RSA": ("n", "e", "d"), "EC": ("crv", "x", "y", "d")}
"""Members of a web key that is imported. A vault has no symmetric keys; only a managed HSM does."""
_PUBLIC: Final = frozenset({"kty", "n", "e", "crv", "x", "y"})
_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}

_Outcome = tuple[str, Version] | Reply
"""The version that was written, or an error."""


class Writes:
    """Writes to one vault."""

    def __init__(self, objects: VaultObjects) -> None:
        self._objects = objects

    def answer(self, request: Request, collection: str, name: str, further: str) -> _Outcome:
        """What became of a request that writes."""
        match request.method, collection, further:
            case "PUT", "secrets", "":
                return self._set_secret(request, name)
            case "PUT", "keys", "":
                return self._import_key(request, name)
            case "POST", "certificates", "import":
                return self._import_certificate(request, name)
            case "PATCH", _, _:
                return self._update(request, collection, name, further)
            case _:
                return bad("no such operation")

    def _set_secret(self, request: Request, name: str) -> _Outcome:
        body = request.json
        if not isinstance(body.get("value"), str):
            return bad("value is missing")
        content = {key: body[key] for key in ("value", "contentType") if body.get(key) is not None}
        return self._added("secrets", name, content, body)

    def _import_key(self, request: Request, name: str) -> _Outcome:
        body = request.json
        key = cast("dict[str, object]", body.get("key") or {})
        needed = _NEEDED.get(str(key.get("kty")))
        if needed is None:
            return bad("the key type is not supported")
        if not all(isinstance(key.get(member), str) and key[member] for member in needed):
            return bad("the key lacks members")
        public = {member: value for member, value in key.items() if member in _PUBLIC}
        return self._added("keys", name, {"key": public}, body)

    def _import_certificate(self, request: Request, name: str) -> _Outcome:
        body = request.json
        policy = cast("dict[str, object]", body.get("policy") or {})
        properties = cast("dict[str, object]", policy.get("secret_props") or {})
        form = str(properties.get("contentType") or PKCS12)
        try:
            data = base64.b64decode(str(body.get("value") or ""), validate=True)
        except binascii.Error:
            return bad("value is not base64")
        read = _from_pem(data) if form == PEM else _from_pkcs12(data)
        if read is None:
            return bad("the value holds no certificate with its private key in the form that the policy says")
        der, key = read
        outcome = self._added("certificates", name, {"cer": standard_base64(der)}, body)
        if not isinstance(outcome, Reply):
            value = data.decode() if form == PEM else standard_base64(data)
            tags = outcome[1].tags
            content = {"value": value, "contentType": form}
            self._objects.add("secrets", name, content, tags=tags, managed=True)
            self._objects.add("keys", name, {"key": dict(key)}, tags=tags, managed=True)
        return outcome

    def _update(self, request: Request, collection: str, name: str, version: str) -> _Outcome:
        found = self._objects.find(collection, name, version)
        if found is None:
            return missing(collection, name)
        body, (version, there) = request.json, found
        attributes = cast("dict[str, object]", body.get("attributes") or {})
        changes: dict[str, Any] = {}
        if isinstance(tags := body.get("tags"), dict):
            changes["tags"] = cast("dict[str, str]", tags)
        if "enabled" in attributes:
            changes["enabled"] = attributes["enabled"] is not False
        changes |= {field: time for field, time in _times(attributes).items() if time is not None}
        if body.get("contentType") is not None:
            changes["content"] = {**there.content, "contentType": body["contentType"]}
        self._objects.replace(collection, name, version, **changes)
        return self._objects.find(collection, name, version) or missing(collection, name)

    def _added(self, collection: str, name: str, content: Mapping[str, object], body: Mapping[str, object]) -> _Outcome:
        attributes = cast("dict[str, object]", body.get("attributes") or {})
        try:
            version = self._objects.add(
                collection,
                name,
                content,
                tags=cast("dict[str, str]", body.get("tags") or {}),
                enabled=attributes.get("enabled") is not False,
                **_times(attributes),
            )
        except FileExistsError:
            message = f"{name} is deleted but recoverable"
            return error(HTTPStatus.CONFLICT, "Conflict", message, "ObjectIsDeletedButRecoverable")
        return self._objects.find(collection, name, version) or missing(collection, name)


def _times(attributes: Mapping[str, object]) -> dict[str, Any]:
    names = {"not_before": "nbf", "expires": "exp"}
    return {
        field: datetime.fromtimestamp(value, UTC) if isinstance(value := attributes.get(name), int) else None
        for field, name in names.items()
    }


def _from_pkcs12(data: bytes) -> tuple[bytes, Mapping[str, str]] | None:
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

    read: Callable[[bytes, bytes | None], Any] = load_key_and_certificates
    for password in (None, b""):
        try:
            key, certificate, _others = read(data, password)
        except ValueError:
            continue
        if key is None or certificate is None:
            return None
        return certificate.public_bytes(Encoding.DER), _web_key(cast("RSAPublicKey", key.public_key()))
    return None


def _from_pem(data: bytes) -> tuple[bytes, Mapping[str, str]] | None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    if b"-----BEGIN PRIVATE KEY-----" not in data:
        return None  # The service reads PKCS#8 only.
    try:
        certificate = x509.load_pem_x509_certificates(data)[0]
        key = load_pem_private_key(data[data.index(b"-----BEGIN PRIVATE KEY-----") :], None)
    except ValueError:
        return None
    public = cast("RSAPublicKey | EllipticCurvePublicKey", key.public_key())
    if public != certificate.public_key():
        return None
    return certificate.public_bytes(Encoding.DER), _web_key(public)


def _web_key(key: RSAPublicKey | EllipticCurvePublicKey) -> dict[str, str]:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if isinstance(key, RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    point = key.public_numbers()
    size = (key.curve.key_size + 7) // 8
    return {
        "kty": "EC",
        "crv": _CURVES.get(key.curve.name, key.curve.name),
        "x": _number(point.x, size),
        "y": _number(point.y, size),
    }


def _number(value: int, size: int = 0) -> str:
    data = value.to_bytes(size or (value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
