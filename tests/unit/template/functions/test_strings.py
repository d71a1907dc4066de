from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError
from virtrigaud_secrets.template import Limits

CASES = [
    ('{{ abbrev 5 "hello world" }}', "he..."),
    ('{{ abbrev 3 "hello" }}', "hello"),
    ('{{ abbrev 20 "hello" }}', "hello"),
    ('{{ abbrev 5 "" }}', ""),
    ('{{ abbrevboth 5 10 "1234 5678 9123" }}', "...5678..."),
    ('{{ abbrevboth 1 6 "hello world" }}', "hello world"),
    ('{{ abbrevboth 100 8 "hello world" }}', "...world"),
    ('{{ abbrevboth 6 8 "abcdefghijklmnopqrstuvwxyz" }}', "...gh..."),
    ('{{ abbrevboth -1 5 "abcdefgh" }}', "ab..."),
    ('{{ abbrevboth 2 5 "abcdefgh" }}', "abcdefgh"),
    ('{{ trunc 3 "hello" }}', "hel"),
    ('{{ trunc -3 "hello" }}', "llo"),
    ('{{ trunc 10 "hi" }}', "hi"),
    ('{{ trunc -10 "hi" }}', "hi"),
    ('{{ trunc 0 "hi" }}', ""),
    ('{{ trunc 1 "é" | printf "%q" }}', '"\\xc3"'),
    ('{{ substr 1 3 "hello" }}', "el"),
    ('{{ substr -1 3 "hello" }}', "hel"),
    ('{{ substr 2 -1 "hello" }}', "llo"),
    ('{{ substr 0 99 "hello" }}', "hello"),
    ('{{ trim " \\u00a0x\\x1c \\n" | printf "%q" }}', '"x\\x1c"'),
    ('{{ trimAll "$-" "$-a-$" }}', "a"),
    ('{{ trimall "" "x" }}', "x"),
    ('{{ trimPrefix "a" "aab" }}', "ab"),
    ('{{ trimSuffix "b" "abb" }}', "ab"),
    ('{{ trimPrefix "\\xc3" "é" | printf "%q" }}', '"\\xa9"'),
    ('{{ trimSuffix "\\xa9" "é" | printf "%q" }}', '"\\xc3"'),
    ('{{ nospace " a b\\tc " }}', "abc"),
    ('{{ nospace "é x" }}', "Ã©x"),
    ('{{ nospace "é" }}', "é"),
    ('{{ repeat 3 "ab" }}', "ababab"),
    ('{{ repeat 0 "x" }}', ""),
    ('{{ wrap 5 "hello big world foo" }}', "hello\nbig\nworld\nfoo"),
    ('{{ wrap 3 "longword x" }}', "longword\nx"),
    ('{{ wrap 0 "a b" }}', "a\nb"),
    ('{{ wrap 2 "abcdef" }}', "abcdef"),
    ('{{ wrap 5 "" }}', ""),
    ('{{ wrapWith 5 "|" "hello bigworldfoo x" }}', "hello|bigwo|rldfo|o x"),
    ('{{ wrapWith 2 "" "a  bcd" }}', "a \nbc\nd"),
    ('{{ contains "b" "abc" }}', "true"),
    ('{{ contains "\\xc3" "é" }}', "true"),
    ('{{ hasPrefix "a" "abc" }}', "true"),
    ('{{ hasPrefix "\\xc3" "é" }}', "true"),
    ('{{ hasSuffix "c" "abc" }}', "true"),
    ('{{ hasSuffix "\\xa9" "é" }}', "true"),
    ('{{ contains "" "" }}', "true"),
    ('{{ quote "a\\"b" 1 nil true }}', '"a\\"b" "1" "true"'),
    ('{{ quote "é\\x00" }}', '"é\\x00"'),
    ("{{ quote }}", ""),
    ('{{ squote "a" 1.5 nil (list 1) }}', "'a' '1.5' '[1]'"),
    ('{{ cat "a" 1 nil (list "x") "" }}', "a 1 [x] "),
    ("{{ cat }}", ""),
    ('{{ indent 2 "a\\nb" }}', "  a\n  b"),
    ('{{ nindent 1 "a\\n" }}', "\n a\n "),
    ('{{ replace "a" "bb" "banana" }}', "bbbnbbnbb"),
    ('{{ replace "" "-" "ab" }}', "-a-b-"),
    ('{{ replace "\\xc3" "x" "é" | printf "%q" }}', '"x\\xa9"'),
    ('{{ plural "one" "many" 1 }}', "one"),
    ('{{ plural "one" "many" 0 }}', "many"),
    ("{{ toString 1.5 }}", "1.5"),
    ("{{ toString nil }}", "<nil>"),
    ('{{ toString (list 1 "a") }}', "[1 a]"),
    ('{{ toString (semver "1.2.3") }}', "1.2.3"),
    ('{{ split "," "a,b,c" }}', "map[_0:a _1:b _2:c]"),
    ('{{ (split "." "x.y")._1 }}', "y"),
    ('{{ splitn "," 2 "a,b,c" }}', "map[_0:a _1:b,c]"),
    ('{{ splitn "," 0 "a,b" }}', "map[]"),
    ('{{ splitn "" 2 "abc" }}', "map[_0:a _1:bc]"),
    ('{{ splitn "," -1 "a,b" }}', "map[_0:a _1:b]"),
    ('{{ splitList "," "a,b" }}', "[a b]"),
    ('{{ splitList "" "aé" }}', "[a é]"),
    ('{{ splitList "," "" | len }}', "1"),
    ('{{ splitList "\\xc3" "é" | len }}', "2"),
    ('{{ toStrings (list 1 nil "a" true) }}', "[1 a true]"),
    ('{{ toStrings "x" }}', "[x]"),
    ("{{ toStrings nil | len }}", "0"),
    ("{{ toStrings (until 2) }}", "[0 1]"),
    ('{{ toStrings (splitList "," "a,b") }}', "[a b]"),
    ('{{ join "-" (list 1 nil "a") }}', "1-a"),
    ('{{ join "," "x" }}', "x"),
    ('{{ join "," nil }}', ""),
    ('{{ join "" (splitList "" "é") }}', "é"),
    ('{{ join "," (semver "1").MarshalText }}', "49,46,48,46,48"),
    (
        (
            '{{ sortAlpha (list "b" "a" 3 "é") }} {{ sortAlpha "x" }} {{ sortAlpha (dict "a" 1) }} {{ $l := '
            'splitList "," "b,a" }}{{ $_ := sortAlpha $l }}{{ $l }}'
        ),
        "[3 a b é] [x] [map[a:1]] [a b]",
    ),
]
"""Templates and what Go makes of them."""
REFUSED = [
    '{{ repeat -1 "x" }}',
    '{{ substr 3 1 "hello" }}',
    '{{ substr 9 -1 "hello" }}',
    '{{ substr -1 9 "hello" }}',
    '{{ indent -1 "x" }}',
    '{{ nindent -1 "x" }}',
    '{{ trunc "a" "b" }}',
    "{{ join 1 (list) }}",
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
        '{{ repeat 200 "x" }}',
        '{{ repeat 9223372036854775807 "x" }}',
        '{{ indent 200 "x" }}',
        '{{ nindent 9223372036854775807 "x" }}',
        '{{ replace "a" .long .long }}',
        '{{ replace "" "xxx" .long }}',
        '{{ join .long (list "a" "b" "c") }}',
        "{{ toStrings (list .long .long) }}",
        "{{ cat (list .long .long) }}",
        "{{ toString (list .long .long) }}",
        "{{ wrapWith 1 .long .long }}",
    ],
)
def test_results_are_limited(rendered: Callable[..., str], template: str) -> None:
    with pytest.raises(TemplateExecutionError, match="larger than 100 bytes"):
        rendered(template, Limits(value_size=100), long="a" * 60)


@pytest.mark.parametrize("template", ['{{ splitList "" .a }}', '{{ split "a" .a }}', '{{ splitn "a" -1 .a }}'])
def test_pieces_are_limited(rendered: Callable[..., str], template: str) -> None:
    with pytest.raises(TemplateExecutionError, match="more than 5 elements"):
        rendered(template, Limits(items=5), a="a" * 10)


def test_splitn_counts_only_the_pieces_it_makes(rendered: Callable[..., str]) -> None:
    assert rendered('{{ splitn "," 2 .a }}', Limits(items=5), a="a,b,c,d,e,f,g") == "map[_0:a _1:b,c,d,e,f,g]"


def test_bytes_that_are_no_text_pass_through(rendered: Callable[..., str]) -> None:
    assert rendered('{{ trimPrefix "x" .a }}|{{ replace "x" "" .a }}', a=b"x\xff\x00") == "\udcff\x00|\udcff\x00"
