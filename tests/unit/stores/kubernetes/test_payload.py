from __future__ import annotations

import traceback

import pytest

from virtrigaud_secrets.errors import DecodingError, PropertyNotFoundError, SecretsError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Payload
from virtrigaud_secrets.stores.kubernetes.payload import MetadataPayload, SecretPayload

PLANTED = "planted-value-7f3a"


def secret(**data: bytes) -> SecretPayload:
    return SecretPayload({key.replace("__", "."): Sensitive(value) for key, value in data.items()}, path="p")


def metadata(labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None) -> MetadataPayload:
    hidden = {key: Sensitive(text) for key, text in (annotations or {}).items()}
    return MetadataPayload(labels or {}, hidden, path="p")


def test_the_whole_is_sorted_texts_without_html_escapes() -> None:
    assert secret(b=b"<&>", a=b"\xff\n").whole() == b'{"a":"\\ufffd\\n","b":"<&>"}'
    assert secret().whole() == b"{}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("plain", b"\xff\x00"),
        ("a.b", b"exact"),
        ("a.c", b"inner"),
        ("a.d.0", b"1"),
        ("a.b.c", b"deep"),
        ("a.n", b""),
        ("a.o", b'{"x":  1}'),
    ],
)
def test_a_property_is_a_key_or_a_path_behind_the_first_dot(name: str, value: bytes) -> None:
    document = b'{"b": {"c": "deep"}, "c": "inner", "d": [1], "n": null, "o": {"x":  1}}'
    assert secret(plain=b"\xff\x00", a__b=b"exact", a=document).property(name) == value


@pytest.mark.parametrize("name", ["absent", "plain.", ".plain", "plain.x", "absent.x", "PLAIN"])
def test_a_property_that_is_not_there_is_told_by_name(name: str) -> None:
    with pytest.raises(PropertyNotFoundError) as caught:
        secret(plain=b'{"y": 1}').property(name)
    assert (caught.value.property_name, caught.value.missing, caught.value.path) == (name, False, "p")


def test_entries_are_the_data_as_it_is() -> None:
    assert secret(a=b"\x00\xff", b=b"").entries() == {"a": b"\x00\xff", "b": b""}


def test_entries_of_a_property_are_json_texts_again() -> None:
    payload = secret(
        a=b'{"text": "<v>", "number": 1.50, "big": 12345678901234567890, "null": null, "o": {"b":1,"a":2}}'
    )
    assert payload.entries("a") == {
        "text": b'"\\u003cv\\u003e"',
        "number": b"1.5",
        "big": b"12345678901234567000",
        "null": b"null",
        "o": b'{"a":2,"b":1}',
    }


def test_entries_of_a_key_with_a_dot_and_by_pattern() -> None:
    payload = secret(config__json=b'{"a": 1}', other=b"{}", nothing=b"null")
    assert payload.entries("config.json") == {"a": b"1"}
    assert payload.entries("conf*") == {"a": b"1"}
    assert payload.entries("nothing") == {}


@pytest.mark.parametrize("name", ["absent", "a.b", "config.yaml"])
def test_entries_of_a_property_that_is_not_there(name: str) -> None:
    with pytest.raises(PropertyNotFoundError):
        secret(a=b'{"b": {"c": 1}}', config__json=b"{}").entries(name)


@pytest.mark.parametrize("value", [PLANTED.encode(), b'["%s"]' % PLANTED.encode(), b"\xff", b""])
def test_what_is_no_object_has_no_entries_and_is_not_shown(value: bytes) -> None:
    with pytest.raises(DecodingError, match="must be a JSON object") as caught:
        secret(a=value).entries("a")
    assert_hidden(caught.value)
    with pytest.raises(DecodingError):
        secret(a=value).entries("@this")


def test_a_path_that_asks_for_too_much_is_refused_without_a_value() -> None:
    path = "a." + "x." * 100_000
    for ask in (secret(a=b'{"v": "%s"}' % PLANTED.encode()).property, metadata({"a": PLANTED}).entries):
        with pytest.raises((DecodingError, PropertyNotFoundError)) as caught:
            ask(path)
        assert_hidden(caught.value)
    with pytest.raises(DecodingError, match="cannot be looked up"):
        secret(a=b"{}").property(path)


def test_metadata_as_a_whole() -> None:
    assert metadata({"b": "<", "a": "1"}).whole() == b'{"annotations":null,"labels":{"a":"1","b":"<"}}'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("labels", b'{"app":"<web>"}'),
        ("labels.app", b"<web>"),
        ("annotations.json", b'{"a": {"bc": "deep"}}'),
        ("annotations.json.a", b'{"bc": "deep"}'),
        ("annotations.json.a@pretty", None),
    ],
)
def test_metadata_by_property(name: str, value: bytes | None) -> None:
    payload = metadata({"app": "<web>"}, {"json": '{"a": {"bc": "deep"}}'})
    if value is None:
        with pytest.raises(PropertyNotFoundError):
            payload.property(name)
    else:
        assert payload.property(name) == value


def test_dots_of_a_path_into_metadata_are_lost() -> None:
    payload = metadata(annotations={"json": '{"a": {"b": "nested"}, "ab": "joined"}'})
    assert payload.property("annotations.json.a.b") == b"joined"


@pytest.mark.parametrize("name", ["app", "spec", "labels.absent", "labels.app.kubernetes.io/name", "labels.app.x"])
def test_metadata_that_is_not_there(name: str) -> None:
    with pytest.raises(PropertyNotFoundError):
        metadata({"app": "web", "app.kubernetes.io/name": "x"}).property(name)


def test_metadata_without_any_is_null_as_in_go() -> None:
    assert metadata().property("labels") == b"null"
    assert metadata().entries() == {"labels": b"null", "annotations": b"null"}
    assert metadata().entries("labels") == {}


def test_metadata_as_entries() -> None:
    payload = metadata({"app": "<web>"}, {"a": "b"})
    assert payload.entries() == {"labels": b'{"app":"\\u003cweb\\u003e"}', "annotations": b'{"a":"b"}'}
    assert payload.entries("annotations") == {"a": b'"b"'}
    with pytest.raises(PropertyNotFoundError):
        payload.entries("spec")


@pytest.mark.parametrize("payload", [secret(a=PLANTED.encode()), metadata({"a": PLANTED}, {"b": PLANTED})])
def test_a_payload_hides_what_it_holds(payload: Payload) -> None:
    assert PLANTED not in f"{payload!r} {payload!s}"


def assert_hidden(error: SecretsError) -> None:
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in report.stack if frame.filename != __file__]
    assert frames
    assert PLANTED not in f"{error} {error!r} {[frame.locals for frame in frames]}"
    assert error.__cause__ is error.__context__ is None
