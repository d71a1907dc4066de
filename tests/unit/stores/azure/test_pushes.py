"""What a push asks a vault; the answers are the stand-in's."""

import json
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ConflictError,
    DecodingError,
    InvalidRequestError,
    NotOwnedError,
    StoreUnavailableError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Push, PushOutcome, PushTarget, StoreKey
from virtrigaud_secrets.testing.certificates import CertificateAuthority
from virtrigaud_secrets.testing.contract import CANARY, assert_hidden

STORE = StoreKey("SecretStore", "team", "azure-key-vault")
MARK = {"managed-by": "external-secrets"}
HEAD = {"apiVersion": "kubernetes.external-secrets.io/v1alpha1", "kind": "PushSecretMetadata"}
LATER = datetime(2031, 1, 1, tzinfo=UTC)


def target(key="db", name=""):
    return PushTarget(store=STORE, key=key, property=name)


def push(value=CANARY, key="db", name="", *, dry_run=False, **spec):
    metadata = {**HEAD, "spec": spec} if spec else None
    entries = {"a": Sensitive(value)}
    return Push(target=target(key, name), entries=entries, secret_key="a", metadata=metadata, dry_run=dry_run)


def raised(kind, call):
    with pytest.raises(kind) as caught:
        call()
    assert_hidden(caught.value)
    return caught.value


def sent(vault):
    """What went to the vault with a login, each as method and path."""
    return [f"{one.method} {one.path}" for one in vault.requests if one.client_id]


def key_pem(key):
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def test_a_new_secret_has_its_mark_with_the_value(make_client, vault):
    assert make_client().push(push()) is PushOutcome.CREATED
    assert sent(vault) == ["GET /secrets/db", "PUT /secrets/db"]
    made = vault.newest("db")
    assert (made.content, made.tags, made.expires) == ({"value": CANARY}, MARK, None)


def test_metadata_says_how(make_client, vault):
    client = make_client()
    spec = {"tags": {"a": "1"}, "contentType": "text/plain", "expirationDate": "2030-12-31T22:00:00-02:00"}
    assert client.push(push(**spec)) is PushOutcome.CREATED
    made = vault.newest("db")
    assert made.content == {"value": CANARY, "contentType": "text/plain"}
    assert (made.tags, made.expires) == ({"a": "1", **MARK}, LATER)
    assert client.push(push(**spec)) is PushOutcome.UNCHANGED
    assert client.push(push()) is PushOutcome.UNCHANGED
    # What is beside the value changes without a new version of it.
    for changed in ({"tags": {"b": "2"}}, {"contentType": "x"}, {"expirationDate": "2032-01-01T00:00:00Z"}):
        assert client.push(push(**changed, dry_run=True)) is PushOutcome.UPDATED
        assert client.push(push(**changed)) is PushOutcome.UPDATED
        assert client.push(push(**changed)) is PushOutcome.UNCHANGED
    made = vault.newest("db")
    assert (made.tags, made.content["contentType"], made.expires.year) == ({"b": "2", **MARK}, "x", 2032)
    assert vault.versions("db") == 1
    # Tags and content type stay with another value; its end does not.
    assert client.push(push("other")) is PushOutcome.UPDATED
    made = vault.newest("db")
    assert (made.tags, made.content["contentType"], made.expires) == ({"b": "2", **MARK}, "x", None)


def test_a_property_keeps_what_is_beside_the_value(make_client, vault):
    client = make_client()
    client.push(push('{"x": 1}', expirationDate="2031-01-01T00:00:00Z", contentType="application/json"))
    assert client.push(push(name="b.c")) is PushOutcome.UPDATED
    made = vault.newest("db")
    assert made.content == {"value": f'{{"x": 1,"b":{{"c":"{CANARY}"}}}}', "contentType": "application/json"}
    assert made.expires == LATER
    assert client.delete(target(name="b.c")) is PushOutcome.DELETED
    made = vault.newest("db")
    assert (json.loads(made.content["value"]), made.expires) == ({"x": 1, "b": {}}, LATER)


@pytest.mark.parametrize("date", ["tomorrow", "2031-01-01", "2031-02-30T00:00:00Z", "9999-12-31T23:59:59-23:00"])
def test_a_date_that_is_none(make_client, vault, date):
    error = raised(InvalidRequestError, lambda: make_client().push(push(expirationDate=date)))
    assert "expirationDate" in str(error)
    assert sent(vault) == []


def test_the_mark_is_not_the_manifests_to_give(make_client, vault):
    raised(InvalidRequestError, lambda: make_client().push(push(tags={"managed-by": "me"})))
    assert sent(vault) == []


def test_a_value_that_is_no_text(make_client, vault):
    raised(DecodingError, lambda: make_client().push(push(b"\xff\xfe")))
    assert vault.newest("db") is None


