"""How much a template may cost. Every limit is a number here; enforcing them is the business of who spends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one parse or one rendering.

    A Kubernetes Secret holds 1 MiB; the defaults leave room around that and end a hostile template within seconds.
    """

    source_size: int = 1 * MIB
    """Bytes of a template's text: what a Secret or ConfigMap can hold."""
    nesting: int = 64
    """Blocks and parentheses inside each other while parsing; people stay below ten, Python's stack ends near 200."""
    output_size: int = 16 * MIB
    """Bytes of a rendering."""
    value_size: int = 4 * MIB
    """Bytes of one string, and of one printed value, on the way there."""
    made_size: int = 64 * MIB
    """Bytes of all large texts made on the way, since any of them may be kept in a variable."""
    items: int = 100_000
    """Elements a function may put in one list or map, and iterations of `until`, `seq` and the like."""
    weight: int = 200_000
    """Values inside one value, each counted as often as it is reached, when it is printed, copied or compared."""
    depth: int = 64
    """Containers inside each other in one value."""
    steps: int = 1_000_000
    """Actions executed; large texts handed to functions cost more than one."""
    recursion: int = 40
    """Templates invoked inside each other. Go stops at 100,000; a template that needs more than ten loops."""
    regexp_size: int = 10_000
    """Bytes of a regular expression."""
    key_bits: int = 4096
    """Size of an RSA or DSA key made or used; larger ones take minutes."""
    random_size: int = 64 * 1024
    """Random bytes or characters from one call."""
    bcrypt_cost: int = 12
    """Cost of a password hash; each step doubles the time."""


DEFAULT_LIMITS: Final = Limits()
"""What applies unless the caller says otherwise."""
