from __future__ import annotations

import base64
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.findings import Severity
from virtrigaud_secrets.testing.certificates import CertificateAuthority, KeyAlgorithm
from virtrigaud_secrets.testing.clock import START
from virtrigaud_secrets.testing.keys import ssh_key
from virtrigaud_secrets.validation import tls, validate

ROOT = CertificateAuthority()
INTERMEDIATE = ROOT.intermediate()
ISSUED = INTERMEDIATE.issue()
GOOD = ISSUED.data()
LEAF, SIGNER = ISSUED.certificate.encode(), INTERMEDIATE.chain[0].encode()


def found(
    data: dict[str, bytes], *, now: datetime = START, margin: Severity = Severity.WARNING, kind: str | None = "tls"
) -> list[tuple[str, str, str]]:
    findings = validate(Bundle(data), now=now, kind=kind, certificate_margin_severity=margin)
    return [(finding.severity.value, finding.field, finding.code) for finding in findings]


def messages(data: dict[str, bytes], *, now: datetime = START) -> str:
    return "\n".join(str(finding) for finding in validate(Bundle(data), now=now, kind="tls"))


def changed(pem: bytes, old: str, new: str) -> bytes:
    """The same PEM block with other bytes, both in hexadecimal, in what it encodes."""
    first, *body, last = pem.splitlines()
    encoded = base64.b64decode(b"".join(body))
    assert bytes.fromhex(old) in encoded
    return b"\n".join([first, base64.b64encode(encoded.replace(bytes.fromhex(old), bytes.fromhex(new))), last, b""])


def unknown_algorithm(pem: bytes) -> bytes:
    """The same with an identifier of the key's algorithm that nobody knows."""
    return changed(pem, "2a8648ce3d0201", "2a8648ce3d0279")


@pytest.mark.parametrize("algorithm", ["ecdsa", "rsa", "ed25519"])
def test_what_belongs_together_is_fine(algorithm: KeyAlgorithm) -> None:
    assert found(CertificateAuthority(algorithm=algorithm).intermediate(algorithm=algorithm).issue().data()) == []
    assert found(ROOT.issue(algorithm=algorithm).data()) == []


def test_no_authority_is_fine() -> None:
    assert found({"tls.crt": GOOD["tls.crt"], "tls.key": GOOD["tls.key"]}) == []


def test_text_before_the_first_block_is_fine() -> None:
    assert found({key: b"Bag Attributes\n  friendlyName: x\n" + value for key, value in GOOD.items()}) == []


@pytest.mark.parametrize("key", ["tls.crt", "tls.key"])
def test_a_missing_key(key: str) -> None:
    data = {name: value for name, value in GOOD.items() if name not in {key, "ca.crt"}}
    assert found(data) == [("error", key, "missing-key")]


class TestCertificate:
    @pytest.mark.parametrize(
        ("value", "why"),
        [
            (b"", "a PEM certificate was expected"),
            (b"hello", "a PEM certificate was expected"),
            (b"\x30\x82\x01\x0a", "a PEM certificate was expected"),
            (LEAF.replace(b"\n", b"\\n"), "two characters"),
            (LEAF.replace(b"-----END", b"----END"), "no matching END line"),
            (GOOD["tls.key"], "may be swapped"),
            (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "other PEM blocks"),
        ],
    )
    def test_no_certificate(self, value: bytes, why: str) -> None:
        data = GOOD | {"tls.crt": value}
        assert ("error", "tls.crt", "not-pem") in found(data)
        assert why in messages(data)

    def test_a_block_that_is_no_certificate(self) -> None:
        damaged = SIGNER.replace(b"MII", b"AAA", 1)
        data = GOOD | {"tls.crt": LEAF + damaged}
        assert found(data) == [("error", "tls.crt", "not-a-certificate")]
        assert "PEM block 2" in messages(data)

    def test_too_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tls, "MAX_CHAIN", 1)
        assert ("warning", "tls.crt", "too-many") in found(GOOD)


