import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.parsers import ResponseParserError

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import AccessDeniedError, AuthenticationError, ConfigurationError
from virtrigaud_secrets.models.backends.aws import AWSProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.aws import session
from virtrigaud_secrets.stores.aws.session import Sessions, refuse_broken, session_tags
from virtrigaud_secrets.stores.base import StoreKey
from virtrigaud_secrets.testing.contract import NoReferences, store_context

ROLE = "arn:aws:iam::1:role/r"
REF = {"name": "keys", "key": "k"}
STATIC = {"secretRef": {"accessKeyIDSecretRef": REF, "secretAccessKeySecretRef": REF, "sessionTokenSecretRef": REF}}
JWT = {"jwt": {"serviceAccountRef": {"name": "reader"}}}


class Objects(NoReferences):
    def secret_value(self, name, key, *, namespace):
        return Sensitive("value\n")

    def service_account_token(self, name, *, namespace, audiences=()):
        return Sensitive(f"{namespace}/{name} for {','.join(audiences)}")


def sessions(settings=None, **options):
    spec = AWSProvider.model_validate({"service": "SecretsManager", "region": "us-west-2", "auth": STATIC, **options})
    context = store_context(settings=Settings(**(settings or {})), clock=SystemClock())
    return Sessions(spec, dataclasses.replace(context, references=Objects()))


@pytest.fixture
def sts(monkeypatch):
    """What STS is asked instead of sending it."""
    asked = []

    def send(connection, request, parameters, context):
        asked.append((request.operation, parameters, connection.credentials))
        ends = datetime.now(UTC) + timedelta(hours=1)
        number = len(asked)
        return {
            "Credentials": {
                "AccessKeyId": f"ASIA{number}",
                "SecretAccessKey": "s",
                "SessionToken": "t",
                "Expiration": ends,
            }
        }

    monkeypatch.setattr(session, "send", send)
    return asked


def frozen(connection):
    found = connection.credentials.get_frozen_credentials()
    return found.access_key, found.secret_key, found.token


def test_static_keys_are_read_without_blanks_around_them():
    connection = sessions().connect("ssm")
    assert frozen(connection) == ("value", "value", "value")
    assert connection.client.meta.endpoint_url == "https://ssm.us-west-2.amazonaws.com"


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        (
            {"endpoints": {"https://secretsmanager.us-west-2.amazonaws.com/": "http://127.0.0.1:1/"}},
            "http://127.0.0.1:1",
        ),
        ({"endpoints": {"https://other": "http://127.0.0.1:1"}}, "https://secretsmanager.us-west-2.amazonaws.com"),
        ({"aws_endpoints": {"secretsmanager": "http://127.0.0.1:2"}}, "http://127.0.0.1:2"),
        ({"aws_endpoints": {"ssm": "http://127.0.0.1:2"}}, "https://secretsmanager.us-west-2.amazonaws.com"),
    ],
)
def test_addresses_follow_the_settings(settings, address):
    assert sessions(settings).connect("secretsmanager").client.meta.endpoint_url == address


@pytest.mark.parametrize(("region", "end"), [("cn-north-1", ".amazonaws.com.cn"), ("us-gov-west-1", ".amazonaws.com")])
def test_other_partitions_have_their_own_names(region, end):
    assert sessions(region=region).connect("ssm").client.meta.endpoint_url.endswith(region + end)


def test_nothing_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "9")
    client = sessions({"request_timeout": timedelta(seconds=7)}).connect("ssm").client
    assert client.meta.endpoint_url == "https://ssm.us-west-2.amazonaws.com"
    config = client.meta.config
    assert (config.proxies, config.retries["total_max_attempts"]) == ({}, 1)
    assert (config.connect_timeout, config.read_timeout) == (7, 7)


def test_an_unknown_region_is_refused():
    with pytest.raises(ConfigurationError, match="'mars-1' is no region of AWS"):
        sessions(region="mars-1").connect("ssm")


def test_half_a_secret_ref_is_refused():
    with pytest.raises(ConfigurationError, match="accessKeyIDSecretRef and secretAccessKeySecretRef"):
        sessions(auth={"secretRef": {"accessKeyIDSecretRef": REF}})


def test_trust_is_named():
    assert sessions().trust == "the AWS SDK, as Settings.ca_file names none"
    assert "/ca.pem" in sessions({"ca_file": Path("/ca.pem")}).trust


def test_a_web_identity_is_shown_when_it_is_needed(sts):
    connection = sessions({"aws_role_arn": ROLE}, auth=JWT).connect("ssm")
    assert sts == []
    assert frozen(connection)[0] == "ASIA1"
    ((operation, parameters, credentials),) = sts
    assert (operation, parameters["RoleArn"], credentials) == ("AssumeRoleWithWebIdentity", ROLE, None)
    assert parameters["WebIdentityToken"].reveal_text() == "contract/reader for sts.amazonaws.com"
    assert frozen(connection)[0] == "ASIA1"


class Annotated(Objects):
    def __init__(self, annotations):
        self.annotations = annotations

    def service_account_annotations(self, name, *, namespace):
        assert (name, namespace) == ("reader", "contract")
        if isinstance(self.annotations, Exception):
            raise self.annotations
        return self.annotations


