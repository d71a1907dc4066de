from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from virtrigaud_secrets.errors import TemplateExecutionError
from virtrigaud_secrets.template import Limits
from virtrigaud_secrets.template.functions.certificates import GoCertificate
from virtrigaud_secrets.testing.clock import START

DSA_KEY = """-----BEGIN DSA PRIVATE KEY-----
MBICAQACAQECAQECAQECAQECAQE=
-----END DSA PRIVATE KEY-----
"""


def loaded(text: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(text.encode())


def test_an_authority_signs(rendered: Callable[..., str], chain) -> None:
    template = (
        '{{ $ca := genCAWithKey "virt*" 365 .k }}{{ $leaf := genSignedCertWithKey "leaf" (list "10.0.0.1" "::1")'
        ' (list "a.example") 30 $ca .l }}{{ $ca.Cert }}|{{ $leaf.Cert }}|{{ $leaf.Key }}'
    )
    authority, leaf, key = rendered(template, k=chain.root_key, l=chain.leaf_key).split("|")
    issuer, certificate = loaded(authority), loaded(leaf)
    certificate.verify_directly_issued_by(issuer)
    issuer.verify_directly_issued_by(issuer)
    assert issuer.subject.rfc4514_string() == "CN=virt*"
    assert certificate.not_valid_before_utc == START
    assert certificate.not_valid_after_utc == START + timedelta(days=30)
    assert issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert issuer.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1", "::1"]
    assert key.startswith("-----BEGIN EC PRIVATE KEY-----")


@pytest.mark.parametrize("call", ['genCA "c" 1', 'genSelfSignedCert "c" nil nil 1', 'genSignedCert "c" nil nil 1 $ca'])
def test_without_a_key_one_is_made(rendered: Callable[..., str], chain, call: str) -> None:
    text = rendered(f'{{{{ $ca := genCAWithKey "ca" 1 .k }}}}{{{{ ({call}).Key }}}}', k=chain.root_key)
    key = serialization.load_pem_private_key(text.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 2048


def test_a_self_signed_certificate_without_a_name(rendered: Callable[..., str], chain) -> None:
    text = rendered('{{ (genSelfSignedCertWithKey "" nil (list "w.example") 1 .k).Cert }}', k=chain.leaf_key)
    names = loaded(text).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.critical


@pytest.mark.parametrize("days", [0, -5, 106_752])
def test_lifetimes_wrap_as_in_go(rendered: Callable[..., str], chain, days: int) -> None:
    assert (
        loaded(rendered(f'{{{{ (genCAWithKey "c" {days} .k).Cert }}}}', k=chain.leaf_key)).not_valid_after_utc <= START
    )


@pytest.mark.parametrize(
    ("kind", "label", "family"),
    [
        ("ecdsa", "EC PRIVATE KEY", ec.EllipticCurvePrivateKey),
        ("ed25519", "PRIVATE KEY", ed25519.Ed25519PrivateKey),
        ("dsa", "DSA PRIVATE KEY", dsa.DSAPrivateKey),
        ("rsa", "RSA PRIVATE KEY", rsa.RSAPrivateKey),
    ],
)
@pytest.mark.timeout(120)
def test_private_keys(rendered: Callable[..., str], kind: str, label: str, family: type) -> None:
    text = rendered(f'{{{{ genPrivateKey "{kind}" }}}}')
    assert text.startswith(f"-----BEGIN {label}-----\n")
    assert isinstance(serialization.load_pem_private_key(text.encode(), None), family)


def test_an_unknown_kind_of_key_is_named(rendered: Callable[..., str]) -> None:
    assert rendered('{{ genPrivateKey "nope" }}') == "Unknown type nope"


def test_a_certificate_of_ones_own(rendered: Callable[..., str], chain) -> None:
    template = "{{ $c := buildCustomCert (b64enc .c) (b64enc .k) }}{{ $c.Cert }}{{ $c.Key }}"
    assert rendered(template, c=chain.leaf, k=chain.leaf_key) == chain.leaf + chain.leaf_key
    assert rendered("{{ (buildCustomCert (b64enc .c) (b64enc .k)).Key }}", c=chain.leaf, k=DSA_KEY) == DSA_KEY


@pytest.mark.parametrize(
    "template",
    [
        "{{ buildCustomCert `*` (b64enc .k) }}",
        "{{ buildCustomCert (b64enc .c) `*` }}",
        "{{ buildCustomCert `` (b64enc .k) }}",
        "{{ buildCustomCert (b64enc .k) (b64enc .k) }}",
        "{{ buildCustomCert (b64enc .c) (b64enc .c) }}",
        "{{ buildCustomCert (b64enc .c) `` }}",
        "{{ genCAWithKey `x` 1 `no pem` }}",
        "{{ genCAWithKey `x` 1 .d }}",
        "{{ genCAWithKey `\\xff` 1 .d }}",
        "{{ genSelfSignedCertWithKey `x` (list `no-ip`) nil 1 .k }}",
        "{{ genSelfSignedCertWithKey `x` (list `fe80::1%eth0`) nil 1 .k }}",
        "{{ genSelfSignedCertWithKey `x` (list 5) nil 1 .k }}",
        "{{ genSelfSignedCertWithKey `x` nil (list 5) 1 .k }}",
        "{{ genSelfSignedCertWithKey `x` nil (list `é`) 1 .k }}",
        "{{ genSignedCertWithKey `x` nil nil 1 (buildCustomCert (b64enc .c) (b64enc .r)) .k }}",
        "{{ (genCAWithKey `x` 1 .k).cert }}",
        "{{ genPrivateKey 5 }}",
    ],
)
def test_what_cannot_be_made_is_refused(rendered: Callable[..., str], chain, template: str) -> None:
    with pytest.raises(TemplateExecutionError) as caught:
        rendered(template, c=chain.leaf, k=chain.leaf_key, r=chain.root_key, d=DSA_KEY)
    assert "internal error" not in caught.value.reason


@pytest.mark.parametrize("call", ["genCA `x` 1", "genPrivateKey `rsa`", "genPrivateKey `dsa`"])
def test_key_sizes_are_limited(rendered: Callable[..., str], call: str) -> None:
    with pytest.raises(TemplateExecutionError, match="1024 bits"):
        rendered(f"{{{{ {call} }}}}", Limits(key_bits=1024))


@pytest.mark.parametrize("call", ["genCA `x` 1", "genPrivateKey `rsa`", "genPrivateKey `dsa`"])
def test_making_keys_counts_as_work(rendered: Callable[..., str], call: str) -> None:
    with pytest.raises(TemplateExecutionError, match="steps"):
        rendered(f"{{{{ {call} }}}}", Limits(steps=5000))


def test_certificates_show_in_no_repr_and_copy_themselves(rendered: Callable[..., str], chain) -> None:
    certificate = GoCertificate("planted-cert", "planted-key")
    assert "planted" not in repr(certificate)
    assert certificate == GoCertificate("planted-cert", "planted-key")
    assert hash(certificate) == hash(GoCertificate("planted-cert", "planted-key"))
    template = (
        "{{ $c := genCAWithKey `x` 1 .k }}{{ deepEqual $c (deepCopy $c) }} {{ toJson $c | trunc 10 }} {{ typeOf $c }}"
    )
    assert rendered(template, k=chain.leaf_key) == 'true {"Cert":"- sprig.certificate'
