import base64
import json
import re
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from virtrigaud_secrets.errors import TemplateError
from virtrigaud_secrets.template import render

HERE = Path(__file__).parent
CASES: dict[str, dict[str, Any]] = {
    case["id"]: case for case in map(json.loads, (HERE / "cases.jsonl").read_bytes().splitlines())
}
EXPECTED_FAILURES = dict(
    line.split(" ", 1) for line in (HERE / "expected_failures.txt").read_text(encoding="utf-8").splitlines() if line
)
ALLOWED_SHARE = 0.005


def parameters() -> list[Any]:
    return [
        pytest.param(
            case,
            id=name,
            marks=[pytest.mark.xfail(reason=EXPECTED_FAILURES[name])] if name in EXPECTED_FAILURES else [],
        )
        for name, case in CASES.items()
    ]


@pytest.mark.parametrize("case", parameters())
def test_case(case: dict[str, Any]) -> None:
    expected = case["expect"]
    if expected.get("error"):
        with pytest.raises(TemplateError) as caught:
            rendered(case)
        assert "internal error" not in caught.value.reason
    elif "output" in expected:
        assert rendered(case).decode("utf-8", "surrogateescape") == expected["output"]
    elif "output_b64" in expected:
        assert rendered(case) == base64.b64decode(expected["output_b64"])
    else:
        wanted = expected["property"]
        output = rendered(case)
        PROPERTIES[wanted["kind"]](output.decode(), wanted)
        if wanted.get("distinct"):
            assert rendered(case) != output


def test_expected_failures_are_few_and_explained() -> None:
    assert set(EXPECTED_FAILURES) <= set(CASES)
    assert all(reason.strip() for reason in EXPECTED_FAILURES.values())
    assert len(EXPECTED_FAILURES) <= ALLOWED_SHARE * len(CASES)


def rendered(case: dict[str, Any]) -> bytes:
    data = {
        key: value.encode() if isinstance(value, str) else base64.b64decode(value["b64"])
        for key, value in case["data"].items()
    }
    return render(case["template"], data, name="tpl")


# Properties


def has_pattern(output: str, wanted: dict[str, Any]) -> None:
    assert re.fullmatch(wanted["pattern"], output, re.DOTALL)


def is_permutation(output: str, wanted: dict[str, Any]) -> None:
    if "chars" in wanted:
        assert sorted(output) == sorted(wanted["chars"])
    else:
        assert sorted(output.split(wanted["sep"])) == sorted(wanted["items"])