def test_a_property_of_what_is_no_json_is_refused(make_client):
    client = make_client()
    client.push(push(f"text {CANARY}"))
    raised(InvalidRequestError, lambda: client.push(push(name="p")))


def test_a_key_is_imported_once(make_client, vault):
    client = make_client()
    pem = key_pem(rsa.generate_private_key(65537, 2048))
    key = push(pem, "key/sign", expirationDate="2031-01-01T00:00:00Z")
    assert client.push(key) is PushOutcome.CREATED
    made = vault.newest("sign", collection="keys")
    assert (made.tags, made.expires, made.content["key"]["kty"]) == (MARK, LATER, "RSA")
    assert "d" not in made.content["key"]
    assert client.push(key) is PushOutcome.UNCHANGED
    assert client.push(push(pem, "key/sign", tags={"a": "1"})) is PushOutcome.UPDATED
    assert vault.newest("sign", collection="keys").tags == {"a": "1", **MARK}
    assert vault.versions("sign", collection="keys") == 1
    other = key_pem(ec.generate_private_key(ec.SECP256R1()))
    assert client.push(push(other, "key/sign")) is PushOutcome.UPDATED
    assert vault.newest("sign", collection="keys").content["key"]["crv"] == "P-256"
    assert client.push(push(other, "key/sign")) is PushOutcome.UNCHANGED
    assert client.exists(target("key/sign"))
    assert client.delete(target("key/sign")) is PushOutcome.DELETED
    assert not client.exists(target("key/sign"))


def test_a_symmetric_key_is_for_the_service_to_take(make_client):
    error = raised(InvalidRequestError, lambda: make_client().push(push(CANARY, "key/sign")))
    assert error.status == HTTPStatus.BAD_REQUEST


def test_a_certificate_is_imported_once(make_client, vault):
    client, issued = make_client(), CertificateAuthority("CA").issue("host.example")
    value = issued.certificate + issued.private_key
    assert client.push(push(value, "cert/web")) is PushOutcome.CREATED
    assert vault.newest("web", collection="certificates").tags == MARK
    assert vault.newest("web").content["contentType"] == "application/x-pem-file"
    assert client.push(push(value, "cert/web", expirationDate="2031-01-01T00:00:00Z")) is PushOutcome.UNCHANGED
    assert client.push(push(value, "cert/web", tags={"a": "1"})) is PushOutcome.UPDATED
    assert vault.newest("web", collection="certificates").tags == {"a": "1", **MARK}
    assert vault.versions("web", collection="certificates") == 1
    other = CertificateAuthority("CA").issue("host.example")
    assert client.push(push(other.certificate + other.private_key, "cert/web")) is PushOutcome.UPDATED
    assert client.exists(target("cert/web"))
    assert client.delete(target("cert/web")) is PushOutcome.DELETED
    assert vault.newest("web") is None


@pytest.mark.parametrize("key", ["key/k", "cert/k"])
def test_keys_and_certificates_are_one_value(make_client, vault, key):
    client = make_client()
    for call in (
        lambda: client.push(push(CANARY, key, "property")),
        lambda: client.exists(target(key, "property")),
        lambda: client.delete(target(key, "property")),
    ):
        assert "as a whole" in str(raised(InvalidRequestError, call))
    assert sent(vault) == []
    whole = Push(target=target(key), entries={"a": Sensitive(CANARY)})
    assert "match.secretKey" in str(raised(InvalidRequestError, lambda: client.push(whole)))
    bad = raised(InvalidRequestError, lambda: client.push(push(f'{{"{CANARY}":', key)))
    assert bad.store == str(STORE)


def test_what_lacks_the_mark_is_left_alone(make_client, vault):
    client = make_client()
    vault.set_secret("db", "theirs", tags={"managed-by": "me"})
    vault.set_key("db", {"kty": "RSA", "n": "AQAB", "e": "AQAB"})
    vault.set_certificate("db", b"\x30")
    pem = key_pem(ec.generate_private_key(ec.SECP256R1()))
    issued = CertificateAuthority("CA").issue("host.example")
    for key, value in (("db", CANARY), ("key/db", pem), ("cert/db", issued.certificate + issued.private_key)):
        raised(NotOwnedError, partial(client.push, push(value, key)))
        assert client.delete(target(key)) is PushOutcome.NOT_OWNED
    assert {line.partition(" ")[0] for line in sent(vault)} == {"GET"}


@pytest.mark.parametrize("key", ["db", "key/db", "cert/db"])
def test_a_deleted_name_that_is_ours_is_brought_back_and_written_over(make_client, vault, clock, key):
    client = make_client()
    issued = CertificateAuthority("CA").issue("host.example")
    value = issued.certificate + issued.private_key if key.startswith("cert") else issued.private_key
    client.push(push(value, key))
    client.delete(target(key))
    vault.recover_slowly(3)
    before = clock.elapsed()
    assert client.push(push(value, key, tags={"a": "1"})) is PushOutcome.CREATED
    assert clock.elapsed() - before == 3.0
    collection = {"d": "secrets", "k": "keys", "c": "certificates"}[key[0]]
    assert vault.newest("db", collection=collection).tags == {"a": "1", **MARK}
    assert [line for line in sent(vault) if "recover" in line] == [f"POST /deleted{collection}/db/recover"]


