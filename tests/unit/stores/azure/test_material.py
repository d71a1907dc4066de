import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.assignment import Refusal
from virtrigaud_secrets.stores.azure.material import CertificateMaterial, KeyMaterial, read_certificate, read_key
from virtrigaud_secrets.stores.azure.payload import web_key
from virtrigaud_secrets.testing.certificates import CertificateAuthority

PKCS8, TRADITIONAL = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
CANARY = "hunter2-never-show"


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 2048)


def written(key, encoding=PEM, form=PKCS8):
    return Sensitive(key.private_bytes(encoding, form, serialization.NoEncryption()))


def in_vault(**members):
    from azure.keyvault.keys import JsonWebKey

    return JsonWebKey(**members)


@pytest.mark.parametrize(("encoding", "form"), [(PEM, PKCS8), (PEM, TRADITIONAL), (DER, PKCS8), (DER, TRADITIONAL)])
def test_an_rsa_key_however_it_is_written(rsa_key, encoding, form):
    made = read_key(written(rsa_key, encoding, form))
    assert isinstance(made, KeyMaterial)
    private = rsa_key.private_numbers()
    numbers = {name: int.from_bytes(number.reveal()) for name, number in made.numbers.items()}
    assert numbers == {
        "n": private.public_numbers.n,
        "e": 65537,
        "d": private.d,
        "p": private.p,
        "q": private.q,
        "dp": private.dmp1,
        "dq": private.dmq1,
        "qi": private.iqmp,
    }
    assert CANARY not in repr(made)
    assert str(private.d) not in repr(made)


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
@pytest.mark.parametrize("form", [PKCS8, TRADITIONAL])
def test_a_key_of_a_curve_has_numbers_as_long_as_the_curve(curve, form):
    made = read_key(written(ec.generate_private_key(curve), form=form))
    assert isinstance(made, KeyMaterial)
    assert made.curve == f"P-{curve.key_size}"
    assert {len(made.numbers[name].reveal()) for name in ("x", "y", "d")} == {(curve.key_size + 7) // 8}


def test_a_web_key(rsa_key):
    from_pem = read_key(written(rsa_key))
    numbers = {name: number.reveal() for name, number in from_pem.numbers.items()}
    text = web_key(in_vault(kty="RSA", **numbers, key_ops=["sign"], kid="of-another-vault"))
    assert read_key(Sensitive(text)) == from_pem
    symmetric = read_key(Sensitive('{"kty": "oct", "k": "AAEC"}'))
    assert symmetric == KeyMaterial("oct", {"k": Sensitive(b"\0\1\2")})


def test_other_bytes_are_a_symmetric_key():
    assert read_key(Sensitive("secret")) == KeyMaterial("oct", {"k": Sensitive(b"secret")})
    # DER of something else begins like a key, and is none.
    assert read_key(Sensitive(b"\x30\x00")) == KeyMaterial("oct", {"k": Sensitive(b"\x30\x00")})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "empty"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 'type "CERTIFICATE"'),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key"),
        (f"{{{CANARY}", "looks like JSON"),
        (json.dumps({"password": CANARY}), "no web key"),
        (json.dumps({"kty": "OKP", "crv": "Ed25519", "d": CANARY}), "no web key"),
        (json.dumps({"kty": "RSA", "n": "AQAB", "e": "AQAB"}), "lacks d"),
        (json.dumps({"kty": "EC", "crv": "P-256", "x": "AQAB"}), "lacks y, d"),
        (json.dumps({"kty": "oct", "k": f"{CANARY}!"}), '"k" is no base64url'),
        (json.dumps({"kty": "oct", "k": 7}), '"k" is no base64url'),
    ],
)
def test_what_is_no_key(value, words):
    made = read_key(Sensitive(value))
    assert isinstance(made, Refusal)
    assert words in made.reason
    assert CANARY not in made.reason


@pytest.mark.parametrize("key", [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP224R1())])
def test_a_key_that_no_vault_takes(key):
    assert "P-256" in read_key(written(key)).reason


def test_a_key_is_known_again_by_its_public_half(rsa_key):
    made = read_key(written(rsa_key))
    n, e = (made.numbers[name].reveal() for name in ("n", "e"))
    public = {"n": b"\0" + n, "e": e}
    assert made.is_in(in_vault(kty="RSA", **public))
    assert made.is_in(in_vault(kty="RSA-HSM", **public))
    assert not made.is_in(in_vault(kty="RSA", n=b"\1\2", e=e))
    assert not made.is_in(in_vault(kty="EC", **public))
    assert not made.is_in(None)
    curve = read_key(written(ec.generate_private_key(ec.SECP256R1())))
    point = {"crv": "P-256", **{name: curve.numbers[name].reveal() for name in ("x", "y")}}
    assert curve.is_in(in_vault(kty="EC", **point))
    assert not curve.is_in(in_vault(kty="EC", **(point | {"crv": "P-384"})))
    symmetric = read_key(Sensitive("secret"))
    assert not symmetric.is_in(in_vault(kty="oct"))


@pytest.fixture(scope="module")
def issued():
    return CertificateAuthority("CA").issue("host.example")


def container(issued, password=None):
    key = serialization.load_pem_private_key(issued.private_key.encode(), None)
    certificate = x509.load_pem_x509_certificate(issued.certificate.encode())
    how = serialization.NoEncryption() if password is None else serialization.BestAvailableEncryption(password)
    return pkcs12.serialize_key_and_certificates(b"name", key, certificate, None, how)


def der_of(issued):
    return x509.load_pem_x509_certificate(issued.certificate.encode()).public_bytes(DER)


def test_a_certificate_in_pkcs12(issued):
    value = Sensitive(container(issued))
    made = read_certificate(value)
    assert isinstance(made, CertificateMaterial)
    assert (made.certificate, made.container, made.is_pem) == (der_of(issued), value, False)


@pytest.mark.parametrize("form", [PKCS8, TRADITIONAL])
def test_a_certificate_in_pem_is_sent_with_a_key_that_vaults_read(issued, form):
    key = written(serialization.load_pem_private_key(issued.private_key.encode(), None), form=form).reveal_text()
    chain = CertificateAuthority("Other").issue("other.example").certificate
    made = read_certificate(Sensitive(issued.certificate + chain + key))
    assert isinstance(made, CertificateMaterial)
    assert made.certificate == der_of(issued)
    assert made.is_pem
    text = made.container.reveal_text()
    assert text.startswith("-----BEGIN PRIVATE KEY-----")
    assert text.count("-----BEGIN CERTIFICATE-----") == 2
    assert serialization.load_pem_private_key(text.encode(), None)


def test_what_is_no_certificate_with_its_key(issued):
    broken = issued.certificate + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    for value, words in (
        ("text", "no certificate"),
        (b"\x30\x00", "no certificate"),
        (issued.private_key, "no certificate"),
        (container(issued, b"password"), "no certificate"),
        (der_of(issued), "lacks its private key"),
        (issued.certificate, "lacks its private key"),
        (broken, "cannot be read"),
    ):
        made = read_certificate(Sensitive(value))
        assert isinstance(made, Refusal)
        assert words in made.reason
