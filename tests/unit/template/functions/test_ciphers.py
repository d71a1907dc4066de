from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from virtrigaud_secrets.errors import TemplateExecutionError
from virtrigaud_secrets.template import Limits


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def key_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    ).decode()


@pytest.mark.parametrize("text", ["x", "sixteen bytes ok", "é" * 40])
def test_aes_there_and_back(rendered: Callable[..., str], text: str) -> None:
    assert rendered("{{ encryptAES `pw` .t | decryptAES `pw` }}", t=text) == text
    assert rendered("{{ encryptAES `pw` .t }}", t=text) != rendered("{{ encryptAES `pw` .t }}", t=text)


def test_aes_as_others_wrote_it(rendered: Callable[..., str]) -> None:
    assert rendered("{{ decryptAES `secretkey` `30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVUPeDQ=` }}") == "plaintext"
    assert rendered("{{ encryptAES `x` `` }}{{ decryptAES `x` `` }}") == ""


@pytest.mark.parametrize(
    "text", ["*", "QUJD", base64.b64encode(bytes(16)).decode(), base64.b64encode(bytes(17)).decode()]
)
def test_no_ciphertext_is_refused(rendered: Callable[..., str], text: str) -> None:
    with pytest.raises(TemplateExecutionError) as caught:
        rendered("{{ decryptAES `pw` .t }}", t=text)
    assert "internal error" not in caught.value.reason


def test_padding_longer_than_the_text_is_refused(rendered: Callable[..., str]) -> None:
    ciphertexts = (base64.b64encode(bytes([n]) * 32).decode() for n in range(40))
    outcomes = []
    for ciphertext in ciphertexts:
        try:
            rendered("{{ decryptAES `pw` .t }}", t=ciphertext)
        except TemplateExecutionError as error:
            outcomes.append(error.reason)
    assert any("out of range" in reason for reason in outcomes)


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [("SHA1", hashes.SHA1()), ("SHA256", hashes.SHA256()), ("SHA512", hashes.SHA512()), ("None", hashes.SHA256())],  # noqa: S303
)
def test_rsa(
    rendered: Callable[..., str], key: rsa.RSAPrivateKey, key_pem: str, name: str, algorithm: hashes.HashAlgorithm
) -> None:
    data = key.public_key().encrypt(b"\xffsecret", padding.OAEP(padding.MGF1(algorithm), algorithm, None))
    assert rendered(f"{{{{ rsaDecrypt `RSA-OAEP` `{name}` .t .k }}}}", t=data, k=key_pem) == "\udcffsecret"


def test_no_scheme_gives_the_text(rendered: Callable[..., str]) -> None:
    assert rendered("{{ rsaDecrypt `None` `SHA1` `text` `no key` }}") == "text"


@pytest.mark.parametrize(
    "template",
    [
        "{{ rsaDecrypt `RSA` `SHA1` .t .k }}",
        "{{ rsaDecrypt `RSA-OAEP` `SHA1` .t `no key` }}",
        "{{ rsaDecrypt `RSA-OAEP` `SHA1` .t .b }}",
        "{{ rsaDecrypt `RSA-OAEP` `SHA1` .t .e }}",
        "{{ rsaDecrypt `RSA-OAEP` `SHA1` .t .k }}",
        "{{ rsaDecrypt `RSA-OAEP` `SHA1` (repeat 300 .t) .k }}",
    ],
)
def test_what_cannot_be_decrypted_is_refused(rendered: Callable[..., str], key_pem: str, chain, template: str) -> None:
    broken = "-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n"
    with pytest.raises(TemplateExecutionError) as caught:
        rendered(template, t="x", k=key_pem, b=broken, e=chain.leaf_key)
    assert "internal error" not in caught.value.reason


def test_key_sizes_are_limited(rendered: Callable[..., str], key_pem: str) -> None:
    with pytest.raises(TemplateExecutionError, match="1024 to 1024 bits"):
        rendered("{{ rsaDecrypt `RSA-OAEP` `SHA1` `x` .k }}", Limits(key_bits=1024), k=key_pem)
