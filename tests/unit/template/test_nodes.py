import pytest

from virtrigaud_secrets.template.functions import NAMES
from virtrigaud_secrets.template.nodes import Text, is_empty, to_text
from virtrigaud_secrets.template.parser import parse
from virtrigaud_secrets.template.source import Source


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "{{ .a }}",
        "{{ $x := .a.b }}{{ $x = 1 }}",
        "{{ (dict `a` 1).a | printf \"%v\\n\" -1.5 'x' nil true . $ }}",
        "{{if .}}a{{else if .b}}c{{else}}d{{end}}",
        "{{with .}}a{{else with .b}}c{{end}}",
        "{{range $i, $x := .}}{{break}}{{continue}}{{else}}e{{end}}",
        '{{define "t \\"q\\""}}x{{end}}{{template "t \\"q\\"" .}}{{template "u"}}{{block "b" 1}}y{{end}}',
        "{ {{ .a }} { {{- .b }}",
        "a{{/* */}}b{ {{- .x }} }}",
        "{{`{{`}}{{/**/}}{",
    ],
)
def test_the_text_of_a_tree_gives_the_tree(text: str) -> None:
    module = parse(Source("tpl", text), function_names=NAMES)
    assert parse(Source("tpl", to_text(module)), function_names=NAMES) == module


def test_braces_in_text_stay_text() -> None:
    module = parse(Source("tpl", "[[1]]{{{{x}}{["), function_names=NAMES, delimiters=("[[", "]]"))
    assert parse(Source("tpl", to_text(module)), function_names=NAMES) == module


def test_places_do_not_count() -> None:
    assert Text("a", 1) == Text("a", 2)


def test_what_is_empty() -> None:
    assert is_empty(())
    assert is_empty((Text(" \n\t", 0),))
    assert not is_empty((Text(" a", 0),))
