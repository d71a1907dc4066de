"""From tokens to a syntax tree: Go's grammar. What a name or a call means is the compiler's business."""

from __future__ import annotations

from typing import Final, Literal

from virtrigaud_secrets.errors import TemplateSyntaxError
from virtrigaud_secrets.golang.strconv import NumberError, unquote
from virtrigaud_secrets.template.lexer import Token, tokenize
from virtrigaud_secrets.template.limits import DEFAULT_LIMITS, Limits
from virtrigaud_secrets.template.nodes import (
    Action,
    Body,
    Bool,
    Chain,
    Command,
    Conditional,
    Dot,
    Field,
    Identifier,
    Invocation,
    Jump,
    Module,
    Nil,
    Number,
    Operand,
    Pipeline,
    Range,
    Statement,
    String,
    Text,
    Variable,
    is_empty,
)
from virtrigaud_secrets.template.numbers import parse_number
from virtrigaud_secrets.template.source import Source

_OPERANDS: Final = frozenset(
    {".", "(", "bool", "character", "complex", "field", "identifier", "nil", "number", "raw", "string", "variable"}
)
_NOT_CALLABLE: Final = (Bool, Dot, Nil, Number, String)
"""Operands that cannot take the result of the command before them."""
_LITERALS: Final = (Bool, Dot, Nil, Number, String)
"""Operands that have no fields."""


def parse(
    source: Source,
    *,
    function_names: frozenset[str],
    delimiters: tuple[str, str] = ("{{", "}}"),
    limits: Limits = DEFAULT_LIMITS,
) -> Module:
    """The syntax tree of a template.

    Raises:
        TemplateSyntaxError: it is no Go template, names an unknown function, or is too large or nested too deep.
    """
    if len(source.text) > limits.source_size:
        raise source.syntax_error(f"the template is longer than {limits.source_size} bytes", 0)
    left, right = delimiters
    return _Parser(source, tokenize(source.text, left or "{{", right or "}}"), function_names, limits).module()


class _Scope:
    """What one template (the text's own, a definition, a block) may refer to while it is parsed."""

    __slots__ = ("ranges", "variables")

    def __init__(self) -> None:
        self.variables = ["$"]
        """Variables declared so far, innermost last."""
        self.ranges = 0
        """Bodies of `range` around this place."""


