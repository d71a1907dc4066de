import pytest

from virtrigaud_secrets.template import TemplateExecutionError, render

DATA = {"user": b"svc", "empty": b"", "csv": b"a,b,c"}


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("plain", "plain"),
        ("a{{ .user }}b{{ .csv }}c", "asvcba,b,cc"),
        ("{{if .user}}y{{else}}n{{end}}{{if .empty}}y{{else}}n{{end}}", "yn"),
        ("{{if .empty}}1{{else if .user}}2{{else}}3{{end}}", "2"),
        ("{{if .empty}}1{{else if .empty}}2{{else}}3{{end}}", "3"),
        ("{{if .empty}}1{{else if .empty}}2{{end}}{{if .empty}}x{{end}}", ""),
        ("{{with .user}}{{.}}{{end}}{{with .empty}}x{{else}}{{.user}}{{end}}", "svcsvc"),
        ("{{with .empty}}1{{else with .user}}{{.}}{{else}}3{{end}}{{with .empty}}x{{end}}", "svc"),
        ("{{with $x := .user}}{{$x}}{{.}}{{end}}", "svcsvc"),
        ("{{range list 1 2}}{{.}},{{end}}", "1,2,"),
        ("{{range $i, $x := list `a` `b`}}{{$i}}{{$x}}{{end}}", "0a1b"),
        ("{{range $x := list `a` `b`}}{{$x}}{{.}}{{end}}", "aabb"),
        ("{{range $k, $v := .}}{{$k}}={{$v}};{{end}}", "csv=a,b,c;empty=;user=svc;"),
        ("{{range list}}x{{else}}none{{end}}{{range list}}x{{end}}", "none"),
        ("{{range $x := list}}x{{else}}{{$x}}{{end}}", "[]"),
        (
            "{{range 3}}{{.}}{{end}}{{range $x := int64 2}}{{printf `%T` $x}}{{end}}{{range 0}}x{{else}}e{{end}}",
            "012int64int64e",
        ),
        ("{{range fromJson `null`}}x{{else}}e{{end}}", "e"),
        ("{{range until 5}}{{if eq . 1}}{{continue}}{{end}}{{if eq . 3}}{{break}}{{end}}{{.}}{{end}}", "02"),
        ("{{range 2}}{{range 3}}{{if .}}{{break}}{{end}}{{.}}{{end}};{{end}}", "0;0;"),
        ("{{range 2}}{{with 1}}{{continue}}{{end}}x{{else}}y{{end}}", ""),
        # A break in the else branch ends that loop only, a continue the iteration around it.
        ("{{range 2}}{{range list}}{{else}}{{break}}{{end}}{{.}}{{end}}", "01"),
        ("{{range 2}}{{range list}}{{else}}{{continue}}{{end}}{{.}}{{end}}", ""),
        ("{{$x := 1}}{{range $x = list 5 6}}{{end}}{{$x}}", "6"),
        ("{{$i := 1}}{{$x := 1}}{{range $i, $x = list 5 6}}{{end}}{{$i}}{{$x}}", "16"),
        ("{{$x := 1}}{{if true}}{{$x := 2}}{{$x = 3}}{{end}}{{$x}}", "1"),
        ("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"),
        ("{{range list 1}}{{$.user}}{{end}}", "svc"),
        ('{{define "t"}}[{{.}}{{$}}]{{end}}{{template "t" .user}}{{template "t"}}', "[svcsvc][<no value><no value>]"),
        ('{{template "t" 1}}{{define "t"}}{{$x := .}}{{$x}}{{end}}', "1"),
        ('{{block "b" .user}}<{{.}}>{{end}}', "<svc>"),
        ('{{define "f"}}{{if .}}{{.}}{{template "f" (int (sub . 1))}}{{end}}{{end}}{{template "f" 3}}', "321"),
        ('{{define "template"}}own{{end}}', "own"),
        ("{{$x := `s`}}{{.user}}", "svc"),
        ("{{ print nil }}", "<nil>"),
        (
            "{{range (toDate `2006` `2024`).MarshalJSON}}{{print .}} {{end}}",
            "34 50 48 50 52 45 48 49 45 48 49 84 48 48 58 48 48 58 48 48 90 34 ",
        ),
        ("{{ fromJson `null` }}", "<no value>"),
        ("{{ list 1 `a` }}{{ dict `k` 1.5 }}", "[1 a]map[k:1.5]"),
    ],
)
def test_statements(text: str, output: str) -> None:
    assert render(text, DATA).decode() == output


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{range .user}}{{end}}", "range can't iterate over a value of type string"),
        ("{{range true}}{{end}}", "range can't iterate over a value of type bool"),
        ("{{range $i, $x := 3}}{{end}}", "integer with more than one variable"),
        ('{{template "nope"}}', "not defined"),
        ("{{if .nope}}{{end}}", 'map has no entry for key "nope"'),
        (
            "{{if true}}{{$y := 1}}{{else}}{{end}}{{$x := 2}}{{range $x}}{{.nope}}{{end}}",
            "can't evaluate field nope in type int",
        ),
        ("{{if false}}{{$y := 1}}{{else}}{{$y}}{{end}}", "undefined variable: $y"),
        ("{{$x = 1}}", "undefined variable: $x"),
        ("{{$x := $x}}", "undefined variable: $x"),
    ],
)
def test_failures(text: str, reason: str) -> None:
    with pytest.raises(TemplateExecutionError) as caught:
        render(text, DATA)
    assert reason in caught.value.reason
    assert caught.value.column is not None
