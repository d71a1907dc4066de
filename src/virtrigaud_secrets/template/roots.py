"""Which keys of the root map a template may read, told from its tree. Nothing is rendered here."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from virtrigaud_secrets.template.functions import NAMES
from virtrigaud_secrets.template.nodes import (
    Action,
    Body,
    Chain,
    Command,
    Conditional,
    Dot,
    Field,
    Identifier,
    Invocation,
    Module,
    Operand,
    Pipeline,
    Range,
    Statement,
    String,
    Variable,
)
from virtrigaud_secrets.template.parser import parse
from virtrigaud_secrets.template.source import Source

CACHED_TEXTS: Final = 256
"""Answers kept: a process asks about the same few templates again and again."""


class _WholeRoot(Exception):  # noqa: N818  # not an error: the answer "all of it"
    """The template looks at the map itself."""


@lru_cache(maxsize=CACHED_TEXTS)
def root_fields(text: str, *, delimiters: tuple[str, str] = ("{{", "}}")) -> frozenset[str] | None:
    """The keys of the root that the template may read; None where it looks at the map as a whole.

    Never too few: a key that only some branch reads is among them.

    Raises:
        TemplateSyntaxError: the text is no Go template.
    """
    module = parse(Source("template", text), function_names=NAMES, delimiters=delimiters)
    try:
        return frozenset(_of_module(module))
    except _WholeRoot:
        return None


def _of_module(module: Module) -> Iterator[str]:
    for name, body in module.bodies.items():
        # The dot of a definition is what it is invoked with, and that is looked at where it is invoked.
        yield from _of_body(body, at_root=name == module.name)


def _of_body(body: Body, *, at_root: bool) -> Iterator[str]:
    for statement in body:
        yield from _of_statement(statement, at_root=at_root)


def _of_statement(statement: Statement, *, at_root: bool) -> Iterator[str]:
    match statement:
        case Action():
            yield from _of_pipeline(statement.pipeline, at_root=at_root)
        case Conditional():
            for pipeline, body in statement.branches:
                yield from _of_pipeline(pipeline, at_root=at_root)
                yield from _of_body(body, at_root=at_root and statement.word == "if")
            yield from _of_body(statement.otherwise or (), at_root=at_root)
        case Range():
            yield from _of_pipeline(statement.pipeline, at_root=at_root)
            yield from _of_body(statement.body, at_root=False)
            yield from _of_body(statement.otherwise or (), at_root=at_root)
        case Invocation(pipeline=Pipeline() as argument):
            yield from _of_pipeline(argument, at_root=at_root)
        case _:
            pass


def _of_pipeline(pipeline: Pipeline, *, at_root: bool) -> Iterator[str]:
    for command in pipeline.commands:
        if (key := _indexed_key(command, at_root=at_root)) is not None:
            yield key
            continue
        for operand in command.operands:
            yield from _of_operand(operand, at_root=at_root)


def _indexed_key(command: Command, *, at_root: bool) -> str | None:
    """The key of `index . "key"`, the way to name a key that is no identifier."""
    match command.operands:
        case (Identifier(name="index"), Dot(), String(value=key)) if at_root:
            return key
        case (Identifier(name="index"), Variable(name="$", names=()), String(value=key)):
            return key
        case _:
            return None


def _of_operand(operand: Operand, *, at_root: bool) -> Iterator[str]:
    match operand:
        case Dot() if at_root:
            raise _WholeRoot
        case Variable(name="$", names=()):
            raise _WholeRoot
        case Variable(name="$"):
            yield operand.names[0]
        case Field() if at_root:
            yield operand.names[0]
        case Chain():
            yield from _of_operand(operand.operand, at_root=at_root)
        case Pipeline():
            yield from _of_pipeline(operand, at_root=at_root)
        case _:
            pass
