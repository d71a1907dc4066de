import dataclasses
import time

import pytest

from virtrigaud_secrets.template import DEFAULT_LIMITS, Limits, TemplateExecutionError, TemplateSyntaxError, render

DOUBLE = "{{ $x := `aaaaaaaaaaaaaaaa` }}{{ range until 40 }}{{ $x = print $x $x }}{{ end }}"
DOUBLE_LIST = "{{ $x := list 1 2 3 4 }}{{ range until 40 }}{{ $x = concat $x $x }}{{ end }}"
SHARE = "{{ $x := list 1 }}{{ range until 40 }}{{ $x = list $x $x }}{{ end }}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{ range 1000000000 }}{{ end }}", "steps"),
        ("{{ range 1000000 }}{{ range 1000000 }}{{ end }}{{ end }}", "steps"),
        ("{{ range 100000000 }}x{{ end }}", "steps"),
        ("{{ $x := repeat 2000000 `a` }}{{ range 100000 }}{{ $x }}{{ end }}", "output"),
        ("{{ range 999999 }}{{ printf `%4000d` . }}{{ end }}", "output"),
        (DOUBLE, "too large"),
        (DOUBLE_LIST, "more than 100000 elements"),
        (SHARE + "{{ $x }}", "holds more than"),
        (SHARE + "{{ toJson $x }}", "holds more than"),
        (SHARE + "{{ deepCopy $x | len }}", "holds more than"),
        (SHARE + "{{ deepEqual $x $x }}", "holds more than"),
        (SHARE + "{{ toYaml $x }}", "holds more than"),
        (SHARE + "{{ join `` $x }}", "holds more than"),
        (SHARE + "{{ quote $x }}", "holds more than"),
        (SHARE + "{{ printf `%d` $x }}", "holds more than"),
        ("{{ $x := list }}{{ range 100 }}{{ $x = list $x }}{{ end }}{{ $x }}", "nested more than"),
        ("{{ $d := dict }}{{ $_ := set $d `a` $d }}{{ $d }}", "contains itself"),
        ("{{ $d := dict }}{{ $_ := set $d `a` $d }}{{ toJson $d }}", "contains itself"),
        ("{{ $d := dict }}{{ $_ := set $d `a` $d }}{{ deepEqual $d $d }}", "contains itself"),
        ("{{ $d := dict }}{{ $_ := set $d `a` $d }}{{ merge (dict) $d $d | toYaml }}", "contains itself"),
        ("{{ repeat 1000000000 `aaaa` }}", "larger than"),
        ("{{ repeat 9223372036854775807 `aaaa` }}", "larger than"),
        ("{{ until 1000000000 }}", "elements"),
        ("{{ untilStep 0 1000000000 1 }}", "elements"),
        ("{{ seq 1000000000 }}", ""),
        ("{{ indent 1000000000 `a` }}", "larger than"),
        ("{{ printf `%1000000d%1000000d%1000000d%1000000d%1000000d` 1 2 3 4 5 }}", "large"),
        ("{{ printf `%.1000000f` 1.5 | print | repeat 1000 }}", "larger than"),
        ("{{ replace `` (repeat 10000 `x`) (repeat 100000 `y`) }}", "larger than"),
        ("{{ randAlpha 1000000000 }}", ""),
        ("{{ randBytes 1000000000 }}", ""),
        ("{{ range 100000 }}{{ bcrypt `x` }}{{ end }}", "steps"),
        ("{{ range 100000 }}{{ genPrivateKey `rsa` }}{{ end }}", "steps"),
        ("{{ range 100000 }}{{ derivePassword 1 `long` `a` `b` `c` }}{{ end }}", "steps"),
        ("{{ $x := repeat 1000000 `a` }}{{ range 1000000 }}{{ $_ := sha256sum $x }}{{ end }}", "steps"),
        ("{{ regexMatch (repeat 20000 `a?`) `x` }}{{ mustRegexMatch (repeat 20000 `a?`) `x` }}", ""),
        ('{{define "t"}}{{template "t"}}{{end}}{{template "t"}}', "inside each other more than 40 deep"),
        ('{{define "t"}}{{template "t" .}}{{template "t" .}}{{end}}{{template "t"}}', "deep"),
    ],
)
def test_a_hostile_template_ends_soon(text: str, reason: str) -> None:
    begin = time.monotonic()
    with pytest.raises(TemplateExecutionError) as caught:
        render(text, {}, limits=Limits(steps=100_000))
    assert reason in caught.value.reason
    assert "internal error" not in caught.value.reason
    assert time.monotonic() - begin < 15


def test_a_wide_recursion_ends() -> None:
    again = '{{template "t" (rest .)}}'
    text = f'{{{{define "t"}}}}{{{{if .}}}}{again}{again}{{{{end}}}}{{{{end}}}}{{{{template "t" (until 30)}}}}'
    with pytest.raises(TemplateExecutionError, match="steps"):
        render(text, {})


@pytest.mark.parametrize("text", ["{{if 1}}" * 10_000, "{{" + "(" * 100_000, "{{ f " + "(1)" * 50_000, "{{" * 100_000])
def test_a_hostile_text_is_refused_soon(text: str) -> None:
    begin = time.monotonic()
    with pytest.raises(TemplateSyntaxError):
        render(text, {})
    assert time.monotonic() - begin < 5


def test_deep_blocks_and_recursion_together_end_in_an_error() -> None:
    text = '{{define "t"}}' + "{{if 1}}" * 60 + '{{template "t"}}' + "{{end}}" * 60 + '{{end}}{{template "t"}}'
    with pytest.raises(TemplateExecutionError, match="deep"):
        render(text, {})


def test_output_is_limited_without_a_loop() -> None:
    with pytest.raises(TemplateExecutionError, match="the output is larger than 10 bytes"):
        render("{{ .a }}{{ .a }}", {"a": b"123456"}, limits=Limits(output_size=10))
    with pytest.raises(TemplateExecutionError, match="the output is larger than 10 bytes"):
        render("{{ print .a .a }}", {"a": "ééé".encode()}, limits=Limits(output_size=10))


def test_ordinary_templates_stay_far_below() -> None:
    text = "{{ range until 1000 }}{{ printf `%d:%s` . (quote .) | b64enc | b64dec | upper }}{{ end }}"
    assert len(render(text, {})) > 5000


def test_every_limit_has_a_reason_and_a_bound() -> None:
    assert all(getattr(DEFAULT_LIMITS, field.name) > 0 for field in dataclasses.fields(Limits))
