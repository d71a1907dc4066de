"""Sprig's functions that change the case of words.

The word rules are those of `xstrings` and `goutils`, with their treatment of bytes and characters; single characters
are the business of `golang.strings`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from virtrigaud_secrets.golang import strings
from virtrigaud_secrets.golang.reflect import STRING, to_bytes
from virtrigaud_secrets.template.functions.table import Function, table

_CJK_START: Final = "\u3400"
_CJK: Final = (("\u3400", "\u4d85"), ("\u4e00", "\u9fcc"), ("\U00020000", "\U0002b81d"))
_BYTE_SPACES: Final = frozenset("\t\n\v\f\r \x85\xa0")


def _initials(text: str) -> str:
    """First byte of each word, read as Latin-1."""
    parts: list[str] = []
    gap = True
    for character in to_bytes(text).decode("latin-1"):
        if character in _BYTE_SPACES:
            gap = True
        elif gap:
            parts.append(character)
            gap = False
    return "".join(parts)


def _untitle(text: str) -> str:
    parts: list[str] = []
    start = True
    for character in strings.runes(text):
        space = strings.is_space(character)
        parts.append(strings.lower_of(character) if start and not space else character)
        start = space
    return "".join(parts)


def _swap_case(text: str) -> str:
    parts: list[str] = []
    start = True
    for character in strings.runes(text):
        if strings.is_upper(character) or strings.is_title(character):
            parts.append(strings.lower_of(character))
            start = False
        elif strings.is_lower(character):
            parts.append(strings.title_of(character) if start else strings.upper_of(character))
            start = False
        else:
            parts.append(character)
            start = strings.is_space(character)
    return "".join(parts)


def _is_connector(character: str) -> bool:
    return character in "-_" or strings.is_space(character)


def _camel_case(text: str) -> str:
    text = strings.runes(text)
    lead = 0
    while lead < len(text) and _is_connector(text[lead]):
        lead += 1
    if lead == len(text):
        # Nothing but connectors: Go writes the last one twice.
        return text + text[-1:]
    parts = [text[:lead]]
    shouting = strings.is_upper(text[lead])
    current = strings.upper_of(text[lead])
    for character in text[lead + 1 :]:
        previous, current = current, character
        if _is_connector(previous):
            if _is_connector(current):
                parts.append(previous)
                continue
            shouting = strings.is_upper(current)
            current = strings.upper_of(current)
            continue
        if shouting:
            shouting = strings.is_upper(current)
            current = strings.lower_of(current) if shouting else current
        parts.append(previous)
    return "".join((*parts, current))


class _Word(NamedTuple):
    kind: str
    """`number`, `upper`, `letters`, `connector`, `punctuation`, `other`; `invalid` at the end and for no character."""
    text: str
    rest: str


def _is_alphabetic(character: str) -> bool:
    if not strings.is_letter(character):
        return False
    return character < _CJK_START or not any(low <= character <= high for low, high in _CJK)


def _is_small_letter(character: str) -> bool:
    return _is_alphabetic(character) and not strings.is_upper(character)


def _is_other(character: str) -> bool:
    return not (
        _is_connector(character)
        or _is_alphabetic(character)
        or strings.is_number(character)
        or strings.is_punctuation(character)
    )


_KINDS: Final[tuple[tuple[str, Callable[[str], bool]], ...]] = (
    ("connector", _is_connector),
    ("punctuation", strings.is_punctuation),
    ("upper", strings.is_upper),
    ("letters", _is_alphabetic),
    ("number", strings.is_number),
    ("other", lambda _character: True),
)
_CONTINUES: Final[dict[str, Callable[[str], bool]]] = {
    "connector": _is_connector,
    "punctuation": strings.is_punctuation,
    "letters": _is_small_letter,
    "number": strings.is_number,
    "other": _is_other,
}


def _is_invalid(character: str) -> bool:
    """Whether Go sees no character there: a byte that is no UTF-8, or the character that stands for one."""
    return character == strings.REPLACEMENT or "\ud800" <= character <= "\udfff"


def _next_word(text: str) -> _Word:
    # Characters that are none are skipped together with the one that follows them.
    first = 0
    while first < len(text) and _is_invalid(text[first]):
        first += 1
    if first == len(text):
        return _Word("invalid", text, "")
    kind = next(kind for kind, belongs in _KINDS if belongs(text[first]))
    end = _upper_end(text, first + 1) if kind == "upper" else _run_end(text, first + 1, _CONTINUES[kind])
    return _Word(kind, text[:end], text[end:])


def _peek(text: str, at: int, previous: str) -> tuple[str, int]:
    """The next character, past what is none, and where it ends; the previous one again if there is none left."""
    while at < len(text) and _is_invalid(text[at]):
        at += 1
    return (previous, at) if at == len(text) else (text[at], at + 1)


def _run_end(text: str, end: int, belongs: Callable[[str], bool]) -> int:
    while end < len(text):
        character, following = _peek(text, end, text[end - 1])
        trailing = following == len(text) and _is_invalid(text[-1])
        if not trailing and not belongs(character):
            break
        end = following
    return end


def _upper_end(text: str, end: int) -> int:
    """End of `HTTP` in `HTTPServer`, of `Server` in `ServerName`."""
    character, start = text[end - 1], end
    first, following = _peek(text, end, character)
    if not strings.is_upper(first):
        return _run_end(text, following, _is_small_letter) if _is_alphabetic(first) else end
    while end < len(text):
        character, following = _peek(text, end, character)
        if not strings.is_upper(character):
            return start if _is_alphabetic(character) else end
        start, end = end, following
    return end


def _lower(word: _Word, connector: str) -> str:
    if word.kind not in {"upper", "connector"}:
        return word.text
    return "".join(_lower_one(character, connector) for character in strings.runes(word.text))


def _lower_one(character: str, connector: str) -> str:
    if _is_connector(character):
        return connector
    return strings.lower_of(character) if strings.is_upper(character) else character


def _joined_case(connector: str) -> Callable[[str], str]:
    """Words in small letters with a connector between them; numbers stay with the word before them where they can."""

    def convert(text: str) -> str:
        if text.isascii() and text.islower() and text.isalpha():
            return text
        out: list[str] = []
        word = _next_word(text)
        while word.rest:
            if word.kind != "connector":
                out.append(_lower(word, connector))
            last, word = word, _next_word(word.rest)
            word = _join(last, word, connector, out)
        out.append(_lower(word, connector))
        return "".join(out)

    return convert


def _join(last: _Word, word: _Word, connector: str, out: list[str]) -> _Word:
    """Write what comes between two words; gives the word still to be written."""
    if last.kind == "connector":
        out.append(_lower(last, connector))
    elif last.kind == "number":
        word = _take_letters(word, connector, out)
        if word.kind not in {"invalid", "punctuation", "connector"}:
            out.append(connector)
    elif last.kind != "punctuation":
        word = _after_letters(word, connector, out)
    return word


def _take_letters(word: _Word, connector: str, out: list[str]) -> _Word:
    while word.kind in {"letters", "number"}:
        out.append(_lower(word, connector))
        word = _next_word(word.rest)
    return word


def _after_letters(word: _Word, connector: str, out: list[str]) -> _Word:
    if word.kind != "number":
        if word.kind not in {"connector", "punctuation"}:
            out.append(connector)
        return word
    if not word.rest:
        return word
    number, word = word, _next_word(word.rest)
    if word.kind != "letters":
        out.append(number.text)
        if word.kind not in {"connector", "punctuation"}:
            out.append(connector)
        return word
    out.extend((connector, number.text))
    word = _take_letters(word, connector, out)
    if word.kind not in {"invalid", "connector", "punctuation"}:
        out.append(connector)
    return word


FUNCTIONS: Final = table(
    Function("upper", strings.to_upper, (STRING,), STRING),
    Function("lower", strings.to_lower, (STRING,), STRING),
    Function("title", strings.title, (STRING,), STRING),
    Function("untitle", _untitle, (STRING,), STRING),
    Function("swapcase", _swap_case, (STRING,), STRING),
    Function("initials", _initials, (STRING,), STRING),
    Function("camelcase", _camel_case, (STRING,), STRING),
    Function("snakecase", _joined_case("_"), (STRING,), STRING),
    Function("kebabcase", _joined_case("-"), (STRING,), STRING),
)
"""Letter case."""
