from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError
from virtrigaud_secrets.template import Limits

CASES = [
    ('{{ atoi "42" }}', "42"),
    ('{{ atoi "-7" }}', "-7"),
    ('{{ atoi "x" }}', "0"),
    ('{{ atoi "99999999999999999999" }}', "9223372036854775807"),
    ('{{ int "3.7" }}', "3"),
    ('{{ int "0x1f" }}', "31"),
    ('{{ int "08" }}', "0"),
    ('{{ int "1_000" }}', "1000"),
    ("{{ int -2.9 }}", "-2"),
    ("{{ int true }}", "1"),
    ("{{ int nil }}", "0"),
    ("{{ int (list) }}", "0"),
    ("{{ int 1e30 }}", "-9223372036854775808"),
    ('{{ int64 "9223372036854775807" }}', "9223372036854775807"),
    ('{{ int64 "9223372036854775808" }}', "0"),
    ("{{ int64 42.9 | typeOf }}", "int64"),
    ('{{ float64 "0x1p-2" }}', "0.25"),
    ('{{ float64 "1e400" }}', "0"),
    ('{{ float64 "inf" }}', "+Inf"),
    ('{{ float64 "" }}', "0"),
    ("{{ float64 3 }}", "3"),
    ('{{ toDecimal "0777" }}', "511"),
    ("{{ toDecimal 777 }}", "511"),
    ('{{ toDecimal "8" }}', "0"),
    ("{{ toDecimal nil }}", "0"),
    ("{{ toDecimal (list 7) }}", "0"),
    ('{{ add 1 "2" 3.9 }}', "6"),
    ("{{ add }}", "0"),
    ("{{ add1 41 }}", "42"),
    ("{{ add 9223372036854775807 1 }}", "-9223372036854775808"),
    ("{{ sub 1 2 }}", "-1"),
    ("{{ sub -9223372036854775807 2 }}", "9223372036854775807"),
    ("{{ mul 3 4 -1 }}", "-12"),
    ("{{ mul 5 }}", "5"),
    ("{{ div -7 2 }}", "-3"),
    ("{{ mod -7 2 }}", "-1"),
    ("{{ mod 7 -2 }}", "1"),
    ("{{ div -9223372036854775808 -1 }}", "-9223372036854775808"),
    ('{{ max 1 "5" 3 }}', "5"),
    ("{{ biggest -1 -2 }}", "-1"),
    ("{{ min 4 2.9 3 }}", "2"),
    ("{{ min 1 }}", "1"),
    ("{{ addf 0.1 0.2 }}", "0.3"),
    ("{{ addf }}", "0"),
    ("{{ add1f 1.5 }}", "2.5"),
    ("{{ subf 7.5 2 3 }}", "2.5"),
    ("{{ mulf 1.1 1.1 }}", "1.21"),
    ("{{ mulf 1e300 1e300 }}", "+Inf"),
    ("{{ divf 10 3 }}", "3.3333333333333335"),
    ("{{ divf 2 3 }}", "0.6666666666666667"),
    ("{{ divf -1 3 }}", "-0.3333333333333333"),
    ("{{ divf 1 2 4 }}", "0.125"),
    ('{{ maxf 1 2.5 "3" }}', "3"),
    ('{{ minf 1 "-0.5" }}', "-0.5"),
    ('{{ maxf "NaN" 1 }}', "NaN"),
    ('{{ maxf "NaN" "inf" }}', "+Inf"),
    ('{{ minf "inf" 1 }}', "1"),
    ("{{ floor 1.9 }}", "1"),
    ("{{ floor -1.1 }}", "-2"),
    ("{{ ceil 1.1 }}", "2"),
    ("{{ ceil -0.5 }}", "-0"),
    ('{{ floor "inf" }}', "+Inf"),
    ('{{ ceil "NaN" }}', "NaN"),
    ("{{ round 123.5555 3 }}", "123.556"),
    ("{{ round 2.5 0 }}", "3"),
    ("{{ round -2.5 0 }}", "-3"),
    ("{{ round 123.456 -1 }}", "120"),
    ("{{ round 1.4 0 0.3 }}", "2"),
    ("{{ round 1e300 400 }}", "NaN"),
    ("{{ round 5 -400 }}", "NaN"),
    ("{{ until 3 }}", "[0 1 2]"),
    ("{{ until -2 }}", "[0 -1]"),
    ("{{ until 0 }}", "[]"),
    ("{{ until 2 | typeOf }}", "[]int"),
    ("{{ untilStep 3 6 2 }}", "[3 5]"),
    ("{{ untilStep 6 3 -1 }}", "[6 5 4]"),
    ("{{ untilStep 0 5 0 }}", "[]"),
    ("{{ untilStep 0 5 -1 }}", "[]"),
    ("{{ untilStep 5 0 1 }}", "[]"),
    ("{{ seq 5 }}", "1 2 3 4 5"),
    ("{{ seq -3 }}", "1 0 -1 -2 -3"),
    ("{{ seq 2 5 }}", "2 3 4 5"),
    ("{{ seq 5 2 }}", "5 4 3 2"),
    ("{{ seq 0 2 10 }}", "0 2 4 6 8 10"),
    ("{{ seq 10 -3 0 }}", "10 7 4 1"),
    ("{{ seq 10 3 0 }}", ""),
    ("{{ seq }}", ""),
    ("{{ seq 1 2 3 4 }}", ""),
    ("{{ seq -9223372036854775808 }}", ""),
]
"""Templates and what Go makes of them."""
REFUSED = [
    "{{ div 1 0 }}",
    "{{ mod 1 0 }}",
    "{{ divf 1 0 }}",
    '{{ addf "NaN" }}',
    '{{ add1f "inf" }}',
    "{{ atoi 5 }}",
    "{{ round 1.5 1.5 }}",
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
        "{{ until 6 }}",
        "{{ untilStep 0 12 2 }}",
        "{{ untilStep 6 0 -1 }}",
        "{{ seq 6 }}",
        "{{ until 9223372036854775806 }}",
    ],
)
def test_sequences_are_limited(rendered: Callable[..., str], template: str) -> None:
    with pytest.raises(TemplateExecutionError, match="more than 5 elements"):
        rendered(template, Limits(items=5))


def test_sequences_up_to_the_limit_are_made(rendered: Callable[..., str]) -> None:
    assert rendered("{{ until 5 }}{{ seq 5 }}", Limits(items=5)) == "[0 1 2 3 4]1 2 3 4 5"


def test_a_printed_list_beyond_the_limit_is_no_number(rendered: Callable[..., str]) -> None:
    with pytest.raises(TemplateExecutionError, match="larger"):
        rendered("{{ toDecimal (list .a .a) }}", Limits(value_size=10), a="123456789")
