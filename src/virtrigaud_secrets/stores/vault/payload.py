"""How an answer's data serves properties and entries, as ESO's Vault provider does (ESO §3.0, §3.1). No I/O.

Functions that hold a value in a local variable return None instead of raising: a traceback may show locals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from virtrigaud_secrets.errors import DecodingError, PropertyNotFoundError
from virtrigaud_secrets.golang import encoding_json
from virtrigaud_secrets.golang.encoding_json import Decoded, JSONError
from virtrigaud_secrets.stores.base import Payload
from virtrigaud_secrets.stores.stringification import as_bytes

LEASE_PROPERTIES: Final = ("lease_id", "lease_duration", "renewable")
"""What a leased answer offers besides its data (ESO §5.2)."""


class VaultPayload(Payload):
    """A JSON object, and the lease it came with."""

    __slots__ = ("_data", "_envelope", "_path", "_store", "_text")

    def __init__(
        self, data: Mapping[str, Decoded], *, envelope: Mapping[str, Decoded] | None = None, store: str, path: str
    ) -> None:
        """A payload.

        Args:
            data: the secret, numbers as they were written.
            envelope: the answer around it, where it carries a lease.
            store: the store, for errors.
            path: what was read, for errors.
        """
        self._data = data
        self._text = encoding_json.marshal(data)
        self._envelope = {name: (envelope or {}).get(name) for name in LEASE_PROPERTIES if envelope is not None}
        self._store = store
        self._path = path

    def whole(self) -> bytes:
        """The data as Go writes JSON, numbers as the server wrote them."""
        return self._text.encode()

    def property(self, name: str) -> bytes:
        """The key of exactly this name, else what the gjson path finds, else a property of the lease."""
        found = self._found(name)
        if found is None:
            raise PropertyNotFoundError(
                f'the secret has no property "{name}"', property_name=name, store=self._store, path=self._path
            )
        return found

    def entries(self, name: str = "") -> dict[str, bytes]:
        """The keys of the data, or of the JSON object that a property is."""
        split = _split(self.property(name) if name else self.whole())
        if split is None:
            place = f' at property "{name}"' if name else ""
            raise DecodingError(f"the secret{place} must be a JSON object to be split into entries [path {self._path}]")
        return split

    def _found(self, name: str) -> bytes | None:
        from virtrigaud_secrets import gjson

        if name in self._data:
            return as_bytes(self._data[name])
        hit = gjson.get(self._text, name)
        if hit.exists:
            return hit.text.encode(errors="surrogateescape")
        if name in self._envelope:
            return as_bytes(self._envelope[name])
        return None


class OpenBaoPayload(VaultPayload):
    """The same for ESO's OpenBao provider, which knows no paths into values."""

    __slots__ = ()

    def _found(self, name: str) -> bytes | None:
        return as_bytes(self._data[name]) if name in self._data else None


def _split(text: bytes) -> dict[str, bytes] | None:
    try:
        # Without keeping numbers as written: ESO loses their form here, and 1.50 becomes 1.5.
        members = encoding_json.unmarshal(text)
    except JSONError:
        return None
    if members is None:
        return {}
    return {key: as_bytes(value) for key, value in members.items()} if isinstance(members, dict) else None
