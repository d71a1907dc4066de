import pytest

from virtrigaud_secrets.template import Options, TemplateExecutionError, render
from virtrigaud_secrets.template import compile as compile_template

DATA = {"user": b"svc", "b": b"x"}
NESTED = {"a": {"b": {"c": "deep"}, "none": None}, "list": [{"n": 1}, None], "none": None, "n": 3, "f": 1.5, "t": True}


def nested(text: str, missing_key: str = "error") -> str:
    options = Options(missing_key="default" if missing_key == "default" else "error", nested=True)
    return compile_template(text, options=options).render(NESTED).decode()


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("{{ .a.b.c }}{{ $.a.b.c }}{{ (index .a `b`).c }}{{ index .a `b` `c` }}", "deep" * 4),
        ("{{ .none }}{{ .a.none }}", "<no value><no value>"),
        ("{{ .n }}{{ .f }}{{ .t }}", "31.5true"),
        ("{{ .a }}", "map[b:map[c:deep] none:<nil>]"),
        ("{{ range .list }}{{ . }};{{ end }}", "map[n:1];<no value>;"),
        ("{{ with .a.b }}{{ .c }}{{ end }}", "deep"),
        ("{{ $m := .a }}{{ $m.b.c }}", "deep"),
    ],
)
def test_nested_data(text: str, output: str) -> None:
    assert nested(text) == output
    assert nested(text, "default") == output


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{ .nope }}", 'no entry for key "nope"'),
        ("{{ .a.nope.x }}", 'no entry for key "nope"'),
        ("{{ .n.x }}", "can't evaluate field x in type int"),
        ("{{ (fromJson `null`).x }}", 'nil data; no entry for key "x"'),
        ("{{ .none.x }}", "nil pointer evaluating interface {}.x"),
        ("{{ range .list }}{{ .n }}{{ end }}", "nil"),
        ("{{ .n 1 }}", "n is not a method but has arguments"),
        ("{{ 1 | .n }}", "n is not a method but has arguments"),
        ("{{ .nope 1 }}", "no entry"),
        ("{{ $.a.b 1 }}", "b is not a method but has arguments"),
        ("{{ (.a).b 1 }}", "b is not a method but has arguments"),
        ("{{ $ 1 }}", "can't give argument to non-function"),
        ("{{ 1 2 }}", "can't give argument to non-function"),
        ("{{ (len .a) 2 }}", "can't give argument to non-function"),
        ("{{ and }}", "wrong number of args for and: want at least 1 got 0"),
        ("{{ nil }}", "nil is not a command"),
        ("{{ (nil).x }}", "nil is not a command"),
        ("{{ print (nil) }}", "nil is not a command"),
        ("{{ 18446744073709551615 }}", "overflows int"),
    ],
)
def test_failures(text: str, reason: str) -> None:
    with pytest.raises(TemplateExecutionError) as caught:
        nested(text)
    assert reason in caught.value.reason


def test_a_missing_key_may_pass() -> None:
    assert nested("{{ .nope }}|{{ .nope.x.y }}|{{ .a.nope.x }}|{{ (fromJson `null`).x }}", "default") == "|".join(
        ["<no value>"] * 4
    )
    with pytest.raises(TemplateExecutionError, match="nil pointer evaluating"):
        nested("{{ .a.none.x }}", "default")
    with pytest.raises(TemplateExecutionError, match="nil pointer evaluating"):
        nested("{{ range .list }}{{ .x }}{{ end }}", "default")


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("{{ and 1 `` (fail `x`) }}", ""),
        ("{{ or `` 2 (fail `x`) }}", "2"),
        ("{{ and 1 2 }}{{ or `` 0 }}{{ and nil 1 }}", "20<no value>"),
        ("{{ 3 | and 1 2 }}{{ 3 | or }}{{ 3 | and `` }}", "33"),
        ("{{ $x := 1 }}{{ and false ($x := 2) }}{{ $x }}{{ and true ($x := 3) }}{{ $x }}", "false133"),
        ("{{ and true ($y := 2) }}{{ $y }}{{ $y = 5 }}{{ $y }}", "225"),
        ("{{ $x := 1 }}{{ and false ($x := 2) }}{{ $x = 7 }}{{ $x }}", "false7"),
        ("{{ ($x := 4) }}{{ $x }}", "44"),
        ("{{ $x := 1 }}{{ $y := $x }}{{ $x = 2 }}{{ $y }}", "1"),
        ("{{ $ = `s` }}{{ $ }}{{ .user }}", "ssvc"),
        ("{{ .user | printf `%s-%s` .b | len }}", "5"),
        ("{{ print true 1.0 'a' 1i }}", "true 1 97 (0+1i)"),
        ("{{ 0x10 }} {{ 1e3 }} {{ 100.0 }} {{ 0x1p4 }}", "16 1000 100 16"),
        ("{{ print . }}", "map[b:x user:svc]"),
        ("{{ $.user }}{{ . }}{{ $ }}", "svcmap[b:x user:svc]map[b:x user:svc]"),
    ],
)
def test_values(text: str, output: str) -> None:
    assert render(text, DATA).decode() == output


@pytest.mark.parametrize(
    "text",
    [
        "{{ and false ($y := 2) }}{{ $y }}",
        "{{ and false ($y := 2) }}{{ $y = 1 }}",
        "{{ range 2 }}{{ or . ($y := 2) }}{{ $y }}{{ end }}",
    ],
)
def test_a_declaration_that_did_not_run_declares_nothing(text: str) -> None:
    with pytest.raises(TemplateExecutionError, match="undefined variable"):
        render(text, DATA)


def test_the_command_before_is_computed_first() -> None:
    text = "{{ $d := dict }}{{ (set $d `a` 1).a | printf `%v %v` ($d.a) }}"
    assert render(text, {}) == b"1 1"
