from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError
from virtrigaud_secrets.template import Limits

CASES = [
    ('{{ regexMatch "^a+$" "aaa" }}', "true"),
    ('{{ regexMatch "(" "a" }}', "false"),
    ('{{ mustRegexMatch "b" "abc" }}', "true"),
    ('{{ regexFind "[0-9]+" "ab12c3" }}', "12"),
    ('{{ regexFind "z" "a" }}', ""),
    ('{{ mustRegexFind "a." "xaby" }}', "ab"),
    ('{{ regexFindAll "[0-9]" "a1b2c3" 2 }}', "[1 2]"),
    ('{{ regexFindAll "z" "a" -1 | toJson }}', "null"),
    ('{{ mustRegexFindAll "." "ab" -1 }}', "[a b]"),
    ('{{ regexFindAll "a" "a" 0 | toJson }}', "null"),
    ('{{ regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W" }}', "-W-xxW-"),
    ('{{ mustRegexReplaceAll "(a)(b)" "ab" "$2$1$$" }}', "ba$"),
    ('{{ regexReplaceAllLiteral "a(x*)b" "-ab-axxb-" "${1}" }}', "-${1}-${1}-"),
    ('{{ mustRegexReplaceAllLiteral "a" "aa" "$1" }}', "$1$1"),
    ('{{ regexSplit "z+" "pizza" -1 }}', "[pi a]"),
    ('{{ regexSplit "z+" "pizza" 1 }}', "[pizza]"),
    ('{{ regexSplit "z" "pizza" 0 | toJson }}', "null"),
    ('{{ mustRegexSplit "a*" "baac" -1 }}', "[b c]"),
    ('{{ regexQuoteMeta "1.2+[x]" }}', "1\\.2\\+\\[x\\]"),
]
"""Templates and what Go makes of them."""
REFUSED = [
    '{{ mustRegexMatch "(" "a" }}',
    '{{ regexFind "(" "a" }}',
    '{{ mustRegexFind "(?=a)" "a" }}',
    '{{ regexFindAll "(" "a" 1 }}',
    '{{ mustRegexFindAll "(" "a" 1 }}',
    '{{ regexReplaceAll "(" "a" "b" }}',
    '{{ mustRegexReplaceAll "(" "a" "b" }}',
    '{{ regexReplaceAllLiteral "(" "a" "b" }}',
    '{{ mustRegexReplaceAllLiteral "(" "a" "b" }}',
    '{{ regexSplit "(" "a" 1 }}',
    '{{ mustRegexSplit "(" "a" 1 }}',
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
    "template", ['{{ regexMatch .re "a" }}', '{{ mustRegexFind .re "a" }}', '{{ regexReplaceAll .re "a" "b" }}']
)
def test_patterns_are_limited(rendered: Callable[..., str], template: str) -> None:
    with pytest.raises(TemplateExecutionError, match="longer than 10 bytes"):
        rendered(template, Limits(regexp_size=10), re="a" * 11)


@pytest.mark.parametrize(
    "template",
    [
        '{{ regexReplaceAll "" .a "0123456789" }}',
        '{{ regexReplaceAll "(.*)" .a "$1$1$1$1" }}',
        '{{ regexReplaceAllLiteral "." .a "0123456789" }}',
    ],
)
def test_replacements_are_limited(rendered: Callable[..., str], template: str) -> None:
    with pytest.raises(TemplateExecutionError, match="larger than 100 bytes"):
        rendered(template, Limits(value_size=100), a="a" * 60)


def test_replacements_that_fit_are_made(rendered: Callable[..., str]) -> None:
    assert rendered('{{ regexReplaceAll "z" .a "0123456789" }}', Limits(value_size=100), a="a" * 60) == "a" * 60


@pytest.mark.parametrize("template", ['{{ regexFindAll "." .a -1 }}', '{{ regexSplit "a" .a -1 }}'])
def test_findings_are_limited(rendered: Callable[..., str], template: str) -> None:
    with pytest.raises(TemplateExecutionError, match="more than 5 elements"):
        rendered(template, Limits(items=5), a="a" * 10)


def test_a_pattern_that_backtracks_elsewhere_takes_no_time(rendered: Callable[..., str]) -> None:
    assert rendered('{{ regexMatch "(a*)*(a*)*b$" .a }}', a="a" * 50_000) == "false"
