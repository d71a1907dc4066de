import re

import pytest

from virtrigaud_secrets.errors import TemplateSyntaxError
from virtrigaud_secrets.template.limits import Limits
from virtrigaud_secrets.template.nodes import (
    Action,
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
    Pipeline,
    Range,
    String,
    Text,
    Variable,
)
from virtrigaud_secrets.template.parser import parse
from virtrigaud_secrets.template.source import Source

FUNCTIONS = frozenset({"f", "g", "print"})


def module(text: str, **options: object) -> Module:
    return parse(Source("tpl", text), function_names=FUNCTIONS, **options)  # type: ignore[arg-type]


def body(text: str) -> tuple[object, ...]:
    return module(text).bodies["tpl"]


def pipe(*operands: object, variables: tuple[str, ...] = (), assigns: bool = False) -> Pipeline:
    return Pipeline((Command(operands, 0),), variables, assigns, 0)  # type: ignore[arg-type]


ONE = Number("1", 1, 1, 1.0, None, 0)


@pytest.mark.parametrize(
    ("text", "operands"),
    [
        ("{{ . }}", (Dot(0),)),
        ("{{ .a.b }}", (Field(("a", "b"), 0),)),
        ("{{ $ }}", (Variable("$", (), 0),)),
        ("{{ $.a.b }}", (Variable("$", ("a", "b"), 0),)),
        (
            '{{ f nil true false 1 `r\r` "\\x41" }}',
            (
                Identifier("f", 0),
                Nil(0),
                Bool(value=True, offset=0),
                Bool(value=False, offset=0),
                ONE,
                String("r", 0),
                String("A", 0),
            ),
        ),
        ("{{ (f 1).a.b }}", (Chain(pipe(Identifier("f", 0), ONE), ("a", "b"), 0),)),
        ("{{ f.a }}", (Chain(Identifier("f", 0), ("a",), 0),)),
        ("{{ f .a .b }}", (Identifier("f", 0), Field(("a",), 0), Field(("b",), 0))),
    ],
)
def test_operands(text: str, operands: tuple[object, ...]) -> None:
    assert body(text) == (Action(pipe(*operands), 0),)


def test_pipelines_and_variables() -> None:
    assert body("{{ 1 | f }}") == (
        Action(Pipeline((Command((ONE,), 0), Command((Identifier("f", 0),), 0)), (), assigns=False, offset=0), 0),
    )
    assert body("{{ $x := 1 }}{{ $x = 1 }}{{ $x }}") == (
        Action(pipe(ONE, variables=("$x",)), 0),
        Action(pipe(ONE, variables=("$x",), assigns=True), 0),
        Action(pipe(Variable("$x", (), 0)), 0),
    )


def test_a_bar_at_the_end_is_no_fault() -> None:
    assert body("{{ . | }}") == body("{{ . }}")


def test_clauses() -> None:
    dot = pipe(Dot(0))
    text = (Text("a", 0),)
    assert body("{{if .}}a{{end}}") == (Conditional("if", ((dot, text),), None, 0),)
    assert body("{{if .}}a{{else if .}}{{else}}a{{end}}") == (Conditional("if", ((dot, text), (dot, ())), text, 0),)
    assert body("{{with .}}a{{else with .}}a{{end}}") == (Conditional("with", ((dot, text), (dot, text)), None, 0),)
    assert body("{{with .}}{{else}}{{if .}}a{{end}}{{end}}") == (
        Conditional("with", ((dot, ()),), (Conditional("if", ((dot, text),), None, 0),), 0),
    )
    assert body("{{range .}}{{break}}{{continue}}{{else}}a{{end}}") == (
        Range(dot, (Jump("break", 0), Jump("continue", 0)), text, 0),
    )
    assert body("{{range $i, $x := .}}{{end}}") == (Range(pipe(Dot(0), variables=("$i", "$x")), (), None, 0),)
    assert body("{{range $i, $}}{{end}}") == (Range(pipe(Variable("$", (), 0), variables=("$i",)), (), None, 0),)


def test_templates() -> None:
    assert module('{{define "a"}}x{{end}}{{template "a"}}{{template `a` 1}}{{block "b" .}}y{{end}}').bodies == {
        "a": (Text("x", 0),),
        "b": (Text("y", 0),),
        "tpl": (Invocation("a", None, 0), Invocation("a", pipe(ONE), 0), Invocation("b", pipe(Dot(0)), 0)),
    }


def test_an_empty_template_gives_way() -> None:
    assert module('{{define "tpl"}}x{{end}} \n').bodies == {"tpl": (Text("x", 0),)}
    assert module('{{define "a"}} {{end}}{{define "a"}}x{{end}}{{define "a"}}{{end}}').bodies["a"] == (Text("x", 0),)


def test_text_around_a_comment_is_one() -> None:
    assert body("a{{/* c */}}b") == (Text("ab", 0),)


