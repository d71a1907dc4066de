r"""Everything that a character class leaves out, written so that it can stand inside brackets beside others.

RE2 has no class within a class: `[a\P{L}]` it knows, `[a[^\pL\pN]]` it does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import chain
from typing import Any

SURROGATES = range(0xD800, 0xE000)
"""No text holds them."""
END = 0x110000
"""Just after the last character."""


@cache
def left_out_by(inside: str) -> str:
    """What stands inside brackets for the characters that `[inside]` does not match. Found once, in half a second."""
    engine: Any = import_module("re2")
    below, above = range(SURROGATES.start), range(SURROGATES.stop, END)
    text = "".join(map(chr, chain(below, above)))
    found: list[str] = engine.findall(f"[^{inside}]+", text)
    ranges = [_range(first, last) for run in found for first, last in _runs(run)]
    # Brackets must hold something: a surrogate is in no text.
    return "".join(ranges) or _range(SURROGATES.start, SURROGATES.start)


def _runs(text: str) -> Iterator[tuple[int, int]]:
    """First and last character of the runs in a text of ascending characters: one, or two around the surrogates."""
    first, last = ord(text[0]), ord(text[-1])
    if first < SURROGATES.start <= last:
        yield first, SURROGATES.start - 1
        yield SURROGATES.stop, last
    else:
        yield first, last


def _range(first: int, last: int) -> str:
    return rf"\x{{{first:X}}}" + (rf"-\x{{{last:X}}}" if last > first else "")
