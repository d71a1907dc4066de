"""From a template's text to tokens. Delimiters, trim markers and comments end here; grammar is the parser's."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, TypeAlias

Token: TypeAlias = tuple[str, str, int, bool]
"""Kind, text, offset in the source, and whether a blank stands before it inside its action.

Kinds: `text`, `{{`, `}}`, `(`, `)`, `|`, `:=`, `=`, `char` (other punctuation), `identifier`, `field`, `variable`, `.`,
`bool`, `number`, `complex`, `character`, `string`, `raw`, each keyword under its own name, `eof`, and `error`, whose
text says what is wrong. `eof` or `error` comes last.
"""

KEYWORDS: Final = frozenset(
    {"block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with"}
)
"""Words that are no function names. `nil` is an operand, the others begin or end a clause."""

_BLANKS: Final = " \t\r\n"
_TRIM_MARKER: Final = 2
"""Length of the minus and the blank beside it."""
_TERMINATORS: Final = frozenset(" \t\r\n.,|:()")
"""What may follow a word, besides the end of the text and the right delimiter."""

_TOKEN: Final = re.compile(
    r"""
    (?P<blank>[ \t\r\n]+)
  | (?P<identifier>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<field>\.[A-Za-z_][A-Za-z0-9_]*)
  | (?P<variable>\$[A-Za-z0-9_]*)
  | (?P<string>"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*")
  | (?P<number>
        [+-]?0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?i?
      | [+-]?0[oO][0-7_]*(?:\.[0-7_]*)?i?
      | [+-]?0[bB][01_]*(?:\.[01_]*)?i?
      | (?=[+-]|\.?[0-9])[+-]?[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?i?
    )
  | (?P<raw>`[^`]*`)
  | (?P<character>'[^'\\\n]*(?:\\[^\n][^'\\\n]*)*')
  | (?P<punctuation>:=|[=|().])
  | (?P<unfinished>["'`:])
  | (?P<char>[!-~])
    """,
    re.VERBOSE | re.ASCII,
)
_UNFINISHED: Final = {
    '"': "unterminated quoted string",
    "'": "unterminated character constant",
    "`": "unterminated raw quoted string",
    ":": "expected :=",
}
_LETTER_CATEGORIES: Final = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nd"})
"""Unicode categories of what a word may hold."""
_WORDS: Final = frozenset({"identifier", "field", "variable"})


class _Stop(Exception):  # noqa: N818 - never leaves this module
    """The rest cannot be read; carries the last token."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.token: Token = ("error", reason, offset, False)


def tokenize(source: str, left: str = "{{", right: str = "}}") -> list[Token]:
    """All tokens of a template. What cannot be read becomes a last token `error`."""
    tokens: list[Token] = []
    try:
        _tokenize(source, left, right, tokens)
    except _Stop as stop:
        tokens.append(stop.token)
    return tokens


def _tokenize(source: str, left: str, right: str, tokens: list[Token]) -> None:
    """Text and actions in turn, up to the end."""
    position = 0
    while True:
        begin = source.find(left, position)
        text = source[position:] if begin < 0 else source[position:begin]
        trimmed = begin >= 0 and _trims_before(source, begin + len(left))
        if trimmed:
            text = text.rstrip(_BLANKS)
        if text:
            tokens.append(("text", text, position, False))
        if begin < 0:
            tokens.append(("eof", "", len(source), False))
            return
        inside = begin + len(left)
        after_marker = inside + _TRIM_MARKER if trimmed else inside
        if source.startswith("/*", after_marker):
            position = _skip_comment(source, after_marker, right)
        else:
            tokens.append(("{{", left, begin, False))
            position = _tokenize_action(source, after_marker, right, tokens)


def _trims_before(source: str, inside: int) -> bool:
    """Whether an action begins with a trim marker: a minus and a blank."""
    return source[inside : inside + 1] == "-" and source[inside + 1 : inside + 2] in {" ", "\t", "\r", "\n"}


def _skip_comment(source: str, begin: int, right: str) -> int:
    """Offset behind a comment, its right delimiter, and what that trims."""
    end = source.find("*/", begin + 2)
    if end < 0:
        raise _Stop("unclosed comment", begin)
    end += 2
    if source.startswith(right, end):
        return end + len(right)
    if source[end : end + 1] in {" ", "\t", "\r", "\n"} and source.startswith(f"-{right}", end + 1):
        return _skip_blanks(source, end + _TRIM_MARKER + len(right))
    raise _Stop("comment ends before closing delimiter", begin)