class TestTime:
    def test_expired(self) -> None:
        assert found(ROOT.expired().data()) == [("error", "tls.crt", "expired")]
        assert "the certificate expired on 2030-01-01T11:00:00Z" in messages(ROOT.expired().data())

    @pytest.mark.parametrize("severity", list(Severity))
    def test_expires_soon_as_badly_as_asked(self, severity: Severity) -> None:
        data = ROOT.ending(timedelta(hours=23)).data()
        assert found(data, margin=severity) == [(severity.value, "tls.crt", "expires-soon")]
        assert "expires soon, on 2030-01-02T11:00:00Z" in messages(data)

    def test_the_margin_is_the_callers(self) -> None:
        bundle = Bundle(ROOT.ending(timedelta(days=3)).data())
        assert validate(bundle, now=START, kind="tls") == ()
        (finding,) = validate(bundle, now=START, kind="tls", certificate_margin=timedelta(days=4))
        assert finding.code == "expires-soon"

    def test_the_edges_are_those_of_the_guide(self) -> None:
        issued = ROOT.issue(life=timedelta(days=5))
        data = {"tls.crt": issued.data()["tls.crt"], "tls.key": issued.data()["tls.key"]}
        day, second = timedelta(days=1), timedelta(seconds=1)
        assert found(data, now=issued.not_after - day) == []
        assert found(data, now=issued.not_after - day + second) == [("warning", "tls.crt", "expires-soon")]
        assert found(data, now=issued.not_after) == [("warning", "tls.crt", "expires-soon")]
        assert found(data, now=issued.not_after + second) == [("error", "tls.crt", "expired")]

    def test_not_yet_valid(self) -> None:
        data = ROOT.issue(not_before=START + timedelta(hours=1)).data()
        assert found(data) == [("error", "tls.crt", "not-yet-valid")]
        assert "is not valid before 2030-01-01T13:00:00Z" in messages(data)

    def test_a_link_of_the_chain_counts(self) -> None:
        old = CertificateAuthority(now=START - timedelta(days=4000))
        chain = LEAF + old.intermediate().chain[0].encode()
        assert ("error", "tls.crt", "expired") in found(GOOD | {"tls.crt": chain})
        assert "certificate 2 expired" in messages(GOOD | {"tls.crt": chain})


