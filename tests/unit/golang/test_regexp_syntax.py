from __future__ import annotations

import pytest

from virtrigaud_secrets.golang.regexp_syntax import SyntaxFault, from_re2_message, to_re2


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("abc", "abc"),
        (r"\Q\C(\E(a)", r"\Q\C(\E(a)"),
        (r"[\]\p{L}][[:alpha:]]", r"[\]\p{L}][[:alpha:]]"),
        (r"\p{Letter}\P{letter}\p{^Lu}", r"\p{L}\P{L}\p{^Lu}"),
        (r"\p{uppercase-letter}\pl\p{GREEK}", r"\p{Lu}\p{L}\p{Greek}"),
        (r"\p{ASCII}\P{ASCII}\p{^any}", r"[\x00-\x7F][^\x00-\x7F][^\x00-\x{10FFFF}]"),
        (r"[\p{ascii}\P{ascii}\p{LC}]", r"[\x00-\x7F\x{80}-\x{10FFFF}\p{Lu}\p{Ll}\p{Lt}]"),
        (r"\p{Cn}\P{Cn}", r"[^\pL\pM\pN\pP\pS\pZ\pC][\pL\pM\pN\pP\pS\pZ\pC]"),
        (r"[\P{Cn}]", r"[\pL\pM\pN\pP\pS\pZ\pC]"),
        ("(?P<n>a)(?<n>b)(?P<n>c)", "(?P<n>a)(?P<n\u00e9>b)(?P<n\u00e9\u00e9>c)"),
        ("[]a](x)", "[]a](x)"),
    ],
)
def test_patterns_are_spelled_for_re2(pattern: str, expected: str) -> None:
    assert to_re2(pattern).decode() == expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("\udcff", "invalid UTF-8"),
        (r"a\C", "invalid escape sequence"),
        ("(?P<\u00e9>a)", "invalid named capture"),
        (r"\p{Old_Italic}", "invalid character class range"),
        (r"[\p{Cn}]", "not supported inside a character class"),
        ("(" * 1001, "expression nests too deeply"),
    ],
)
def test_what_go_refuses_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(SyntaxFault, match=message):
        to_re2(pattern)


def test_messages() -> None:
    assert from_re2_message(b"missing ]: [a", "x[a") == "missing closing ]: `[a`"
    assert from_re2_message("missing ): (", "a(") == "missing closing ): `a(`"
    assert (
        from_re2_message("pattern too large - compile failed", "a") == "expression too large or nested too deeply: `a`"
    )
