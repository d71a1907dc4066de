"""Bytes that do not show. The only way out is `Sensitive.reveal`."""

from __future__ import annotations

import hmac
from typing import Final, NoReturn

REDACTED: Final = "[redacted]"
"""What stands for a value wherever text is made."""


class Sensitive:
    """A secret value: hidden in repr, str and format, not picklable, not hashable.

    Equality is decided in constant time.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes | str) -> None:
        self._value = value.encode() if isinstance(value, str) else bytes(value)

    def reveal(self) -> bytes:
        """The value itself."""
        return self._value

    def reveal_text(self) -> str:
        """The value as UTF-8 text.

        Raises:
            ValueError: the bytes are no UTF-8; they are not shown.
        """
        return decode_text(self._value)

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        """Equal values, compared in constant time."""
        if isinstance(other, Sensitive):
            return hmac.compare_digest(self._value, other._value)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a hash would tell equal secrets apart in any dict's repr

    def __repr__(self) -> str:
        """Hidden."""
        return f"Sensitive({REDACTED})"

    def __str__(self) -> str:
        """Hidden."""
        return REDACTED

    def __format__(self, spec: str) -> str:
        """Hidden, whatever the format."""
        return REDACTED

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refused: a pickle is a copy nobody watches."""
        raise TypeError("a Sensitive value cannot be pickled or copied")


def decode_text(value: bytes) -> str:
    """UTF-8 text of a secret.

    Raises:
        ValueError: the bytes are no UTF-8. Python's own error would carry them.
    """
    try:
        return value.decode()
    except UnicodeDecodeError:
        del value  # a traceback may show local variables
    raise ValueError("the value is not UTF-8 text")
