import json

import pytest

from virtrigaud_secrets.errors import DecodingError, PropertyNotFoundError
from virtrigaud_secrets.golang.encoding_json import unmarshal
from virtrigaud_secrets.stores.vault.payload import OpenBaoPayload, VaultPayload

SOURCE = (
    '{"b":"<&>\u2028é","a":1.0,"n":null,"big":12345678901234567890,"t":true,"o":{"z":1.50,"a":[1,"x"]},'
    '"dot.ted":"literal","dot":{"ted":"path","s":"<"},"exp":1e3,"empty":""}'
)


def payload(source=SOURCE, **options):
    data = unmarshal(source, use_number=True)
    assert isinstance(data, dict)
    return VaultPayload(data, store="SecretStore team/vault", path="secret/data/x", **options)


def test_the_whole_is_go_json_with_numbers_as_written():
    assert payload('{"b":"<&>\u2028é","a":1.0,"n":null}').whole().decode() == (
        '{"a":1.0,"b":"\\u003c\\u0026\\u003e\\u2028é","n":null}'
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("b", "<&>\u2028é"),
        ("a", "1.0"),
        ("n", ""),
        ("big", "12345678901234567890"),
        ("t", "true"),
        ("o", '{"a":[1,"x"],"z":1.50}'),
        ("exp", "1e3"),
        ("empty", ""),
        ("dot.ted", "literal"),  # the exact key goes before the path
        ("dot.s", "<"),
        ("o.a.1", "x"),
        ("o.a.#", "2"),
        ("o.z", "1.5"),  # found by path: gjson's text, not the literal
    ],
)
def test_properties(name, value):
    assert payload().property(name).decode() == value


def test_a_missing_property_names_itself_and_the_path():
    with pytest.raises(PropertyNotFoundError) as caught:
        payload().property("nope")
    assert caught.value.property_name == "nope"
    assert "secret/data/x" in str(caught.value)
    assert "SecretStore team/vault" in str(caught.value)


def test_a_lease_serves_its_properties_as_text():
    envelope = unmarshal('{"lease_id":"vsphere/creds/r/abc","lease_duration":900,"renewable":true}', use_number=True)
    leased = payload('{"username":"u"}', envelope=envelope)
    assert leased.property("lease_id") == b"vsphere/creds/r/abc"
    assert leased.property("lease_duration") == b"900"
    assert leased.property("renewable") == b"true"
    assert leased.whole() == b'{"username":"u"}'
    assert leased.entries() == {"username": b"u"}


def test_data_goes_before_the_lease():
    envelope = unmarshal('{"lease_id":"x","lease_duration":900,"renewable":true}', use_number=True)
    assert payload('{"lease_duration":"mine"}', envelope=envelope).property("lease_duration") == b"mine"


def test_without_a_lease_there_are_no_lease_properties():
    with pytest.raises(PropertyNotFoundError):
        payload().property("lease_duration")


def test_entries_lose_the_form_of_numbers_as_in_eso():
    entries = payload().entries()
    assert entries["a"] == b"1"
    assert entries["exp"] == b"1000"
    assert entries["big"] == b"12345678901234567000"
    assert entries["n"] == b""
    assert entries["o"] == b'{"a":[1,"x"],"z":1.5}'
    assert set(entries) == set(json.loads(SOURCE))


def test_entries_of_a_property():
    assert payload().entries("dot") == {"ted": b"path", "s": b"<"}
    assert payload('{"p":"{\\"a\\":1}"}').entries("p") == {"a": b"1"}
    assert payload('{"p":"null"}').entries("p") == {}


@pytest.mark.parametrize("name", ["a", "t", "b", "empty", "o.a"])
def test_entries_need_an_object(name):
    with pytest.raises(DecodingError) as caught:
        payload().entries(name)
    assert name in str(caught.value)
    assert "é" not in str(caught.value)


def test_nothing_shows():
    assert "literal" not in repr(payload())


def test_openbao_knows_exact_names_only():
    data = unmarshal('{"a.b":"dots","a":{"b":1.50},"n":null}', use_number=True)
    payload = OpenBaoPayload(data, store="s", path="p")
    assert (payload.property("a.b"), payload.property("a"), payload.property("n")) == (b"dots", b'{"b":1.50}', b"")
    assert payload.entries("a") == {"b": b"1.5"}
    for name in ("a.c", "#", "lease_id", ""):
        with pytest.raises(PropertyNotFoundError):
            payload.property(name)
