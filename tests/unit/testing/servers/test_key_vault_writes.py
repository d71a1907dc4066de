from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from virtrigaud_secrets.testing import ManualClock
from virtrigaud_secrets.testing.certificates import CertificateAuthority
from virtrigaud_secrets.testing.servers.key_vault_messages import Reply, Request
from virtrigaud_secrets.testing.servers.key_vault_objects import VaultObjects, Version, standard_base64
from virtrigaud_secrets.testing.servers.key_vault_writes import PEM, Writes

RSA = {"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "AQAB"}
EC = {"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB", "d": "AQAB"}
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
POLICY = {"secret_props": {"contentType": PEM}}


@pytest.fixture
def objects() -> VaultObjects:
    return VaultObjects(ManualClock())


def send(objects: VaultObjects, method: str, path: str, body: object) -> tuple[str, Version] | Reply:
    collection, name, *further = path.split("/")
    request = Request(method, f"/{path}", {}, {}, json.dumps(body).encode())
    return Writes(objects).answer(request, collection, name, "/".join(further))


def written(outcome: tuple[str, Version] | Reply) -> Version:
    assert not isinstance(outcome, Reply)
    return outcome[1]


def refused(outcome: tuple[str, Version] | Reply) -> HTTPStatus:
    assert isinstance(outcome, Reply)
    return outcome.status


def test_attributes_come_with_what_is_written(objects: VaultObjects) -> None:
    body = {"value": "x", "contentType": "t", "tags": {"a": "b"}, "attributes": {"exp": 86400, "nbf": 0}}
    made = written(send(objects, "PUT", "secrets/db", body))
    assert (made.content, made.tags, made.enabled) == ({"value": "x", "contentType": "t"}, {"a": "b"}, True)
    assert (made.expires, made.not_before) == (datetime(1970, 1, 2, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("key", [RSA, EC])
def test_of_an_imported_key_the_public_half_is_told(objects: VaultObjects, key: dict[str, str]) -> None:
    made = written(send(objects, "PUT", "keys/sign", {"key": {**key, "key_ops": ["sign"]}}))
    assert made.content == {"key": {name: value for name, value in key.items() if name != "d"}}


@pytest.mark.parametrize("key", [{"kty": "oct", "k": "AQAB"}, {**RSA, "d": ""}, {**EC, "crv": None}, {}])
def test_a_key_that_is_refused(objects: VaultObjects, key: dict[str, object]) -> None:
    assert refused(send(objects, "PUT", "keys/sign", {"key": key})) == HTTPStatus.BAD_REQUEST
    assert objects.find("keys", "sign") is None


def certificate(form: str = "pem") -> bytes:
    issued = CertificateAuthority("CA").issue("host.example")
    key = serialization.load_pem_private_key(issued.private_key.encode(), None)
    none = serialization.NoEncryption()
    if form == "pem":
        return (issued.certificate + issued.private_key).encode()
    if form == "traditional":
        return issued.certificate.encode() + key.private_bytes(serialization.Encoding.PEM, TRADITIONAL, none)
    if form == "bare":
        return issued.certificate.encode()
    if form == "other":
        return issued.certificate.encode() + CertificateAuthority("CA").issue("x.example").private_key.encode()
    leaf = x509.load_pem_x509_certificate(issued.certificate.encode())
    how = none if form == "pkcs12" else serialization.BestAvailableEncryption(b"password")
    return pkcs12.serialize_key_and_certificates(None, cast("Any", key), leaf, None, how)


@pytest.mark.parametrize(("form", "policy"), [("pem", POLICY), ("pkcs12", {})])
def test_an_imported_certificate_comes_with_key_and_secret(
    objects: VaultObjects, form: str, policy: dict[str, object]
) -> None:
    data = certificate(form)
    body = {"value": standard_base64(data), "policy": policy, "tags": {"a": "b"}}
    made = written(send(objects, "POST", "certificates/web/import", body))
    x509.load_der_x509_certificate(base64.b64decode(str(made.content["cer"])))
    secret, key = objects.find("secrets", "web"), objects.find("keys", "web")
    assert secret is not None
    assert key is not None
    assert secret[1].content["value"] == (data.decode() if form == "pem" else standard_base64(data))
    assert secret[1].tags == key[1].tags == made.tags == {"a": "b"}
    objects.delete("certificates", "web")
    assert objects.find("secrets", "web") is objects.find("keys", "web") is None
    objects.recover("certificates", "web")
    assert objects.find("secrets", "web") is not None


@pytest.mark.parametrize(
    ("form", "policy"),
    [("bare", POLICY), ("traditional", POLICY), ("other", POLICY), ("pem", {}), ("pkcs12", POLICY), ("locked", {})],
)
def test_a_certificate_that_is_refused(objects: VaultObjects, form: str, policy: dict[str, object]) -> None:
    body = {"value": standard_base64(certificate(form)), "policy": policy}
    assert refused(send(objects, "POST", "certificates/web/import", body)) == HTTPStatus.BAD_REQUEST
    assert refused(send(objects, "POST", "certificates/web/import", {"value": "*"})) == HTTPStatus.BAD_REQUEST


def test_an_update_changes_what_it_names(objects: VaultObjects) -> None:
    version = objects.add("secrets", "db", {"value": "x"}, tags={"a": "b"})
    made = written(send(objects, "PATCH", f"secrets/db/{version}", {"attributes": {"exp": 86400}, "contentType": "t"}))
    assert (made.content, made.tags) == ({"value": "x", "contentType": "t"}, {"a": "b"})
    assert made.expires == datetime(1970, 1, 2, tzinfo=UTC)
    made = written(send(objects, "PATCH", "secrets/db", {"tags": {"c": "d"}, "attributes": {"enabled": False}}))
    assert (made.tags, made.enabled, made.expires) == ({"c": "d"}, False, datetime(1970, 1, 2, tzinfo=UTC))
    assert objects.versions("secrets", "db") == [version]
    assert refused(send(objects, "PATCH", "secrets/other", {})) == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "secrets/db", {"value": "x"}),
        ("PUT", "keys/db", {"key": RSA}),
        ("POST", "certificates/db/import", {"value": standard_base64(certificate()), "policy": POLICY}),
    ],
)
def test_a_deleted_name_is_not_free(objects: VaultObjects, method: str, path: str, body: object) -> None:
    collection = path.partition("/")[0]
    objects.add(collection, "db", {"value": "x"})
    objects.delete(collection, "db")
    assert refused(send(objects, method, path, body)) == HTTPStatus.CONFLICT


def test_no_such_operation(objects: VaultObjects) -> None:
    assert refused(send(objects, "POST", "secrets/db", {})) == HTTPStatus.BAD_REQUEST