def is_now(output: str, wanted: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    around = [now + timedelta(seconds=seconds) for seconds in range(-3, 4)]
    assert output in {moment.strftime(wanted["format"]) for moment in around}


def is_epoch(output: str, wanted: dict[str, Any]) -> None:
    expected = datetime.now(UTC).timestamp() + wanted.get("offset_s", 0)
    assert abs(int(output) - expected) <= wanted["tolerance_s"]


def is_bcrypt(output: str, wanted: dict[str, Any]) -> None:
    assert output.startswith(wanted["prefix"])
    hashed = output.removeprefix(wanted["prefix"])
    assert re.fullmatch(rf"\$2a\${wanted['cost']:02d}\$[./A-Za-z0-9]{{53}}", hashed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        crypt = pytest.importorskip("crypt", reason="Python 3.13 has no crypt(3) to check a hash with")
    assert crypt.crypt(wanted["password"], hashed) == hashed


def is_pkcs12(output: str, wanted: dict[str, Any]) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12

    store = pkcs12.load_pkcs12(base64.b64decode(output, validate=True), wanted["password"].encode())
    held = [store.cert, *store.additional_certs] if store.cert else list(store.additional_certs)
    pem = serialization.Encoding.PEM
    certificates = [held_one.certificate.public_bytes(pem).decode() for held_one in held if held_one]
    assert sorted(certificates) == sorted(wanted["certs"])
    if wanted["key"] is None:
        assert store.key is None
        return
    assert certificates[0] == wanted["certs"][0]
    assert store.key is not None
    expected = serialization.load_pem_private_key(wanted["key"].encode(), None)
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    assert store.key.private_bytes(pem, *form) == expected.private_bytes(pem, *form)


def is_pem_blocks(output: str, wanted: dict[str, Any]) -> None:
    blocks = re.findall(r"-----BEGIN ([A-Z ]+)-----\n.*?-----END \1-----\n?", output, re.DOTALL)
    texts = re.findall(r"-----BEGIN [A-Z ]+-----\n.*?-----END [A-Z ]+-----\n?", output, re.DOTALL)
    assert "".join(texts) == output
    assert blocks == [block["type"] for block in wanted["blocks"]]
    for text, block in zip(texts, wanted["blocks"], strict=True):
        check_key(text, block, texts)
        if "x509" in block:
            check_certificate(text, block["x509"], texts)


def public_key(text: str) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    if "BEGIN CERTIFICATE" in text:
        return x509.load_pem_x509_certificate(text.encode()).public_key()
    return serialization.load_pem_private_key(text.encode(), None).public_key()


def check_key(text: str, block: dict[str, Any], texts: list[str]) -> None:
    if "key" in block and block["key"] != "dsa":
        assert block["key"] in type(public_key(text)).__name__.lower()
    if "bits" in block and block.get("key") == "rsa":
        assert public_key(text).key_size == block["bits"]
    if "curve" in block:
        assert public_key(text).curve.name.lower() == block["curve"].lower().replace("p-", "secp") + "r1"
    if "matches" in block:
        assert public_key(text) == public_key(texts[block["matches"]])


def check_certificate(text: str, wanted: dict[str, Any], texts: list[str]) -> None:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    certificate = x509.load_pem_x509_certificate(text.encode())
    names = [(attribute.oid, attribute.value) for attribute in certificate.subject]
    assert names == ([(NameOID.COMMON_NAME, wanted["cn"])] if wanted["cn"] else [])
    extensions = {extension.oid: extension.value for extension in certificate.extensions}
    constraints = extensions.get(x509.BasicConstraints.oid)
    assert (isinstance(constraints, x509.BasicConstraints) and constraints.ca) is wanted["is_ca"]
    alternative = extensions.get(x509.SubjectAlternativeName.oid)
    dns, ips = [], []
    if isinstance(alternative, x509.SubjectAlternativeName):
        dns = alternative.get_values_for_type(x509.DNSName)
        ips = [str(address) for address in alternative.get_values_for_type(x509.IPAddress)]
    assert (dns, ips) == (wanted["dns"], wanted["ips"])
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert abs(lifetime - timedelta(days=wanted["days"])) <= timedelta(seconds=2)
    usage = extensions[x509.KeyUsage.oid]
    assert isinstance(usage, x509.KeyUsage)
    flags = {
        "digitalSignature": usage.digital_signature,
        "keyEncipherment": usage.key_encipherment,
        "keyCertSign": usage.key_cert_sign,
    }
    assert {name for name, is_set in flags.items() if is_set} == set(wanted["key_usage"])
    extended = extensions[x509.ExtendedKeyUsage.oid]
    purposes = {ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth", ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth"}
    assert isinstance(extended, x509.ExtendedKeyUsage)
    assert {purposes[purpose] for purpose in extended} == set(wanted["ext_key_usage"])
    issuer = certificate if wanted.get("self_signed") else None
    if "issuer_block" in wanted:
        issuer = x509.load_pem_x509_certificate(texts[wanted["issuer_block"]].encode())
    if issuer is not None:
        certificate.verify_directly_issued_by(issuer)


PROPERTIES: dict[str, Callable[[str, dict[str, Any]], None]] = {
    "regex": has_pattern,
    "permutation": is_permutation,
    "now": is_now,
    "epoch_now": is_epoch,
    "bcrypt": is_bcrypt,
    "pkcs12": is_pkcs12,
    "pem_blocks": is_pem_blocks,
}
