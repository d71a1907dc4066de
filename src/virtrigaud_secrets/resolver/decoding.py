"""`decodingStrategy` and `nullBytePolicy`: from the bytes a store has to the bytes a manifest means (ESO §2.3)."""

from __future__ import annotations

from virtrigaud_secrets.errors import DecodingError
from virtrigaud_secrets.golang import base64
from virtrigaud_secrets.resolver.plan import Decoding


def decode(value: bytes, decoding: Decoding, *, key: str) -> bytes:
    """`value` as its entry wants it.

    Raises:
        DecodingError: it is not in the encoding named, or holds a null byte where that is refused.
    """
    decoded = _decode(value, decoding.strategy, key=key)
    if decoding.refuse_null_bytes and b"\0" in decoded:
        raise DecodingError(f"the value of {key} holds a null byte and nullBytePolicy is Fail")
    return decoded


def _decode(value: bytes, strategy: str, *, key: str) -> bytes:
    match strategy:
        case "Base64":
            return _strictly(value, key=key, url=False)
        case "Base64URL":
            return _strictly(value, key=key, url=True)
        case "Auto":
            return _whatever_fits(value)
        case _:
            return value


def _strictly(value: bytes, *, key: str, url: bool) -> bytes:
    try:
        return base64.decode(value, url=url)
    except base64.Base64Error:
        alphabet = "URL-safe base64" if url else "base64"
        # The cause is dropped: the frames of its traceback hold the value.
        raise DecodingError(f"the value of {key} is not {alphabet}, which decodingStrategy promises") from None


def _whatever_fits(value: bytes) -> bytes:
    for url in (False, True):
        try:
            return base64.decode(value, url=url)
        except base64.Base64Error:
            continue
    return value
