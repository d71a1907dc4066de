from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from virtrigaud_secrets.errors import ClosedError, InvalidRequestError
from virtrigaud_secrets.models.backends.aws import AWSProvider
from virtrigaud_secrets.stores.aws.certificate_manager import KEPT, CertificateManagerClient
from virtrigaud_secrets.stores.base import Fetch
from virtrigaud_secrets.testing import CertificateAuthority
from virtrigaud_secrets.testing.contract import STORE, store_context

META = {"ResponseMetadata": {"RequestId": "r-1"}}
ISSUED = CertificateAuthority("a CA").issue("vcenter.example.com")


class Acm:
    """Certificate Manager as a table; encrypts the key under the passphrase it is given."""

    def __init__(self):
        self.certificate, self.chain, self.key = "LEAF\r\n", "CHAIN\n\n", ISSUED.private_key
        self.asked_for, self.passphrases, self.closed = [], [], False

    def ask(self, operation, parameters, *, path):
        self.asked_for.append(operation)
        shown = {"Certificate": self.certificate, "CertificateChain": self.chain, **META}
        if operation == "GetCertificate":
            return shown
        self.passphrases.append(parameters["Passphrase"].reveal())
        return {**shown, "PrivateKey": self._encrypted(self.passphrases[-1])}

    def _encrypted(self, passphrase):
        if self.key is None:
            return "-----BEGIN ENCRYPTED PRIVATE KEY-----\ncanary\n-----END ENCRYPTED PRIVATE KEY-----\n"
        key = load_pem_private_key(self.key.encode(), password=None)
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase)).decode()

    def refuse_if_closed(self):
        if self.closed:
            raise ClosedError("closed")

    def close(self):
        self.closed = True


@pytest.fixture
def acm():
    return Acm()


@pytest.fixture
def client(acm):
    spec = AWSProvider.model_validate({"service": "CertificateManager", "region": "us-west-2", "prefix": "p/"})
    made = CertificateManagerClient(spec, store_context())
    made.service = acm
    return made


def fetch(key="arn:a", **options):
    return Fetch(store=STORE, key=key, **options)


def plain(key):
    loaded = load_pem_private_key(key.encode(), password=None)
    return loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_the_parts_are_one_text_without_blank_lines(client, acm):
    answer = client.get(fetch())
    assert answer.payload.whole().decode() == f"LEAF\nCHAIN\n{plain(ISSUED.private_key)}"
    assert (answer.path, answer.request_id) == ("arn:a", "r-1")


def test_a_certificate_without_a_chain(client, acm):
    acm.chain = None
    assert client.get(fetch()).payload.whole().decode() == f"LEAF\n{plain(ISSUED.private_key)}"


def test_passphrases_are_made_anew_and_are_what_aws_takes(client, acm):
    client.get(fetch())
    acm.certificate = "ANOTHER"
    client.get(fetch())
    assert len(set(acm.passphrases)) == 2
    for passphrase in acm.passphrases:
        assert len(passphrase) >= 32
        assert passphrase.isalnum()


def test_what_did_not_change_is_not_exported_again(client, acm):
    versions = {client.get(fetch()).version for _ in range(3)}
    assert acm.asked_for.count("ExportCertificate") == 1
    acm.chain = "ANOTHER"
    versions.add(client.get(fetch()).version)
    assert acm.asked_for.count("ExportCertificate") == 2
    assert len(versions) == 2


def test_only_so_many_are_kept(client, acm, monkeypatch):
    monkeypatch.setattr("virtrigaud_secrets.stores.aws.certificate_manager.KEPT", 2)
    for key in ("a", "b", "c", "a"):
        client.get(fetch(key))
    assert acm.asked_for.count("ExportCertificate") == 4
    assert KEPT > 2


def test_a_key_that_cannot_be_read_does_not_show(client, acm):
    acm.key = None
    with pytest.raises(InvalidRequestError, match="private key that cannot be read") as caught:
        client.get(fetch())
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.path == "arn:a"


def test_closing_forgets_the_keys(client):
    client.get(fetch())
    client.close()
    assert not client._exported
    with pytest.raises(ClosedError):
        client.get(fetch())
