"""JSON text with other blanks: `@pretty` and `@ugly`, laid out as tidwall/pretty does.

Works on bytes, because line widths count bytes. Values stay as they are written.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Final, NamedTuple

from virtrigaud_secrets.gjson.limits import Budget
from virtrigaud_secrets.gjson.result import from_bytes, read_number, to_bytes


class Layout(NamedTuple):
    """How `@pretty` lays a text out."""

    width: int = 80
    """An array that fits into so many bytes stays on one line."""
    prefix: str = ""
    indent: str = "  "
    sort_keys: bool = False


_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*(?:"|\\?\Z)', re.DOTALL)
_NUMBER: Final = re.compile(rb"[^\x00-\x20,:\]}]*+")
_VALUE_START: Final = re.compile(rb'["0-9\-iI+Nntf{\[]')
_NOT_BLANK: Final = re.compile(rb"[^\x00-\x20]")
_UGLY: Final = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*(?:"|\\?\Z))|[\x00-\x20]+', re.DOTALL)
_WORDS: Final = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}
_SPACE: Final = ord(" ")
_UNLIMITED: Final = -1


def ugly(text: str) -> str:
    """The text without the blanks between its tokens."""
    return from_bytes(_UGLY.sub(lambda found: found[1] or b"", to_bytes(text)))


def pretty(text: str, layout: Layout, budget: Budget) -> str:
    """The text with an element a line.

    Raises:
        PathLimitError: it is nested too deeply, or arrays tried on one line took too much work.
    """
    printer = _Printer(to_bytes(text), layout, budget)
    printer.value(0, tabs=0, limit=_UNLIMITED, spread=True)
    return from_bytes(bytes(printer.out) + b"\n") if printer.out else ""


class _Printer:
    """Appends values to `out` and remembers where the last line began."""

    def __init__(self, source: bytes, layout: Layout, budget: Budget) -> None:
        self._source = source
        self._layout = layout
        self._budget = budget
        self._prefix = to_bytes(layout.prefix)
        self._indent = to_bytes(layout.indent)
        self._line = 0
        self.out = bytearray(self._prefix)

    def value(self, at: int, *, tabs: int, limit: int, spread: bool) -> tuple[int, bool]:
        """Print the next value; the position after it and whether it may stand in a one-line array."""
        found = _VALUE_START.search(self._source, at)
        if found is None:
            return len(self._source), True
        at, first = found.start(), self._source[found.start()]
        if first == ord('"'):
            return self._copy(_STRING, at), True
        if first in b"{[":
            return self._container(at, tabs=tabs, limit=limit, spread=spread)
        following = self._source[at + 1 : at + 2]
        if first in b"0123456789-iI+N" or (first == ord("n") and following not in {b"", b"u"}):
            return self._copy(_NUMBER, at + 1, start=at), True
        word = _WORDS[first]
        self.out += word
        return at + len(word), True

    def _copy(self, pattern: re.Pattern[bytes], at: int, *, start: int | None = None) -> int:
        found = pattern.match(self._source, at)
        end = found.end() if found else at
        self.out += self._source[at if start is None else start : end]
        return end

    def _container(self, at: int, *, tabs: int, limit: int, spread: bool) -> tuple[int, bool]:
        is_object = self._source[at] == ord("{")
        if self._layout.width > 0:
            if spread and not is_object and limit == _UNLIMITED:
                end = self._one_line(at)
                if end >= 0:
                    return end, True
            elif limit != _UNLIMITED and is_object:
                return at, False
        self._budget.descend()
        end, fits = self._members(at, tabs=tabs, limit=limit, spread=spread, is_object=is_object)
        self._budget.ascend()
        return end, fits

    def _one_line(self, at: int) -> int:
        """Print an array on one line if it fits; the position after it, or -1 and nothing printed."""
        room = self._layout.width - (len(self.out) - self._line)
        if room <= 3:  # noqa: PLR2004  # brackets and a character
            return -1
        before, line = len(self.out), self._line
        end, fits = self._container(at, tabs=0, limit=room, spread=False)
        self._budget.spend(len(self.out) - before)
        if fits and len(self.out) - before <= room:
            self._line = line
            return end
        del self.out[before:]
        self._line = line
        return -1

    def _members(self, at: int, *, tabs: int, limit: int, spread: bool, is_object: bool) -> tuple[int, bool]:
        source, closing = self._source, ord("}" if is_object else "]")
        self.out.append(source[at])
        at += 1
        pairs: list[_Pair] | None = [] if is_object and spread and self._layout.sort_keys else None
        count = 0
        while (found := _NOT_BLANK.search(source, at)) is not None:
            at = found.start()
            if source[at] == closing:
                if spread:
                    self._close(tabs, count, pairs)
                self.out.append(closing)
                return at + 1, not is_object
            if is_object and source[at] != ord('"'):
                at += 1
                continue
            self._separate(count, spread=spread, is_object=is_object)
            start, key_start = len(self.out), at
            if spread:
                self._tabs(tabs + 1)
            if is_object:
                at = self._copy(_STRING, at)
                self.out += b": " if spread else b":"
            key = source[key_start:at]
            at, fits = self.value(at, tabs=tabs + 1, limit=limit, spread=spread)
            if limit != _UNLIMITED and not fits:
                return at, False
            if pairs is not None:
                pairs.append(_Pair(key, bytes(self.out[start:]), start))
            count += 1
        return len(source), not is_object

    def _separate(self, count: int, *, spread: bool, is_object: bool) -> None:
        if count:
            self.out += b"," if is_object or self._layout.width == _UNLIMITED else b", "
        if spread:
            self._break()

    def _break(self) -> None:
        self._line = len(self.out)
        if self.out[-1] == _SPACE:
            self.out[-1] = ord("\n")
        else:
            self.out += b"\n"

    def _close(self, tabs: int, count: int, pairs: list[_Pair] | None) -> None:
        if pairs:
            del self.out[pairs[0].start :]
            self.out += b",\n".join(pair.printed for pair in sorted(pairs, key=functools.cmp_to_key(_compare)))
        if count:
            self._break()
            self._tabs(tabs)

    def _tabs(self, tabs: int) -> None:
        self.out += self._prefix + self._indent * tabs


class _Pair(NamedTuple):
    """A member of an object to be sorted."""

    key: bytes
    printed: bytes
    start: int

    @property
    def value(self) -> bytes:
        """What was printed after the key."""
        printed = self.printed.strip()
        return printed[len(self.key) + 1 :].strip() if len(printed) > len(self.key) else printed


def _compare(left: _Pair, right: _Pair) -> int:
    for one, other in ((left.key, right.key), (left.value, right.value)):
        one_rank, other_rank = _rank(one), _rank(other)
        if one_rank != other_rank:
            return -1 if one_rank < other_rank else 1
    return 0


def _rank(token: bytes) -> tuple[int, bytes | float]:
    """Null, false, numbers, strings, true, the rest: GJSON's order of kinds."""
    first = token[:1]
    if first == b'"':
        return 3, _decoded(token)
    if first in {b"", b"n"}:
        return 0, token
    if first == b"f":
        return 1, token
    if first == b"t":
        return 4, token
    if first in {b"[", b"{"}:
        return 5, token
    return 2, read_number(from_bytes(token))


def _decoded(token: bytes) -> bytes:
    if b"\\" not in token:
        return token[1:].partition(b'"')[0]
    try:
        return to_bytes(str(json.loads(token)))
    except ValueError:
        return b""
