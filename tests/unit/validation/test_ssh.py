from __future__ import annotations

import base64
import warnings
from itertools import count

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, x25519
from cryptography.hazmat.primitives.serialization import (
    SSHCertificateBuilder,
    SSHCertificateType,
    load_ssh_private_key,
    load_ssh_public_key,
)

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.findings import Finding
from virtrigaud_secrets.testing.clock import START
from virtrigaud_secrets.testing.keys import KeyFormat, KeyKind, SshKey, known_hosts_line, ssh_key
from virtrigaud_secrets.validation import validate
from virtrigaud_secrets.validation.wire import string

GOOD = ssh_key()

ENCRYPTED_BY_SSH_KEYGEN = SshKey(
    private="""\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABDG7lN73z
Vxn90QQp+IQTbAAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIMJ58WuETm7Mf9f5
ZxbpOwAWpYm+pmJm+XSKvxk9dNAbAAAAkLxN830wUWkzFMVBH5URRmGWnOSUsrHEOzxwJK
Hvnd/hLOYh8G4f2hd5SZsbeXKJ2FL0B8lhupq6kopkPf7boOCTv9titwwuBPNy0ob4TgD6
jHt/XHzQEXkWC+Omt2uq5wryYBrBgSrQGzsVcVrR6m6OOIK2jqw/ie4EHpbGanmGRE7AJN
4ok3SUk/qjOuFN4w==
-----END OPENSSH PRIVATE KEY-----
""",
    public="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMJ58WuETm7Mf9f5ZxbpOwAWpYm+pmJm+XSKvxk9dNAb throwaway",
)
"""Made by ssh-keygen for this test; its passphrase opens nothing else."""


def data(key: SshKey = GOOD, **changes: bytes | None) -> dict[str, bytes]:
    full: dict[str, bytes | None] = {
        "ssh-privatekey": key.private.encode(),
        "ssh-publickey": key.public.encode() + b"\n",
        "known_hosts": known_hosts_line(key, "host").encode() + b"\n",
    }
    full |= {name.replace("_", "-") if name != "known_hosts" else name: value for name, value in changes.items()}
    return {name: value for name, value in full.items() if value is not None}


def check(content: dict[str, bytes], *, kind: str | None = "ssh") -> tuple[Finding, ...]:
    return validate(Bundle(content), now=START, kind=kind)


def found(content: dict[str, bytes], *, kind: str | None = "ssh") -> list[tuple[str, str, str]]:
    return [(finding.severity.value, finding.field, finding.code) for finding in check(content, kind=kind)]


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
@pytest.mark.parametrize("written", ["openssh", "pkcs8", "traditional"])
def test_what_belongs_together_is_fine(kind: KeyKind, written: KeyFormat) -> None:
    if (kind, written) == ("ed25519", "traditional"):
        written = "openssh"
    assert found(data(ssh_key(kind, written=written))) == []


def test_the_comment_does_not_matter() -> None:
    without = " ".join(GOOD.public.split()[:2])
    assert found(data(ssh_publickey=without.encode())) == []
    assert found(data(ssh_publickey=f"# a remark\n\n{without} some other words\n".encode())) == []


def test_public_key_and_known_hosts_may_be_absent() -> None:
    assert found(data(ssh_publickey=None, known_hosts=None)) == []


def test_a_missing_private_key() -> None:
    assert found(data(ssh_privatekey=None)) == [("error", "ssh-privatekey", "missing-key")]
    assert found(data(ssh_privatekey=None), kind=None) == []


