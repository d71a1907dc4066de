"""Pairs of SSH keys, read back by the library that did not write the comment."""

import subprocess
from shutil import which

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from virtrigaud_secrets.errors import ConfigurationError


@pytest.fixture
def pair(make, entries):
    return lambda **spec: entries(make("SSHKey", spec))


def private(made):
    return serialization.load_ssh_private_key(made["privateKey"], password=None)


@pytest.mark.parametrize("comment", [None, "", "provider@virtrigaud", "x", "é" * 40])
@pytest.mark.parametrize("key_type", ["rsa", "ecdsa", "ed25519"])
def test_both_halves_belong_together(pair, key_type, comment):
    made = pair(keyType=key_type, **({} if comment is None else {"comment": comment}))
    assert sorted(made) == ["privateKey", "publicKey"]
    public = private(made).public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    assert made["publicKey"].decode() == public.decode() + (f" {comment}" if comment else "") + "\n"
    assert made["privateKey"].startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert made["privateKey"].endswith(b"-----END OPENSSH PRIVATE KEY-----\n")


@pytest.mark.skipif(which("ssh-keygen") is None, reason="there is no ssh-keygen to read the comment")
@pytest.mark.parametrize("key_type", ["rsa", "ecdsa", "ed25519"])
def test_ssh_keygen_reads_key_and_comment(pair, tmp_path, key_type):
    for comment in ("a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg", "abcdefgh"):
        made = pair(keyType=key_type, comment=comment)
        file = tmp_path / f"{key_type}-{comment}"
        file.write_bytes(made["privateKey"])
        file.chmod(0o600)
        shown = subprocess.run(["ssh-keygen", "-y", "-f", str(file)], capture_output=True, check=True).stdout
        assert shown.split() == made["publicKey"].split()


@pytest.mark.parametrize(
    ("spec", "kind", "size"),
    [
        ({}, rsa.RSAPrivateKey, 2048),
        ({"keySize": 3072}, rsa.RSAPrivateKey, 3072),
        ({"keyType": "ecdsa"}, ec.EllipticCurvePrivateKey, 256),
        ({"keyType": "ecdsa", "keySize": 384}, ec.EllipticCurvePrivateKey, 384),
        ({"keyType": "ecdsa", "keySize": 521}, ec.EllipticCurvePrivateKey, 521),
        ({"keyType": "ecdsa", "keySize": 2048}, ec.EllipticCurvePrivateKey, 256),  # ESO's choice for all others
    ],
)
def test_types_and_sizes(pair, spec, kind, size):
    key = private(pair(**spec))
    assert isinstance(key, kind)
    assert key.key_size == size


def test_ed25519_has_one_size(pair):
    assert isinstance(private(pair(keyType="ed25519", keySize=4096)), ed25519.Ed25519PrivateKey)


def test_each_pair_is_another_one(pair):
    assert pair(keyType="ed25519") != pair(keyType="ed25519")


@pytest.mark.parametrize(("spec", "reason"), [({"keySize": 256}, "at least 1024"), ({"comment": "a\nb"}, "one line")])
def test_what_cannot_be(pair, spec, reason):
    with pytest.raises(ConfigurationError, match=reason):
        pair(**spec)
