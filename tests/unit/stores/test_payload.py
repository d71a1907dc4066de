from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import DecodingError, PropertyNotFoundError
from virtrigaud_secrets.stores.payload import Lookup, TextPayload, split_object

DOCUMENT = (
    b'{"a.b": "literal", "a": {"b": "path", "n": [1, 2]}, ".c": "dotted", ".c.d": "twice", "x*": "star", "xy": "other"}'
)


def payload(text: bytes | str = DOCUMENT, lookup: Lookup = Lookup.PATH) -> TextPayload:
    raw = text.encode() if isinstance(text, str) else text
    return TextPayload(raw, lookup=lookup, store="SecretStore ns/s", path="some/path")


class TestSplit:
    @pytest.mark.parametrize(
        ("text", "members"),
        [
            (b"{}", {}),
            (b" {\t}\r\n", {}),
            (b"null", {}),
            (b'{"a":"text"}', {"a": b"text"}),
            (b'{"a":""}', {"a": b""}),
            (b'{"a":null}', {"a": b""}),
            (b'{"a": true , "b":false}', {"a": b"true", "b": b"false"}),
            (b'{"a":1e3,"b":1.50,"c":-0}', {"a": b"1e3", "b": b"1.50", "c": b"-0"}),
            (b'{"a": {"x" : [1,  2]} }', {"a": b'{"x" : [1,  2]}'}),
            (b'{"a":"1","a":"2"}', {"a": b"2"}),
            (rb'{"\u0061":"\u00e4\n\"\\\/"}', {"a": 'ä\n"\\/'.encode()}),
            (rb'{"a":"\ud83d\udd11"}', {"a": "🔑".encode()}),
            (rb'{"a":"\ud83d"}', {"a": "\ufffd".encode()}),
            (b'{"a":"\xff"}', {"a": "\ufffd".encode()}),
            (b'{"a":["\xff"]}', {"a": b'["\xff"]'}),
            ('{"ä": "ö"}'.encode(), {"ä": "ö".encode()}),
            (b'{"n":' + b"9" * 5000 + b"}", {"n": b"9" * 5000}),
        ],
    )
    def test_members(self, text: bytes, members: dict[str, bytes]) -> None:
        assert split_object(text) == members

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"text",
            b'"text"',
            b"[]",
            b"1",
            b"{",
            b'{"a"}',
            b'{"a":}',
            b'{"a":1,}',
            b'{"a":1 "b":2}',
            b"{a:1}",
            b'{1:"a"}',
            b'{"a":1}x',
            b'{"a":1}{"b":2}',
            b'{"a":NaN}',
            b'{"a":-Infinity}',
            b'{"a":01}',
            b'{"a":"line\nbreak"}',
            b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        ],
    )
    def test_no_object_gives_none(self, text: bytes) -> None:
        assert split_object(text) is None


class TestWhole:
    def test_is_the_text_whatever_it_is(self) -> None:
        assert payload(b"\xff\x00 no text").whole() == b"\xff\x00 no text"


class TestProperty:
    @pytest.mark.parametrize(
        ("lookup", "name", "value"),
        [
            (Lookup.PATH, "a.b", b"path"),
            (Lookup.PATH, r"a\.b", b"literal"),
            (Lookup.PATH, "a.n", b"[1, 2]"),
            (Lookup.PATH, "a.n.#", b"2"),
            (Lookup.PATH_THEN_LITERAL, "a.b", b"path"),
            (Lookup.PATH_THEN_LITERAL, ".c", b"dotted"),
            (Lookup.LITERAL_THEN_PATH, "a.b", b"literal"),
            (Lookup.LITERAL_THEN_PATH, ".c", b"dotted"),
            (Lookup.LITERAL_THEN_PATH, ".c.d", b"twice"),
            (Lookup.LITERAL_THEN_PATH, "a.n.1", b"2"),
            (Lookup.INNER_LITERAL_THEN_PATH, "a.b", b"literal"),
            (Lookup.INNER_LITERAL_THEN_PATH, "a.n.1", b"2"),
            (Lookup.KEY_THEN_PATH, "a.b", b"literal"),
            (Lookup.KEY_THEN_PATH, "x*", b"star"),
            (Lookup.KEY_THEN_PATH, "a.n.0", b"1"),
            (Lookup.KEY_THEN_PATH, "a", b'{"b": "path", "n": [1, 2]}'),
        ],
    )
    def test_is_found_in_the_order_asked(self, lookup: Lookup, name: str, value: bytes) -> None:
        assert payload(lookup=lookup).property(name) == value

    @pytest.mark.parametrize(
        ("lookup", "name"),
        [
            (Lookup.PATH, ".c"),
            (Lookup.PATH, "b"),
            (Lookup.PATH_THEN_LITERAL, "b"),
            (Lookup.LITERAL_THEN_PATH, "a.z"),
            (Lookup.INNER_LITERAL_THEN_PATH, ".c"),
            (Lookup.INNER_LITERAL_THEN_PATH, ".c.d"),
            (Lookup.KEY_THEN_PATH, "a.z"),
        ],
    )
    def test_not_found_names_property_store_and_path(self, lookup: Lookup, name: str) -> None:
        with pytest.raises(PropertyNotFoundError) as caught:
            payload(lookup=lookup).property(name)
        assert caught.value.property_name == name
        assert (caught.value.store, caught.value.path) == ("SecretStore ns/s", "some/path")

    def test_null_is_found_and_empty(self) -> None:
        assert payload('{"a": null}').property("a") == b""
        assert payload('{"a": null}', Lookup.KEY_THEN_PATH).property("a") == b""

    @pytest.mark.parametrize("lookup", [Lookup.PATH, Lookup.LITERAL_THEN_PATH, Lookup.KEY_THEN_PATH])
    def test_no_json_has_no_properties(self, lookup: Lookup) -> None:
        with pytest.raises(PropertyNotFoundError):
            payload("plain text", lookup).property("a")

    def test_google_wants_json(self) -> None:
        with pytest.raises(DecodingError, match=r"some/path\] must be JSON"):
            payload("plain text", Lookup.INNER_LITERAL_THEN_PATH).property("a")

    def test_an_absurd_path_is_refused(self) -> None:
        with pytest.raises(DecodingError, match="cannot be looked up"):
            payload().property("[" * 5000 + "a" + "]" * 5000)


class TestEntries:
    def test_of_the_whole(self) -> None:
        assert payload('{"a":"x","b":1}').entries() == {"a": b"x", "b": b"1"}

    def test_of_a_property(self) -> None:
        assert payload('{"a":{"b":"x"}}').entries("a") == {"b": b"x"}

    def test_of_no_object(self) -> None:
        with pytest.raises(DecodingError, match=r"some/path\] must be a JSON object"):
            payload('["canary"]').entries()

    def test_of_a_property_that_is_no_object(self) -> None:
        with pytest.raises(DecodingError, match='at property "a"') as caught:
            payload('{"a":"canary"}').entries("a")
        assert "canary" not in str(caught.value)

    def test_of_a_missing_property(self) -> None:
        with pytest.raises(PropertyNotFoundError):
            payload().entries("nothing")


def test_shows_nothing() -> None:
    assert "literal" not in repr(payload())