def test_a_recovery_that_takes_too_long_is_for_the_next_push(make_client, vault):
    client = make_client()
    client.push(push())
    client.delete(target())
    vault.recover_slowly(1000)
    error = raised(StoreUnavailableError, lambda: client.push(push("other")))
    assert error.retryable
    vault.recover_slowly(0)


def test_a_deleted_name_that_is_not_ours_is_left_deleted(make_client, vault):
    client = make_client()
    vault.set_secret("db", "theirs")
    vault.delete("db")
    assert "purge" in str(raised(NotOwnedError, lambda: client.push(push())))
    assert not [line for line in sent(vault) if "recover" in line]


def test_a_disabled_secret_is_there(make_client, vault):
    vault.set_secret("db", CANARY, enabled=False, tags=MARK)
    client = make_client()
    assert client.exists(target())
    raised(AccessDeniedError, lambda: client.exists(target(name="p")))
    raised(AccessDeniedError, lambda: client.push(push()))
    raised(AccessDeniedError, lambda: client.delete(target()))


def test_what_somebody_else_deletes_meanwhile_is_gone(make_client, vault, wire, monkeypatch):
    client = make_client()
    client.push(push())
    real = wire.vault.answer

    def meanwhile(request):
        if request.method == "DELETE":
            vault.delete("db")
        return real(request)

    monkeypatch.setattr(vault, "answer", meanwhile)
    assert client.delete(target()) is PushOutcome.DELETED


@pytest.mark.parametrize(
    ("denied", "call"),
    [
        ("secrets/set", lambda client: client.push(push())),
        ("secrets/get", lambda client: client.push(push())),
        ("keys/import", lambda client: client.push(push(key_pem(ec.generate_private_key(ec.SECP256R1())), "key/k"))),
        ("secrets/set", lambda client: client.push(push("there", "there", tags={"a": "1"}))),
        ("secrets/delete", lambda client: client.delete(target("there"))),
        ("secrets/recover", lambda client: client.push(push("x", "gone"))),
    ],
)
def test_a_permission_that_is_missing_is_named(make_client, vault, denied, call):
    vault.set_secret("there", "there", tags=MARK)
    vault.set_secret("gone", "gone", tags=MARK)
    vault.delete("gone")
    vault.deny(denied)
    error = raised(AccessDeniedError, lambda: call(make_client()))
    assert error.capability == denied
    assert error.store == str(STORE)


def test_a_write_is_not_repeated_and_a_lost_answer_is_told(make_client, vault, wire, monkeypatch):
    client = make_client()
    client.push(push("first"))
    real = vault.answer
    lost = []

    def losing(request):
        reply = real(request)
        if request.method == "PUT":
            lost.append(reply.status)
            raise requests.exceptions.ConnectionError("the answer was lost")
        return reply

    monkeypatch.setattr(vault, "answer", losing)
    error = raised(StoreUnavailableError, lambda: client.push(push()))
    assert error.acted
    assert "may have been written" in str(error)
    assert lost == [HTTPStatus.OK]
    monkeypatch.setattr(vault, "answer", real)
    assert client.push(push()) is PushOutcome.UNCHANGED


@pytest.mark.parametrize(
    ("status", "kind", "acted"),
    [
        (HTTPStatus.SERVICE_UNAVAILABLE, StoreUnavailableError, True),
        (HTTPStatus.CONFLICT, ConflictError, False),
        (HTTPStatus.BAD_REQUEST, InvalidRequestError, False),
    ],
)
def test_a_refused_write_is_sent_once(make_client, vault, monkeypatch, status, kind, acted):
    from virtrigaud_secrets.testing.servers import key_vault_messages as messages

    client, real = make_client(), vault.answer
    tried = []

    def failing(request):
        if request.method == "PUT":
            tried.append(request.path)
            return messages.error(status, "Trouble", "trouble", "ObjectIsBeingDeleted")
        return real(request)

    monkeypatch.setattr(vault, "answer", failing)
    error = raised(kind, lambda: client.push(push()))
    assert error.acted is acted
    assert len(tried) == 1


def test_a_write_that_never_went_out_is_no_open_question(make_client, vault, wire):
    import urllib3

    client = make_client()
    client.push(push("first"))
    real = wire.send

    def refusing(request, **options):
        if request.method == "PUT":
            cause = urllib3.exceptions.NewConnectionError(None, "refused")
            raise requests.exceptions.ConnectionError(cause)
        return real(request, **options)

    wire.send = refusing
    error = raised(StoreUnavailableError, lambda: client.push(push()))
    assert not error.acted
