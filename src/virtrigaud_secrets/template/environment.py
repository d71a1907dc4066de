"""Compiled templates: the public object, its options, and the cache of those in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.golang.reflect import STRING, STRING_MAP, TypedMap, to_string
from virtrigaud_secrets.template.compiler import Program, compile_module
from virtrigaud_secrets.template.expressions import data_text
from virtrigaud_secrets.template.frame import Frame
from virtrigaud_secrets.template.functions import NAMES
from virtrigaud_secrets.template.functions.table import Context, FunctionError
from virtrigaud_secrets.template.limits import DEFAULT_LIMITS, Limits
from virtrigaud_secrets.template.parser import parse
from virtrigaud_secrets.template.source import Source

Nested: TypeAlias = "str | bytes | bool | int | float | list[Nested] | Mapping[str, Nested] | None"
"""Data that a template may get besides texts."""

CACHED_TEMPLATES: Final = 256
"""Compiled templates kept. A process renders as many as its manifests have keys, and the same ones again and again."""
CACHED_SOURCE_SIZE: Final = 64 * 1024
"""Longer texts are not cached, so that the cache stays small whatever it holds."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a template is read and what a missing key means."""

    delimiters: tuple[str, str] = ("{{", "}}")
    """Left and right delimiter."""
    missing_key: Literal["error", "default"] = "error"
    """`error` as External Secrets Operator has it; `default` writes `<no value>`."""
    nested: bool = False
    """Whether the root may hold more than texts: Go's `map[string]any` instead of `map[string]string`."""


_SYSTEM_CLOCK: Final = SystemClock()
DEFAULT_OPTIONS: Final = Options()
"""What External Secrets Operator uses."""


@dataclass(frozen=True, slots=True)
class Template:
    """One compiled template. It may be rendered from several threads at once."""

    source: Source = field(repr=False)
    program: Program = field(repr=False)
    nested: bool
    """Whether the root may hold more than texts."""
    limits: Limits

    @property
    def name(self) -> str:
        """The template's name."""
        return self.source.name

    def render(self, data: Mapping[str, Nested], *, clock: Clock = _SYSTEM_CLOCK) -> bytes:
        """The template's output for these values.

        Raises:
            TemplateExecutionError: an action fails, or a limit is reached.
            ConfigurationError: a value is no text, and the template was not compiled for nested data.
        """
        program = self.program
        if program.copied is not None and not self.nested:
            output = _copy(program.copied, data, self.limits.output_size)
            if output is not None:
                return output
        dot: Mapping[str, object] = data
        if self.nested:
            dot = {key: _to_go(value) for key, value in data.items()}
        elif program.uses_root:
            dot = TypedMap(STRING_MAP, {key: data_text(key, value) for key, value in data.items()})
        return self._run(dot, data, clock)

    def _run(self, dot: Mapping[str, object], data: Mapping[str, object], clock: Clock) -> bytes:
        """Execute; errors carry nothing of what was computed."""
        out: list[str] = []
        main, limits = self.program.main, self.limits
        frame = Frame(Context(limits, clock, main.weight), out, dot, data, main.slots, 0)
        reason, offset = "", None
        try:
            main.run(frame)
            if len(out) == 1 or sum(map(len, out)) <= limits.output_size:
                output = "".join(out).encode("utf-8", "surrogateescape")
                if len(output) <= limits.output_size:
                    return output
            reason = f"the output is larger than {limits.output_size} bytes"
        except ConfigurationError:
            raise
        except FunctionError as error:
            reason, offset = error.reason, error.offset
        except RecursionError:
            reason = "the template is nested too deep"
        except Exception as error:  # noqa: BLE001 - whatever a function does: a foreign error's text may hold data
            reason = f"internal error: {type(error).__name__}"
        raise self.source.execution_error(reason, offset)


def _copy(pieces: tuple[tuple[bytes, str | None], ...], data: Mapping[str, Nested], limit: int) -> bytes | None:
    """The output of a template that only copies; `None` where it cannot be had so easily."""
    parts: list[bytes] = []
    for text, name in pieces:
        parts.append(text)
        if name is not None:
            value = data.get(name)
            if not isinstance(value, bytes):
                return None
            parts.append(value)
    output = b"".join(parts)
    return output if len(output) <= limit else None


def _to_go(value: Nested) -> object:
    """Plain data as `golang.reflect` has it."""
    if isinstance(value, bytes):
        return to_string(value)
    if isinstance(value, list):
        return [_to_go(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _to_go(item) for key, item in value.items()}
    return value


def compile(  # noqa: A001 - as `re.compile`: the package's name says of what
    text: str,
    *,
    name: str = "template",
    options: Options = DEFAULT_OPTIONS,
    limits: Limits = DEFAULT_LIMITS,
) -> Template:
    """The compiled template. Equal calls may get the same object.

    Raises:
        TemplateSyntaxError: the text is no Go template, or too large or too deep.
    """
    if len(text) > CACHED_SOURCE_SIZE:
        return compile_uncached(text, name, options, limits)
    return _compile_cached(text, name, options, limits)


def compile_uncached(text: str, name: str, options: Options, limits: Limits) -> Template:
    """Parse and compile."""
    source = Source(name, text)
    module = parse(source, function_names=NAMES, delimiters=options.delimiters, limits=limits)
    strict = options.missing_key == "error"
    program = compile_module(module, strict=strict, root_type=None if options.nested else STRING)
    return Template(source, program, options.nested, limits)


_compile_cached = lru_cache(maxsize=CACHED_TEMPLATES)(compile_uncached)


def render(text: str, data: Mapping[str, bytes], *, name: str = "template", limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Render a template as External Secrets Operator does: the root is a map of strings, a missing key is an error.

    Raises:
        TemplateSyntaxError: the text is no Go template, or too large or too deep.
        TemplateExecutionError: an action fails, or a limit is reached.
    """
    return compile(text, name=name, limits=limits).render(data)
