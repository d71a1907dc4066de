"""One remark on plain data, before it has a file and a line; and what pydantic's errors are called in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.findings import Severity
from virtrigaud_secrets.models.patterns import KEY_PATTERN, NAME_PATTERN, NAMESPACE_PATTERN

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

MALFORMED_DURATION: Final = "duration"
"""Code of a duration that ESO's schema takes for any text or number, and its controller cannot use."""

Location = tuple[str | int, ...]
"""Where in a document: keys of mappings and indexes of lists, from the outermost."""

MAX_SUGGESTED: Final = 64
"""Characters of a misspelt field for which a nearer name is sought: no field is longer, and the search is quadratic."""

MAX_SHOWN: Final = 80
"""Characters of a mapping's key that a field path shows: it must stay readable whatever the key."""

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED: Final = re.compile(r"'([^']*)'")

_PATTERNS: Final = MappingProxyType(
    {
        NAME_PATTERN: "expected a name of lower-case letters, digits, - and ., as Kubernetes has them",
        NAMESPACE_PATTERN: "expected a namespace's name: lower-case letters, digits and -",
        KEY_PATTERN: "expected a key of letters, digits, -, _ and .",
    }
)

_TYPES: Final = MappingProxyType(
    {
        "missing": "is required",
        "extra_forbidden": "unknown field",
        "string_type": "expected text",
        "bool_type": "expected true or false",
        "int_type": "expected a whole number",
        "model_type": "expected a mapping",
        "model_attributes_type": "expected a mapping",
        "dict_type": "expected a mapping",
        "mapping_type": "expected a mapping",
        "tuple_type": "expected a list",
        "string_too_short": "expected text that is not empty",
        "string_too_long": "expected at most {max_length} characters",
        "too_short": "expected at least one item",
        "greater_than_equal": "expected a number of at least {ge}",
        "less_than_equal": "expected a number of at most {le}",
    }
)
"""Error type of pydantic → what was expected."""


_KINDS: Final[Mapping[type, str]] = MappingProxyType(
    {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a mapping"}
)
"""What a wrong value is called; more would tell what it is."""

_MISTAKEN: Final = MappingProxyType(
    {
        "string_type": ": write it in quotes",
        "duration_type": ": write it in quotes, with a unit",
        "bool_type": ": write it without quotes",
        "int_type": ": write it without quotes",
    }
)
"""Errors that YAML's own guessing often causes, and the cure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What is wrong or odd at one place of a document."""

    location: Location
    """Where."""
    message: str
    """What was expected. Never the value that was found."""
    severity: Severity = Severity.ERROR
    """How much it matters."""
    code: str = "invalid-field"
    """Stable identifier."""


def field_path(location: Location) -> str:
    """The location as text, such as `spec.data[0].remoteRef.key` or `metadata.labels[app.kubernetes.io/name]`."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part) and len(part) <= MAX_SHOWN:
            text += f".{part}" if text else part
        else:
            shown = part if len(part) <= MAX_SHOWN else f"{part[:MAX_SHOWN]}…"
            text += f"[{shown}]" if shown.isprintable() else "[…]"
    return text


def nearest(name: str, known: Sequence[str]) -> str:
    """`: did you mean X?` for the name nearest to `name`, else nothing."""
    if len(name) > MAX_SUGGESTED:
        return ""
    # Heavy, and of use only where something is misspelt.
    from difflib import get_close_matches

    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = get_close_matches(name.casefold(), list(by_folded), n=1)
    return f": did you mean {by_folded[found[0]]}?" if found else ""


def remarks_of(error: ValidationError, data: object) -> Iterator[Remark]:
    """Pydantic's errors in plain words. `data` is what was validated; only its types are looked at."""
    for details in error.errors(include_input=False, include_url=False):
        location = tuple(part for part in details["loc"] if part != "[key]")
        if details["type"] == "too_short" and _at(data, location) != []:
            # Pydantic counts the good items only; what is wrong with the others is told at their place.
            continue
        code = MALFORMED_DURATION if details["type"] in {MALFORMED_DURATION, "duration_negative"} else ""
        yield Remark(location=location, message=_expectation(details) + _hint(details, _at(data, location)), code=code)


def _expectation(details: ErrorDetails) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "literal_error":
        choices = _QUOTED.findall(str(context["expected"]))
        return f"expected {'one of ' if len(choices) > 1 else ''}{', '.join(choices)}"
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        return _PATTERNS.get(pattern, f"expected text that matches {pattern}")
    if kind in _TYPES:
        return _TYPES[kind].format_map(context)
    # What is left are this package's own errors; their text is made of field names.
    return details["msg"]


def _hint(details: ErrorDetails, found: object) -> str:
    """What kind of thing was found, and the cure where quotes are all that is wrong."""
    if details["type"] not in _MISTAKEN:
        return ""
    kind = _KINDS.get(type(found))
    if kind is None:
        return ""
    curable = str if details["type"] in {"bool_type", "int_type"} else str | int | float
    cure = _MISTAKEN[details["type"]] if isinstance(found, curable) else ""
    return f", found {kind}{cure}"


def _at(data: object, location: Location) -> object:
    for part in location:
        if isinstance(data, dict):
            data = cast("dict[object, object]", data).get(part)
        elif isinstance(data, list) and isinstance(part, int):
            # Validation got as far as this index, so it is there.
            data = cast("list[object]", data)[part]
        else:
            return None
    return data
