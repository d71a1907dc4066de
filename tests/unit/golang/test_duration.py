from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.golang.duration import HOUR, MILLISECOND, MINUTE, SECOND, DurationError, parse_duration
from virtrigaud_secrets.golang.duration import format_duration as text_of


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("-0", 0),
        ("+5s", 5 * SECOND),
        ("1h30m", HOUR + 30 * MINUTE),
        ("-1.5s", -1_500 * MILLISECOND),
        ("1us2\u00b5s3\u03bcs", 6_000),
        ("1ns", 1),
        (".5m", 30 * SECOND),
        ("5.s", 5 * SECOND),
        ("00001h", HOUR),
        ("0.3333333333333333333h", 20 * MINUTE),
        ("1.00000000000000000000000000001s", SECOND),
        ("0.100000000000000000000h", 6 * MINUTE),
        ("9223372036854775807ns", (1 << 63) - 1),
        ("-9223372036854775808ns", -(1 << 63)),
    ],
)
def test_parses(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        ("s", 'time: invalid duration "s"'),
        (".s", 'time: invalid duration ".s"'),
        ("3", 'time: missing unit in duration "3"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
        ("1 h", 'time: unknown unit " h" in duration "1 h"'),
        ('1"\\\n\u00e9', 'time: unknown unit "\\"\\\\\\x0a\\xc3\\xa9" in duration "1\\"\\\\\\x0a\\xc3\\xa9"'),
        ("1\ud800", 'time: unknown unit "\\xed\\xa0\\x80" in duration "1\\xed\\xa0\\x80"'),
        ("9223372036854775808ns", 'time: invalid duration "9223372036854775808ns"'),
        ("9223372036854775809ns", 'time: invalid duration "9223372036854775809ns"'),
        ("99999999999999999999999s", 'time: invalid duration "99999999999999999999999s"'),
        ("3000000h", 'time: invalid duration "3000000h"'),
        ("2562047h2562047h", 'time: invalid duration "2562047h2562047h"'),
    ],
)
def test_refuses_in_go_s_words(text: str, message: str) -> None:
    with pytest.raises(DurationError) as caught:
        parse_duration(text)

    assert str(caught.value) == message
    assert isinstance(caught.value, SecretsError)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_100, "1.1\u00b5s"),
        (2_200_000, "2.2ms"),
        (3_300 * MILLISECOND, "3.3s"),
        (4 * MINUTE + 5 * SECOND, "4m5s"),
        (4 * MINUTE + 5_001 * MILLISECOND, "4m5.001s"),
        (5 * HOUR, "5h0m0s"),
        (-HOUR - 1, "-1h0m0.000000001s"),
        (-(1 << 63), "-2562047h47m16.854775808s"),
    ],
)
def test_prints(nanoseconds: int, text: str) -> None:
    assert text_of(nanoseconds) == text
