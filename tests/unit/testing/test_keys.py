from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from virtrigaud_secrets.testing.keys import KeyFormat, KeyKind, SshKey, known_hosts_line, ssh_key

CLASSES = {
    "ed25519": ed25519.Ed25519PrivateKey,
    "rsa": rsa.RSAPrivateKey,
    "ecdsa": ec.EllipticCurvePrivateKey,
}


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_openssh_keys_load_and_belong_together(kind: KeyKind) -> None:
    key = ssh_key(kind, comment="somebody")
    loaded = load_ssh_private_key(key.private.encode(), None)
    assert isinstance(loaded, CLASSES[kind])
    public = loaded.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    assert key.public == f"{public} somebody"


@pytest.mark.parametrize(
    ("kind", "written", "label"),
    [
        ("ed25519", "openssh", "OPENSSH PRIVATE KEY"),
        ("ed25519", "pkcs8", "PRIVATE KEY"),
        ("rsa", "traditional", "RSA PRIVATE KEY"),
        ("ecdsa", "traditional", "EC PRIVATE KEY"),
    ],
)
def test_the_form_is_as_asked(kind: KeyKind, written: KeyFormat, label: str) -> None:
    private = ssh_key(kind, written=written).private
    assert private.startswith(f"-----BEGIN {label}-----\n")
    assert private.endswith(f"-----END {label}-----\n")


def test_a_passphrase_opens_the_key() -> None:
    private = ssh_key("ecdsa", written="pkcs8", passphrase="open").private.encode()
    with pytest.raises(TypeError, match="encrypted"):
        load_pem_private_key(private, None)
    assert isinstance(load_pem_private_key(private, b"open"), ec.EllipticCurvePrivateKey)


def test_ed25519_has_no_traditional_form() -> None:
    with pytest.raises(ValueError, match="format"):
        ssh_key("ed25519", written="traditional")


def test_the_private_half_does_not_show() -> None:
    key = ssh_key()
    for text in (repr(key), str(key), f"{key}"):
        assert key.public in text
        assert "PRIVATE" not in text


class TestKnownHosts:
    KEY = SshKey(private="", public="ssh-ed25519 AAAA somebody")

    def test_a_plain_line(self) -> None:
        assert known_hosts_line(self.KEY, "host", "[host]:2222") == "host,[host]:2222 ssh-ed25519 AAAA"

    def test_a_marker(self) -> None:
        line = known_hosts_line(self.KEY, "*.example.org", marker="@cert-authority")
        assert line == "@cert-authority *.example.org ssh-ed25519 AAAA"

    def test_a_hidden_host_is_the_hmac_of_its_name(self) -> None:
        hosts, kind, blob = known_hosts_line(self.KEY, "host", hashed=True).split()
        _, one, salt, digest = hosts.split("|")
        expected = hmac.new(base64.b64decode(salt), b"host", hashlib.sha1).digest()
        assert (one, kind, blob) == ("1", "ssh-ed25519", "AAAA")
        assert base64.b64decode(digest) == expected