class _Parser:
    """Recursive descent over the tokens of one text."""

    __slots__ = ("bodies", "functions", "limits", "nesting", "position", "scope", "source", "tokens")

    def __init__(self, source: Source, tokens: list[Token], functions: frozenset[str], limits: Limits) -> None:
        self.source = source
        self.tokens = tokens
        self.position = 0
        """Index of the next token."""
        self.functions = functions
        self.limits = limits
        self.nesting = 0
        self.scope = _Scope()
        self.bodies: dict[str, Body] = {}

    # Tokens

    def next(self) -> Token:
        """Take the next token; the last one can be taken again and again."""
        token = self.tokens[self.position]
        if self.position < len(self.tokens) - 1:
            self.position += 1
        return token

    def expect(self, kind: str, context: str) -> Token:
        """Take a token of this kind."""
        token = self.next()
        if token[0] != kind:
            raise self.unexpected(token, context)
        return token

    def unexpected(self, token: Token, context: str) -> TemplateSyntaxError:
        """The error for a token that has no place here."""
        kind, text, offset, _ = token
        if kind == "error":
            return self.source.syntax_error(text, offset)
        shown = {"eof": "the end", "text": "text", "{{": "the left delimiter", "}}": "the right delimiter"}.get(
            kind, text
        )
        return self.source.syntax_error(f"unexpected {shown} in {context}", offset)

    def failure(self, reason: str, offset: int) -> TemplateSyntaxError:
        """The error for another reason."""
        return self.source.syntax_error(reason, offset)

    def enter(self, offset: int) -> None:
        """Go one block or parenthesis deeper."""
        self.nesting += 1
        if self.nesting > self.limits.nesting:
            raise self.failure(f"blocks or parentheses are nested more than {self.limits.nesting} deep", offset)

    # Templates

    def module(self) -> Module:
        """The whole text."""
        body: list[Statement] = []
        while (token := self.next())[0] != "eof":
            if token[0] == "{{" and self.tokens[self.position][0] == "define":
                self.next()
                self.definition()
                continue
            end = self.statement(token, body)
            if end is not None:
                raise self.failure(f"unexpected {{{{{end[0]}}}}}", end[2])
        self.add(self.source.name, tuple(body), 0)
        return Module(self.source.name, self.bodies)

    def definition(self) -> None:
        """`{{define "name"}} body {{end}}`, the keyword being past."""
        name, offset = self.template_name("define clause")
        self.expect("}}", "define clause")
        self.named_body(name, offset, "define clause")

    def named_body(self, name: str, offset: int, context: str) -> None:
        """The body of a definition or block, up to its end."""
        outer, self.scope = self.scope, _Scope()
        self.enter(offset)
        body, end = self.body()
        if end[0] != "end":
            raise self.unexpected(end, context)
        self.nesting -= 1
        self.scope = outer
        self.add(name, body, offset)

    def add(self, name: str, body: Body, offset: int) -> None:
        """Keep a template, unless it is empty and there is another."""
        known = self.bodies.get(name)
        if known is None or is_empty(known):
            self.bodies[name] = body
        elif not is_empty(body):
            raise self.failure("multiple definition of a template of the same name", offset)

    def template_name(self, context: str) -> tuple[str, int]:
        """A string constant."""
        token = self.next()
        if token[0] not in {"string", "raw"}:
            raise self.unexpected(token, context)
        return self.unquoted(token), token[2]

    # Statements

    def body(self) -> tuple[Body, Token]:
        """Statements up to `end` or `else`, and that token."""
        body: list[Statement] = []
        while (token := self.next())[0] != "eof":
            end = self.statement(token, body)
            if end is not None:
                return tuple(body), end
        raise self.failure("unexpected end of the template: a block is not closed", token[2])

    def statement(self, token: Token, body: list[Statement]) -> Token | None:
        """Append what begins with this token; give back the keyword if it ends the body."""
        kind, text, offset, _ = token
        if kind == "text":
            if body and isinstance(last := body[-1], Text):
                body[-1] = Text(last.value + text, last.offset)
            else:
                body.append(Text(text, offset))
            return None
        if kind != "{{":
            raise self.unexpected(token, "input")
        word = self.tokens[self.position]
        clause = _CLAUSES.get(word[0])
        if clause is not None:
            self.next()
            body.append(clause(self, word))
            return None
        if word[0] in {"end", "else"}:
            self.next()
            if word[0] == "end" or self.tokens[self.position][0] not in {"if", "with"}:
                self.expect("}}", word[0])
            return word
        body.append(Action(self.pipeline("command", "}}"), word[2]))
        return None

    def conditional(self, word: Token) -> Statement:
        """`if` or `with`, the keyword being past."""
        kind: Literal["if", "with"] = "if" if word[0] == "if" else "with"
        mark = len(self.scope.variables)
        self.enter(word[2])
        branches: list[tuple[Pipeline, Body]] = []
        otherwise: Body | None = None
        while True:
            pipeline = self.pipeline(kind, "}}")
            body, end = self.body()
            branches.append((pipeline, body))
            if end[0] == "else" and self.tokens[self.position][0] == kind and not self.closed(end):
                self.next()
                continue
            if end[0] == "else":
                otherwise = self.last_body(end)
            break
        self.nesting -= 1
        del self.scope.variables[mark:]
        return Conditional(kind, tuple(branches), otherwise, word[2])

    def closed(self, word: Token) -> bool:
        """Whether the action of an `else` ended with that word."""
        return self.tokens[self.position - 1] is not word

    def last_body(self, word: Token) -> Body:
        """The body of an `else`, which `end` must close."""
        if not self.closed(word):
            raise self.unexpected(self.next(), "else")
        body, end = self.body()
        if end[0] != "end":
            raise self.failure("expected end; found another else", end[2])
        return body

    def range(self, word: Token) -> Statement:
        """`range`, the keyword being past."""
        mark = len(self.scope.variables)
        self.enter(word[2])
        pipeline = self.pipeline("range", "}}")
        self.scope.ranges += 1
        body, end = self.body()
        self.scope.ranges -= 1
        otherwise = self.last_body(end) if end[0] == "else" else None
        self.nesting -= 1
        del self.scope.variables[mark:]
        return Range(pipeline, body, otherwise, word[2])

    def jump(self, word: Token) -> Statement:
        """`break` or `continue`, the keyword being past."""
        kind: Literal["break", "continue"] = "break" if word[0] == "break" else "continue"
        self.expect("}}", kind)
        if not self.scope.ranges:
            raise self.failure(f"{kind} outside of range", word[2])
        return Jump(kind, word[2])

    def invocation(self, word: Token) -> Statement:
        """`template`, the keyword being past."""
        name, _ = self.template_name("template clause")
        if self.tokens[self.position][0] == "}}":
            self.next()
            return Invocation(name, None, word[2])
        return Invocation(name, self.pipeline("template clause", "}}"), word[2])

    def block(self, word: Token) -> Statement:
        """`block`, the keyword being past: a definition and its invocation."""
        name, offset = self.template_name("block clause")
        pipeline = self.pipeline("block clause", "}}")
        self.named_body(name, offset, "block clause")
        return Invocation(name, pipeline, word[2])

    # Expressions

    def pipeline(self, context: str, end: str) -> Pipeline:
        """Declarations and commands up to a token of kind `end`."""
        offset = self.tokens[self.position][2]
        variables, assigns = self.declarations(context)
        commands: list[Command] = []
        while (token := self.tokens[self.position])[0] != end:
            if token[0] not in _OPERANDS:
                raise self.unexpected(token, context)
            commands.append(self.command())
        self.next()
        if not commands:
            raise self.failure(f"missing value for {context}", offset)
        for stage, command in enumerate(commands):
            if stage and isinstance(command.operands[0], _NOT_CALLABLE):
                raise self.failure(f"non executable command in pipeline stage {stage + 1}", command.offset)
        return Pipeline(tuple(commands), tuple(variables), assigns, offset)

    def declarations(self, context: str) -> tuple[list[str], bool]:
        """`$x :=`, `$x =`, `$x, $y :=`: the variables, and whether they are assigned to."""
        variables: list[str] = []
        while self.tokens[self.position][0] == "variable":
            name = self.tokens[self.position][1]
            following = self.tokens[self.position + 1]
            if following[0] in {":=", "="}:
                self.position += 2
                variables.append(name)
                self.scope.variables.append(name)
                return variables, following[0] == "="
            if following[0] != "char" or following[1] != ",":
                break
            self.position += 2
            variables.append(name)
            self.scope.variables.append(name)
            token = self.tokens[self.position]
            if context != "range" or len(variables) > 1:
                raise self.failure(f"too many declarations in {context}", following[2])
            if token[0] not in {"variable", "}}", ")"}:
                raise self.failure("range can only initialize variables", token[2])
        return variables, False

    def command(self) -> Command:
        """Operands with blanks between them, up to the end of the pipeline or past a bar."""
        offset = self.tokens[self.position][2]
        operands: list[Operand] = []
        while True:
            token = self.tokens[self.position]
            kind = token[0]
            if kind in _OPERANDS:
                if operands and not token[3]:
                    raise self.unexpected(token, "operand")
                operands.append(self.operand())
            elif kind == "|":
                self.position += 1
                break
            elif kind in {"}}", ")"}:
                break
            else:
                raise self.unexpected(token, "operand")
        return Command(tuple(operands), offset)

    def operand(self) -> Operand:
        """A term and the fields that follow it without a blank."""
        node = self.term()
        token = self.tokens[self.position]
        if token[0] != "field" or token[3]:
            return node
        if isinstance(node, _LITERALS):
            raise self.failure("unexpected . after a constant or dot", token[2])
        names: list[str] = []
        while token[0] == "field" and not token[3]:
            names.append(token[1][1:])
            self.position += 1
            token = self.tokens[self.position]
        if isinstance(node, Field):
            return Field((*node.names, *names), node.offset)
        if isinstance(node, Variable):
            return Variable(node.name, (*node.names, *names), node.offset)
        return Chain(node, tuple(names), node.offset)

    def term(self) -> Operand:
        """One simple expression."""
        kind, text, offset, _ = token = self.next()
        match kind:
            case "field":
                return Field((text[1:],), offset)
            case "identifier":
                if text not in self.functions:
                    raise self.failure(f'function "{text}" not defined', offset)
                return Identifier(text, offset)
            case "variable":
                if text not in self.scope.variables:
                    raise self.failure(f'undefined variable "{text}"', offset)
                return Variable(text, (), offset)
            case "(":
                self.enter(offset)
                pipeline = self.pipeline("parenthesized pipeline", ")")
                self.nesting -= 1
                return pipeline
            case _:
                return self.literal(token)

    def literal(self, token: Token) -> Operand:
        """A constant, or the dot."""
        kind, text, offset, _ = token
        match kind:
            case ".":
                return Dot(offset)
            case "string" | "raw":
                return String(self.unquoted(token), offset)
            case "nil":
                return Nil(offset)
            case "bool":
                return Bool(text == "true", offset)
            case _:
                return self.number(kind, text, offset)

    def number(self, kind: str, text: str, offset: int) -> Number:
        """A number or character constant."""
        try:
            return parse_number(kind, text, offset)
        except NumberError:
            reason = "illegal number syntax"
        except ValueError as error:
            reason = str(error)
        raise self.failure(reason, offset)

    def unquoted(self, token: Token) -> str:
        """The value of a string constant."""
        if token[0] == "raw":
            return token[1][1:-1].replace("\r", "")
        try:
            return unquote(token[1])
        except NumberError:
            pass
        raise self.failure("invalid escape in a string", token[2])


_CLAUSES: Final = {
    "if": _Parser.conditional,
    "with": _Parser.conditional,
    "range": _Parser.range,
    "break": _Parser.jump,
    "continue": _Parser.jump,
    "template": _Parser.invocation,
    "block": _Parser.block,
}
