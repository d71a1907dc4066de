"""What can be told of the names that a search finds. Pure text."""

from __future__ import annotations

from typing import Final

_QUANTIFIERS: Final = "?*{"
"""What may make the letter before it go away."""
_PLAIN: Final = frozenset("/-_")
"""Letters besides alphanumeric ones that stand for themselves."""


def literal_start(pattern: str) -> str:
    """What every name begins with that a Go regular expression matches; empty where that cannot be told."""
    if not pattern.startswith("^") or "|" in pattern:
        return ""
    start = ""
    for letter in pattern[1:]:
        if not (letter.isalnum() or letter in _PLAIN):
            return start[:-1] if letter in _QUANTIFIERS else start
        start += letter
    return start
