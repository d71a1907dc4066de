"""YAML as `sigs.k8s.io/yaml` writes it: block style, keys in natural order, lines folded near column 80.

The values are those of JSON. Reading is `yaml_reading`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from itertools import pairwise
from typing import Final

from virtrigaud_secrets.golang import base64
from virtrigaud_secrets.golang.encoding_json import JSONError, JSONValue, Number, format_float, quote
from virtrigaud_secrets.golang.strconv import format_float as format_go_float
from virtrigaud_secrets.golang.strings import is_letter, runes
from virtrigaud_secrets.golang.yaml_scalars import needs_quotes

INDENT: Final = 2
"""Blanks a level."""
WIDTH: Final = 80
"""Column past which plain and quoted texts are folded at a blank."""
LONGEST_SIMPLE_KEY: Final = 128
"""Bytes of a key past which it is written with a question mark."""
LONGEST_READABLE_KEY: Final = 1024
"""Characters of a key in JSON past which Go's own way over JSON fails."""

_UNREADABLE: Final = re.compile("[\x7f-\x84\x86-\x9f\ufffe\uffff]")
_HARMLESS: Final = re.compile(r"[A-Za-z0-9_/+](?:[A-Za-z0-9_/+.=,;@%~-]| (?=[A-Za-z0-9_/+.=]))*")
_BREAKS: Final = frozenset("\r\n\x85\u2028\u2029")
_FOLDED_BREAK: Final = re.compile("(?<! ) *+((?:\x85 *+)+)")
_START_INDICATORS: Final = frozenset("#,[]{}&*!|>'\"%@`")
_ESCAPES: Final = {
    "\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "e", '"': '"',
    "\\": "\\", "\x85": "N", "\xa0": "_", "\u2028": "L", "\u2029": "P",
}  # fmt: skip


class YAMLWriteError(ValueError):
    """Go cannot write the value: a number that is none, or a text with characters YAML does not take."""


