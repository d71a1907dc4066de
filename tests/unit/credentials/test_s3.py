import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.credentials import S3Credentials
from virtrigaud_secrets.errors import ValidationError


def test_the_keys_of_a_migration() -> None:
    found = S3Credentials.from_bundle(Bundle({"accessKeyID": b"AK\n", "secretAccessKey": b"SK\n"}))
    assert found.client_arguments() == {"aws_access_key_id": "AK", "aws_secret_access_key": "SK"}


def test_a_session_token_goes_with_them() -> None:
    found = S3Credentials.from_bundle(Bundle({"accessKeyID": b"AK", "secretAccessKey": b"SK", "sessionToken": b"ST"}))
    assert found.client_arguments()["aws_session_token"] == "ST"


def test_missing_keys_are_told() -> None:
    with pytest.raises(ValidationError) as caught:
        S3Credentials.from_bundle(Bundle({"sessionToken": b"ST"}))
    assert [finding.field for finding in caught.value.findings] == ["accessKeyID", "secretAccessKey"]
