"""How a JSON value becomes the text it has in a Secret (ESO §3.0, "stringification")."""

from __future__ import annotations

from virtrigaud_secrets.golang import encoding_json, strconv
from virtrigaud_secrets.golang.encoding_json import Decoded, Number


def as_bytes(value: Decoded) -> bytes:
    """A JSON value as the text it has in a Secret: texts as they are, null as nothing, objects as Go writes them."""
    if value is None:
        return b""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, (str, Number)):
        return value.encode()
    if isinstance(value, float):
        return strconv.format_float(value, "f").encode()
    return encoding_json.marshal(value).encode()
