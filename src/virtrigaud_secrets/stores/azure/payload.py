"""What vaults return, as payloads: certificates, keys, and metadata (ESO §3.4). No I/O."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import DecodingError, PropertyNotFoundError
from virtrigaud_secrets.golang import encoding_json
from virtrigaud_secrets.stores.base import Payload
from virtrigaud_secrets.stores.payload import Lookup, TextPayload

if TYPE_CHECKING:
    from azure.keyvault.keys import JsonWebKey

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_JWK_MEMBERS: Final[Mapping[str, str]] = {"t": "key_hsm"}
_JWK_ORDER: Final = ("kid", "kty", "key_ops", "n", "e", "d", "dp", "dq", "qi", "p", "q", "k", "t", "crv", "x", "y")
"""Members as ESO's client writes them."""


def text(value: str) -> bytes:
    """A value's bytes as Go has them: half a surrogate pair becomes U+FFFD."""
    return _SURROGATE.sub("\ufffd", value).encode()


def web_key(key: JsonWebKey) -> bytes:
    """The key as one JSON object, as ESO writes it: known members in their order, without blanks."""
    members: dict[str, object] = {}
    for name in _JWK_ORDER:
        value: object = getattr(key, name, None)
        if value is None:
            continue
        if isinstance(value, bytes):
            value = base64.urlsafe_b64encode(value).rstrip(b"=").decode()
        elif isinstance(value, list):
            value = [str(getattr(one, "value", one)) for one in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # the SDK's list of enums
        else:
            value = str(getattr(value, "value", value))
        members[_JWK_MEMBERS.get(name, name)] = value
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()


class KeyPayload(TextPayload):
    """A key, as JSON: properties can be looked up, but it is no map of secrets."""

    __slots__ = ()

    def __init__(self, key: bytes, *, store: str, path: str) -> None:
        super().__init__(key, lookup=Lookup.PATH_THEN_LITERAL, store=store, path=path)

    def entries(self, name: str = "") -> dict[str, bytes]:  # noqa: ARG002  # the base class has it
        """Refused, as by ESO."""
        raise DecodingError("a key of a vault has no entries: read it with data, or read a secret")


class CertificatePayload(Payload):
    """A certificate in DER form, without its private key."""

    __slots__ = ("_der",)

    def __init__(self, der: bytes) -> None:
        self._der = der

    def whole(self) -> bytes:
        """The certificate."""
        return self._der

    def property(self, name: str) -> bytes:  # noqa: ARG002  # ESO does not look at it either
        """The certificate, whatever the name."""
        return self._der

    def entries(self, name: str = "") -> dict[str, bytes]:  # noqa: ARG002  # the base class has it
        """Refused, as by ESO."""
        raise DecodingError("a certificate of a vault has no entries: read it with data, or read its secret")


class MetadataPayload(Payload):
    """Tags and times of an object."""

    __slots__ = ("_listed", "_metadata", "_name", "_path", "_store", "_tags", "_written")

    def __init__(
        self,
        tags: Mapping[str, str],
        times: Mapping[str, datetime | None],
        *,
        name: str,
        written: str,
        store: str,
        path: str,
        listed: bool,
    ) -> None:
        """A payload of metadata.

        Args:
            tags: the object's tags.
            times: its times by name, such as `created`.
            name: its name in the vault.
            written: its key as the manifest writes it.
            store: the store, for errors.
            path: the path that was read, for errors.
            listed: whether the object can be read as a map, which ESO does with secrets only.
        """
        self._tags = dict(tags)
        self._metadata = self._tags | {
            f"attribute.{key}": f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
            for key, time in times.items()
            if time is not None
        }
        self._name = name
        self._written = written
        self._store = store
        self._path = path
        self._listed = listed

    def whole(self) -> bytes:
        """All of them as one JSON object."""
        return text(encoding_json.marshal(self._metadata))

    def property(self, name: str) -> bytes:
        """The tag or time of that name; else, behind the first dot, a value in a tag that holds JSON."""
        if name in self._metadata:
            return text(self._metadata[name])
        tag, dot, path = name.partition(".")
        if dot and tag in self._metadata:
            inner = TextPayload(
                text(self._metadata[tag]), lookup=Lookup.PATH_THEN_LITERAL, store=self._store, path=self._path
            )
            return inner.property(path)
        raise PropertyNotFoundError(
            f'the object has no tag "{name}"', property_name=name, store=self._store, path=self._path
        )

    def entries(self, name: str = "") -> dict[str, bytes]:
        """All of them by `<name>_<tag>`, a tag of JSON texts by `<name>_<tag>_<key>`; or the one `name` asks for."""
        if not self._listed:
            raise DecodingError("keys and certificates of a vault have no entries: read their metadata with data")
        if name:
            # Differs from ESO: where `name` leads into a JSON tag or the key has a type, ESO gives an empty value.
            return {f"{self._written}_{name}": self.property(name)}
        found: dict[str, bytes] = {}
        for tag, value in self._metadata.items():
            members = _texts(value) if tag in self._tags else None
            if members is None:
                found[f"{self._name}_{tag}"] = text(value)
            else:
                found |= {f"{self._name}_{tag}_{key}": text(one) for key, one in members.items()}
        return found


def _texts(value: str) -> dict[str, str] | None:
    """The members of a JSON object of texts; None if it is none. Go reads null as nothing in either place."""
    try:
        decoded = encoding_json.unmarshal(value)
    except encoding_json.JSONError:
        return None
    if decoded is None:
        return {}
    if not isinstance(decoded, dict) or not all(one is None or isinstance(one, str) for one in decoded.values()):
        return None
    return {key: one if isinstance(one, str) else "" for key, one in decoded.items()}
