"""Sprig's semantic versions over `golang.semver`, and `*semver.Version` with its methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from virtrigaud_secrets.golang.encoding_json import quote
from virtrigaud_secrets.golang.reflect import ANY, BOOL, BYTES, INT, STRING, UINT64, GoType, Uint64, pointer_to
from virtrigaud_secrets.golang.semver import Version, parse_constraint, parse_version
from virtrigaud_secrets.template.functions.objects import LibraryValue
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table

VERSION: Final = GoType("semver.Version", "struct")
VERSION_POINTER: Final = pointer_to(VERSION)

_CHARACTERS_PER_STEP: Final = 64
_ZERO: Final = Version(0, 0, 0, "", "", "")


class GoVersion(LibraryValue):
    """`semver.Version`: what the methods that count up give."""

    __slots__ = ("version",)
    go_type: ClassVar[GoType] = VERSION

    def __init__(self, version: Version) -> None:
        self.version = version

    def __eq__(self, other: object) -> bool:
        """Whether all parts are the same, the text it was read from included."""
        return isinstance(other, GoVersion) and self.go_type is other.go_type and self.version == other.version

    def __hash__(self) -> int:
        """Of all parts."""
        return hash(self.version)

    def go_string(self) -> str:
        """`1.2.3-pre+meta`."""
        return str(self.version)

    def go_json(self) -> object:
        """Its text."""
        return str(self.version)

    def go_copy(self) -> object:
        """Version 0.0.0: nothing of it is exported, so Go's deep copy sees nothing."""
        return type(self)(_ZERO)


class GoVersionPointer(GoVersion):
    """`*semver.Version`: what `semver` gives."""

    __slots__ = ()
    go_type: ClassVar[GoType] = VERSION_POINTER


def _semver(context: Context, text: str) -> GoVersionPointer:
    context.spend(len(text) // _CHARACTERS_PER_STEP)
    try:
        return GoVersionPointer(parse_version(text))
    except ValueError:
        raise FunctionError("invalid version") from None


def _compare(context: Context, constraint: str, text: str) -> bool:
    if len(constraint) > context.limits.regexp_size:
        raise FunctionError(f"the constraint is longer than {context.limits.regexp_size} bytes")
    try:
        wanted = parse_constraint(constraint)
    except ValueError:
        raise FunctionError("invalid version constraint") from None
    return wanted.check(_semver(context, text).version)


def _number(part: Callable[[Version], int]) -> Callable[[GoVersion], Uint64]:
    return lambda value: Uint64(part(value.version))


def _text(part: Callable[[Version], str]) -> Callable[[GoVersion], str]:
    return lambda value: part(value.version)


def _next(step: Callable[[Version], Version]) -> Callable[[GoVersion], GoVersion]:
    return lambda value: GoVersion(step(value.version))


def _changed(change: Callable[[Version, str], Version]) -> Callable[[GoVersion, str], GoVersion]:
    def apply(value: GoVersion, text: str) -> GoVersion:
        try:
            return GoVersion(change(value.version, text))
        except ValueError as error:
            raise FunctionError(str(error)) from None

    return apply


def _ordered(judge: Callable[[int], object]) -> Callable[[GoVersion, GoVersion | None], object]:
    def compare(value: GoVersion, other: GoVersion | None) -> object:
        if other is None:
            raise FunctionError("invalid memory address or nil pointer dereference")
        return judge(value.version.compare(other.version))

    return compare


def _marshal_json(value: GoVersion) -> bytes:
    return quote(str(value.version)).encode()


def _marshal_text(value: GoVersion) -> bytes:
    return str(value.version).encode()


def _equal(value: GoVersion, other: GoVersion | None) -> bool:
    return other is not None and value.version.compare(other.version) == 0


_VALUE_METHODS: Final = (
    Function("String", _text(str), (), STRING),
    Function("Major", _number(lambda version: version.major), (), UINT64),
    Function("Minor", _number(lambda version: version.minor), (), UINT64),
    Function("Patch", _number(lambda version: version.patch), (), UINT64),
    Function("Prerelease", _text(lambda version: version.prerelease), (), STRING),
    Function("Metadata", _text(lambda version: version.metadata), (), STRING),
    Function("IncPatch", _next(Version.next_patch), (), VERSION),
    Function("IncMinor", _next(Version.next_minor), (), VERSION),
    Function("IncMajor", _next(Version.next_major), (), VERSION),
    Function("SetPrerelease", _changed(Version.with_prerelease), (STRING,), VERSION),
    Function("SetMetadata", _changed(Version.with_metadata), (STRING,), VERSION),
    Function("MarshalJSON", _marshal_json, (), BYTES),
    Function("MarshalText", _marshal_text, (), BYTES),
    Function("Value", _text(str), (), ANY),
)
GoVersion.go_methods = table(*_VALUE_METHODS)
GoVersionPointer.go_methods = table(
    *_VALUE_METHODS,
    Function("Original", _text(lambda version: version.original), (), STRING),
    Function("Compare", _ordered(lambda order: order), (VERSION_POINTER,), INT),
    Function("Equal", _equal, (VERSION_POINTER,), BOOL),
    Function("LessThan", _ordered(lambda order: order < 0), (VERSION_POINTER,), BOOL),
    Function("LessThanEqual", _ordered(lambda order: order <= 0), (VERSION_POINTER,), BOOL),
    Function("GreaterThan", _ordered(lambda order: order > 0), (VERSION_POINTER,), BOOL),
    Function("GreaterThanEqual", _ordered(lambda order: order >= 0), (VERSION_POINTER,), BOOL),
)
FUNCTIONS: Final = table(
    Function("semver", _semver, (STRING,), VERSION_POINTER, context=True),
    Function("semverCompare", _compare, (STRING, STRING), BOOL, context=True),
)
"""Versions."""
