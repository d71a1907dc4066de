from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store

from virtrigaud_secrets.testing.certificates import CertificateAuthority, IssuedCertificate, KeyAlgorithm
from virtrigaud_secrets.testing.clock import START


def loaded(text: str) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(text.encode())


def belong_together(issued: IssuedCertificate) -> bool:
    key = load_pem_private_key(issued.private_key.encode(), None).public_key()
    certified = loaded(issued.certificate)[0].public_key()
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return key.public_bytes(*form) == certified.public_bytes(*form)


@pytest.mark.parametrize("algorithm", ["ecdsa", "rsa"])
def test_a_strict_verifier_accepts_what_is_issued(algorithm: KeyAlgorithm) -> None:
    issued = CertificateAuthority(algorithm=algorithm).intermediate().issue("host.example.org", algorithm=algorithm)
    leaf, intermediate = loaded(issued.chain)
    verifier = PolicyBuilder().store(Store(loaded(issued.authority))).time(START + timedelta(days=1))
    verified = verifier.build_server_verifier(x509.DNSName("host.example.org")).verify(leaf, [intermediate])
    assert [certificate.subject.rfc4514_string() for certificate in verified] == [
        "CN=host.example.org",
        "CN=Test Intermediate CA",
        "CN=Test Root CA",
    ]
    assert belong_together(issued)


def test_a_root_issues_without_intermediates() -> None:
    authority = CertificateAuthority("Root")
    issued = authority.issue(algorithm="ed25519", alternative_names=("10.0.0.1",))
    assert issued.chain == issued.certificate
    assert authority.chain == (issued.authority,)
    names = loaded(issued.certificate)[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]


def test_times_are_as_asked() -> None:
    authority = CertificateAuthority()
    assert authority.expired().not_after < START
    assert authority.ending(timedelta(hours=2)).not_after == START + timedelta(hours=2)
    assert authority.issue(life=timedelta(days=7)).not_after == START + timedelta(days=7)


def test_a_mismatched_key_is_of_another_certificate() -> None:
    assert not belong_together(CertificateAuthority().mismatched())


def test_data_are_the_keys_of_a_tls_secret_and_the_key_does_not_show() -> None:
    issued = CertificateAuthority().issue()
    assert set(issued.data()) == {"tls.crt", "tls.key", "ca.crt"}
    assert "PRIVATE" not in repr(issued)
