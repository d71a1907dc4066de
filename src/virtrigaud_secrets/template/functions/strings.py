"""Sprig's text functions: cutting, joining, padding, quoting.

Lengths and offsets are bytes, as in Go. Letter case is `casing`, patterns are `regexps`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from virtrigaud_secrets.golang import strings
from virtrigaud_secrets.golang.reflect import (
    ANY,
    BOOL,
    INT,
    STRING,
    STRING_MAP,
    STRING_SLICE,
    TypedMap,
    TypedSlice,
    byte_length,
    is_slice,
    join_strings,
    to_bytes,
    to_string,
)
from virtrigaud_secrets.golang.strconv import quote
from virtrigaud_secrets.template.functions.conversion import printed, strings_of, strval
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table

_ELLIPSIS: Final = "..."
_CHARACTERS_PER_STEP: Final = 8
_NARROWEST: Final = 4
_NARROWEST_WITH_OFFSET: Final = 7


def _abbreviate(text: str, offset: int, width: int) -> str:
    data = to_bytes(text)
    size, room = len(data), width - len(_ELLIPSIS)
    if size <= width:
        return text
    offset = min(offset, size)
    if size - offset < room:
        offset = size - room
    if offset <= _NARROWEST:
        return to_string(data[:room]) + _ELLIPSIS
    if width < _NARROWEST_WITH_OFFSET:
        return ""
    if offset + room < size:
        rest = to_string(data[offset:])
        return _ELLIPSIS + (_abbreviate(rest, 0, room) if room >= _NARROWEST else "")
    return _ELLIPSIS + to_string(data[size - room :])


def _abbrev(width: int, text: str) -> str:
    return text if width < _NARROWEST else _abbreviate(text, 0, width)


def _abbrev_both(left: int, right: int, text: str) -> str:
    if right < _NARROWEST or (left > 0 and right < _NARROWEST_WITH_OFFSET):
        return text
    return _abbreviate(text, left, right)


def _trunc(count: int, text: str) -> str:
    size = byte_length(text)
    if count < 0:
        return strings.cut_bytes(text, count, None) if size + count > 0 else text
    return strings.cut_bytes(text, None, count) if size > count else text


def _substr(start: int, end: int, text: str) -> str:
    size = byte_length(text)
    if start < 0:
        start = 0
    elif end < 0 or end > size:
        end = size
    if not start <= end <= size:
        raise FunctionError("slice bounds out of range")
    return strings.cut_bytes(text, start, end)


def _repeat(context: Context, count: int, text: str) -> str:
    if count < 0:
        raise FunctionError("strings: negative Repeat count")
    context.check_size(count * byte_length(text))
    return join_strings((text * count,))


def _no_space(text: str) -> str:
    """Drops blank bytes; if there are any, the others are read as Latin-1."""
    kept = "".join(
        character for character in to_bytes(text).decode("latin-1") if character not in "\t\n\v\f\r \x85\xa0"
    )
    return text if len(kept) == byte_length(text) else kept


def _trim_all(cutset: str, text: str) -> str:
    return text.strip(cutset) if cutset else text


def _wrap(context: Context, width: int, separator: str, text: str, *, long_words: bool) -> str:
    data, mark = to_bytes(text), to_bytes(separator or "\n")
    context.spend(len(data) // _CHARACTERS_PER_STEP)
    width = max(width, 1)
    out: list[bytes] = []
    size = offset = 0
    while len(data) - offset > width:
        if data[offset] == ord(" "):
            offset += 1
            continue
        end, following = _line(data, offset, width, long_words=long_words)
        if end is None:
            break
        out.extend((data[offset:end], mark))
        size += end - offset + len(mark)
        offset = following
        if size > context.limits.value_size:
            context.check_size(size)
    out.append(data[offset:])
    return to_string(b"".join(out))


def _line(data: bytes, offset: int, width: int, *, long_words: bool) -> tuple[int | None, int]:
    """Where the line ends and the next one begins; no end if the rest is one long word."""
    blank = data.rfind(b" ", offset, offset + width + 1)
    if blank >= 0:
        return blank, blank + 1
    if long_words:
        return offset + width, offset + width
    blank = data.find(b" ", offset + width)
    return (None, offset) if blank < 0 else (blank, blank + 1)


def _wrap_words(context: Context, width: int, text: str) -> str:
    return _wrap(context, width, "", text, long_words=False)


def _wrap_with(context: Context, width: int, separator: str, text: str) -> str:
    return _wrap(context, width, separator, text, long_words=True)


def _quote(context: Context, *values: object) -> str:
    texts = [strval(context, value) for value in values if value is not None]
    context.spend(sum(map(len, texts)) // _CHARACTERS_PER_STEP)
    return " ".join(map(quote, texts))


def _squote(context: Context, *values: object) -> str:
    return " ".join(f"'{printed(context, value)}'" for value in values if value is not None)


def _cat(context: Context, *values: object) -> str:
    return " ".join(printed(context, value) for value in values if value is not None)


def _indent(context: Context, spaces: int, text: str) -> str:
    if spaces < 0:
        raise FunctionError("strings: negative Repeat count")
    context.check_size(spaces * (text.count("\n") + 1) + byte_length(text))
    pad = " " * spaces
    return pad + text.replace("\n", f"\n{pad}")


def _new_line_indent(context: Context, spaces: int, text: str) -> str:
    return f"\n{_indent(context, spaces, text)}"


def _replace(context: Context, old: str, new: str, text: str) -> str:
    count = text.count(old) if old else len(text) + 1
    context.check_size(count * byte_length(new) + byte_length(text))
    return join_strings((strings.replace_all(text, old, new),))


def _plural(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


def _split_list(context: Context, separator: str, text: str) -> TypedSlice:
    context.check_items(text.count(separator) + 1)
    return TypedSlice(STRING_SLICE, strings.split(text, separator))


def _numbered(pieces: list[str]) -> TypedMap:
    return TypedMap(STRING_MAP, {f"_{index}": piece for index, piece in enumerate(pieces)})


def _split(context: Context, separator: str, text: str) -> TypedMap:
    context.check_items(text.count(separator) + 1)
    return _numbered(strings.split(text, separator))


def _split_n(context: Context, separator: str, count: int, text: str) -> TypedMap:
    pieces = text.count(separator) + 1
    context.check_items(min(pieces, count) if count >= 0 else pieces)
    return _numbered(strings.split(text, separator, count))


def _join(context: Context, separator: str, values: object) -> str:
    pieces = strings_of(context, values)
    context.check_size(len(pieces) * byte_length(separator) + sum(map(byte_length, pieces)))
    return join_strings((separator.join(pieces),))


def _to_strings(context: Context, values: object) -> TypedSlice:
    if isinstance(values, TypedSlice) and values.go_type is STRING_SLICE:
        return values
    return TypedSlice(STRING_SLICE, strings_of(context, values))


def _sort_alpha(context: Context, values: object) -> TypedSlice:
    if not is_slice(values):
        return TypedSlice(STRING_SLICE, [strval(context, values)])
    found = _to_strings(context, values)
    # A list of texts is sorted in place: Go's function shares it with its argument.
    found.sort(key=lambda piece: to_bytes(str(piece)))
    return found


def _swapped(call: Callable[[str, str], object]) -> Callable[[str, str], object]:
    """Sprig takes the text last, so that it can be piped."""
    return lambda part, text: call(text, part)


FUNCTIONS: Final = table(
    Function("abbrev", _abbrev, (INT, STRING), STRING),
    Function("abbrevboth", _abbrev_both, (INT, INT, STRING), STRING),
    Function("trunc", _trunc, (INT, STRING), STRING, bounded=True),
    Function("substr", _substr, (INT, INT, STRING), STRING, bounded=True),
    Function("trim", strings.trim_space, (STRING,), STRING, bounded=True),
    Function("trimAll", _trim_all, (STRING, STRING), STRING, bounded=True),
    Function("trimall", _trim_all, (STRING, STRING), STRING, bounded=True),
    Function("trimPrefix", _swapped(strings.trim_prefix), (STRING, STRING), STRING, bounded=True),
    Function("trimSuffix", _swapped(strings.trim_suffix), (STRING, STRING), STRING, bounded=True),
    Function("nospace", _no_space, (STRING,), STRING),
    Function("repeat", _repeat, (INT, STRING), STRING, context=True),
    Function("wrap", _wrap_words, (INT, STRING), STRING, context=True),
    Function("wrapWith", _wrap_with, (INT, STRING, STRING), STRING, context=True),
    Function("contains", _swapped(strings.contains), (STRING, STRING), BOOL),
    Function("hasPrefix", _swapped(strings.has_prefix), (STRING, STRING), BOOL),
    Function("hasSuffix", _swapped(strings.has_suffix), (STRING, STRING), BOOL),
    Function("quote", _quote, (), STRING, variadic=ANY, context=True, walks=True),
    Function("squote", _squote, (), STRING, variadic=ANY, context=True, walks=True),
    Function("cat", _cat, (), STRING, variadic=ANY, context=True, walks=True),
    Function("indent", _indent, (INT, STRING), STRING, context=True),
    Function("nindent", _new_line_indent, (INT, STRING), STRING, context=True),
    Function("replace", _replace, (STRING, STRING, STRING), STRING, context=True),
    Function("plural", _plural, (STRING, STRING, INT), STRING, bounded=True),
    Function("toString", strval, (ANY,), STRING, context=True, walks=True),
    Function("split", _split, (STRING, STRING), STRING_MAP, context=True),
    Function("splitn", _split_n, (STRING, INT, STRING), STRING_MAP, context=True),
    Function("splitList", _split_list, (STRING, STRING), STRING_SLICE, context=True),
    Function("toStrings", _to_strings, (ANY,), STRING_SLICE, context=True, walks=True),
    Function("join", _join, (STRING, ANY), STRING, context=True, walks=True),
    Function("sortAlpha", _sort_alpha, (ANY,), STRING_SLICE, context=True, walks=True),
)
"""Texts and lists of texts."""