def marshal(value: JSONValue) -> str:
    """The document, with a line break at its end.

    Raises:
        YAMLWriteError: the value has no YAML.
    """
    emitter = _Emitter()
    emitter.node(value, _Place(root=True))
    emitter.finish()
    return "".join(emitter.out)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a node stands."""

    root: bool = False
    mapping: bool = False
    simple_key: bool = False


@dataclass(frozen=True, slots=True)
class _Analysis:
    """What a text allows."""

    multiline: bool
    plain: bool
    single_quoted: bool
    block: bool


def _is_printable(character: str) -> bool:
    return (
        character == "\n"
        or " " <= character <= "~"
        or "\xa0" <= character <= "\ud7ff"
        or ("\ue000" <= character <= "\ufffd" and character != "\ufeff")
    )


def _analyse(text: str) -> _Analysis:
    if _HARMLESS.fullmatch(text):
        return _Analysis(multiline=False, plain=True, single_quoted=True, block=True)
    if not text:
        return _Analysis(multiline=False, plain=True, single_quoted=True, block=False)
    breaks = any(character in _BREAKS for character in text)
    special = not all(map(_is_printable, text))
    edges = text[0] == " " or text[-1] == " " or text[0] in _BREAKS or text[-1] in _BREAKS
    pairs = list(pairwise(text))
    break_space = any(one in _BREAKS and other == " " for one, other in pairs)
    space_break = any(one == " " and other in _BREAKS for one, other in pairs)
    plain = not (edges or break_space or space_break or special or breaks or _has_indicators(text))
    return _Analysis(
        multiline=breaks,
        plain=plain,
        single_quoted=not (break_space or space_break or special),
        block=not (text[-1] == " " or space_break or special),
    )


def _has_indicators(text: str) -> bool:
    """Whether a block plain scalar would be misread for a character that means something."""
    if text.startswith(("---", "...")) or text[0] in _START_INDICATORS:
        return True
    blank_after_first = len(text) == 1 or text[1] in " \t"
    if text[0] in "?:-" and blank_after_first:
        return True
    for index in range(1, len(text)):
        character = text[index]
        if character == ":" and (index + 1 == len(text) or text[index + 1] in " \t"):
            return True
        if character == "#" and (text[index - 1] in " \t\0" or text[index - 1] in _BREAKS):
            return True
    return False


def _as_read_back(text: str) -> str:
    """The text after its way through JSON, which YAML reads with NEL as a line break to fold."""
    text = runes(text)
    if _UNREADABLE.search(text):
        raise YAMLWriteError("control characters are not allowed")
    if "\x85" not in text:
        return text

    def fold(match: re.Match[str]) -> str:
        count = match[1].count("\x85")
        return " " if count == 1 else "\n" * (count - 1)

    # A tab is written as an escape, so only blanks are lost around the break.
    return _FOLDED_BREAK.sub(fold, text)


def _number_text(value: float | Number) -> str:
    try:
        text = str(value) if isinstance(value, Number) else format_float(value)
    except JSONError:
        raise YAMLWriteError("not a finite number") from None
    if text.lstrip("-").isdecimal():
        number = int(text)
        if -(1 << 63) <= number < 1 << 64:
            return str(number)
    return format_go_float(float(text), "g")


class _Emitter:
    """Writes nodes, keeping track of column and indentation as libyaml does."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self._column = 0
        self._indent = -1
        self._whitespace = True
        self._indention = True

    def node(self, value: JSONValue, place: _Place) -> None:
        """One value."""
        if isinstance(value, Mapping):
            self._mapping(value)
        elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            self._sequence(value, place)
        elif isinstance(value, bytes):
            self._text(base64.encode(value), place)
        elif isinstance(value, str) and not isinstance(value, Number):
            self._text(_as_read_back(value), place)
        else:
            self._plain(_scalar_text(value), place)

    def finish(self) -> None:
        """End the document."""
        self._write_indent()

    def _sequence(self, items: Sequence[JSONValue], place: _Place) -> None:
        if not items:
            self._indicator("[", space=True)
            self._indicator("]")
            return
        outer = self._indent
        self._increase_indent(indentless=place.mapping and not self._indention)
        for item in items:
            self._write_indent()
            self._indicator("-", space=True, indention=True)
            self.node(item, _Place())
        self._indent = outer

    def _mapping(self, members: Mapping[str, JSONValue]) -> None:
        if not members:
            self._indicator("{", space=True)
            self._indicator("}")
            return
        outer = self._indent
        self._increase_indent()
        for key in sorted(members, key=cmp_to_key(_compare_keys)):
            self._member(key, members[key])
        self._indent = outer

    def _member(self, key: str, value: JSONValue) -> None:
        if len(quote(key)) > LONGEST_READABLE_KEY or "\x85" in key:
            raise YAMLWriteError("a key is too long or spans lines")
        self._write_indent()
        simple = not any(character in _BREAKS for character in key) and len(runes(key).encode()) <= LONGEST_SIMPLE_KEY
        if simple:
            self.node(key, _Place(mapping=True, simple_key=True))
            self._indicator(":")
        else:
            self._indicator("?", space=True, indention=True)
            self.node(key, _Place(mapping=True))
            self._write_indent()
            self._indicator(":", space=True, indention=True)
        self.node(value, _Place(mapping=True))

    def _text(self, text: str, place: _Place) -> None:
        analysis = _analyse(text)
        outer = self._indent
        self._increase_indent(flow=True)
        style = _style(text, analysis, place)
        if style == "|":
            self._literal(text)
        elif style == '"':
            self._double_quoted(text, folds=not place.simple_key)
        elif style == "'":
            self._single_quoted(text, folds=not place.simple_key)
        else:
            self._write_plain(text, folds=not place.simple_key)
        self._indent = outer

    def _plain(self, text: str, place: _Place) -> None:
        outer = self._indent
        self._increase_indent(flow=True)
        self._write_plain(text, folds=not place.simple_key)
        self._indent = outer

    def _increase_indent(self, *, flow: bool = False, indentless: bool = False) -> None:
        if self._indent < 0:
            self._indent = INDENT if flow else 0
        elif not indentless:
            self._indent += INDENT

    def _write(self, text: str) -> None:
        self.out.append(text)
        self._column += len(text)

    def _break(self, character: str = "\n") -> None:
        self.out.append(character)
        self._column = 0

    def _write_indent(self) -> None:
        indent = max(self._indent, 0)
        if not self._indention or self._column > indent or (self._column == indent and not self._whitespace):
            self._break()
        if self._column < indent:
            self._write(" " * (indent - self._column))
        self._whitespace = self._indention = True

    def _indicator(self, text: str, *, space: bool = False, indention: bool = False) -> None:
        if space and not self._whitespace:
            self._write(" ")
        self._write(text)
        self._whitespace = text in "[{" and space
        self._indention = self._indention and indention

    def _write_plain(self, text: str, *, folds: bool) -> None:
        if not self._whitespace:
            self._write(" ")
        self._folded(text, folds=folds)
        self._whitespace = self._indention = False

    def _folded(self, text: str, *, folds: bool, inner_only: bool = False) -> None:
        """A text without special characters; breaks are doubled and long lines cut at single blanks."""
        spaces = breaks = False
        for index, character in enumerate(text):
            if character == " ":
                inner = not inner_only or 0 < index < len(text) - 1
                following = text[index + 1 : index + 2]
                if folds and not spaces and self._column > WIDTH and inner and following != " ":
                    self._write_indent()
                else:
                    self._write(character)
                spaces = True
            elif character in _BREAKS:
                if not breaks and character == "\n":
                    self._break()
                self._break(character)
                self._indention = breaks = True
            else:
                if breaks:
                    self._write_indent()
                self._write("''" if inner_only and character == "'" else character)
                self._indention = spaces = breaks = False

    def _single_quoted(self, text: str, *, folds: bool) -> None:
        self._indicator("'", space=True)
        self._folded(text, folds=folds, inner_only=True)
        self._indicator("'")
        self._whitespace = self._indention = False

    def _double_quoted(self, text: str, *, folds: bool) -> None:
        self._indicator('"', space=True)
        # libyaml's port asks of every character whether the text begins with a byte order mark.
        escape_all = text.startswith("\ufeff")
        spaces = False
        for index, character in enumerate(text):
            if escape_all or not _is_printable(character) or character in '"\\' or character in _BREAKS:
                self._write(_escape(character))
                spaces = False
            elif character == " ":
                if folds and not spaces and self._column > WIDTH and 0 < index < len(text) - 1:
                    self._write_indent()
                    if text[index + 1] == " ":
                        self._write("\\")
                else:
                    self._write(character)
                spaces = True
            else:
                self._write(character)
                spaces = False
        self._indicator('"')
        self._whitespace = self._indention = False

    def _literal(self, text: str) -> None:
        self._indicator("|", space=True)
        if text[0] == " " or text[0] in _BREAKS:
            self._indicator(str(INDENT))
        if text[-1] not in _BREAKS:
            self._indicator("-")
        elif len(text) == 1 or text[-2] in _BREAKS:
            self._indicator("+")
        self._break()
        self._indention = self._whitespace = breaks = True
        for character in text:
            if character in _BREAKS:
                self._break(character)
                self._indention = breaks = True
            else:
                if breaks:
                    self._write_indent()
                self._write(character)
                self._indention = breaks = False


