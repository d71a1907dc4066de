"""The syntax tree of a template, and the text it stands for.

Nodes compare by what they mean: offsets do not count. `to_text` writes a tree so that parsing gives an equal one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from virtrigaud_secrets.golang.strconv import quote

_OPEN_BRACE: Final = re.compile(r"\{(?=\{)|\{\Z")


@dataclass(frozen=True, slots=True)
class Dot:
    """The dot, `.`."""

    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Nil:
    """`nil`."""

    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Bool:
    """`true` or `false`."""

    value: bool
    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Number:
    """A number or character constant, in every type that can hold it: Go's untyped constants."""

    text: str
    """As written."""
    integer: int | None
    """Its value as a signed 64-bit integer, if it has one."""
    unsigned: int | None
    """Its value as an unsigned 64-bit integer, if it has one."""
    real: float | None
    """Its value as a float, if it has one."""
    imaginary: complex | None
    """Its value, if it was written as a complex number."""
    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class String:
    """A string constant, quotes and escapes undone."""

    value: str
    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Field:
    """`.a.b`: fields of the dot."""

    names: tuple[str, ...]
    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Variable:
    """`$x.a.b`: a variable and its fields."""

    name: str
    """With its dollar sign; the root is `$`."""
    names: tuple[str, ...]
    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Identifier:
    """The name of a function."""

    name: str
    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Chain:
    """`(pipeline).a.b`, `function.a`: fields of another operand."""

    operand: Operand
    names: tuple[str, ...]
    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Command:
    """An operand and its arguments."""

    operands: tuple[Operand, ...]
    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands, each given the result of the one before; then variables that take the last result."""

    commands: tuple[Command, ...]
    variables: tuple[str, ...]
    assigns: bool
    """Whether the variables exist already: `=` instead of `:=`."""
    offset: int = field(compare=False)


Operand: TypeAlias = Dot | Nil | Bool | Number | String | Field | Variable | Identifier | Chain | Pipeline


@dataclass(frozen=True, slots=True)
class Text:
    """What stands outside of actions."""

    value: str
    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Action:
    """A pipeline whose result is written, unless it sets variables."""

    pipeline: Pipeline
    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Conditional:
    """`if` or `with`, with all its `else if` or `else with` branches."""

    word: Literal["if", "with"]
    branches: tuple[tuple[Pipeline, Body], ...]
    otherwise: Body | None
    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Range:
    """`range`, with what to do if there is nothing to range over."""

    pipeline: Pipeline
    body: Body
    otherwise: Body | None
    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Jump:
    """`break` or `continue`."""

    word: Literal["break", "continue"]
    offset: int = field(compare=False)


@dataclass(frozen=True, slots=True)
class Invocation:
    """`template`, or the place of a `block`."""

    name: str
    pipeline: Pipeline | None
    offset: int = field(compare=False)


Statement: TypeAlias = Text | Action | Conditional | Range | Jump | Invocation
Body: TypeAlias = tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Module:
    """Everything that one template text defines."""

    name: str
    """The template's own name."""
    bodies: Mapping[str, Body]
    """The templates by name, the text's own among them."""


def is_empty(body: Body) -> bool:
    """Whether a template is nothing but blanks: such a definition gives way to another of its name."""
    return all(isinstance(node, Text) and not node.value.strip(" \t\n\v\f\r\x85\xa0") for node in body)


def to_text(module: Module) -> str:
    """A text, in the default delimiters, that parses to an equal module."""
    parts = [
        f"{{{{define {quote(name)}}}}}{body_text(body)}{{{{end}}}}"
        for name, body in module.bodies.items()
        if name != module.name
    ]
    return "".join([body_text(module.bodies[module.name]), *parts])


def body_text(body: Body) -> str:
    """The text of a sequence of statements."""
    return "".join([_statement_text(node) for node in body])


def _statement_text(node: Statement) -> str:
    """The text of one statement."""
    match node:
        case Text():
            # A brace before another, or before an action, would be read as a delimiter: a comment that trims the blank.
            return _OPEN_BRACE.sub("{ {{- /**/}}", node.value)
        case Action():
            return f"{{{{{pipeline_text(node.pipeline)}}}}}"
        case Jump():
            return f"{{{{{node.word}}}}}"
        case Invocation():
            argument = "" if node.pipeline is None else f" {pipeline_text(node.pipeline)}"
            return f"{{{{template {quote(node.name)}{argument}}}}}"
        case Range():
            head = f"{{{{range {pipeline_text(node.pipeline)}}}}}{body_text(node.body)}"
            return head + _else_text(node.otherwise)
        case _:
            branches = [
                f"{{{{{'' if first else 'else '}{node.word} {pipeline_text(pipeline)}}}}}{body_text(body)}"
                for first, (pipeline, body) in zip([True] + [False] * len(node.branches), node.branches, strict=False)
            ]
            return "".join(branches) + _else_text(node.otherwise)


def _else_text(body: Body | None) -> str:
    """The end of a clause."""
    return "{{end}}" if body is None else f"{{{{else}}}}{body_text(body)}{{{{end}}}}"


def pipeline_text(pipeline: Pipeline) -> str:
    """The text of a pipeline, as it stands in its action."""
    head = f"{', '.join(pipeline.variables)} {'=' if pipeline.assigns else ':='} " if pipeline.variables else ""
    return head + " | ".join(
        " ".join([operand_text(operand) for operand in command.operands]) for command in pipeline.commands
    )


def operand_text(node: Operand) -> str:
    """The text of an operand."""
    match node:
        case Pipeline():
            return f"({pipeline_text(node)})"
        case Chain():
            return ".".join([operand_text(node.operand), *node.names])
        case Field():
            return "." + ".".join(node.names)
        case Variable():
            return ".".join([node.name, *node.names])
        case Identifier():
            return node.name
        case _:
            return _constant_text(node)


def _constant_text(node: Dot | Nil | Bool | Number | String) -> str:
    """The text of a constant, or of the dot."""
    match node:
        case String():
            return quote(node.value)
        case Number():
            return node.text
        case Bool():
            return "true" if node.value else "false"
        case Nil():
            return "nil"
        case _:
            return "."