def annotated(annotations, settings):
    spec = AWSProvider.model_validate({"service": "SecretsManager", "region": "us-west-2", "auth": JWT})
    context = store_context(settings=Settings(**settings), clock=SystemClock())
    return Sessions(spec, dataclasses.replace(context, references=Annotated(annotations)))


def test_an_account_says_which_role_it_stands_for_and_whom_its_tokens_are_for(sts):
    said = {"eks.amazonaws.com/role-arn": "arn:account", "eks.amazonaws.com/audience": "theirs"}
    frozen(annotated(said, {"aws_role_arn": "arn:pod"}).connect("ssm"))
    ((_, parameters, _),) = sts
    assert parameters["RoleArn"] == "arn:account"
    assert parameters["WebIdentityToken"].reveal_text() == "contract/reader for theirs"


@pytest.mark.parametrize(("own", "role"), [("arn:pod", "arn:pod"), ("", "arn:account")])
def test_the_pods_own_token_goes_with_the_pods_own_role(sts, tmp_path, own, role):
    path = tmp_path / "token"
    path.write_text("mine")
    settings = {"aws_role_arn": own, "aws_web_identity_token_file": path}
    frozen(annotated({"eks.amazonaws.com/role-arn": "arn:account"}, settings).connect("ssm"))
    ((_, parameters, _),) = sts
    assert (parameters["RoleArn"], parameters["WebIdentityToken"].reveal()) == (role, b"mine")


def test_an_account_that_may_not_be_read_is_a_fault_only_where_nothing_else_says_the_role(sts):
    denied = AccessDeniedError("get serviceaccounts")
    frozen(annotated(denied, {"aws_role_arn": "arn:pod"}).connect("ssm"))
    assert sts[0][1]["RoleArn"] == "arn:pod"
    with pytest.raises(AccessDeniedError, match="serviceaccounts"):
        frozen(annotated(denied, {}).connect("ssm"))


def test_the_pods_file_is_read_at_every_login(sts, tmp_path):
    path = tmp_path / "token"
    settings = {"aws_role_arn": ROLE, "aws_web_identity_token_file": path}
    for text in ("first\n", "second"):
        path.write_text(text)
        frozen(sessions(settings, auth=JWT).connect("ssm"))
    assert [parameters["WebIdentityToken"].reveal() for _, parameters, _ in sts] == [b"first", b"second"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "AWS_ROLE_ARN"),
        ({"aws_role_arn": ROLE, "aws_web_identity_token_file": Path("/none")}, "/none is empty or cannot be read"),
        ({"aws_role_arn": ROLE, "service_account_tokens": "projected"}, "AWS_WEB_IDENTITY_TOKEN_FILE"),
    ],
)
def test_an_identity_that_is_not_complete_says_what_is_missing(sts, settings, said):
    connection = sessions(settings, auth=JWT).connect("ssm")
    with pytest.raises(ConfigurationError, match=said):
        frozen(connection)
    assert sts == []


def test_roles_are_assumed_with_the_identity_before_them(sts):
    connection = sessions(additionalRoles=["arn:1"], role="arn:2", externalID="x").connect("ssm")
    assert frozen(connection)[0] == "ASIA1"
    # Here nobody signs, so that only the last is asked for; what it would be signed with is the one before it.
    ((_, parameters, credentials),) = sts
    assert (parameters["RoleArn"], parameters["ExternalId"]) == ("arn:2", "x")
    assert credentials.get_frozen_credentials().access_key == "ASIA2"
    _, parameters, credentials = sts[1]
    assert parameters["RoleArn"] == "arn:1"
    assert "ExternalId" not in parameters
    assert credentials.get_frozen_credentials().access_key == "value"


def test_an_answer_without_credentials_is_a_fault_of_the_login(monkeypatch):
    monkeypatch.setattr(session, "send", lambda *_: {"Credentials": None})
    with pytest.raises(AuthenticationError, match="holds no credentials"):
        frozen(sessions(role=ROLE).connect("ssm"))


class TestSessionTags:
    STORE = StoreKey(kind="ClusterSecretStore", namespace="apps", name="aws")
    OWN = (("esoNamespace", "apps"), ("esoStoreName", "aws"), ("esoStoreKind", "ClusterSecretStore"))

    @pytest.mark.parametrize(
        ("policy", "expected"),
        [
            ({}, [("a", "1")]),
            ({"sessionTagsPolicy": "Simple"}, list(OWN)),
            (
                {"sessionTagsPolicy": "Custom", "customSessionTags": {"z": "1", "b": "2", "c": ""}},
                [*OWN, ("b", "2"), ("z", "1")],
            ),
        ],
    )
    def test_follow_the_policy(self, policy, expected):
        written = {"service": "SecretsManager", "region": "r", "sessionTags": [{"key": "a", "value": "1"}], **policy}
        assert session_tags(AWSProvider.model_validate(written), store_context(store=self.STORE)) == expected


@pytest.mark.parametrize("body", [b'{"SecretString": "half', b"", b"[]", b"<html>", b"[" * 100_000, None])
def test_half_an_answer_is_no_answer(body):
    with pytest.raises(ResponseParserError):
        refuse_broken({"status_code": 200, "body": body}, operation_model=None)


def test_whole_answers_and_refusals_pass():
    refuse_broken({"status_code": 200, "body": json.dumps({}).encode()})
    refuse_broken({"status_code": 503, "body": b"<html>"})
