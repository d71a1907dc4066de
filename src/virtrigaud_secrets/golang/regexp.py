"""Go's `regexp`: RE2 syntax, leftmost-first matching, `$name` templates.

The engine is google-re2, loaded on first use. Where the two pattern languages differ is the matter of `regexp_syntax`;
finding secrets by name and rewriting their keys belong to the resolver.

Text is `str`; bytes that are not UTF-8 travel as `surrogateescape` and match as U+FFFD, one each, as they do in Go.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, Protocol, cast

from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.golang.regexp_syntax import (
    INCOMPLETE,
    REPEATED_NAME,
    SyntaxFault,
    Translation,
    from_re2_message,
    to_re2,
)

MAX_PATTERN_CHARACTERS: Final = 65_536
"""Longest pattern taken: names are filtered by patterns of a few dozen characters; a parse tree costs far more."""
MAX_PROGRAM_BYTES: Final = 64 << 20
"""Memory one compiled pattern may use. RE2's own default, 8 MiB, is less than Go allows a program."""
CACHED_PATTERNS: Final = 128
"""Compiled patterns kept: more than the distinct patterns of any known set of manifests."""

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MAX_NUMBER_DIGITS: Final = 10  # a longer number is a name to Go
_META: Final = re.compile(r"([\\.+*?()|\[\]{}^$])")


class RegexpError(SecretsError, ValueError):
    """Go's `regexp.Compile` would refuse the pattern. The message shows the pattern's part at fault, never a text."""

    code = "regexp"


class _Match(Protocol):
    """What is used of a match of google-re2, which has no types."""

    def span(self, group: int = 0) -> tuple[int, int]: ...


class _Engine(Protocol):
    """What is used of a compiled pattern of google-re2."""

    groups: int
    groupindex: dict[bytes, int]

    def search(self, text: bytes, pos: int = 0) -> _Match | None: ...


class _Options(Protocol):
    """What is set of the options of google-re2."""

    log_errors: bool
    max_mem: int


class _Module(Protocol):
    """What is used of the package."""

    error: type[Exception]

    def Options(self) -> _Options: ...  # noqa: N802  # the package's name

    def compile(self, pattern: bytes, options: _Options) -> _Engine: ...


