"""Parts of an object as a cluster's API gives it: what has another type than it should counts as absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

Body = Mapping[str, object]
"""An object, or a part of one."""

Name = tuple[str, str]
"""Namespace and name; the namespace is empty for what lives in none."""


def mapping(value: object) -> Body:
    """A mapping; empty where it is none."""
    return cast("Body", value) if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[object]:
    """A list; empty where it is none."""
    return cast("list[object]", value) if isinstance(value, list) else []


def text(value: object) -> str:
    """A text; empty where it is none."""
    return value if isinstance(value, str) else ""


def number(value: object, default: int = 0) -> int:
    """A whole number; `default` where it is none: the API leaves out what is zero."""
    return value if isinstance(value, int) else default


def name_of(body: Body) -> Name:
    """Namespace and name."""
    metadata = mapping(body.get("metadata"))
    return text(metadata.get("namespace")), text(metadata.get("name"))
