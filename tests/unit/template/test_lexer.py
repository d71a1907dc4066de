import pytest

from virtrigaud_secrets.template.lexer import tokenize


def kinds(source: str, left: str = "{{", right: str = "}}") -> list[str]:
    return [kind for kind, _, _, _ in tokenize(source, left, right)]


def inside(source: str) -> list[tuple[str, str]]:
    tokens = tokenize(f"{{{{{source}}}}}")
    assert tokens[0][0] == "{{"
    assert [token[0] for token in tokens[-2:]] == ["}}", "eof"]
    return [(kind, text) for kind, text, _, _ in tokens[1:-2]]


def error(source: str) -> str:
    kind, text, _, _ = tokenize(source)[-1]
    assert kind == "error"
    return text


def test_text_and_actions() -> None:
    assert tokenize("a{{ .x }}b") == [
        ("text", "a", 0, False),
        ("{{", "{{", 1, False),
        ("field", ".x", 4, True),
        ("}}", "}}", 7, True),
        ("text", "b", 9, False),
        ("eof", "", 10, False),
    ]


@pytest.mark.parametrize(
    ("source", "tokens"),
    [
        ("if nil true false x", ["if", "nil", "bool", "bool", "identifier"]),
        (
            "define block template with range else end break continue",
            ["define", "block", "template", "with", "range", "else", "end", "break", "continue"],
        ),
        ("$ $x $x.y .a.b .", ["variable", "variable", "variable", "field", "field", "field", "."]),
        ('"a\\"b" `raw` \'c\'', ["string", "raw", "character"]),
        ("1 +1 -1 .5 0x1F 0b1 0o7 1e3 1_000 0x1p-2 1i", ["number"] * 11),
        ("1+2i 1.5e3-2i 0x1p1+1i", ["complex"] * 3),
        (
            "$x := ($y = .z | f) , !",
            ["variable", ":=", "(", "variable", "=", "field", "|", "identifier", ")", "char", "char"],
        ),
        ("élan .é $é Ünï", ["identifier", "field", "variable", "identifier"]),
        ("ifé", ["identifier"]),
    ],
)
def test_kinds_of_tokens(source: str, tokens: list[str]) -> None:
    assert [kind for kind, _ in inside(source)] == tokens


def test_blanks_before_tokens_are_remembered() -> None:
    assert [blank for *_, blank in tokenize("{{f .a.b\t(1)}}")][1:-2] == [False, True, False, True, False, False]


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ("a \n{{- 1 -}} \t\r\n b", ["a", "b"]),
        ("a {{-1}} b", ["a ", " b"]),
        ("a {{- /* c */ -}} b", ["a", "b"]),
        ("a {{/* c */}} b", ["a ", " b"]),
        (" {{- 1}}", []),
        ("{{1   -}}  b", ["b"]),
        ("a{{ `}}` }}b", ["a", "b"]),
        ("a}}b", ["a}}b"]),
    ],
)
def test_trim_markers_and_comments(source: str, texts: list[str]) -> None:
    assert [text for kind, text, _, _ in tokenize(source) if kind == "text"] == texts


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{", "unclosed action"),
        ("{{ .a", "unclosed action"),
        ("{{/* a", "unclosed comment"),
        ("{{/* a */ b}}", "comment ends before closing delimiter"),
        ('{{ "a }}', "unterminated quoted string"),
        ('{{ "a\n" }}', "unterminated quoted string"),
        ("{{ `a }}", "unterminated raw quoted string"),
        ("{{ 'a }}", "unterminated character constant"),
        ("{{ $x : 1 }}", "expected :="),
        ("{{ (1 }}", "unclosed left paren"),
        ("{{ (1 -}}", "unclosed left paren"),
        ("{{ 1) }}", "unexpected right paren"),
        ("{{ a-b }}", "bad character U+002D"),
        ("{{ $x=1 }}", "bad character U+003D"),
        ("{{ .a§ }}", "bad character U+00A7"),
        ("{{ é§ }}", "bad character U+00A7"),
        ("{{ 1a }}", "bad number syntax"),
        ("{{ 1é }}", "bad number syntax"),
        ("{{ 1+2 }}", "bad number syntax"),
        ("{{ 1+a }}", "bad number syntax"),
        ("{{ \x00 }}", "unrecognized character in action: U+0000"),
        ("{{ ² }}", "unrecognized character in action: U+00B2"),
    ],
)
def test_what_cannot_be_read(source: str, reason: str) -> None:
    assert error(source) == reason


def test_other_delimiters() -> None:
    assert kinds("{{ [[ .a ]]", "[[", "]]") == ["text", "{{", "field", "}}", "eof"]
    assert kinds("<.a>", "<", ">") == ["{{", "field", "}}", "eof"]
    assert kinds("a $b", "a", "b") == ["{{", "variable", "}}", "eof"]
    assert kinds("a .b", "a", "b") == ["{{", ".", "}}", "eof"]
    assert kinds("a.éb", "a", "b") == ["{{", "field", "error"]
    assert kinds("a é.b", "a", "b") == ["{{", "identifier", ".", "}}", "eof"]
