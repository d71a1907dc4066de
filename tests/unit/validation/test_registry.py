from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from datetime import datetime

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.findings import Finding, Severity
from virtrigaud_secrets.testing.certificates import CertificateAuthority
from virtrigaud_secrets.testing.clock import START
from virtrigaud_secrets.testing.keys import ssh_key
from virtrigaud_secrets.validation import KIND_CHECKS, TYPE_CHECKS, validate


def fields(bundle: Bundle, kind: str | None = None) -> list[str]:
    return [finding.field for finding in validate(bundle, now=START, kind=kind)]


@pytest.mark.parametrize(
    ("secret_type", "missing"),
    [
        ("kubernetes.io/tls", ["tls.crt", "tls.key"]),
        ("kubernetes.io/ssh-auth", ["ssh-privatekey"]),
        ("kubernetes.io/basic-auth", ["username"]),
        ("kubernetes.io/dockerconfigjson", [".dockerconfigjson"]),
        ("kubernetes.io/dockercfg", [".dockercfg"]),
        ("Opaque", []),
        ("", []),
        ("example.org/own", []),
    ],
)
def test_a_type_promises_its_keys(secret_type: str, missing: list[str]) -> None:
    found = fields(Bundle({"other": b"x"}, type=secret_type))
    assert found[: len(missing) or None] == missing


def test_every_type_and_kind_has_a_check() -> None:
    assert set(KIND_CHECKS) >= {"tls", "ssh", "credential"}
    assert len(TYPE_CHECKS) == 5


def test_a_kind_goes_before_the_type() -> None:
    bundle = Bundle({"ssh-privatekey": ssh_key().private.encode()}, type="kubernetes.io/tls")
    assert fields(bundle, "ssh") == []


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected tls, ssh, credential"):
        validate(Bundle({}), now=START, kind="TLS")


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="aware"):
        validate(Bundle({}), now=datetime(2030, 1, 1))  # noqa: DTZ001  # the fault under test


def test_an_opaque_bundle_is_judged_by_its_keys() -> None:
    data = CertificateAuthority().mismatched().data() | {
        "ssh-privatekey": ssh_key().private.encode(),
        "ssh-publickey": ssh_key().public.encode(),
        ".dockerconfigjson": b"{}",
        "password": b"p\n",
        "note": b"n\n",
    }
    assert fields(Bundle(data)) == [".dockerconfigjson", "password", "ssh-publickey", "tls.key"]


def test_findings_name_the_secret() -> None:
    (finding,) = validate(Bundle({"password": b""}, name="n", namespace="ns"), now=START)
    assert finding.subject == "Secret ns/n"
    assert str(finding) == "warning: Secret ns/n: password: the value is empty"


class TestOwnValidators:
    def test_are_asked_last_and_sorted_in(self) -> None:
        def own(bundle: Bundle, *, now: datetime) -> Iterable[Finding]:
            assert now == START
            yield Finding(field="a", message=f"{len(bundle)} keys", severity=Severity.NOTE, subject="mine")

        findings = validate(Bundle({"a": b"", "password": b""}), now=START, validators=[own])
        assert [(finding.field, finding.subject) for finding in findings] == [("a", "mine"), ("password", "")]

    def test_that_fail_do_not_show_what_they_raise(self) -> None:
        class Own:
            def __call__(self, bundle: Bundle, *, now: datetime) -> Iterable[Finding]:
                yield Finding(field="a", message="before")
                raise KeyError(bundle.text("a"))

        findings = validate(Bundle({"a": b"canary"}), now=START, validators=[Own()])
        assert [finding.message for finding in findings] == ["the validator Own failed with KeyError"]


def test_cryptography_waits_for_the_first_certificate() -> None:
    code = """
import sys
from datetime import UTC, datetime
from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.validation import validate
validate(Bundle({"username": b"u", "known_hosts": b"x"}), now=datetime.now(UTC))
assert not any(name.partition(".")[0] == "cryptography" for name in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
