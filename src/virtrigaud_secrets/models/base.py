"""What all models share: base class, types of fields, durations. No kind and no backend lives here."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, ClassVar, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    Strict,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from virtrigaud_secrets.golang.duration import SECOND, DurationError, format_duration, parse_duration
from virtrigaud_secrets.models.patterns import KEY_PATTERN, NAME_PATTERN, NAMESPACE_PATTERN

_BASE64: Final = re.compile(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})")
_DATE_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_INT32: Final = 31
_INT64: Final = 63


class Model(BaseModel):
    """A part of a manifest: camelCase outside, snake_case inside, immutable, unknown fields refused.

    Errors never show what was found: it may be a secret.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        defer_build=True,
    )

    guide_spellings: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Field as VirtRigaud's guide writes it, unknown to ESO → path of the field that is meant. Off in strict mode."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A span of time as a manifest writes it."""

    written: str | int
    """The text, such as `1h30m`; where a number of seconds is allowed, that number."""
    nanoseconds: int
    """How long it is."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The duration of a Go text such as `1h30m`.

        Raises:
            DurationError: it is none.
        """
        return cls(text, parse_duration(text))

    @classmethod
    def of_seconds(cls, seconds: int) -> Self:
        """The duration of a whole number of seconds."""
        return cls(seconds, seconds * SECOND)

    @property
    def timedelta(self) -> timedelta:
        """The same in Python's terms, cut to microseconds."""
        return timedelta(microseconds=self.nanoseconds // 1000)

    def __str__(self) -> str:
        """The text as it was written; a number of seconds as Go prints it."""
        return self.written if isinstance(self.written, str) else format_duration(self.nanoseconds)


def _duration(value: object) -> Duration:
    if isinstance(value, Duration):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError("duration_type", "expected a duration as text, such as 1h30m")
    try:
        return Duration.parse(value)
    except DurationError:
        raise PydanticCustomError(
            "duration", "expected a duration such as 1h30m, with the units h m s ms us ns"
        ) from None


def _pace(value: object) -> Duration:
    seconds = value if isinstance(value, Duration) else integral(value)
    if isinstance(seconds, bool) or not isinstance(seconds, int | str | Duration):
        raise PydanticCustomError("duration_type", "expected whole seconds or a duration such as 5m")
    if isinstance(seconds, int) and seconds.bit_length() > _INT64:
        raise PydanticCustomError("int_range", "expected a whole number that fits into 64 bits")
    pace = Duration.of_seconds(seconds) if isinstance(seconds, int) else _duration(seconds)
    if pace.nanoseconds < 0:
        raise PydanticCustomError("duration_negative", "expected a duration that is not negative")
    return pace


def integral(value: object) -> object:
    """A float without fraction as the integer it is, as JSON has one kind of number; all else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _bounded(bits: int) -> AfterValidator:
    def check(value: int) -> int:
        if not -(1 << bits) <= value < 1 << bits:
            raise PydanticCustomError(
                "int_range", "expected a whole number that fits into {bits} bits", {"bits": bits + 1}
            )
        return value

    return AfterValidator(check)


def _base64(value: str) -> str:
    if _BASE64.fullmatch(value) is None:
        raise PydanticCustomError("base64", "expected base64 in one line")
    return value


def _not_null(value: object) -> object:
    if value is None:
        raise PydanticCustomError("missing", "is required")
    return value


def _date_time(value: str) -> str:
    found = _DATE_TIME.fullmatch(value)
    if found is not None:
        try:
            date.fromisoformat(found[1])
        except ValueError:
            pass
        else:
            return value
    raise PydanticCustomError("date_time", "expected a time such as 2026-01-31T12:00:00Z")


def _written(value: Duration) -> str | int:
    return value.written


Name = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=NAME_PATTERN)]
"""Name of a Kubernetes object."""

Namespace = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=NAMESPACE_PATTERN)]
"""Name of a namespace."""

Key = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=KEY_PATTERN)]
"""Key of a Secret or ConfigMap."""

NonEmpty = Annotated[str, StringConstraints(min_length=1)]
"""Text of at least one character."""

Bool = Annotated[bool, Strict()]
"""true or false, and no word for it: the YAML reader has turned `yes` and `on` into booleans already."""

Int32 = Annotated[int, Strict(), _bounded(_INT32), BeforeValidator(integral)]
"""Whole number of 32 bits."""

Int64 = Annotated[int, Strict(), _bounded(_INT64), BeforeValidator(integral)]
"""Whole number of 64 bits."""

Positive = Annotated[int, Strict(), Field(ge=1), _bounded(_INT64), BeforeValidator(integral)]
"""Whole number of 64 bits above zero."""

Base64 = Annotated[str, AfterValidator(_base64), WithJsonSchema({"type": "string", "contentEncoding": "base64"})]
"""A field of format `byte`: bytes as standard base64. Stays text; who uses it decodes it."""

DateTime = Annotated[str, AfterValidator(_date_time), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time as RFC 3339 writes it. Stays text."""

Json = Annotated[object, AfterValidator(_not_null)]
"""Anything that JSON has but null, kept as it is: to a server, null is no value."""

DurationText = Annotated[
    Duration,
    PlainValidator(_duration),
    PlainSerializer(_written, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["1h30m"]}),
]
"""A Go duration."""

Pace = Annotated[
    Duration,
    PlainValidator(_pace),
    PlainSerializer(_written, return_type=str | int),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}], "examples": ["5m"]}),
]
"""Whole seconds, or a Go duration."""
