from __future__ import annotations

import traceback

import pytest

from virtrigaud_secrets.errors import DecodingError, PropertyNotFoundError, SecretsError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.webhook.payload import WebhookPayload

PLANTED = "planted-value-7f3a"


def payload(body: bytes, json_path: str = "") -> WebhookPayload:
    return WebhookPayload(Sensitive(body), json_path=Sensitive(json_path), written="$.written", store="s", path="p")


def test_without_a_path_the_answer_is_the_secret() -> None:
    assert payload(b"\xff any bytes\n").whole() == b"\xff any bytes\n"


@pytest.mark.parametrize(
    ("body", "path", "text"),
    [
        (b'{"a": {"b": "<v>"}}', "$.a.b", b"<v>"),
        (b'{"a-b": "v"}', "$['a-b']", b"v"),
        (b'{"a": ["x", "y"]}', "$.a", b"x"),
        (b'{"a": [["x"], "y"]}', "$.a", b"x"),
        (b'{"a": ["x", "y"]}', "$.a[1]", b"y"),
        (b'{"l": [{"n": "a", "v": "1"}, {"n": "b", "v": "2"}]}', "$.l[?(@.n == 'b')].v", b"2"),
        (b'{"l": [{"v": "1"}, {"v": "2"}]}', "$..v", b"1"),
        (b'{"a": true}', "$.a", b"true"),
        (b'{"a": null}', "$.a", b""),
        (b'{"a": 1.5}', "$.a", b"2"),
        (b'{"a": 2.5}', "$.a", b"2"),
        (b'{"a": 12345678901234567890}', "$.a", b"12345678901234567168"),
        (b'{"a": {"c": "<", "b": 1.50}}', "$.a", b'{"b":1.5,"c":"\\u003c"}'),
        (b'"text"', "$", b"text"),
        (b'"{\\"a\\": 1}"', "$", b'{"a": 1}'),
    ],
)
def test_what_a_path_finds(body: bytes, path: str, text: bytes) -> None:
    assert payload(body, path).whole() == payload(body, path).property("ignored") == text


@pytest.mark.parametrize(
    ("body", "path"), [(b"{}", "$.a"), (b'{"a": []}', "$.a"), (b'{"a": 1}', "$.a[?(@.b)]"), (b'"{\\"a\\": 1}"', "$.a")]
)
def test_nothing_found_names_the_path_as_it_was_written(body: bytes, path: str) -> None:
    with pytest.raises(PropertyNotFoundError) as caught:
        payload(body, path).whole()
    assert (caught.value.property_name, caught.value.missing, caught.value.path) == ("$.written", False, "p")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (PLANTED.encode(), "$.a"),
        (b"[" * 20_000, "$.a"),
        (b'{"a": "%s"}' % PLANTED.encode(), f"$[{PLANTED}"),
        (b"{}", "$..["),
    ],
)
def test_what_cannot_be_read_is_not_shown(body: bytes, path: str) -> None:
    for ask in (payload(body, path).whole, payload(body, path).entries):
        with pytest.raises(DecodingError) as caught:
            ask()
        assert_hidden(caught.value)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"a": "<", "n": 1.50, "z": null, "t": true, "o": {"b": "<"}}', ""),
        (b'{"data": {"a": "<", "n": 1.50, "z": null, "t": true, "o": {"b": "<"}}}', "$.data"),
        (
            b'{"data": "{\\"a\\": \\"<\\", \\"n\\": 1.5, \\"z\\": null, \\"t\\": true, \\"o\\": {\\"b\\":\\"<\\"}}"}',
            "$.data",
        ),
    ],
)
def test_entries_are_the_members_of_an_object_or_of_a_text_that_holds_one(body: bytes, path: str) -> None:
    expected = {"a": b"<", "n": b"1.5", "z": b"", "t": b"true", "o": b'{"b":"\\u003c"}'}
    assert payload(body, path).entries("ignored") == expected


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'["%s"]' % PLANTED.encode(), b'"[1]"'])
def test_entries_of_something_else(body: bytes) -> None:
    with pytest.raises(DecodingError, match="must be a JSON object") as caught:
        payload(body).entries()
    assert_hidden(caught.value)


def test_entries_of_nothing() -> None:
    with pytest.raises(PropertyNotFoundError):
        payload(b"{}", "$.a").entries()


def test_it_hides_what_it_holds() -> None:
    assert PLANTED not in f"{payload(PLANTED.encode(), PLANTED)!r}"


def assert_hidden(error: SecretsError) -> None:
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in report.stack if frame.filename != __file__]
    assert frames
    assert PLANTED not in f"{error} {error!r} {[frame.locals for frame in frames]}"
    assert error.__cause__ is error.__context__ is None
