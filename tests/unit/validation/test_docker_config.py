from __future__ import annotations

import base64
import json

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.testing.clock import START
from virtrigaud_secrets.validation import validate

TYPE = "kubernetes.io/dockerconfigjson"
LEGACY = "kubernetes.io/dockercfg"
AUTH = base64.b64encode(b"canary-user:canary-word").decode()


def found(document: object, *, key: str = ".dockerconfigjson", secret_type: str = TYPE) -> list[tuple[str, str]]:
    value = document if isinstance(document, bytes) else json.dumps(document).encode()
    findings = validate(Bundle({key: value}, type=secret_type), now=START)
    assert all(finding.field == key for finding in findings)
    assert "canary" not in str([str(finding) for finding in findings])
    return [(finding.severity.value, finding.code) for finding in findings]


@pytest.mark.parametrize(
    "entry",
    [
        {"auth": AUTH},
        {"username": "canary-user", "password": "canary-word"},
        {"username": "canary-user", "password": "canary-word", "auth": AUTH, "email": "x"},
        {"identitytoken": "t"},
        {"registrytoken": "t"},
    ],
)
def test_a_good_entry(entry: dict[str, str]) -> None:
    assert found({"auths": {"registry.example.org": entry}}) == []
    assert found({"registry.example.org": entry}, key=".dockercfg", secret_type=LEGACY) == []


@pytest.mark.parametrize(
    "entry",
    [
        "canary",
        {},
        {"username": "canary"},
        {"password": "canary"},
        {"auth": "canary!"},
        {"auth": base64.b64encode(b"canary").decode()},
        {"auth": base64.b64encode(b":canary").decode()},
        {"auth": base64.b64encode(b"\xff:canary").decode()},
        {"auth": AUTH, "password": "canary-other"},
        {"auth": AUTH, "username": "canary-other"},
        {"auth": 5},
        {"username": "canary", "password": None},
    ],
)
def test_a_bad_entry(entry: object) -> None:
    assert found({"auths": {"canary.example.org": entry}}) == [("error", "bad-registry")]


def test_the_entry_is_told_by_number() -> None:
    value = json.dumps({"auths": {"a": {"auth": AUTH}, "b": {}}}).encode()
    (finding,) = validate(Bundle({".dockerconfigjson": value}, type=TYPE), now=START)
    assert finding.message.startswith("registry 2: ")


@pytest.mark.parametrize(
    ("document", "finding"),
    [
        (b"", ("error", "not-json")),
        (b"canary", ("error", "not-json")),
        (b"[" * 100_000, ("error", "not-json")),
        (b"\xff", ("error", "not-json")),
        (["canary"], ("error", "not-json")),
        ({}, ("error", "no-registries")),
        ({"auths": []}, ("error", "not-json")),
        ({"auths": {}}, ("warning", "no-registries")),
    ],
)
def test_a_document_of_another_shape(document: object, finding: tuple[str, str]) -> None:
    assert found(document) == [finding]


@pytest.mark.parametrize(("secret_type", "key"), [(TYPE, ".dockerconfigjson"), (LEGACY, ".dockercfg")])
def test_a_missing_key(secret_type: str, key: str) -> None:
    (finding,) = validate(Bundle({}, type=secret_type), now=START)
    assert (finding.field, finding.code) == (key, "missing-key")


def test_is_found_in_an_opaque_bundle() -> None:
    (finding,) = validate(Bundle({".dockerconfigjson": b"{}"}), now=START)
    assert finding.code == "no-registries"
