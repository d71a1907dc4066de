import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from azure.keyvault.keys import JsonWebKey

from virtrigaud_secrets.errors import DecodingError, PropertyNotFoundError
from virtrigaud_secrets.stores.azure.payload import CertificatePayload, KeyPayload, MetadataPayload, text, web_key

CREATED = datetime(2030, 1, 2, 3, 4, 5, 600, tzinfo=timezone(timedelta(hours=2)))


def metadata(tags=None, *, listed=True, written="db", **times):
    return MetadataPayload(
        tags or {}, times, name="db", written=written, store="SecretStore team/s", path="secrets/db", listed=listed
    )


def test_half_a_surrogate_pair_is_replaced_as_in_go():
    assert text("a\ud800b") == "a\ufffdb".encode()
    assert text("ä🔑") == "ä🔑".encode()


def test_a_key_is_written_in_the_order_of_esos_client():
    key = JsonWebKey(
        e=b"\x01\x00\x01", n=b"\x00\xff\xfe", kid="https://v/keys/k/1", kty="RSA", key_ops=["sign", "verify"], t=b"\x01"
    )
    assert web_key(key) == (
        b'{"kid":"https://v/keys/k/1","kty":"RSA","key_ops":["sign","verify"],"n":"AP_-","e":"AQAB","key_hsm":"AQ"}'
    )


def test_a_key_of_a_curve():
    assert web_key(JsonWebKey(kty="EC", crv="P-256", x=b"\x01", y=b"\x02")) == (
        b'{"kty":"EC","crv":"P-256","x":"AQ","y":"Ag"}'
    )


def test_a_keys_properties():
    payload = KeyPayload(b'{"kty":"RSA","n":"abc"}', store="s", path="keys/k")
    assert payload.whole() == b'{"kty":"RSA","n":"abc"}'
    assert payload.property("n") == b"abc"
    with pytest.raises(PropertyNotFoundError):
        payload.property("d")
    with pytest.raises(DecodingError, match="no entries"):
        payload.entries()


def test_a_certificate_is_itself_whatever_is_asked_of_it():
    payload = CertificatePayload(b"\x30\x82")
    assert payload.whole() == payload.property("any") == b"\x30\x82"
    with pytest.raises(DecodingError, match="no entries"):
        payload.entries()
    assert "30" not in repr(payload)


def test_metadata_as_a_whole_are_json_as_go_writes_it():
    payload = metadata({"b": "<1>", "a": "ä"}, created=CREATED, expires=None)
    assert payload.whole() == '{"a":"ä","attribute.created":"2030-01-02T01:04:05Z","b":"\\u003c1\\u003e"}'.encode()


def test_one_tag_or_time():
    payload = metadata({"team": "x", "dotted.name": "y"}, notBefore=datetime(2030, 1, 1, tzinfo=UTC))
    assert payload.property("team") == b"x"
    assert payload.property("dotted.name") == b"y"
    assert payload.property("attribute.notBefore") == b"2030-01-01T00:00:00Z"


def test_a_value_inside_a_tag_of_json():
    payload = metadata({"config": '{"port": 443, "a.b": "literal", "deep": {"x": "y"}}'})
    assert payload.property("config.port") == b"443"
    assert payload.property("config.a.b") == b"literal"
    assert payload.property("config.deep.x") == b"y"


@pytest.mark.parametrize("name", ["nope", "nope.x", "config.nope", ".x", ""])
def test_a_tag_that_is_not_there_is_told_by_name(name):
    with pytest.raises(PropertyNotFoundError) as caught:
        metadata({"config": "{}"}).property(name)
    assert not caught.value.missing


def test_entries_carry_the_name_before_the_tag():
    tags = {"team": "x", "texts": '{"a": "1", "b": null}', "numbers": '{"a": 1}', "nothing": "null", "list": "[]"}
    assert metadata(tags, updated=CREATED).entries() == {
        "db_team": b"x",
        "db_texts_a": b"1",
        "db_texts_b": b"",
        "db_numbers": b'{"a": 1}',
        "db_list": b"[]",
        "db_attribute.updated": b"2030-01-02T01:04:05Z",
    }


def test_entries_of_one_tag_carry_the_key_as_written():
    assert metadata({"team": "x"}, written="secret/db").entries("team") == {"secret/db_team": b"x"}
    with pytest.raises(PropertyNotFoundError):
        metadata().entries("team")


def test_only_secrets_list_their_metadata():
    with pytest.raises(DecodingError, match="no entries"):
        metadata({"team": "x"}, listed=False).entries()


def test_asking_does_not_change_it():
    payload = metadata({"a": "1"})
    payload.entries().clear()
    assert json.loads(payload.whole()) == {"a": "1"}
    assert repr(payload) == "<MetadataPayload [redacted]>"
