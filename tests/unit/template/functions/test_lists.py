from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError
from virtrigaud_secrets.template import Limits

CASES = [
    ('{{ list 1 "a" nil }}', "[1 a <nil>]"),
    ("{{ tuple }}", "[]"),
    ('{{ concat (list 1) (splitList "," "a,b") }}', "[1 a b]"),
    ("{{ concat | toJson }}", "null"),
    ("{{ append (list 1) 2 }}", "[1 2]"),
    ('{{ mustAppend (until 1) "x" }}', "[0 x]"),
    ("{{ push (list) nil }}", "[<nil>]"),
    ("{{ mustPush (list 1) (list 2) }}", "[1 [2]]"),
    ("{{ prepend (list 1) 0 }}", "[0 1]"),
    ("{{ mustPrepend (list) 1 }}", "[1]"),
    ("{{ first (list 1 2) }}", "1"),
    ("{{ mustFirst (list) }}", "<no value>"),
    ("{{ last (list 1 2) }}", "2"),
    ("{{ mustLast (until 0) }}", "<no value>"),
    ('{{ first (semver "1").MarshalText }}', "49"),
    ("{{ rest (list 1 2 3) }}", "[2 3]"),
    ("{{ mustRest (list) | toJson }}", "null"),
    ("{{ initial (list 1 2 3) }}", "[1 2]"),
    ("{{ mustInitial (list) | toJson }}", "null"),
    ("{{ reverse (list 1 2) }}", "[2 1]"),
    ("{{ mustReverse (list) }}", "[]"),
    ('{{ uniq (list 1 1.0 1 "1" (int64 1) true (list 1) (list 1) nil nil) }}', "[1 1 1 1 true [1] <nil>]"),
    ("{{ mustUniq (list) }}", "[]"),
    ('{{ uniq (list (float64 "NaN") (float64 "NaN")) }}', "[NaN NaN]"),
    ("{{ without (list 1 2 3 (dict)) 2 (dict) }}", "[1 3]"),
    ('{{ mustWithout (list "a") }}', "[a]"),
    ("{{ has 1 (list 1) }}", "true"),
    ("{{ has 1 (list (int64 1)) }}", "false"),
    ("{{ has (list 1) (list (list 1)) }}", "true"),
    ("{{ mustHas 1 nil }}", "false"),
    ("{{ slice (list 1 2 3 4) 1 3 }}", "[2 3]"),
    ("{{ slice (list 1 2) }}", "[1 2]"),
    ('{{ mustSlice (list 1 2 3) "1" }}', "[2 3]"),
    ("{{ slice (list) 5 }}", "<no value>"),
    ('{{ slice (splitList "," "a,b") 1 | typeOf }}', "[]string"),
    ('{{ slice (semver "12").MarshalText 0 2 | toString }}', "12"),
    ("{{ chunk 2 (list 1 2 3) }}", "[[1 2] [3]]"),
    ("{{ mustChunk 5 (list) }}", "[]"),
    ("{{ chunk 2 (list 1) | typeOf }}", "[][]interface {}"),
    ("{{ chunk -1 (list 1 2) }}", "[]"),
    ("{{ chunk -2 (list 1) }}", "[[1]]"),
]
"""Templates and what Go makes of them."""
REFUSED = [
    "{{ append 5 1 }}",
    "{{ mustAppend nil 1 }}",
    '{{ push "x" 1 }}',
    '{{ mustPush "x" 1 }}',
    '{{ prepend "x" 1 }}',
    '{{ mustPrepend "x" 1 }}',
    '{{ first "x" }}',
    "{{ mustFirst nil }}",
    "{{ last 1 }}",
    "{{ mustLast 1 }}",
    "{{ rest 1 }}",
    "{{ mustRest 1 }}",
    "{{ initial 1 }}",
    "{{ mustInitial 1 }}",
    "{{ reverse 1 }}",
    "{{ mustReverse 1 }}",
    "{{ uniq 1 }}",
    "{{ mustUniq 1 }}",
    "{{ without 1 }}",
    "{{ mustWithout 1 }}",
    "{{ has 1 1 }}",
    '{{ mustHas 1 "x" }}',
    '{{ slice "abc" 1 }}',
    '{{ mustSlice "abc" }}',
    "{{ slice (list 1) 2 }}",
    "{{ mustSlice (list 1) -1 }}",
    "{{ chunk 0 (list 1) }}",
    "{{ mustChunk 1 5 }}",
    "{{ chunk -1 (list 1 2 3) }}",
    "{{ concat (list) 5 }}",
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


@pytest.mark.parametrize(
    "template",
    [
        "{{ append (until 5) 1 }}",
        "{{ prepend (until 5) 1 }}",
        "{{ concat (until 5) (until 1) }}",
    ],
)
def test_lists_are_limited(rendered: Callable[..., str], template: str) -> None:
    with pytest.raises(TemplateExecutionError, match="more than 5 elements"):
        rendered(template, Limits(items=5))


def test_comparing_many_lists_counts_as_work(rendered: Callable[..., str]) -> None:
    template = "{{ $l := list }}{{ range until 300 }}{{ $l = append $l (list .) }}{{ end }}{{ uniq $l | len }}"
    assert rendered(template) == "300"
    with pytest.raises(TemplateExecutionError, match="steps"):
        rendered(template, Limits(steps=10_000))


def test_a_list_that_holds_itself_is_refused(rendered: Callable[..., str]) -> None:
    with pytest.raises(TemplateExecutionError, match="itself"):
        rendered('{{ $d := dict }}{{ $_ := set $d "l" (list $d) }}{{ uniq (list $d $d) }}')
