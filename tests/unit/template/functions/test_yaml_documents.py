from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError
from virtrigaud_secrets.template import Limits

CASES = [
    (
        '{{ toYaml (dict "a" (list 1 "x" (dict "b" nil)) "yes" "no" "m" "a\\nb\\n") }}',
        'a:\n- 1\n- x\n- b: null\nm: |\n  a\n  b\n"yes": "no"',
    ),
    ('{{ toYaml "plain" }}', "plain"),
    ('{{ toYaml (float64 "NaN") }}', ""),
    ('{{ toYaml (semver "1.2.3") }}', "1.2.3"),
    ('{{ toYaml (semver "1").MarshalText }}', "MS4wLjA="),
    ("{{ toYaml (list) }}", "[]"),
    ('{{ toYaml "\\xff" }}', "�"),
    ('{{ toYaml (dict "\\x7f" 1) }}', ""),
    (
        '{{ fromYaml "a: 1\\nb: [x, 0x10, 1e3, yes, ~]\\nc: {d: 2024-01-01}" | toJson }}',
        '{"a":1,"b":["x",16,1000,true,null],"c":{"d":"2024-01-01"}}',
    ),
    (
        '{{ fromYaml "- 1" }}',
        (
            "map[Error:error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of "
            "type map[string]interface {}]"
        ),
    ),
    (
        '{{ fromYaml "x" }}',
        (
            "map[Error:error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go value "
            "of type map[string]interface {}]"
        ),
    ),
    (
        '{{ fromYaml "true" }}',
        (
            "map[Error:error unmarshaling JSON: while decoding JSON: json: cannot unmarshal bool into Go value of "
            "type map[string]interface {}]"
        ),
    ),
    (
        '{{ fromYaml "5" }}',
        (
            "map[Error:error unmarshaling JSON: while decoding JSON: json: cannot unmarshal number into Go value "
            "of type map[string]interface {}]"
        ),
    ),
    ('{{ fromYaml "" }}', "map[]"),
    (
        '{{ fromYaml "a: [" }}',
        "map[Error:error converting YAML to JSON: yaml: line 1: did not find expected node content]",
    ),
    ('{{ fromYaml "a: .inf" }}', "map[Error:error converting YAML to JSON: json: unsupported value: +Inf]"),
    (
        '{{ fromYaml "? [1]\\n: 2" }}',
        "map[Error:error converting YAML to JSON: yaml: invalid map key: []interface {}{1}]",
    ),
]
"""Templates and what Go makes of them."""
REFUSED = [
    "{{ fromYaml 5 }}",
    "{{ toYaml }}",
]
"""Templates that fail in Go, too."""


@pytest.mark.parametrize(("template", "expected"), CASES)
def test_gives_what_go_gives(rendered: Callable[..., str], template: str, expected: str) -> None:
    assert rendered(template) == expected


@pytest.mark.parametrize("template", REFUSED)
def test_fails_where_go_fails(rendered: Callable[..., str], template: str) -> None:
    with pytest.raises(TemplateExecutionError) as caught:
        rendered(template)
    assert "internal error" not in caught.value.reason


def test_what_is_written_is_limited(rendered: Callable[..., str]) -> None:
    with pytest.raises(TemplateExecutionError, match="larger than 100 bytes"):
        rendered("{{ toYaml (list .a .a) }}", Limits(value_size=100), a="x" * 60)


def test_aliases_cannot_blow_a_document_up(rendered: Callable[..., str]) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "excessive aliasing" in rendered("{{ (fromYaml .y).Error }}", y="\n".join(lines))


def test_reading_counts_as_work(rendered: Callable[..., str]) -> None:
    with pytest.raises(TemplateExecutionError, match="steps"):
        rendered("{{ fromYaml .y }}", Limits(steps=100), y="# padding\n" * 5000)


def test_depth_is_limited(rendered: Callable[..., str]) -> None:
    assert rendered("{{ (fromYaml .y).Error }}", y="a: " + "[" * 1000 + "]" * 1000).endswith("exceeded max depth")
