"""Go's `strings` and `unicode` where Python's text methods give something else.

Texts are Go strings as `golang.reflect` has them: a byte that is no UTF-8 is a surrogate, which Go's `rune` loops see
as U+FFFD. What templates offer of this is decided elsewhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from virtrigaud_secrets.golang.reflect import to_bytes, to_string

WHITE_SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f"
    "\u205f\u3000"
)
"""What `unicode.IsSpace` takes for a space; Python's `isspace` has four controls more."""
REPLACEMENT: Final = "\ufffd"
"""What a rune loop sees for a byte that is no UTF-8."""

_SPACES: Final = frozenset(WHITE_SPACE)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_WORD: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def is_space(character: str) -> bool:
    """`unicode.IsSpace`."""
    return character in _SPACES


def is_upper(character: str) -> bool:
    """`unicode.IsUpper`."""
    return unicodedata.category(character) == "Lu"


def is_lower(character: str) -> bool:
    """`unicode.IsLower`."""
    return unicodedata.category(character) == "Ll"


def is_title(character: str) -> bool:
    """`unicode.IsTitle`."""
    return unicodedata.category(character) == "Lt"


def is_letter(character: str) -> bool:
    """`unicode.IsLetter`."""
    return unicodedata.category(character)[0] == "L"


def is_number(character: str) -> bool:
    """`unicode.IsNumber`."""
    return unicodedata.category(character)[0] == "N"


def is_punctuation(character: str) -> bool:
    """`unicode.IsPunct`."""
    return unicodedata.category(character)[0] == "P"


def upper_of(character: str) -> str:
    """`unicode.ToUpper`: always one character, so `ß` stays."""
    mapped = character.upper()
    if len(mapped) != 1:
        # What is written with two letters in capitals has a one-letter capital only as a title letter.
        mapped = character.title()
    return mapped if len(mapped) == 1 else character


def lower_of(character: str) -> str:
    """`unicode.ToLower`: always one character."""
    mapped = character.lower()
    return mapped if len(mapped) == 1 else mapped[0]


def title_of(character: str) -> str:
    """`unicode.ToTitle`."""
    mapped = character.title()
    return mapped if len(mapped) == 1 else character


def runes(text: str) -> str:
    """The text with U+FFFD for what is no UTF-8: what `[]rune` makes of it."""
    return text if text.isascii() else _SURROGATE.sub(REPLACEMENT, text)


def _map(text: str, mapping: Callable[[str], str]) -> str:
    return "".join(map(mapping, runes(text)))


def to_upper(text: str) -> str:
    """`strings.ToUpper`."""
    return text.upper() if text.isascii() else _map(text, upper_of)


def to_lower(text: str) -> str:
    """`strings.ToLower`."""
    return text.lower() if text.isascii() else _map(text, lower_of)


def title(text: str) -> str:
    """`strings.Title`: the first letter of each word; letters, digits and `_` make words."""
    parts: list[str] = []
    previous = " "
    for character in runes(text):
        parts.append(title_of(character) if _separates(previous) else character)
        previous = character
    return "".join(parts)


def _separates(character: str) -> bool:
    if character.isascii():
        return character not in _WORD
    category = unicodedata.category(character)
    return category[0] != "L" and category != "Nd" and is_space(character)


def trim_space(text: str) -> str:
    """`strings.TrimSpace`."""
    return text.strip(WHITE_SPACE)


def contains(text: str, part: str) -> bool:
    """`strings.Contains`: of bytes, not of characters."""
    return part in text if _whole(text, part) else to_bytes(part) in to_bytes(text)


def has_prefix(text: str, prefix: str) -> bool:
    """`strings.HasPrefix`: of bytes."""
    return text.startswith(prefix) if _whole(text, prefix) else to_bytes(text).startswith(to_bytes(prefix))


def has_suffix(text: str, suffix: str) -> bool:
    """`strings.HasSuffix`: of bytes."""
    return text.endswith(suffix) if _whole(text, suffix) else to_bytes(text).endswith(to_bytes(suffix))


def trim_prefix(text: str, prefix: str) -> str:
    """`strings.TrimPrefix`."""
    if _whole(text, prefix):
        return text.removeprefix(prefix)
    return to_string(to_bytes(text).removeprefix(to_bytes(prefix)))


def trim_suffix(text: str, suffix: str) -> str:
    """`strings.TrimSuffix`."""
    if _whole(text, suffix):
        return text.removesuffix(suffix)
    return to_string(to_bytes(text).removesuffix(to_bytes(suffix)))


def replace_all(text: str, old: str, new: str) -> str:
    """`strings.ReplaceAll`; an empty `old` is found before each character and at the end."""
    if not old or _whole(text, old):
        return text.replace(old, new)
    return to_string(to_bytes(text).replace(to_bytes(old), to_bytes(new)))


def split(text: str, separator: str, limit: int = -1) -> list[str]:
    """`strings.SplitN`; a negative limit means all, an empty separator each character."""
    if limit == 0:
        return []
    if not separator:
        return list(text) if limit < 0 or limit >= len(text) else [*text[: limit - 1], text[limit - 1 :]]
    cuts = -1 if limit < 0 else limit - 1
    if _whole(text, separator):
        return text.split(separator, cuts)
    return [to_string(piece) for piece in to_bytes(text).split(to_bytes(separator), cuts)]


def _whole(text: str, part: str) -> bool:
    """Whether looking for characters finds the same as looking for bytes."""
    return part.isascii() or not (_SURROGATE.search(part) or _SURROGATE.search(text))


def cut_bytes(text: str, start: int | None, end: int | None) -> str:
    """`text[start:end]` in bytes; the offsets must lie within the text."""
    return text[start:end] if text.isascii() else to_string(to_bytes(text)[start:end])


def byte_order(text: str) -> bytes | str:
    """A key that sorts texts as Go compares them."""
    return to_bytes(text)