def test_other_delimiters() -> None:
    assert module("[[ . ]]", delimiters=("[[", "]]")).bodies["tpl"] == (Action(pipe(Dot(0)), 0),)
    assert module("{{ . }}", delimiters=("", "")).bodies["tpl"] == (Action(pipe(Dot(0)), 0),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{ }}", "missing value for command"),
        ("{{ | f }}", "unexpected | in command"),
        ("{{ 1 | | f }}", "unexpected | in command"),
        ("{{ 1 | 2 }}", "non executable command in pipeline stage 2"),
        ("{{ 1 | . }}", "non executable command in pipeline stage 2"),
        ("{{ h }}", 'function "h" not defined'),
        ("{{ $x }}", 'undefined variable "$x"'),
        ("{{ f(1) }}", "unexpected ( in operand"),
        ("{{ true.x }}", "unexpected . after a constant or dot"),
        ('{{ "\\q" }}', "invalid escape in a string"),
        ("{{ 08 }}", "integer overflow"),
        ("{{ 0x }}", "illegal number syntax"),
        ("{{ f 1, 2 }}", "unexpected , in operand"),
        ("{{ $x, $y := 1 }}", "too many declarations in command"),
        ("{{range $x, $y, $z := .}}{{end}}", "too many declarations in range"),
        ("{{range $x, 1 := .}}{{end}}", "range can only initialize variables"),
        ("{{if .}}", "a block is not closed"),
        ("{{if .}}{{else}}", "a block is not closed"),
        ("{{if .}}{{else}}{{else}}{{end}}", "another else"),
        ("{{if .}}{{else with .}}{{end}}", "unexpected with in else"),
        ("{{range .}}{{else if .}}{{end}}", "unexpected if in else"),
        ("{{end}}", "unexpected {{end}}"),
        ("{{else}}", "unexpected {{else}}"),
        ("{{else if .}}", "unexpected {{else}}"),
        ("{{end .}}", "unexpected . in end"),
        ("{{break}}", "break outside of range"),
        ("{{range .}}{{else}}{{continue}}{{end}}", "continue outside of range"),
        ('{{range .}}{{block "a" .}}{{break}}{{end}}{{end}}', "break outside of range"),
        ("{{range .}}{{break 1}}{{end}}", "unexpected 1 in break"),
        ("{{template f}}", "unexpected f in template clause"),
        ('{{define "a" .}}{{end}}', "in define clause"),
        ('{{define "a"}}{{else}}{{end}}', "unexpected else in define clause"),
        ('{{block "a"}}{{end}}', "missing value for block clause"),
        ('{{if .}}{{define "a"}}{{end}}{{end}}', "unexpected define in command"),
        ('{{define "a"}}x{{end}}{{define "a"}}y{{end}}', "multiple definition"),
        ("{{ (1 }}", "unclosed left paren"),
        ("{{if", "unclosed action"),
        ("{{ nil", "unclosed action"),
        ("{{/* a", "unclosed comment"),
        ('{{ .a "x', "unterminated quoted string"),
    ],
)
def test_faults(text: str, reason: str) -> None:
    with pytest.raises(TemplateSyntaxError, match=re.escape(reason)):
        module(text)


def test_variables_end_with_their_block() -> None:
    with pytest.raises(TemplateSyntaxError, match="undefined variable"):
        module("{{if $x := 1}}{{end}}{{ $x }}")
    with pytest.raises(TemplateSyntaxError, match="undefined variable"):
        module('{{ $x := 1 }}{{define "a"}}{{ $x }}{{end}}')


def test_the_place_is_shown() -> None:
    with pytest.raises(TemplateSyntaxError) as caught:
        module("a\n  {{ .x }} {{ h }}")
    assert (caught.value.line, caught.value.column) == (2, 15)
    assert str(caught.value).splitlines()[1:] == ["    {{ .x }} {{ h }}", " " * 16 + "^"]


@pytest.mark.parametrize(
    "text",
    [
        "{{if .}}" * 5 + "{{end}}" * 5,
        "{{" + "(" * 5 + "1" + ")" * 5 + "}}",
        "{{range .}}" * 2 + "{{ (((1))) }}" + "{{end}}" * 2,
    ],
)
def test_nesting_is_limited(text: str) -> None:
    with pytest.raises(TemplateSyntaxError, match="nested more than 4 deep"):
        module(text, limits=Limits(nesting=4))
    module(text, limits=Limits(nesting=5))


def test_an_else_if_chain_may_be_long() -> None:
    module("{{if .}}" + "{{else if .}}" * 500 + "{{end}}")


def test_source_size_is_limited() -> None:
    with pytest.raises(TemplateSyntaxError, match="longer than 3 bytes"):
        module("abcd", limits=Limits(source_size=3))
