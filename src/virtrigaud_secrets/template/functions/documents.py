"""Sprig's JSON functions over `golang.encoding_json`. YAML is `manifests`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from virtrigaud_secrets.golang import encoding_json
from virtrigaud_secrets.golang.encoding_json import Decoded, JSONError, JSONValue, Number
from virtrigaud_secrets.golang.reflect import ANY, STRING, Float32, byte_length, is_map, is_nil, is_slice
from virtrigaud_secrets.golang.strconv import format_float
from virtrigaud_secrets.template.functions.objects import LibraryValue
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table

_CHARACTERS_PER_STEP: Final = 16
"""Text read for the cost of one action."""


class _Converter:
    """Turns Go values into what the JSON writer takes, and keeps count of how large the text will be at least."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.size = 0
        """Characters met so far."""

    def convert(self, value: object) -> JSONValue:  # noqa: PLR0911  # a table of types
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            self._count(byte_length(value))
            return value
        if isinstance(value, LibraryValue):
            return self.convert(value.go_json())
        if isinstance(value, int):
            return int(value)
        if isinstance(value, Float32):
            return _float32(value)
        if isinstance(value, float):
            return value
        return self._composite(value)

    def _composite(self, value: object) -> JSONValue:
        if is_nil(value):
            return None
        if is_slice(value):
            return [self.convert(item) for item in value]
        if is_map(value):
            return {self._key(key): self.convert(item) for key, item in value.items()}
        if isinstance(value, bytes):
            self._count(len(value) * 4 // 3)
            return value
        raise JSONError("json: unsupported type")

    def _key(self, key: str) -> str:
        self._count(byte_length(key))
        return key

    def _count(self, size: int) -> None:
        self.size += size
        if self.size > self._context.limits.value_size:
            self._context.check_size(self.size)


def _float32(value: Float32) -> Number:
    """Shortest digits that tell a `float32` apart."""
    size = abs(value)
    plain = size == 0 or 1e-6 <= size < 1e21  # noqa: PLR2004  # encoding/json's own bounds
    text = format_float(value, "f" if plain else "e", -1, 32)
    return Number(text.replace("e-0", "e-"))


def to_json_value(context: Context, value: object) -> JSONValue:
    """What the JSON writer takes for a Go value.

    Raises:
        JSONError: it has no JSON.
        FunctionError: it is too large, or one of its parts refuses.
    """
    converter = _Converter(context)
    converted = converter.convert(value)
    context.spend(converter.size // _CHARACTERS_PER_STEP)
    return converted


_Writer = Callable[[JSONValue], str]


def _compact(value: JSONValue) -> str:
    return encoding_json.marshal(value)


def _pretty(value: JSONValue) -> str:
    return encoding_json.marshal_indent(value, "", "  ")


def _raw(value: JSONValue) -> str:
    return encoding_json.marshal(value, escape_html=False)


def _writing(writer: _Writer, *, forgiving: bool, escape_html: bool = True) -> Callable[[Context, object], str]:
    def write(context: Context, value: object) -> str:
        if type(value) is str:  # by far the most frequent argument, often inside a loop
            return encoding_json.quote(value, escape_html=escape_html)
        try:
            return writer(to_json_value(context, value))
        except JSONError:
            if forgiving:
                return ""
            raise FunctionError("the value has no JSON") from None

    return write


def _must_read(context: Context, text: str) -> Decoded:
    context.spend(len(text) // _CHARACTERS_PER_STEP)
    try:
        return encoding_json.unmarshal(text)
    except JSONError as error:
        raise FunctionError(str(error)) from None


def _read(context: Context, text: str) -> Decoded:
    context.spend(len(text) // _CHARACTERS_PER_STEP)
    try:
        return encoding_json.unmarshal(text)
    except JSONError:
        return None


FUNCTIONS: Final = table(
    Function("toJson", _writing(_compact, forgiving=True), (ANY,), STRING, context=True, walks=True),
    Function("mustToJson", _writing(_compact, forgiving=False), (ANY,), STRING, context=True, walks=True),
    Function("toPrettyJson", _writing(_pretty, forgiving=True), (ANY,), STRING, context=True, walks=True),
    Function("mustToPrettyJson", _writing(_pretty, forgiving=False), (ANY,), STRING, context=True, walks=True),
    Function("toRawJson", _writing(_raw, forgiving=False, escape_html=False), (ANY,), STRING, context=True, walks=True),
    Function(
        "mustToRawJson", _writing(_raw, forgiving=False, escape_html=False), (ANY,), STRING, context=True, walks=True
    ),
    Function("fromJson", _read, (STRING,), ANY, context=True),
    Function("mustFromJson", _must_read, (STRING,), ANY, context=True),
)
"""JSON."""
