"""How a template function is described: its Go signature and the Python callable behind it.

Contract for the modules `functions/<subject>.py`:

- A module lists its functions in `FUNCTIONS: Final[Mapping[str, Function]] = table(Function(...), ...)` and its name is
  entered in `functions/__init__.py`, which imports a subject when a template first uses one of its names.
- Before a call the compiler has checked the number of arguments and converted each by Go's rules. A callable gets for
  `STRING` a `str`, `INT` an `int`, `INT64` an `Int64`, `FLOAT64` a `float`, `BOOL` a `bool`, `ANY_MAP` a `dict` (for
  nil a `TypedMap` with `is_nil`), `ANY_SLICE` a `list` (for nil a `TypedSlice` with `is_nil`), a `GoObject` for its own
  type, and for `ANY` any value of `golang.reflect`. Variadic arguments come as further positional arguments.
- It returns a value that stands for its declared `result` type, or for `ANY` any value; never a tuple, set or other
  object.
- It fails with `FunctionError("what is wrong")`. The text must not hold any part of an argument: names of types,
  positions and counts only. Go's panics are failures, too. No other exception may escape, whatever the arguments.
- With `context=True` the first positional argument is the `Context`: limits, the clock, the budget.
- Text and list results are held against the limits after the call, so a callable whose result can be many times larger
  than its arguments (`repeat`, `seq`, `indent`…) must check before it builds it: `context.check_size`, `check_items`.
- A callable that takes longer than about ten microseconds for small arguments (bcrypt, key generation) declares it with
  `context.spend(microseconds // 10)`, so that a loop over it ends.
- A parameter of a named number type (`time.Duration`) gets a plain `int` if the argument is a constant.
- A callable that walks nested values (JSON, YAML, printing, copying, comparing) declares `walks=True`: its container
  arguments were then found acyclic and within the limits of depth and weight.
- Lists and maps given as arguments are shared with the template: a callable changes them only where Go's does (`set`).

What each function does must not live here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.golang.reflect import ANY, GoType
from virtrigaud_secrets.template.limits import DEFAULT_LIMITS, Limits

_SYSTEM_CLOCK: Final = SystemClock()
BYTES_PER_STEP: Final = 4096
"""Bytes handed to or made by a function that cost as much as one action; fewer are free."""
_ITEMS_PER_STEP: Final = 64
"""Elements copied at the cost of one action."""


class FunctionError(Exception):
    """A function refuses. The text holds no data; the compiler adds the place."""

    def __init__(self, reason: str, *, constant_only: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        """What is wrong."""
        self.constant_only = constant_only
        """Whether the text holds an argument: it is shown only where all arguments are constants of the template."""
        self.offset: int | None = None
        """Where in the template, once the compiler has seen the error."""


class Context:
    """What a function may know about the rendering it is part of."""

    __slots__ = ("clock", "limits", "made", "steps", "written")

    def __init__(self, limits: Limits = DEFAULT_LIMITS, clock: Clock = _SYSTEM_CLOCK, steps: int = 0) -> None:
        self.limits = limits
        self.clock = clock
        self.steps = steps
        """Steps spent so far. One stands for about ten microseconds."""
        self.made = 0
        """Characters of large texts made so far."""
        self.written = 0
        """Characters of output counted so far."""

    def spend(self, steps: int) -> None:
        """Count work.

        Raises:
            FunctionError: the rendering has done enough.
        """
        self.steps += steps
        if self.steps > self.limits.steps:
            raise FunctionError(f"the template takes more than {self.limits.steps} steps")

    def check_size(self, size: int) -> None:
        """Refuse to make a text of so many bytes or characters, and count the work.

        Raises:
            FunctionError: it is too large.
        """
        if size > self.limits.value_size:
            raise FunctionError(f"the result is larger than {self.limits.value_size} bytes")
        if size > BYTES_PER_STEP:
            self.made += size
            if self.made > self.limits.made_size:
                raise FunctionError(f"the template makes texts of more than {self.limits.made_size} bytes together")
            self.spend(size // BYTES_PER_STEP)

    def check_items(self, count: int) -> None:
        """Refuse to make a list or map of so many elements, and count the work.

        Raises:
            FunctionError: there are too many.
        """
        if count > self.limits.items:
            raise FunctionError(f"the result has more than {self.limits.items} elements")
        self.spend(count // _ITEMS_PER_STEP)


@dataclass(frozen=True, slots=True)
class Function:
    """One function or method of the template language."""

    name: str
    """As templates spell it."""
    call: Callable[..., object]
    """The Python side."""
    params: tuple[GoType, ...] = ()
    """Types of the fixed parameters (of a method: without the receiver)."""
    result: GoType = ANY
    """Declared type of the result."""
    variadic: GoType | None = None
    """Element type of the variadic parameter, if there is one."""
    context: bool = False
    """Whether the callable takes the `Context` first."""
    walks: bool = False
    """Whether it walks into containers, so that they must be checked first."""
    bounded: bool = False
    """Whether a text result is never longer than the arguments, so that its size need not be checked."""


def table(*functions: Function) -> Mapping[str, Function]:
    """The functions by name."""
    return {function.name: function for function in functions}
