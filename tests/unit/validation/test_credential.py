from __future__ import annotations

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.testing.clock import START
from virtrigaud_secrets.validation import validate


def found(
    data: dict[str, bytes], *, kind: str | None = "credential", secret_type: str = "Opaque", expected: str = ""
) -> list[tuple[str, str, str]]:
    findings = validate(Bundle(data, type=secret_type), now=START, kind=kind, expected_keys=expected.split())
    return [(finding.severity.value, finding.field, finding.code) for finding in findings]


def test_a_good_credential() -> None:
    assert found({"username": b"u", "password": b'p "\xc3\xa4" word', "server": b"vc.example.org"}) == []


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"word\n", "stray-space"),
        (b"word\r\n", "stray-space"),
        (b"\nword", "stray-space"),
        (b" word", "stray-space"),
        (b"word\t", "stray-space"),
        (b"wo\0rd", "null-byte"),
        (b"w\xffrd", "not-text"),
    ],
)
class TestFaults:
    def test_are_errors_where_a_credential_was_asked_for(self, value: bytes, code: str) -> None:
        assert found({"anything": value}) == [("error", "anything", code)]

    def test_are_warnings_where_the_key_looks_like_one(self, value: bytes, code: str) -> None:
        assert found({"token_secret": value}, kind=None) == [("warning", "token_secret", code)]

    def test_are_nobodys_business_elsewhere(self, value: bytes, code: str) -> None:
        assert found({"anything": value}, kind=None) == []


def test_the_message_tells_line_breaks_from_blanks() -> None:
    findings = validate(Bundle({"a": b"x\n", "b": b"x "}), now=START, kind="credential")
    assert "a line break" in findings[0].message
    assert "white space" in findings[1].message


@pytest.mark.parametrize(
    "key",
    ["tls.crt", "ca.crt", "ssh-privatekey", "ssh_publickey", "known_hosts", "id_rsa", "config.yaml", "kubeconfig"],
)
def test_documents_end_with_a_newline(key: str) -> None:
    assert found({key: b"line\n"}) == []


def test_several_lines_are_a_document_under_any_name() -> None:
    assert found({"notes": b"one\ntwo\n"}) == []


def test_an_empty_bundle() -> None:
    assert found({}) == [("error", "", "missing-key")]
    assert found({}, kind=None) == []


class TestExpectedKeys:
    def test_must_be_there_and_hold_something(self) -> None:
        assert found({"username": b"u", "password": b""}, expected="username password server") == [
            ("error", "password", "empty"),
            ("error", "server", "missing-key"),
        ]

    def test_hold_for_every_kind(self) -> None:
        assert found({"a": b" "}, kind=None, expected="a b") == [("error", "a", "empty"), ("error", "b", "missing-key")]


class TestTemplateFailures:
    @pytest.mark.parametrize(
        "value",
        [
            b"<no value>",
            b"https://<no value>:443",
            b"illegal base64 data at input byte 0",
            b"illegal base32 data at input byte 12",
            b"%!s(<nil>)",
            b"%!d(string=x)",
            b"%!s(int=5)",
            b"%!v(PANIC=String method: nil)",
            b"%!s(map[string]interface {}=map[])",
            b"x%!(EXTRA string=y)",
            b"50%!(NOVERB)",
            b"%!d(BADINDEX)",
        ],
    )
    def test_are_errors_under_any_key_and_type(self, value: bytes) -> None:
        assert ("error", "anything", "template-failure") in found({"anything": value}, kind=None)
        assert ("error", "x", "template-failure") in found({"x": value}, kind=None, secret_type="kubernetes.io/tls")

    @pytest.mark.parametrize("value", [b"100%!", b"%!s(", b"a%!b(c", b"no value", b"<novalue>", b"\xff<no value>"])
    def test_what_only_looks_like_one(self, value: bytes) -> None:
        assert found({"anything": value}, kind=None) == []


class TestBasicAuth:
    TYPE = "kubernetes.io/basic-auth"

    @pytest.mark.parametrize("data", [{"username": b"u"}, {"password": b"p"}, {"username": b"u", "password": b"p"}])
    def test_one_of_two_will_do(self, data: dict[str, bytes]) -> None:
        assert found(data, kind=None, secret_type=self.TYPE) == []

    def test_neither(self) -> None:
        assert found({"token": b"t"}, kind=None, secret_type=self.TYPE) == [("error", "username", "missing-key")]

    def test_values_are_credentials(self) -> None:
        data = {"username": b"u\n", "password": b"p"}
        assert found(data, kind=None, secret_type=self.TYPE) == [("error", "username", "stray-space")]


def test_no_finding_shows_a_value() -> None:
    data = {"a": b"canary\n", "b": b"canary\0", "c": b"canary\xff", "d": b"canary <no value>"}
    findings = validate(Bundle(data), now=START, kind="credential", expected_keys=["e"])
    assert len(findings) == 5
    assert "canary" not in str([str(finding) for finding in findings])
