"""`decodingStrategy` and `nullBytePolicy`; vectors of ESO §7."""

import pytest

from virtrigaud_secrets.errors import DecodingError
from virtrigaud_secrets.resolver.decoding import decode
from virtrigaud_secrets.resolver.plan import Decoding


@pytest.mark.parametrize(
    ("strategy", "value", "expected"),
    [
        ("None", b"YQ==", b"YQ=="),
        ("Base64", b"YQ==\n", b"a"),
        ("Base64", b"Y\r\nQ==", b"a"),
        ("Base64", b"YR==", b"a"),
        ("Base64", b"", b""),
        ("Base64URL", b"ab-_", b"\x69\xbf\xbf"),
        ("Auto", b"abcd", b"\x69\xb7\x1d"),
        ("Auto", b"ab-_", b"\x69\xbf\xbf"),
        ("Auto", b"plain text", b"plain text"),
        ("Auto", b"", b""),
    ],
)
def test_decodes(strategy, value, expected):
    assert decode(value, Decoding(strategy=strategy), key="k") == expected


@pytest.mark.parametrize("strategy", ["Base64", "Base64URL"])
@pytest.mark.parametrize("value", [b"Y Q==", b"YQ", b"YQ=", b"YQ==YQ=="])
def test_refuses_what_go_refuses(strategy, value):
    with pytest.raises(DecodingError, match="the value of token is not"):
        decode(value, Decoding(strategy=strategy), key="token")


def test_each_alphabet_refuses_the_other():
    with pytest.raises(DecodingError):
        decode(b"ab-_", Decoding(strategy="Base64"), key="k")
    with pytest.raises(DecodingError):
        decode(b"ab+/", Decoding(strategy="Base64URL"), key="k")


def test_null_byte_is_refused_after_decoding():
    with pytest.raises(DecodingError, match="null byte"):
        decode(b"AA==", Decoding(strategy="Base64", refuse_null_bytes=True), key="k")
    assert decode(b"AA==", Decoding(strategy="Base64"), key="k") == b"\0"


def test_error_and_its_traceback_hide_the_value():
    with pytest.raises(DecodingError) as caught:
        decode(b"canary-value!", Decoding(strategy="Base64"), key="k")
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
