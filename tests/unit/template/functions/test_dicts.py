from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError
from virtrigaud_secrets.template import Limits

CASES = [
    ('{{ dict "a" 1 "b" }}', "map[a:1 b:]"),
    ("{{ dict 1 2 nil 3 (list 1) 4 }}", "map[1:2 <nil>:3 [1]:4]"),
    ("{{ dict }}", "map[]"),
    ('{{ get (dict "a" 1) "a" }}', "1"),
    ('{{ get (dict) "x" }}', ""),
    ('{{ set (dict) "a" 1 }}', "map[a:1]"),
    ('{{ unset (dict "a" 1) "a" }}', "map[]"),
    ('{{ unset (dict) "a" }}', "map[]"),
    ('{{ hasKey (dict "a" nil) "a" }}', "true"),
    ('{{ hasKey (dict) "a" }}', "false"),
    ('{{ pluck "a" (dict "a" 1) (dict) (dict "a" 2) }}', "[1 2]"),
    ('{{ pick (dict "a" 1 "b" 2) "a" "x" }}', "map[a:1]"),
    ('{{ omit (dict "a" 1 "b" 2) "a" }}', "map[b:2]"),
    ('{{ keys (dict "a" 1) (dict "b" 2) }}', "[a b]"),
    ('{{ values (dict "a" 1) }}', "[1]"),
    ('{{ dig "a" "b" "d" (dict "a" (dict "b" 5)) }}', "5"),
    ('{{ dig "a" "x" "d" (dict "a" (dict)) }}', "d"),
    ('{{ dig "z" "d" (dict) }}', "d"),
    (
        '{{ merge (dict "a" 1 "n" (dict "x" 1)) (dict "a" 2 "b" 3 "n" (dict "x" 9 "y" 2)) }}',
        "map[a:1 b:3 n:map[x:1 y:2]]",
    ),
    ('{{ merge (dict "a" "") (dict "a" "x") }}', "map[a:x]"),
    ('{{ merge nil (dict "a" 1) }}', "map[a:1]"),
    ('{{ merge (dict "a" nil) (dict "a" 5) }}', "map[a:5]"),
    ('{{ merge (dict) (dict "a" nil) }}', "map[]"),
    ('{{ merge (dict "a" (list 1)) (dict "a" (list 2)) }}', "map[a:[1]]"),
    ('{{ merge (dict "a" (list)) (dict "a" (list 2)) }}', "map[a:[2]]"),
    ('{{ merge (dict "a" 0i) (dict "a" 1i) }}', "map[a:(0+0i)]"),
    ('{{ merge (dict "a" (semver "1.2.3")) (dict "a" (dict)) }}', ""),
    ('{{ mustMerge (dict "a" 1) (dict "b" 2) }}', "map[a:1 b:2]"),
    ('{{ merge (dict "a" (dict "x" 1)) (dict "a" 5) }}', "map[a:map[x:1]]"),
    ('{{ merge (dict "a" 5) (dict "a" (dict "x" 1)) }}', "map[a:5]"),
    (
        '{{ mergeOverwrite (dict "a" 1 "n" (dict "x" 1)) (dict "a" nil "n" (dict "y" 2)) (dict "b" (list)) }}',
        "map[a:<nil> b:[] n:map[x:1 y:2]]",
    ),
    ('{{ mergeOverwrite (dict "a" true) (dict "a" false) }}', "map[a:false]"),
    ('{{ mustMergeOverwrite (dict "a" (list 1)) (dict "a" (list)) }}', "map[a:[]]"),
    ('{{ mergeOverwrite (dict "a" (dict "x" 1)) (dict "a" (dict)) }}', "map[a:map[x:1]]"),
    ('{{ merge (dict "a" (split "," "x")) (dict "a" (dict "_0" "z")) }}', "map[a:map[_0:x]]"),
    ('{{ mergeOverwrite (dict "a" (dict "k" "v")) (dict "a" (split "," "x")) }}', "map[a:map[_0:x k:v]]"),
    (
        (
            '{{ $l := list (dict "a" 1) }}{{ $c := deepCopy $l }}{{ $_ := set (index $c 0) "a" 2 }}{{ $l }}{{ $c '
            '}} {{ mustDeepCopy (dict "a" nil "s" (semver "1.2.3")) }} {{ deepCopy (split "," "a") | typeOf }} {{ '
            "deepCopy (rest list) | toJson }} {{ deepCopy 5 }} {{ deepCopy (until 2) | typeOf }}"
        ),
        "[map[a:1]][map[a:2]] map[a:<nil> s:0.0.0] map[string]string null 5 []int",
    ),
]
"""Templates and what Go makes of them."""
REFUSED = [
    '{{ get (split "," "a") "_0" }}',
    '{{ set nil "a" 1 }}',
    '{{ dig "a" (dict) }}',
    '{{ dig 5 "d" (dict) }}',
    '{{ dig "a" "b" "d" (dict "a" 1) }}',
    '{{ dig "a" "d" (list) }}',
    "{{ merge (dict) 5 }}",
    '{{ merge (dict "a" (split "," "x")) (dict "a" (dict "y" "z")) }}',
    '{{ mustMerge (dict "a" (semver "1.2.3")) (dict "a" (dict)) }}',
    "{{ deepCopy nil }}",
    "{{ mustDeepCopy nil }}",
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


def test_a_merge_shares_what_it_takes(rendered: Callable[..., str]) -> None:
    template = '{{ $s := dict "n" (dict) }}{{ $m := merge (dict) $s }}{{ $_ := set $s.n "x" 1 }}{{ $m }}'
    assert rendered(template) == "map[n:map[x:1]]"


def test_keys_and_values_are_in_order(rendered: Callable[..., str]) -> None:
    template = '{{ $d := dict "b" 1 "a" 2 "é" 3 "\\xff" 4 }}{{ keys $d }} {{ values $d }}'
    assert rendered(template) == "[a b é \udcff] [2 1 3 4]"


@pytest.mark.parametrize(
    "template",
    [
        "{{ deepCopy $d }}",
        "{{ merge (dict) $d }}",
        "{{ dict $d 1 }}",
    ],
)
def test_a_dictionary_that_holds_itself_is_refused(rendered: Callable[..., str], template: str) -> None:
    with pytest.raises(TemplateExecutionError, match="itself"):
        rendered('{{ $d := dict }}{{ $_ := set $d "d" $d }}' + template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ $d := dict }}{{ range 6 }}{{ $_ := set $d (print .) 1 }}{{ end }}",
        '{{ keys (dict "a" 1 "b" 2 "c" 3) (dict "a" 1 "b" 2 "c" 3) }}',
    ],
)
def test_dictionaries_are_limited(rendered: Callable[..., str], template: str) -> None:
    with pytest.raises(TemplateExecutionError, match="more than 5 elements"):
        rendered(template, Limits(items=5))