def _scalar_text(value: JSONValue) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (float, Number)):
        return _number_text(value)
    return str(value)


def _style(text: str, analysis: _Analysis, place: _Place) -> str:
    if "\n" in text:
        block = analysis.block and not place.simple_key
        return "|" if block else '"'
    if needs_quotes(text):
        return '"'
    if analysis.plain and (text or not place.simple_key):
        return ""
    return "'" if analysis.single_quoted else '"'


def _escape(character: str) -> str:
    short = _ESCAPES.get(character)
    if short is not None:
        return f"\\{short}"
    code = ord(character)
    if code <= 0xFF:  # noqa: PLR2004  # what two hexadecimal digits hold
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"  # noqa: PLR2004  # what four hold


def _compare_keys(one: str, other: str) -> int:
    """Natural order: numbers inside by their value, letters after everything else."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if left == right:
            continue
        left_is_letter, right_is_letter = is_letter(left), is_letter(right)
        if left_is_letter or right_is_letter:
            smaller = left < right if left_is_letter and right_is_letter else right_is_letter
            return -1 if smaller else 1
        return _compare_digits(one, other, index)
    return (len(one) > len(other)) - (len(one) < len(other))


def _compare_digits(one: str, other: str, index: int) -> int:
    start = 0
    if "0" in {one[index], other[index]}:
        start = 1 if _after_nonzero_digits(one, index) else 0
    left, left_end = _digits(one, index, start)
    right, right_end = _digits(other, index, start)
    mine, theirs = (left, left_end, one[index]), (right, right_end, other[index])
    return -1 if mine < theirs else 1


def _after_nonzero_digits(text: str, index: int) -> bool:
    for position in range(index - 1, -1, -1):
        if not _is_digit(text[position]):
            return False
        if text[position] != "0":
            return True
    return False


def _digits(text: str, index: int, number: int) -> tuple[int, int]:
    while index < len(text) and _is_digit(text[index]):
        # In 64 bits, as Go adds them up.
        number = (number * 10 + ord(text[index]) - ord("0") + (1 << 63)) % (1 << 64) - (1 << 63)
        index += 1
    return number, index


def _is_digit(character: str) -> bool:
    return unicodedata.category(character) == "Nd"