class _Subject:
    """A text as RE2 sees it, and the way back from byte offsets to pieces of the text."""

    __slots__ = ("_starts", "data", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts: dict[int, int] | None = None
        try:
            self.data = text.encode()
        except UnicodeEncodeError:
            readable = _LONE_SURROGATE.sub("\ufffd", text)
            self.data = readable.encode()
            self._starts = _character_starts(readable)

    def cut(self, start: int, end: int) -> str:
        """The piece between two byte offsets."""
        if self._starts is None:
            return self.data[start:end].decode()
        return self.text[self._starts[start] : self._starts[end]]

    def inside_character(self, offset: int) -> bool:
        """Whether the byte offset is not the start of a character: there is a UTF-8 continuation byte."""
        return offset < len(self.data) and self.data[offset] & 0xC0 == 0x80  # noqa: PLR2004

    def after(self, offset: int) -> int:
        """The byte offset one character on, or past the end."""
        offset += 1
        while self.inside_character(offset):
            offset += 1
        return offset


def _character_starts(text: str) -> dict[int, int]:
    starts: dict[int, int] = {}
    offset = 0
    for index, character in enumerate(text):
        starts[offset] = index
        offset += len(character.encode())
    starts[offset] = len(text)
    return starts


class Regexp:
    """A compiled pattern. Get one from `compile_pattern`; safe to share between threads."""

    __slots__ = ("_engine", "pattern")

    def __init__(self, pattern: str, engine: _Engine) -> None:
        self.pattern = pattern
        """The pattern as it was given."""
        self._engine = engine

    def __repr__(self) -> str:
        """The pattern."""
        return f"Regexp({self.pattern!r})"

    def match(self, text: str) -> bool:
        """Whether the pattern is found anywhere in the text."""
        return self._search(_Subject(text)) is not None

    def find(self, text: str) -> str | None:
        """The leftmost match, None if there is none."""
        subject = _Subject(text)
        found = self._search(subject)
        return None if found is None else subject.cut(*found.span())

    def find_submatches(self, text: str) -> tuple[str | None, ...] | None:
        """The leftmost match and its groups; a group that took no part is None."""
        subject = _Subject(text)
        found = self._search(subject)
        if found is None:
            return None
        spans = (found.span(group) for group in range(self._engine.groups + 1))
        return tuple(None if start < 0 else subject.cut(start, end) for start, end in spans)

    def find_all(self, text: str, limit: int = -1) -> list[str]:
        """All matches that do not overlap, at most `limit`; a negative limit means all."""
        subject = _Subject(text)
        return [subject.cut(*found.span()) for found in self._matches(subject, limit)]

    def split(self, text: str, limit: int = -1) -> list[str]:
        """The pieces between matches, at most `limit` pieces; a negative limit means all."""
        if limit == 0:
            return []
        if self.pattern and not text:
            return [""]
        subject = _Subject(text)
        pieces: list[str] = []
        start = end = 0
        for found in self._matches(subject, limit):
            if len(pieces) == limit - 1:
                break
            end, after = found.span()
            if after:
                pieces.append(subject.cut(start, end))
            start = after
        if end != len(subject.data):
            pieces.append(subject.cut(start, len(subject.data)))
        return pieces

    def replace_all(self, text: str, template: str) -> str:
        """The text with every match replaced; `$1`, `${1}`, `${name}` and `$$` are expanded in the template."""
        parts = self._parse_template(template)

        def replacement(subject: _Subject, found: _Match) -> str:
            return "".join(part if isinstance(part, str) else _first_group(subject, found, part) for part in parts)

        return self._replace(text, replacement)

    def replace_all_literal(self, text: str, replacement: str) -> str:
        """The text with every match replaced by the replacement as it stands."""
        return self._replace(text, lambda _subject, _found: replacement)

    def _search(self, subject: _Subject, position: int = 0) -> _Match | None:
        while (found := self._engine.search(subject.data, position)) is not None:
            start = found.span()[0]
            if subject.text.isascii() or not subject.inside_character(start):
                return found
            # To RE2, `\B` also holds between the bytes of one character.
            position = subject.after(start)
        return None

    def _replace(self, text: str, replacement: Callable[[_Subject, _Match], str]) -> str:
        # Go's loop for replacing differs from the one for finding: an empty match right after a match is dropped,
        # and one at the very start is kept.
        subject = _Subject(text)
        pieces: list[str] = []
        done = position = 0
        while position <= len(subject.data) and (found := self._search(subject, position)) is not None:
            start, end = found.span()
            pieces.append(subject.cut(done, start))
            if end > done or start == 0:
                pieces.append(replacement(subject, found))
            done = end
            position = end if end > position else subject.after(position)
        if not pieces:
            return text
        pieces.append(subject.cut(done, len(subject.data)))
        return "".join(pieces)

    def _matches(self, subject: _Subject, limit: int) -> Iterator[_Match]:
        position, previous_end = 0, -1
        while limit and position <= len(subject.data):
            found = self._search(subject, position)
            if found is None:
                return
            start, end = found.span()
            accepted = end != position or start != previous_end
            position = end if end != position else subject.after(position)
            previous_end = end
            if accepted:
                limit -= 1
                yield found

    def _parse_template(self, template: str) -> list[str | tuple[int, ...]]:
        """Literal pieces, and for each name the groups that may stand for it."""
        parts: list[str | tuple[int, ...]] = []
        rest = template
        while rest:
            literal, dollar, rest = rest.partition("$")
            parts.append(literal)
            if not dollar:
                break
            if rest.startswith("$"):
                parts.append("$")
                rest = rest[1:]
                continue
            name, length = _template_name(rest)
            parts.append(self._groups(name) if length else "$")
            rest = rest[length:]
        return parts

    def _groups(self, name: str) -> tuple[int, ...]:
        if name.isascii() and name.isdecimal() and (name == "0" or name[0] != "0") and len(name) < _MAX_NUMBER_DIGITS:
            return (int(name),) if int(name) <= self._engine.groups else ()
        groups: list[int] = []
        key = name.encode() if name.isascii() else b""
        while (group := self._engine.groupindex.get(key)) is not None:
            groups.append(group)
            key += REPEATED_NAME.encode()
        return tuple(groups)


def _template_name(rest: str) -> tuple[str, int]:
    """The longest name after a `$` and how much it takes with its braces; nothing if there is no name."""
    brace = rest.startswith("{")
    start = end = 1 if brace else 0
    while end < len(rest) and (rest[end].isalpha() or rest[end].isdecimal() or rest[end] == "_"):
        end += 1
    if end == start or (brace and rest[end : end + 1] != "}"):
        return "", 0
    return rest[start:end], end + 1 if brace else end


def _first_group(subject: _Subject, found: _Match, groups: tuple[int, ...]) -> str:
    """The first of the groups that took part in the match."""
    for group in groups:
        start, end = found.span(group)
        if start >= 0:
            return subject.cut(start, end)
    return ""


@lru_cache(maxsize=CACHED_PATTERNS)
def compile_pattern(pattern: str) -> Regexp:
    """Go's `regexp.Compile`.

    Raises:
        RegexpError: the pattern is refused, with Go's wording.
    """
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise RegexpError(f"error parsing regexp: longer than {MAX_PATTERN_CHARACTERS} characters")
    re2 = cast("_Module", importlib.import_module("re2"))  # takes 12 ms; most programs never filter by name
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_PROGRAM_BYTES
    reason, translated = "", Translation(b"", {})
    try:
        translated = to_re2(pattern)
    except SyntaxFault as fault:
        # Go tells the first fault, and whatever stands in front of this one may have another.
        reason, translated = str(fault), fault.before
    try:
        engine = re2.compile(translated.text, options)
    except re2.error as error:
        found = from_re2_message(error.args[0], pattern, translated.classes)
        if not reason or not found.startswith(INCOMPLETE):
            reason = found
        raise RegexpError(f"error parsing regexp: {reason}") from None
    if reason:
        raise RegexpError(f"error parsing regexp: {reason}")
    return Regexp(pattern, engine)


def match(pattern: str, text: str) -> bool:
    """Whether the pattern is found anywhere in the text."""
    return compile_pattern(pattern).match(text)


def find(pattern: str, text: str) -> str | None:
    """The leftmost match, None if there is none."""
    return compile_pattern(pattern).find(text)


def find_all(pattern: str, text: str, limit: int = -1) -> list[str]:
    """All matches that do not overlap, at most `limit`; a negative limit means all."""
    return compile_pattern(pattern).find_all(text, limit)


def replace_all(pattern: str, source: str, target: str) -> str:
    """`source` with every match replaced by the template `target`: Go's `ReplaceAllString`."""
    return compile_pattern(pattern).replace_all(source, target)


def replace_all_literal(pattern: str, source: str, target: str) -> str:
    """`source` with every match replaced by `target` as it stands."""
    return compile_pattern(pattern).replace_all_literal(source, target)


def split(pattern: str, text: str, limit: int = -1) -> list[str]:
    """The pieces between matches, at most `limit` pieces; a negative limit means all."""
    return compile_pattern(pattern).split(text, limit)


def quote_meta(text: str) -> str:
    """A pattern that matches the text and nothing else."""
    return _META.sub(r"\\\1", text)