def _skip_blanks(source: str, position: int) -> int:
    """Offset of the first character that is no blank."""
    while source[position : position + 1] in {" ", "\t", "\r", "\n"}:
        position += 1
    return position


def _tokenize_action(source: str, position: int, right: str, tokens: list[Token]) -> int:
    """Tokens up to and with the right delimiter; the offset behind it and what it trims."""
    parentheses = 0
    blank = False
    match = _TOKEN.match
    while True:
        if source.startswith(right, position):
            _check_closed(parentheses, position)
            tokens.append(("}}", right, position, blank))
            return position + len(right)
        found = match(source, position)
        kind = found.lastgroup if found else None
        if found is None or kind is None:
            if position < len(source) and _is_letter(source[position]):
                position = _long_word(source, position, position, "identifier", right, tokens, blank=blank)
                blank = False
                continue
            raise _Stop(_unreadable(source, position), position)
        end = found.end()
        if kind == "blank":
            if source.startswith("-", end) and source.startswith(right, end + 1):
                _check_closed(parentheses, end)
                tokens.append(("}}", right, end + 1, True))
                return _skip_blanks(source, end + 1 + len(right))
            blank = True
            position = end
            continue
        text = found.group()
        if kind in _WORDS:
            position = _word(source, position, end, kind, right, tokens, blank=blank)
        else:
            if kind == "punctuation":
                kind = text
                parentheses += 1 if text == "(" else -1 if text == ")" else 0
                if parentheses < 0:
                    raise _Stop("unexpected right paren", position)
            position = _other(source, position, end, kind, right, tokens, blank=blank)
        blank = False


def _check_closed(parentheses: int, position: int) -> None:
    """Refuse to end an action inside parentheses."""
    if parentheses:
        raise _Stop("unclosed left paren", position)


def _unreadable(source: str, position: int) -> str:
    """Why no token begins here."""
    if position >= len(source):
        return "unclosed action"
    return f"unrecognized character in action: U+{ord(source[position]):04X}"


def _is_letter(char: str) -> bool:
    """Whether a word may hold the character, by Go's rule: letters, decimal digits, underscore."""
    return char == "_" or unicodedata.category(char) in _LETTER_CATEGORIES


def _word(source: str, begin: int, end: int, kind: str, right: str, tokens: list[Token], *, blank: bool) -> int:
    """Append an identifier, field or variable; the offset behind it."""
    if kind != "identifier" and source.startswith(right, begin + 1):
        # A delimiter of letters ends a lone dot or dollar sign, too.
        tokens.append((source[begin] if kind == "field" else kind, source[begin], begin, blank))
        return begin + 1
    following = source[end : end + 1]
    if following not in _TERMINATORS and following and not source.startswith(right, end):
        return _long_word(source, begin, end, kind, right, tokens, blank=blank)
    text = source[begin:end]
    if kind == "identifier":
        if text in KEYWORDS:
            kind = text
        elif text in {"true", "false"}:
            kind = "bool"
    tokens.append((kind, text, begin, blank))
    return end


def _long_word(source: str, begin: int, end: int, kind: str, right: str, tokens: list[Token], *, blank: bool) -> int:
    """Append a word that holds letters beyond ASCII, or find the character that may not follow it."""
    while end < len(source) and _is_letter(source[end]):
        end += 1
    if end < len(source) and source[end] not in _TERMINATORS and not source.startswith(right, end):
        raise _Stop(f"bad character U+{ord(source[end]):04X}", end)
    tokens.append((kind, source[begin:end], begin, blank))
    return end


def _other(source: str, begin: int, end: int, kind: str, right: str, tokens: list[Token], *, blank: bool) -> int:
    """Append anything but a word; the offset behind it."""
    if kind == "number":
        kind, end = _number(source, begin, end)
    elif kind == ".":
        following = source[end : end + 1]
        if following and following not in _TERMINATORS and not source.startswith(right, end):
            return _long_word(source, begin, end, "field", right, tokens, blank=blank)
    elif kind == "unfinished":
        raise _Stop(_UNFINISHED[source[begin]], begin)
    tokens.append((kind, source[begin:end], begin, blank))
    return end


def _number(source: str, begin: int, end: int) -> tuple[str, int]:
    """Whether the number is the first half of a complex one, and where it ends."""
    kind = "number"
    if source[end : end + 1] in {"+", "-"}:
        second = _TOKEN.match(source, end)
        end = second.end() if second else end
        if source[end - 1] != "i":
            raise _Stop("bad number syntax", begin)
        kind = "complex"
    if end < len(source) and _is_letter(source[end]):
        raise _Stop("bad number syntax", begin)
    return kind, end
