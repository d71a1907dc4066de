"""Sprig's functions that change the case of words.

The word rules are those of `xstrings` and `goutils`, with their treatment of bytes and characters; single characters
are the business of `golang.strings`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from virtrigaud_secrets.golang import strings
from virtrigaud_secrets.golang.reflect import STRING, to_bytes
from virtrigaud_secrets.template.functions.table import Context, Function, table

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
    start: int
    end: int


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


def _next_word(text: str, start: int) -> _Word:
    # Characters that are none are skipped together with the one that follows them.
    first = start
    while first < len(text) and _is_invalid(text[first]):
        first += 1
    if first == len(text):
        return _Word("invalid", start, first)
    kind = next(kind for kind, belongs in _KINDS if belongs(text[first]))
    end = _upper_end(text, first + 1) if kind == "upper" else _run_end(text, first + 1, _CONTINUES[kind])
    return _Word(kind, start, end)


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


def _lower(text: str, word: _Word, connector: str) -> str:
    piece = text[word.start : word.end]
    if word.kind not in {"upper", "connector"}:
        return piece
    return "".join(_lower_one(character, connector) for character in strings.runes(piece))


def _lower_one(character: str, connector: str) -> str:
    if _is_connector(character):
        return connector
    return strings.lower_of(character) if strings.is_upper(character) else character


class _Joiner:
    """Words in small letters with a connector between them; numbers stay with the word before them where they can."""

    def __init__(self, text: str, connector: str) -> None:
        self._text = text
        self._connector = connector
        self._out: list[str] = []

    def run(self) -> str:
        """The text in its new case."""
        word = self._next(0)
        while word.end < len(self._text):
            if word.kind != "connector":
                self._write(word)
            last, word = word, self._next(word.end)
            word = self._join(last, word)
        self._write(word)
        return "".join(self._out)

    def _next(self, start: int) -> _Word:
        return _next_word(self._text, start)

    def _write(self, word: _Word) -> None:
        self._out.append(_lower(self._text, word, self._connector))

    def _connect(self, word: _Word, *unless: str) -> None:
        if word.kind not in unless:
            self._out.append(self._connector)

    def _join(self, last: _Word, word: _Word) -> _Word:
        """Write what comes between two words; gives the word still to be written."""
        if last.kind == "connector":
            self._write(last)
        elif last.kind == "number":
            word = self._take_letters(word)
            self._connect(word, "invalid", "punctuation", "connector")
        elif last.kind != "punctuation":
            word = self._after_letters(word)
        return word

    def _take_letters(self, word: _Word) -> _Word:
        while word.kind in {"letters", "number"}:
            self._write(word)
            word = self._next(word.end)
        return word

    def _after_letters(self, word: _Word) -> _Word:
        if word.kind != "number":
            self._connect(word, "connector", "punctuation")
            return word
        if word.end == len(self._text):
            return word
        number, word = word, self._next(word.end)
        if word.kind != "letters":
            self._write(number)
            self._connect(word, "connector", "punctuation")
            return word
        self._out.append(self._connector)
        self._write(number)
        word = self._take_letters(word)
        self._connect(word, "invalid", "connector", "punctuation")
        return word


def _joined_case(connector: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text.isascii() and text.islower() and text.isalpha():
            return text
        return _Joiner(text, connector).run()

    return convert


def _counted(convert: Callable[[str], str], characters_per_step: int) -> Callable[[Context, str], str]:
    """The conversion, which looks at each character, with its work counted."""

    def apply(context: Context, text: str) -> str:
        context.spend(len(text) // characters_per_step)
        return convert(text)

    return apply


def _function(name: str, convert: Callable[[str], str], characters_per_step: int = 8) -> Function:
    return Function(name, _counted(convert, characters_per_step), (STRING,), STRING, context=True)


FUNCTIONS: Final = table(
    _function("upper", strings.to_upper),
    _function("lower", strings.to_lower),
    _function("title", strings.title),
    _function("untitle", _untitle),
    _function("swapcase", _swap_case),
    _function("initials", _initials),
    _function("camelcase", _camel_case),
    _function("snakecase", _joined_case("_"), 1),
    _function("kebabcase", _joined_case("-"), 1),
)
"""Letter case."""
