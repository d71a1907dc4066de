from __future__ import annotations

import pytest

from virtrigaud_secrets import gjson

SECRET = (
    '{"username": "svc", "password": "p\\u00e9", "tls": {"verify": true, "ca.crt": "PEM"}, "port": 1.50, "n": null}'
)


@pytest.mark.parametrize(
    ("path", "kind", "text", "raw"),
    [
        ("username", gjson.Kind.STRING, "svc", '"svc"'),
        ("password", gjson.Kind.STRING, "p\u00e9", '"p\\u00e9"'),
        ("tls.verify", gjson.Kind.TRUE, "true", "true"),
        (r"tls.ca\.crt", gjson.Kind.STRING, "PEM", '"PEM"'),
        ("tls", gjson.Kind.JSON, '{"verify": true, "ca.crt": "PEM"}', '{"verify": true, "ca.crt": "PEM"}'),
        ("port", gjson.Kind.NUMBER, "1.5", "1.50"),
        ("n", gjson.Kind.NULL, "", "null"),
    ],
)
def test_get(path: str, kind: gjson.Kind, text: str, raw: str) -> None:
    for document in (SECRET, SECRET.encode()):
        found = gjson.get(document, path)

        assert (found.exists, found.kind, found.text, found.raw) == (True, kind, text, raw)


@pytest.mark.parametrize("path", ["user", "tls.verify.x", "", "tls.nothing", "username|x"])
def test_what_is_not_there_does_not_exist(path: str) -> None:
    found = gjson.get(SECRET, path)

    assert (found.exists, found.kind, found.text, found.raw) == (False, gjson.Kind.NULL, "", "")


def test_kinds_have_gjson_s_names() -> None:
    assert [kind.value for kind in gjson.Kind] == ["Null", "False", "Number", "String", "True", "JSON"]


def test_bytes_that_are_not_utf8_come_back_unchanged() -> None:
    found = gjson.get(b'{"k": "\xff\xc3\xa9"}', "k")

    assert found.text.encode("utf-8", "surrogateescape") == b"\xff\xc3\xa9"


def test_overlong_paths_are_refused() -> None:
    with pytest.raises(gjson.PathLimitError, match="longer than"):
        gjson.get("{}", "a" * 20_000)
