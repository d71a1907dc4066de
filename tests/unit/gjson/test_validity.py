from __future__ import annotations

import pytest

from virtrigaud_secrets.gjson.validity import is_valid


@pytest.mark.parametrize(
    "text",
    [
        ' {"a" : [1, -0.5e+3, true, false, null, "\\u00e9\\n", {}, []] } ',
        "0",
        '"\udcff"',
        "[" * 50_000 + "]" * 50_000,
        '{"a":{"b":[[1],2]},"c":3}',
    ],
)
def test_valid(text: str) -> None:
    assert is_valid(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[", "[}", "{]", "[1", "[1 2]", "[1,]", "[,1]", '{"a"}', '{"a":}', '{"a":1,}', "{1:2}", '{"a":1,b}',
        "[1}", "01", "1.", "-", "+1", "nul", '"\x01"', '"\\q"', '"\\u12"', '"a', "1 2", "[] x", "NaN",
    ],
)  # fmt: skip
def test_invalid(text: str) -> None:
    assert not is_valid(text)