class TestKey:
    def test_of_another_certificate(self) -> None:
        assert found(ROOT.mismatched().data()) == [("error", "tls.key", "key-mismatch")]

    @pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
    def test_of_another_algorithm(self, algorithm: KeyAlgorithm) -> None:
        other = ROOT.issue(algorithm=algorithm).data()["tls.key"]
        assert found(GOOD | {"tls.key": other}) == [("error", "tls.key", "key-mismatch")]

    @pytest.mark.parametrize(
        ("value", "code"),
        [
            (b"", "not-pem"),
            (b"hello", "not-pem"),
            (LEAF, "not-pem"),
            (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not-a-private-key"),
            (ssh_key("ecdsa").private.encode(), "wrong-format"),
            (ssh_key("ecdsa", written="pkcs8", passphrase="p").private.encode(), "encrypted-key"),
            (ssh_key("ecdsa", written="traditional", passphrase="p").private.encode(), "encrypted-key"),
        ],
    )
    def test_no_usable_key(self, value: bytes, code: str) -> None:
        assert found(GOOD | {"tls.key": value}) == [("error", "tls.key", code)]

    def test_parameters_before_the_key_are_fine(self) -> None:
        parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        loaded = serialization.load_pem_private_key(GOOD["tls.key"], None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        sec1 = loaded.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        assert found(GOOD | {"tls.key": parameters + sec1}) == []

    def test_of_an_unknown_algorithm(self) -> None:
        assert found(GOOD | {"tls.key": unknown_algorithm(GOOD["tls.key"])}) == [
            ("warning", "tls.key", "unknown-algorithm")
        ]

    def test_a_certificate_of_an_unknown_algorithm_fits_no_key(self) -> None:
        assert ("error", "tls.key", "key-mismatch") in found(GOOD | {"tls.crt": unknown_algorithm(LEAF)})


class TestChain:
    def test_the_wrong_way_round(self) -> None:
        data = GOOD | {"tls.crt": SIGNER + LEAF}
        assert found(data) == [("error", "tls.crt", "chain-order")] * 2
        assert "belongs to certificate 2: it has to be the first" in messages(data)

    def test_a_stranger_in_it(self) -> None:
        stranger = CertificateAuthority().chain[0].encode()
        data = GOOD | {"tls.crt": LEAF + stranger}
        assert found(data) == [("warning", "ca.crt", "ca-mismatch"), ("error", "tls.crt", "chain-order")]
        assert "certificate 2 has not signed certificate 1" in messages(data)

    def test_the_same_name_is_not_the_same_signer(self) -> None:
        impostor = CertificateAuthority().intermediate().chain[0].encode()
        assert ("error", "tls.crt", "chain-order") in found(GOOD | {"tls.crt": LEAF + impostor})

    def test_the_root_may_be_at_its_end(self) -> None:
        assert found(GOOD | {"tls.crt": GOOD["tls.crt"] + GOOD["ca.crt"]}) == []


class TestAuthority:
    @pytest.mark.parametrize("authority", [GOOD["ca.crt"], SIGNER, SIGNER + GOOD["ca.crt"]])
    def test_any_of_the_chains_signers_will_do(self, authority: bytes) -> None:
        assert found(GOOD | {"ca.crt": authority}) == []

    def test_a_stranger(self) -> None:
        data = GOOD | {"ca.crt": CertificateAuthority().chain[0].encode()}
        assert found(data) == [("warning", "ca.crt", "ca-mismatch")]

    def test_one_of_several(self) -> None:
        data = GOOD | {"ca.crt": CertificateAuthority().chain[0].encode() + GOOD["ca.crt"]}
        assert found(data) == []

    def test_expired_alone_and_among_others(self) -> None:
        old = CertificateAuthority(now=START - timedelta(days=4000)).chain[0].encode()
        assert ("error", "ca.crt", "expired") in found(GOOD | {"ca.crt": old})
        assert found(GOOD | {"ca.crt": old + GOOD["ca.crt"]}) == [("warning", "ca.crt", "expired")]

    def test_a_server_is_none(self) -> None:
        assert found(GOOD | {"ca.crt": LEAF}) == [("warning", "ca.crt", "not-an-authority")]

    def test_with_broken_basic_constraints(self) -> None:
        broken = changed(GOOD["ca.crt"], "30030101ff", "30030101aa")
        assert ("warning", "ca.crt", "not-an-authority") in found({"ca.crt": broken}, kind=None)

    def test_without_basic_constraints(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
        bare = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(START)
            .not_valid_after(START + timedelta(days=30))
            .sign(key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )
        assert found({"ca.crt": bare}, kind=None) == [("warning", "ca.crt", "not-an-authority")]

    def test_empty(self) -> None:
        assert found(GOOD | {"ca.crt": b""}) == [("warning", "ca.crt", "empty")]

    @pytest.mark.parametrize("value", [b"hello", b"illegal base64 data at input byte 0"])
    def test_no_pem(self, value: bytes) -> None:
        assert ("error", "ca.crt", "not-pem") in found(GOOD | {"ca.crt": value})


class TestGuessed:
    def test_nothing_is_missing(self) -> None:
        assert found({"tls.crt": GOOD["tls.crt"]}, kind=None) == []
        assert found({"ca.crt": GOOD["ca.crt"]}, kind=None) == []

    def test_a_contradiction_is_one(self) -> None:
        assert found(ROOT.mismatched().data(), kind=None) == [("error", "tls.key", "key-mismatch")]

    def test_another_use_of_the_name_warns(self) -> None:
        assert found({"ca.crt": b"hello", "tls.key": b"x"}, kind=None) == [
            ("warning", "ca.crt", "not-pem"),
            ("warning", "tls.key", "not-pem"),
        ]

    def test_the_guides_failed_decoding_is_an_error(self) -> None:
        data = {"username": b"u", "password": b"p", "ca.crt": b"illegal base64 data at input byte 0"}
        assert found(data, kind=None) == [
            ("error", "ca.crt", "template-failure"),
            ("warning", "ca.crt", "not-pem"),
        ]


def test_no_finding_shows_a_name_or_value() -> None:
    authority = CertificateAuthority("CN-canary")
    issued = authority.issue("host-canary", life=timedelta(hours=1))
    data = issued.data() | {"ca.crt": CertificateAuthority("canary-2").chain[0].encode()}
    assert "expires-soon" in str(found(data))
    assert "canary" not in messages(data)
