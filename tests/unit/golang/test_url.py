from __future__ import annotations

import pytest

from virtrigaud_secrets.golang import url
from virtrigaud_secrets.golang.url import URL, URLError, Userinfo


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", URL()),
        ("*", URL(path="*")),
        ("mailto:x@y", URL(scheme="mailto", opaque="x@y")),
        ("x:o?q#f", URL(scheme="x", opaque="o", raw_query="q", fragment="f")),
        ("HTTP://H.ex:80/p?q=1#f", URL(scheme="http", host="H.ex:80", path="/p", raw_query="q=1", fragment="f")),
        ("//h/p", URL(host="h", path="/p")),
        ("///p", URL(path="///p")),
        ("x:///p", URL(scheme="x", path="/p")),
        ("x:/p", URL(scheme="x", path="/p", omit_host=True)),
        ("/a%20b", URL(path="/a b")),
        ("/a%2Fb", URL(path="/a/b", raw_path="/a%2Fb")),
        ("/p?", URL(path="/p", force_query=True)),
        ("//u:p%40@h", URL(user=Userinfo("u", "p@"), host="h")),
        ("//u@h", URL(user=Userinfo("u"), host="h")),
        ("//[fe80::1%25en0]:8", URL(host="[fe80::1%en0]:8")),
        ("//h%C3%A9", URL(host="hé")),
        ("#%41", URL(fragment="A", raw_fragment="%41")),
        ("ssh://a:b:22", URL(scheme="ssh", host="a:b:22")),
    ],
)
def test_urls_are_taken_apart(text: str, expected: URL) -> None:
    assert url.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "http://a b/", "http://h\x7f", ":x", "1a:b/c", "//h:port", "http://h:1:2", "//[::1", "//[1.2.3.4]",
        "//[::1]x", "//a[b]", "/%zz", "/%4", "//%41h", "//h<%20", "//u\x80@h", "//[fe80::1%25]", "//[::%41]", "#%g",
    ],
)  # fmt: skip
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(URLError) as caught:
        url.parse(text)
    assert text not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "http://u:p@h:80/a%2Fb?q#f",
        "x:/p",
        "x:///p",
        "//h/p",
        "mailto:a@b",
        "/p?",
        "#%21",
        "http://[::1]/",
        "?q",
        "/a;b",
    ],
)
def test_urls_are_put_together_again(text: str) -> None:
    assert str(url.parse(text)) == text


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (URL(host="h", path="p"), "//h/p"),
        (URL(path="a:b"), "./a:b"),
        (URL(scheme="x", path="/a b"), "x:///a b".replace(" ", "%20")),
        (URL(path="/a?b"), "/a%3Fb"),
        (URL(path="/x", raw_path="/%zz"), "/x"),
        (URL(path="/x", raw_path="/y"), "/x"),
        (URL(host="h é"), "//h%20%C3%A9"),
        (URL(user=Userinfo("a:b", "/"), host="h"), "//a%3Ab:%2F@h"),
        (URL(path="/", fragment="a b"), "/#a%20b"),
    ],
)
def test_parts_are_escaped(parts: URL, text: str) -> None:
    assert str(parts) == text


@pytest.mark.parametrize(
    ("host", "name"), [("h:80", "h"), ("[::1]:80", "::1"), ("[::1]", "::1"), ("h:x", "h:x"), ("", "")]
)
def test_host_names(host: str, name: str) -> None:
    assert URL(host=host).hostname == name


def test_passwords_show_in_no_repr() -> None:
    assert "planted" not in repr(url.parse("http://planted:planted@h/"))
    assert "planted" not in repr(Userinfo("planted", "planted"))
