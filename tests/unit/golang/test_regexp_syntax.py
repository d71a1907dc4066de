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
        (r"\p{Gre-ek}\p{Old_Italic}", r"\p{Greek}\p{Olditalic}"),
        (r"[[:al\pL:]]", r"[[:al\pL:]]"),
    ],
)
def test_patterns_are_spelled_for_re2(pattern: str, expected: str) -> None:
    assert to_re2(pattern).text.decode() == expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("\udcff", "invalid UTF-8"),
        (r"a\C", "invalid escape sequence"),
        ("(?P<\u00e9>a)", "invalid named capture"),
        ("\\p{Gree\u212a}", "invalid character class range"),  # a Kelvin sign, which Python takes for a k
        ("a(?<=b)", "invalid named capture: `\\(\\?<=b\\)`"),
        ("a(?<name", "invalid named capture: `\\(\\?<name`"),
        ("(" * 1001, "expression nests too deeply"),
    ],
)
def test_what_go_refuses_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(SyntaxFault, match=message):
        to_re2(pattern)


def test_messages() -> None:
    assert from_re2_message(b"missing ]: [a", "x[a", {}) == "missing closing ]: `[a`"
    assert from_re2_message("bad repetition operator: ??{1001}", "a", {}) == "invalid repeat count: `{1001}`"
    assert from_re2_message("invalid repetition size: {3,2}?", "a", {}) == "invalid repeat count: `{3,2}`"
    assert from_re2_message("bad repetition operator: **", "a", {}) == "invalid nested repetition operator: `**`"
    written = {r"\p{Olditalic}": r"\p{Old_Italic}"}
    assert from_re2_message(r"invalid character class range: \p{Olditalic}", "a", written).endswith(r"`\p{Old_Italic}`")
    assert from_re2_message("missing ): (", "a(", {}) == "missing closing ): `a(`"
    assert (
        from_re2_message("pattern too large - compile failed", "a", {})
        == "expression too large or nested too deeply: `a`"
    )