class TestPrivateKey:
    @pytest.mark.parametrize(
        "value",
        [
            b"",
            b"hello",
            GOOD.public.encode(),
            GOOD.private.replace("\n", "\\n").encode(),
            b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END OPENSSH PRIVATE KEY-----\n",
            b"-----BEGIN OPENSSH PRIVATE KEY-----\n!\n-----END OPENSSH PRIVATE KEY-----\n",
            b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n",
            b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        ],
        ids=count(),  # a key is another one in each process
    )
    def test_no_private_key(self, value: bytes) -> None:
        assert found(data(ssh_privatekey=value)) == [("error", "ssh-privatekey", "not-a-private-key")]

    def test_a_damaged_inner_part(self) -> None:
        lines = GOOD.private.splitlines()
        body = bytearray(base64.b64decode("".join(lines[1:-1])))
        body[body.index(b"\x00\x00\x00\x0bssh-ed25519", 80) - 5] ^= 1  # one of the two equal check numbers
        text = "\n".join([lines[0], base64.b64encode(body).decode(), lines[-1], ""])
        assert found(data(ssh_privatekey=text.encode())) == [("error", "ssh-privatekey", "not-a-private-key")]

    @pytest.mark.parametrize(
        "key",
        [
            ENCRYPTED_BY_SSH_KEYGEN,
            ssh_key("rsa", written="pkcs8", passphrase="p"),
            ssh_key("ecdsa", written="traditional", passphrase="p"),
        ],
    )
    def test_encrypted_is_told_as_such(self, key: SshKey) -> None:
        assert found(data(key)) == [("warning", "ssh-privatekey", "encrypted-key")]

    def test_an_encrypted_openssh_key_is_still_compared(self) -> None:
        content = data(ENCRYPTED_BY_SSH_KEYGEN, ssh_publickey=GOOD.public.encode())
        assert ("error", "ssh-publickey", "key-mismatch") in found(content)

    def test_no_final_newline(self) -> None:
        content = data(ssh_privatekey=GOOD.private.rstrip("\n").encode())
        assert found(content) == [("warning", "ssh-privatekey", "no-final-newline")]

    def test_windows_line_ends(self) -> None:
        content = data(ssh_privatekey=GOOD.private.replace("\n", "\r\n").encode())
        assert found(content) == [("warning", "ssh-privatekey", "carriage-return")]

    def test_text_before_the_key(self) -> None:
        content = data(ssh_privatekey=b"\n" + GOOD.private.encode())
        assert found(content) == [("warning", "ssh-privatekey", "text-before-key")]

    def test_a_hardware_backed_key_is_judged_by_its_outer_form(self) -> None:
        public = string(b"sk-ssh-ed25519@openssh.com") + string(b"\1" * 32) + string(b"ssh:")
        outer = b"openssh-key-v1\0" + string(b"none") + string(b"none") + string(b"") + (1).to_bytes(4)
        inner = b"\0\0\0\1" * 2 + public + b"\1" + string(b"handle") + string(b"") + string(b"")
        body = outer + string(public) + string(inner + bytes(range(1, 1 + -len(inner) % 8)))
        private = b"\n".join(
            [
                b"-----BEGIN OPENSSH PRIVATE KEY-----",
                base64.b64encode(body),
                b"-----END OPENSSH PRIVATE KEY-----",
                b"",
            ]
        )
        line = b"sk-ssh-ed25519@openssh.com " + base64.b64encode(public)
        assert found({"ssh-privatekey": private, "ssh-publickey": line}) == []
        assert found({"ssh-privatekey": private, "ssh-publickey": GOOD.public.encode()}) == [
            ("error", "ssh-publickey", "key-mismatch")
        ]

    def test_a_kind_that_ssh_does_not_use(self) -> None:
        private = x25519.X25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        content = {"ssh-privatekey": private}
        assert found(content) == [("error", "ssh-privatekey", "unknown-algorithm")]

    def test_an_unknown_algorithm(self) -> None:
        private = ssh_key("ecdsa", written="pkcs8").private.encode()
        label, body = private.splitlines()[0], b"".join(private.splitlines()[1:-1])
        unknown = base64.b64decode(body).replace(bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d0279"))
        text = b"\n".join([label, base64.b64encode(unknown), label.replace(b"BEGIN", b"END"), b""])
        assert found({"ssh-privatekey": text}) == [("warning", "ssh-privatekey", "unknown-algorithm")]

    def test_a_curve_that_ssh_does_not_use(self) -> None:
        private = ec.generate_private_key(ec.SECP256K1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        assert found({"ssh-privatekey": private}) == [("error", "ssh-privatekey", "unknown-algorithm")]


@pytest.fixture(scope="module")
def dsa_key() -> dsa.DSAPrivateKey:
    # The size of the key is not what is tested, and a proper one takes seconds to make.
    return dsa.generate_private_key(1024)  # noqa: S505


@pytest.mark.parametrize("form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
def test_dsa_is_weak_and_compared(dsa_key: dsa.DSAPrivateKey, form: serialization.PrivateFormat) -> None:
    private = dsa_key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated: cryptography's own form of what is written by hand
        public = dsa_key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    weak = ("warning", "ssh-privatekey", "weak-key")
    assert found({"ssh-privatekey": private, "ssh-publickey": public}) == [weak]
    mismatch = ("error", "ssh-publickey", "key-mismatch")
    assert found({"ssh-privatekey": private, "ssh-publickey": GOOD.public.encode()}) == [weak, mismatch]


def test_dsa_in_openssh_form_is_weak() -> None:
    public = string(b"ssh-dss") + string(b"1")
    body = b"openssh-key-v1\0" + string(b"none") * 2 + string(b"") + (1).to_bytes(4) + string(public)
    private = b"-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n-----END OPENSSH PRIVATE KEY-----\n" % base64.b64encode(body)
    assert found({"ssh-privatekey": private}) == [("warning", "ssh-privatekey", "weak-key")]


class TestPublicKey:
    def test_of_another_key(self) -> None:
        content = data(ssh_publickey=ssh_key().public.encode())
        assert found(content) == [("error", "ssh-publickey", "key-mismatch")]

    @pytest.mark.parametrize(
        "value",
        [
            b"",
            b"# only a remark\n",
            b"ssh-ed25519",
            b"ssh-ed25519 AAAA",
            b"ssh-ed25519 AAA=A",
            GOOD.public.replace("ssh-ed25519", "ssh-rsa", 1).encode(),
            b"---- BEGIN SSH2 PUBLIC KEY ----\nAAAA\n---- END SSH2 PUBLIC KEY ----\n",
            b"\xff \xfe",
        ],
        ids=count(),  # a key is another one in each process
    )
    def test_no_public_key(self, value: bytes) -> None:
        assert found(data(ssh_publickey=value)) == [("error", "ssh-publickey", "not-a-public-key")]
        assert found({"ssh-publickey": value}, kind=None) == [("warning", "ssh-publickey", "not-a-public-key")]

    def test_a_certificate_counts_as_the_key_it_certifies(self) -> None:
        private = load_ssh_private_key(GOOD.private.encode(), None)
        public = load_ssh_public_key(GOOD.public.encode())
        assert isinstance(private, ed25519.Ed25519PrivateKey)
        assert isinstance(public, ed25519.Ed25519PublicKey)
        certificate = (
            SSHCertificateBuilder()
            .public_key(public)
            .type(SSHCertificateType.USER)
            .valid_principals([b"somebody"])
            .valid_after(0)
            .valid_before(2**64 - 1)
            .sign(private)
            .public_bytes()
        )
        assert found(data(ssh_publickey=certificate)) == []
        other = ssh_key().private.encode()
        assert found(data(ssh_privatekey=other, ssh_publickey=certificate)) == [
            ("error", "ssh-publickey", "key-mismatch")
        ]
        damaged = certificate.split()[0] + b" " + certificate.split()[1][:-80]
        assert ("error", "ssh-publickey", "not-a-public-key") in found(data(ssh_publickey=damaged))


@pytest.mark.parametrize(("private", "public"), [("ssh_privatekey", "ssh_publickey"), ("id_rsa", "id_rsa.pub")])
def test_other_names_are_pairs_too(private: str, public: str) -> None:
    content = {private: GOOD.private.encode(), public: ssh_key().public.encode()}
    assert found(content, kind=None) == [("error", public, "key-mismatch")]


def test_no_finding_shows_a_key() -> None:
    content = data(ssh_key(comment="canary"), ssh_privatekey=b"canary", ssh_publickey=b"canary canary canary")
    assert len(check(content)) == 2
    assert "canary" not in str([str(finding) for finding in check(content)])
