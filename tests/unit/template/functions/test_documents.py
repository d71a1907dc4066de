from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError
from virtrigaud_secrets.template import Limits

CASES = [
    (
        '{{ toJson (dict "b" "<&>\\u2028é" "a" (list 1 1.5 nil true)) }}',
        '{"a":[1,1.5,null,true],"b":"\\u003c\\u0026\\u003e\\u2028é"}',
    ),
    ("{{ toJson (rest list) }}", "null"),
    ('{{ toJson (float64 "NaN") }}', ""),
    ("{{ toJson 1i }}", ""),
    ('{{ toJson "\\xff" }}', '"\\ufffd"'),
    ('{{ toJson (semver "1.2.3") }}', '"1.2.3"'),
    ('{{ toJson (toDate "2006" "2024") }}', '"2024-01-01T00:00:00Z"'),
    ('{{ toJson (toDate "2006" "2024").Month }}', "1"),
    ('{{ toJson (toDate "2006" "2024").Location }}', "{}"),
    ('{{ toJson (semver "1").MarshalText }}', '"MS4wLjA="'),
    (
        '{{ toPrettyJson (dict "a" (list 1) "b" (dict) "c" (list)) }}',
        '{\n  "a": [\n    1\n  ],\n  "b": {},\n  "c": []\n}',
    ),
    ("{{ mustToPrettyJson 1 }}", "1"),
    ('{{ toRawJson "<&>" }}', '"<&>"'),
    ('{{ mustToRawJson (list "<") }}', '["<"]'),
    ('{{ mustToJson "<" }}', '"\\u003c"'),
    ('{{ fromJson "{\\"a\\": [1, 2.5, null, \\"x\\"]}" }}', "map[a:[1 2.5 <nil> x]]"),
    ('{{ fromJson "3e2" | typeOf }}', "float64"),
    ('{{ fromJson "{" }}', "<no value>"),
    ('{{ mustFromJson "[1]" }}', "[1]"),
    ('{{ fromJson "" }}', "<no value>"),
]
"""Templates and what Go makes of them."""
REFUSED = [
    '{{ mustToJson (float64 "NaN") }}',
    "{{ mustToPrettyJson 1i }}",
    '{{ toRawJson (float64 "inf") }}',
    "{{ mustToRawJson 1i }}",
    '{{ mustFromJson "{" }}',
    '{{ mustFromJson "1 2" }}',
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
        rendered("{{ toJson (list .a .a) }}", Limits(value_size=100), a="x" * 60)


def test_a_value_that_holds_itself_is_refused(rendered: Callable[..., str]) -> None:
    with pytest.raises(TemplateExecutionError, match="itself"):
        rendered('{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toJson $d }}')


def test_a_short_float_is_written_short(rendered: Callable[..., str]) -> None:
    from virtrigaud_secrets.golang.reflect import Float32
    from virtrigaud_secrets.template.functions.documents import to_json_value
    from virtrigaud_secrets.template.functions.table import Context

    assert str(to_json_value(Context(), Float32(0.10000000149011612))) == "0.1"
    assert str(to_json_value(Context(), Float32(1.0000000031710769e-30))) == "1e-30"
