"""boto3 with our arguments, at an S3 that checks signatures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.credentials import S3Credentials

boto3 = pytest.importorskip("boto3", reason="boto3 is in the extra `aws`")
moto = pytest.importorskip("moto", reason="moto is in the dependency group `tests`")
ALLOWED = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
FREE = 3
"""Requests that need no signature: those that make the first account."""


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    from moto import settings
    from moto.core.responses import ActionAuthenticatorMixin
    from moto.server import ThreadedMotoServer

    monkeypatch.setattr(settings, "INITIAL_NO_AUTH_ACTION_COUNT", FREE)
    monkeypatch.setattr(ActionAuthenticatorMixin, "request_count", 0)

    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def credentials(key: dict[str, str], **others: str) -> S3Credentials:
    data = {"accessKeyID": key["AccessKeyId"], "secretAccessKey": key["SecretAccessKey"], **others}
    return S3Credentials.from_bundle(Bundle({name: f"{value}\n".encode() for name, value in data.items()}))


def test_the_storage_of_a_migration_is_reached_until_the_key_is_deleted(address: str) -> None:
    from botocore.exceptions import ClientError

    where = {"endpoint_url": address, "region_name": "us-east-1"}
    iam = boto3.client("iam", **where, aws_access_key_id="first", aws_secret_access_key="first")
    iam.create_user(UserName="migration")
    iam.put_user_policy(UserName="migration", PolicyName="all", PolicyDocument=ALLOWED)
    first = iam.create_access_key(UserName="migration")["AccessKey"]

    # From here on a signature that does not fit is refused.
    s3 = boto3.client("s3", **where, **credentials(first).client_arguments())
    s3.create_bucket(Bucket="migration")
    s3.put_object(Bucket="migration", Key="disk.qcow2", Body=b"disk")
    wrong = credentials({**first, "SecretAccessKey": "another"})
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        boto3.client("s3", **where, **wrong.client_arguments()).list_objects_v2(Bucket="migration")

    admin = boto3.client("iam", **where, **credentials(first).client_arguments())
    second = admin.create_access_key(UserName="migration")["AccessKey"]
    rotated = boto3.client("s3", **where, **credentials(second).client_arguments())
    rotated.put_object(Bucket="migration", Key="disk.qcow2", Body=b"disk")
    boto3.client("iam", **where, **credentials(second).client_arguments()).delete_access_key(
        UserName="migration", AccessKeyId=first["AccessKeyId"]
    )
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        s3.list_objects_v2(Bucket="migration")
    assert rotated.list_objects_v2(Bucket="migration")["KeyCount"] == 1


def test_keys_that_were_lent_sign_with_their_session(address: str) -> None:
    from botocore.exceptions import ClientError

    where = {"endpoint_url": address, "region_name": "us-east-1"}
    by_root = {"aws_access_key_id": "first", "aws_secret_access_key": "first"}
    trust = ALLOWED.replace('"Resource": "*"', '"Principal": "*"')
    role = boto3.client("iam", **where, **by_root).create_role(RoleName="m", AssumeRolePolicyDocument=trust)["Role"]
    boto3.client("iam", **where, **by_root).put_role_policy(RoleName="m", PolicyName="a", PolicyDocument=ALLOWED)
    lent = boto3.client("sts", **where, **by_root).assume_role(RoleArn=role["Arn"], RoleSessionName="migration")[
        "Credentials"
    ]
    held = credentials(lent, sessionToken=lent["SessionToken"])
    boto3.client("s3", **where, **held.client_arguments()).create_bucket(Bucket="lent")
    without = boto3.client("s3", **where, **credentials(lent).client_arguments())
    with pytest.raises(ClientError, match=r"InvalidToken|InvalidAccessKeyId"):
        without.create_bucket(Bucket="other")
