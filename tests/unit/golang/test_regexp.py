from __future__ import annotations

import subprocess
import sys

import pytest

from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.golang import regexp
from virtrigaud_secrets.golang.regexp import RegexpError, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "source", "target", "replaced"),
    [
        ("a(.)", "xabyac", "$1_z", "xy"),
        ("a(.)", "xabyac", "${1}_z", "xb_zyc_z"),
        ("a(?P<n>.)", "xab", "<$n|${n}|$0|$$|$>", "x<b|b|ab|$|$>"),
        ("(?P<n>x)|(?P<n>y)", "xy", "[$n]", "[x][y]"),
        ("a", "ban", "$1$01${$2\u00e9$10000000000", "b${n"),
        ("a*", "baaac", "x", "xbxcx"),
        ("a*", "\u00e9a", "-", "-\u00e9-"),
        ("", "\u00e9\udcff", "-", "-\u00e9-\udcff-"),
        (".", "\udcff\u00e9", "[$0]", "[\udcff][\u00e9]"),
        ("z", "abc", "x", "abc"),
        (r"\B", "a\u00e9a", "-", "a\u00e9a"),
        ("^", "ab", "-", "-ab"),
    ],
)
def test_replace_all(pattern: str, source: str, target: str, replaced: str) -> None:
    assert regexp.replace_all(pattern, source, target) == replaced


def test_replace_all_literal() -> None:
    assert regexp.replace_all_literal("a(.)", "xab", "$1") == "x$1"


def test_match_is_unanchored_and_dollar_is_the_end_of_text() -> None:
    assert regexp.match("b", "abc")
    assert regexp.match("c$", "abc")
    assert not regexp.match("b$", "ab\n")


def test_find() -> None:
    assert regexp.find("b+", "abbb") == "bbb"
    assert regexp.find("x", "abbb") is None
    assert compile_pattern("(x)?(b+)").find_submatches("ab") == ("b", None, "b")
    assert compile_pattern("x").find_submatches("ab") is None


def test_find_all() -> None:
    assert regexp.find_all("a*", "baac") == ["", "aa", ""]
    assert regexp.find_all("a|", "aab", 2) == ["a", "a"]
    assert regexp.find_all("a", "aa", 0) == []


@pytest.mark.parametrize(
    ("pattern", "text", "limit", "pieces"),
    [
        (",", "a,b,c", -1, ["a", "b", "c"]),
        (",", "a,b,c", 2, ["a", "b,c"]),
        (",", "a,b", 0, []),
        (",", "", -1, [""]),
        ("", "ab", -1, ["a", "b"]),
        (",", "a,", -1, ["a", ""]),
        ("a*", "baac", -1, ["b", "c"]),
    ],
)
def test_split(pattern: str, text: str, limit: int, pieces: list[str]) -> None:
    assert regexp.split(pattern, text, limit) == pieces


def test_quote_meta() -> None:
    assert regexp.quote_meta("a.b*c-\u00e9") == "a\\.b\\*c-\u00e9"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("a++", "invalid nested repetition operator: `++`"),
        ("(a", "missing closing ): `(a`"),
        ("\\", "trailing backslash at end of expression: ``"),
        (r"\C", r"invalid escape sequence: `\C`"),
        ("(?=x)", "invalid or unsupported Perl syntax: `(?=`"),
        ("a(?<=b)c", "invalid named capture: `(?<=b)c`"),
        ("a(?<!b)>", "invalid named capture: `(?<!b)>`"),
        ("x(?<n>a))", "unexpected ): `x(?<n>a))`"),
        (r"\8(?P<n n>x)", r"invalid escape sequence: `\8`"),  # the first fault, whoever would find it
        (r"(a(?P<n n>x", "invalid named capture: `(?P<n n>`"),
        (r"[z-a]\C", "invalid character class range: `z-a`"),
        (r"\p{Foo}", r"invalid character class range: `\p{Foo}`"),
        ("a{1001}?", "invalid repeat count: `{1001}`"),
        # What is begun in front of the fault has no use for how that begins.
        (r"(?\C=x)", r"invalid or unsupported Perl syntax: `(?\`"),
        ("(?(?<n n>a)", "invalid or unsupported Perl syntax: `(?(`"),
        (r"\x{e9\C}", r"invalid escape sequence: `\x{e9\`"),
        (r"a\x{", r"invalid escape sequence: `\x{`"),
        (r"[\p", r"invalid character class range: `\p`"),
        (r"[a-\pL]", r"invalid escape sequence: `\p`"),
        (r"\p{Gr(?<m>\C", r"invalid character class range: `\p{Gr(?<m>\C`"),
        (r"[\P{Gr]", r"invalid character class range: `\P{Gr]`"),
    ],
)
def test_refusals_are_worded_as_go_words_them(pattern: str, message: str) -> None:
    with pytest.raises(RegexpError) as caught:
        compile_pattern(pattern)

    assert str(caught.value) == f"error parsing regexp: {message}"
    assert isinstance(caught.value, SecretsError)


def test_an_overlong_pattern_is_refused() -> None:
    with pytest.raises(RegexpError, match="longer than"):
        compile_pattern("a" * 100_000)


def test_a_pattern_too_large_for_re2_is_refused() -> None:
    with pytest.raises(RegexpError, match="too large"):
        compile_pattern(r"((\pL{100}){10}\pL{1000}){1}" * 200)


def test_a_pattern_shows_itself() -> None:
    assert repr(compile_pattern("a.b")) == "Regexp('a.b')"


def test_the_engine_is_loaded_on_first_use() -> None:
    code = "import sys, virtrigaud_secrets.golang.regexp; sys.exit('re2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # our own interpreter
