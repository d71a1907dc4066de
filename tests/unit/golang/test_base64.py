from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import DecodingError
from virtrigaud_secrets.golang import base64


@pytest.mark.parametrize(
    ("text", "standard", "url"),
    [
        ("YQ==\n", b"a", b"a"),
        ("Y\r\nQ=\n=", b"a", b"a"),
        ("YR==", b"a", b"a"),
        ("", b"", b""),
        ("ab-_", None, b"\x69\xbf\xbf"),
        ("ab+/", b"\x69\xbf\xbf", None),
        ("Y Q==", None, None),
        ("YQ", None, None),
        ("YQ=", None, None),
        ("YQ==YQ==", None, None),
        ("\u00e9", None, None),
        ("\udcff", None, None),
    ],
)
def test_decoding_follows_go(text: str, standard: bytes | None, url: bytes | None) -> None:
    for expected, is_url in ((standard, False), (url, True)):
        if expected is None:
            with pytest.raises(base64.Base64Error):
                base64.decode(text, url=is_url)
        else:
            assert base64.decode(text, url=is_url) == expected


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("Y Q==", 1),
        ("YQ", 0),
        ("YQ\n", 1),
        ("YQ=", 3),
        ("YQ=\n", 4),
        ("YQ=\nA", 3),
        ("YQ==YQ==", 4),
        ("YQ==\n\nY", 6),
        ("YWI=Y", 4),
        ("=", 0),
        ("Y===", 1),
        ("AAAA!", 4),
    ],
)
def test_a_fault_is_reported_where_go_reports_it(text: str, offset: int) -> None:
    with pytest.raises(base64.Base64Error) as caught:
        base64.decode(text)

    assert caught.value.offset == offset
    assert str(caught.value) == f"illegal base64 data at input byte {offset}"
    assert isinstance(caught.value, DecodingError)


def test_bytes_decode_like_text() -> None:
    assert base64.decode(b"_-==", url=True) == b"\xff"


def test_encoding() -> None:
    assert base64.encode(b"\x69\xbf\xbf\x00") == "ab+/AA=="
    assert base64.encode(b"\x69\xbf\xbf\x00", url=True) == "ab-_AA=="
