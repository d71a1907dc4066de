"""Requests through Microsoft's clients, without what the store client puts around them."""

import logging
from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.azure.clouds import vault_of
from virtrigaud_secrets.stores.azure.identity import Identity
from virtrigaud_secrets.stores.azure.names import ObjectKind, ObjectName
from virtrigaud_secrets.stores.azure.sdk import About, Api
from virtrigaud_secrets.stores.azure.transport import Transport

NAME = ObjectName(ObjectKind.SECRET, "db")
VALUE = "hunter2-never-show"


@pytest.fixture
def api(wire, make_spec, make_context):
    spec, context = make_spec(), make_context()
    transport = Transport(context)
    return Api(vault_of(spec, context), Identity(spec, context, transport), transport)


def test_what_is_written_is_read(api, caplog):
    caplog.set_level(logging.DEBUG)
    later = datetime(2031, 1, 1, tzinfo=UTC)
    api.set_secret(NAME, Sensitive(VALUE), About(tags={"a": "1"}, expires=later, content_type="text/plain"))
    kept = api.read(NAME)
    assert (kept.value, kept.content_type) == (Sensitive(VALUE), "text/plain")
    assert (kept.properties.tags, kept.properties.expires_on) == ({"a": "1"}, later)
    assert VALUE not in repr(kept)
    api.update(NAME, kept.properties.version, About(tags={"b": "2"}))
    changed = api.read(NAME)
    assert (changed.properties.tags, changed.properties.expires_on) == ({"b": "2"}, later)
    assert (changed.properties.version, changed.content_type) == (kept.properties.version, "text/plain")
    assert VALUE not in caplog.text


def test_what_is_deleted_comes_back(api):
    api.set_secret(NAME, Sensitive(VALUE), About(tags={"a": "1"}))
    api.delete(NAME)
    assert api.deleted_tags(NAME) == {"a": "1"}
    api.recover(NAME)
    assert api.read(NAME).value == Sensitive(VALUE)


def test_what_can_be_listed(api, vault):
    vault.set_secret("on", VALUE, tags={"a": "1"})
    vault.set_secret("off", VALUE, enabled=False)
    assert api.enabled_secrets() == [("on", {"a": "1"})]


def test_one_client_of_each_kind(api, vault):
    vault.set_secret("db", VALUE)
    vault.set_key("db", {"kty": "RSA", "n": "AQAB", "e": "AQAB"})
    vault.set_certificate("db", b"\x30")
    names = {kind: ObjectName(kind, "db") for kind in ObjectKind}
    assert api.read(names[ObjectKind.SECRET]).value == Sensitive(VALUE)
    assert api.read(names[ObjectKind.KEY]).key.n == b"\1\0\1"
    assert api.read(names[ObjectKind.CERTIFICATE]).certificate == b"\x30"
    made = [api._secrets, api._keys, api._certificates]
    for name in names.values():
        api.read(name)
    assert made == [api._secrets, api._keys, api._certificates]
