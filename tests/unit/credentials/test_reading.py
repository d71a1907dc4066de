from datetime import timedelta

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.credentials.reading import Reading
from virtrigaud_secrets.errors import ValidationError
from virtrigaud_secrets.testing import CertificateAuthority

MANIFEST = "ExternalSecret vsphere-providers/vsphere-credentials"


class Wanted:
    pass


def reading(**data: bytes) -> Reading:
    return Reading(Bundle(data, name="target", namespace="ns", manifest=MANIFEST), Wanted)


def fault(found: Reading) -> str:
    with pytest.raises(ValidationError) as caught:
        found.refuse_faults()
    return str(caught.value)


def test_a_word_is_trimmed_as_go_trims() -> None:
    assert reading(a=b" \tsvc\xc2\xa0\r\n").word("a").reveal_text() == "svc"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", "the value is empty"),
        (b" \n", "the value is empty"),
        (b"\xc2\xa0", "the value is empty"),
        (b"\xff", "not UTF-8"),
        (b"a\nb", "on one line"),
        (b"a\0b", "on one line"),
        (b"<no value>", "template"),
        (b"illegal base64 data at input byte 0", "b64dec"),
    ],
)
def test_what_is_no_word_is_told_by_manifest_and_key(value: bytes, expected: str) -> None:
    found = reading(key=value)
    assert not found.word("key")
    message = fault(found)
    assert message.startswith(f"{MANIFEST}: its values make no Wanted\n  error: key: ")
    assert expected in message


def test_all_faults_come_at_once_and_none_shows_a_value() -> None:
    found = reading(a=b"planted\nvalue", c=b"planted")
    found.word("a")
    found.word("b")
    found.optional_duration("c")
    found.endpoint("c")
    with pytest.raises(ValidationError) as caught:
        found.refuse_faults()
    assert [finding.field for finding in caught.value.findings] == ["a", "b", "c"]
    assert "planted" not in str(caught.value)


def test_a_bundle_made_by_hand_is_named_by_its_secret() -> None:
    assert Reading(Bundle({}, name="n", namespace="ns"), Wanted).source == "Secret ns/n"


def test_optional_values_may_be_missing_or_empty() -> None:
    found = reading(empty=b" ")
    assert found.optional_word("empty") is None
    assert found.optional_word("absent") is None
    assert found.optional_document("absent") is None
    assert found.optional_duration("absent") is None
    assert found.optional_authority("absent") is None
    found.refuse_faults()


def test_a_document_gets_its_final_newline() -> None:
    assert reading(a=b"x").document("a").reveal() == b"x\n"
    assert reading(a=b"x\n").document("a").reveal() == b"x\n"


def test_a_document_is_text() -> None:
    found = reading(a=b"\xff")
    found.document("a")
    assert "a: the value is not UTF-8" in fault(found)


@pytest.mark.parametrize(
    ("text", "seconds"), [("3600", 3600), ("1h", 3600), ("1.5s", 1.5), (" 900\n", 900), ("2764800", 2764800)]
)
def test_durations(text: str, seconds: float) -> None:
    assert reading(a=text.encode()).optional_duration("a") == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["0", "-1h", "1x", "soon", "9" * 30, "1e3", "\u0663"])
def test_what_is_no_duration(text: str) -> None:
    found = reading(a=text.encode())
    found.optional_duration("a")
    assert "a: expected whole seconds" in fault(found)


def test_an_endpoint_may_come_from_elsewhere() -> None:
    assert reading().endpoint("server", default="vc").reveal_text() == "vc"
    assert reading(server=b"own").endpoint("server", default="vc").reveal_text() == "own"
    found = reading()
    found.endpoint("server")
    assert "server: the key is missing" in fault(found)


def test_an_authority_has_to_be_pem() -> None:
    pem = CertificateAuthority().chain[0].encode()
    assert reading(**{"ca.crt": pem}).optional_authority() is not None
    found = reading(**{"ca.crt": b"rubbish"})
    found.optional_authority()
    assert "ca.crt: a PEM certificate was expected" in fault(found)


class TestOneOf:
    GROUPS = (("token", "secret"), ("user", "password"))

    def test_the_first_complete_group_counts(self) -> None:
        data = {"token": b"t", "user": b"u", "password": b"p"}
        found = reading(**data)
        assert found.one_of(*self.GROUPS) == ("user", "password")
        found.refuse_faults()
        assert reading(**data, secret=b"s").one_of(*self.GROUPS) == ("token", "secret")

    def test_the_group_that_was_begun_is_at_fault(self) -> None:
        found = reading(user=b"u")
        found.one_of(*self.GROUPS)
        assert fault(found).endswith("error: password: the key is missing")

    def test_without_any_the_first_is(self) -> None:
        found = reading()
        found.one_of(*self.GROUPS)
        assert "token: the key is missing" in fault(found)
