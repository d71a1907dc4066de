from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from virtrigaud_secrets.errors import TemplateExecutionError
from virtrigaud_secrets.template import Limits

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def encoded(data: int | bytes, size: int = 0) -> str:
    if isinstance(data, int):
        data = data.to_bytes(size or (data.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def make_rsa() -> tuple[Key, dict[str, object]]:
    key = rsa.generate_private_key(65537, 2048)
    n = key.private_numbers()
    parts = {
        "n": n.public_numbers.n,
        "e": 65537,
        "d": n.d,
        "p": n.p,
        "q": n.q,
        "dp": n.dmp1,
        "dq": n.dmq1,
        "qi": n.iqmp,
    }
    return key, {"kty": "RSA"} | {name: encoded(number) for name, number in parts.items()}


def make_ec(curve: ec.EllipticCurve, name: str) -> tuple[Key, dict[str, object]]:
    key = ec.generate_private_key(curve)
    numbers, size = key.private_numbers(), (curve.key_size + 7) // 8
    point = numbers.public_numbers
    parts = {"x": point.x, "y": point.y, "d": numbers.private_value}
    return key, {"kty": "EC", "crv": name} | {part: encoded(number, size) for part, number in parts.items()}


def make_ed25519() -> tuple[Key, dict[str, object]]:
    key = ed25519.Ed25519PrivateKey.generate()
    public = encoded(key.public_key().public_bytes_raw())
    return key, {"kty": "OKP", "crv": "Ed25519", "x": public, "d": encoded(key.private_bytes_raw())}


KEYS = [
    make_rsa(),
    make_ec(ec.SECP256R1(), "P-256"),
    make_ec(ec.SECP384R1(), "P-384"),
    make_ec(ec.SECP521R1(), "P-521"),
    make_ed25519(),
]
SECRET = {"d", "p", "q", "dp", "dq", "qi"}


@pytest.mark.parametrize(
    ("key", "fields"), KEYS, ids=lambda value: value.get("crv", "RSA") if isinstance(value, dict) else ""
)
def test_keys_become_pem(rendered: Callable[..., str], key: Key, fields: dict[str, object]) -> None:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    visible = {name: value for name, value in fields.items() if name not in SECRET}
    assert rendered("{{ jwkPrivateKeyPem .j }}", j=json.dumps(fields)).encode() == private
    assert rendered("{{ jwkPublicKeyPem .j }}", j=json.dumps(visible)).encode() == public
    for template, given in (("{{ jwkPublicKeyPem .j }}", fields), ("{{ jwkPrivateKeyPem .j }}", visible)):
        with pytest.raises(TemplateExecutionError):
            rendered(template, j=json.dumps(given))


def test_either_alphabet_padding_other_fields_and_trailing_text_are_taken(rendered: Callable[..., str]) -> None:
    _, fields = KEYS[-1]
    public = {"kty": "OKP", "crv": "Ed25519", "x": fields["x"]}
    expected = rendered("{{ jwkPublicKeyPem .j }}", j=json.dumps(public))
    standard = str(fields["x"]).replace("-", "+").replace("_", "/") + "="
    for other in ({"x": standard}, {"kid": "a", "use": "sig", "key_ops": ["verify"], "x5c": ["AA"]}, {"more": {}}):
        assert rendered("{{ jwkPublicKeyPem .j }}", j=f" {json.dumps(public | other)} junk") == expected


def test_the_chinese_remainders_may_be_left_out(rendered: Callable[..., str]) -> None:
    _, fields = KEYS[0]
    short = {name: value for name, value in fields.items() if name not in {"dp", "dq", "qi"}}
    template = "{{ jwkPrivateKeyPem .j }}"
    assert rendered(template, j=json.dumps(short)) == rendered(template, j=json.dumps(fields))


@pytest.mark.parametrize(
    ("index", "change"),
    [
        (0, {"n": "!!"}),
        (0, {"n": "A"}),
        (0, {"p": None}),
        (0, {"dp": "AAAA"}),
        (0, {"e": 5}),
        (0, {"d": "AQAB"}),
        (1, {"crv": "P-999"}),
        (1, {"crv": "P-384"}),
        (1, {"x": "AAAA"}),
        (1, {"d": "AAAA"}),
        (1, {"y": []}),
        (1, {"kty": "XYZ"}),
        (1, {"kty": 5}),
        (1, {"kty": "OKP"}),
        (1, {"Kty": 5}),
        (1, {"KTY": "RSA", "n": "AQAB", "e": "AQAB"}),
        (1, {"kid": 5}),
        (1, {"key_ops": "sign"}),
        (1, {"x5c": [5]}),
        (4, {"crv": "X25519"}),
        (4, {"d": "AAAA"}),
        (4, {"x": "AAAA"}),
        (4, {"kty": "oct", "k": "AAAA"}),
    ],
)
def test_keys_that_do_not_fit_are_refused(rendered: Callable[..., str], index: int, change: dict[str, object]) -> None:
    text = json.dumps(KEYS[index][1] | change)
    with pytest.raises(TemplateExecutionError) as caught:
        rendered("{{ jwkPrivateKeyPem .j }}", j=text)
    assert "internal error" not in caught.value.reason


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '"x"', "{", '{"keys": []}', '{"kty": "EC", "crv": "P-256", "x": "AA"}']
)
def test_what_is_no_key_is_refused(rendered: Callable[..., str], text: str) -> None:
    with pytest.raises(TemplateExecutionError):
        rendered("{{ jwkPublicKeyPem .j }}", j=text)


def test_keys_count_as_work(rendered: Callable[..., str]) -> None:
    with pytest.raises(TemplateExecutionError, match="steps"):
        rendered("{{ jwkPrivateKeyPem .j }}", Limits(steps=100), j=json.dumps(KEYS[1][1]))
