import dataclasses

import pytest

from virtrigaud_secrets.errors import InvalidRequestError
from virtrigaud_secrets.stores.azure.names import ObjectKind, ObjectName
from virtrigaud_secrets.stores.base import Fetch, StoreKey

STORE = StoreKey("SecretStore", "team", "azure-key-vault")


def fetch(key, **fields):
    return Fetch(store=STORE, key=key, **fields)


@pytest.mark.parametrize(
    ("key", "kind", "name"),
    [
        ("db", ObjectKind.SECRET, "db"),
        ("secret/db", ObjectKind.SECRET, "db"),
        ("cert/web", ObjectKind.CERTIFICATE, "web"),
        ("key/sign", ObjectKind.KEY, "sign"),
        ("cert/web/ignored/too", ObjectKind.CERTIFICATE, "web"),
    ],
)
def test_type_and_name(key, kind, name):
    assert ObjectName.of(fetch(key)) == ObjectName(kind, name)


@pytest.mark.parametrize(
    "key", ["", "/", "cert/", "secret//x", "a.b", "a?b", "a%2fb", "..", "cert/..", "x" * 128, "a\n"]
)
def test_what_no_vault_takes_is_refused_before_it_is_sent(key):
    with pytest.raises(InvalidRequestError):
        ObjectName.of(fetch(key))


@pytest.mark.parametrize("version", ["a/b", "../x", "?", "1 "])
def test_a_version_is_no_path(version):
    with pytest.raises(InvalidRequestError, match="version"):
        ObjectName.of(fetch("a", version=version))


def test_an_unknown_type_is_named_with_store_and_key():
    with pytest.raises(InvalidRequestError, match=r'"certificates" is none of secret, cert, key') as caught:
        ObjectName.of(fetch("certificates/web"))
    assert caught.value.path == "certificates/web"
    assert caught.value.store == str(STORE)


@pytest.mark.parametrize(
    ("key", "version", "path", "permission", "operation"),
    [
        ("db", "", "secrets/db", "secrets/get", "GetSecret"),
        ("db", "7", "secrets/db/7", "secrets/get", "GetSecret"),
        ("cert/web", "", "certificates/web", "certificates/get", "GetCertificate"),
        ("key/sign", "9", "keys/sign/9", "keys/get", "GetKey"),
    ],
)
def test_what_it_is_called_in_the_vault(key, version, path, permission, operation):
    name = ObjectName.of(fetch(key, version=version))
    assert (name.path, name.permission, name.operation) == (path, permission, operation)


def test_spellings_of_one_secret_are_one_fetch():
    for key in ("db", "secret/db", "secret/db/more"):
        written = fetch(key, version="7")
        assert ObjectName.of(written).canonical(written) == fetch("db", version="7")
    certificate = fetch("cert/web/more")
    assert ObjectName.of(certificate).canonical(certificate) == fetch("cert/web")


def test_metadata_keep_their_spelling():
    written = fetch("secret/db", metadata=True)
    assert ObjectName.of(written).canonical(written) == written
    assert dataclasses.replace(written, metadata=False) != ObjectName.of(written).canonical(written)
