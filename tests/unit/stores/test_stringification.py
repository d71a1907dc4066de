"""Stringification of ESO §3.0."""

import pytest

from virtrigaud_secrets.golang.encoding_json import unmarshal
from virtrigaud_secrets.stores.stringification import as_bytes


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ('"<é\\n"', "<é\n"),
        ("1e3", "1000"),
        ("1.50", "1.5"),
        ("12345678901234567890", "12345678901234567000"),
        ("-0", "-0"),
        ("1e21", "1000000000000000000000"),
        ("true", "true"),
        ("false", "false"),
        ("null", ""),
        ('{"b":"<","a":[1.0,null]}', '{"a":[1,null],"b":"\\u003c"}'),
        ("[]", "[]"),
    ],
)
def test_a_json_value_becomes_text(written, text):
    assert as_bytes(unmarshal(written)).decode() == text


@pytest.mark.parametrize("literal", ["1e3", "1.50", "12345678901234567890"])
def test_a_number_that_was_kept_as_written_stays_so(literal):
    assert as_bytes(unmarshal(literal, use_number=True)).decode() == literal
