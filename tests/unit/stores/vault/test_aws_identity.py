import base64
import io
import json
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest
import urllib3

from virtrigaud_secrets.errors import AuthenticationError, ConfigurationError, StoreUnavailableError
from virtrigaud_secrets.models.backends.vault import VaultIamAuth
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.vault.aws_identity import WHO_AM_I, Credentials, login_body, signed
from virtrigaud_secrets.testing.servers import FaultProxy
from virtrigaud_secrets.testing.servers.fault_proxy import Trouble

SECRET = "wJalrXUtnFEMI/K7MDENG+never/show"
NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
STATIC = {
    "secretRef": {
        "accessKeyIDSecretRef": {"name": "aws", "key": "id"},
        "secretAccessKeySecretRef": {"name": "aws", "key": "key"},
    }
}
GIVEN = (
    b"<R><Credentials><SecretAccessKey>given-key</SecretAccessKey><AccessKeyId>ASIA</AccessKeyId>"
    b"<SessionToken>given+token/==</SessionToken></Credentials></R>"
)


def expected_signature(address, body, headers, *, region, secret, token=None):
    """The signature by AWS's own library."""
    auth = pytest.importorskip("botocore.auth")
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as Own

    request = AWSRequest("POST", address, headers={k: v for k, v in headers.items() if k != "Authorization"}, data=body)
    request.context["timestamp"] = headers["X-Amz-Date"]
    signer = auth.SigV4Auth(Own("AKIA", secret, token), "sts", region)
    return signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)


@pytest.mark.parametrize("token", [None, "session+token/=="])
@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
@pytest.mark.parametrize("extra", [{}, {"X-Vault-AWS-IAM-Server-ID": "vault.example.com"}, {"a-z": "a   b"}])
def test_aws_own_library_signs_the_same(token, region, extra):
    credentials = Credentials("AKIA", Sensitive(SECRET), None if token is None else Sensitive(token))
    address = "https://sts.amazonaws.com/"
    headers = signed(address, WHO_AM_I, region=region, credentials=credentials, now=NOW, extra=extra)
    signature = headers["Authorization"].rpartition("=")[2]
    assert signature == expected_signature(address, WHO_AM_I, headers, region=region, secret=SECRET)
    assert f"Credential=AKIA/20300102/{region}/sts/aws4_request" in headers["Authorization"]
    assert headers.get("X-Amz-Security-Token") == token


@pytest.fixture
def make(make_context, cluster):
    cluster.secrets = {("team", "aws", "id"): "AKIA\n", ("team", "aws", "key"): f"{SECRET}\n"}

    def make(spec, **settings):
        return login_body(VaultIamAuth.model_validate({"vaultRole": "r"} | spec), make_context(**settings))

    return make


def headers_of(body):
    wrapped = json.loads(base64.b64decode(body["iam_request_headers"].reveal()))
    return {name: value for name, (value,) in wrapped.items()}


@pytest.mark.parametrize(
    ("spec", "address"),
    [
        ({}, "https://sts.amazonaws.com/"),
        ({"region": "eu-central-1"}, "https://sts.eu-central-1.amazonaws.com/"),
        ({"region": "cn-north-1"}, "https://sts.cn-north-1.amazonaws.com.cn/"),
    ],
)
def test_a_login_with_a_key(make, spec, address):
    body = make(STATIC | spec | {"vaultAwsIamServerID": "vault.example.com"})
    assert (body["role"], body["iam_http_request_method"]) == ("r", "POST")
    assert base64.b64decode(body["iam_request_url"]).decode() == address
    assert base64.b64decode(body["iam_request_body"]).decode() == WHO_AM_I
    headers = headers_of(body)
    assert headers["Host"] == address.removeprefix("https://").rstrip("/")
    assert headers["X-Vault-AWS-IAM-Server-ID"] == "vault.example.com"
    assert "x-vault-aws-iam-server-id" in headers["Authorization"]
    assert "Signature" not in repr(body)


def test_a_temporary_key_has_a_token(make, cluster):
    cluster.secrets["team", "aws", "token"] = "session"
    reference = {"sessionTokenSecretRef": {"name": "aws", "key": "token"}}
    assert headers_of(make({"secretRef": STATIC["secretRef"] | reference}))["X-Amz-Security-Token"] == "session"


class Sts:
    """AWS STS: keeps what it is asked, and answers."""

    def __init__(self, answer=GIVEN, status=200):
        self.answer, self.status, self.asked = answer, status, []

    def request(self, method, address, *, body, headers, **_options):
        text = body.decode()
        self.asked.append((address, {name: value for name, (value,) in parse_qs(text).items()}, headers, text))
        if isinstance(self.answer, Exception):
            raise self.answer
        return urllib3.HTTPResponse(io.BytesIO(self.answer), status=self.status, preload_content=False)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        pass


@pytest.fixture
def sts(monkeypatch):
    made = Sts()
    monkeypatch.setattr(urllib3, "PoolManager", lambda **_options: made)
    return made


def test_a_role_is_assumed(make, sts):
    headers = headers_of(make(STATIC | {"role": "arn:aws:iam::1:role/r", "externalID": "x", "region": "eu-west-1"}))
    ((address, form, sent, body),) = sts.asked
    assert address == "https://sts.eu-west-1.amazonaws.com"
    assert (form["Action"], form["RoleArn"], form["ExternalId"]) == ("AssumeRole", "arn:aws:iam::1:role/r", "x")
    signature = sent["Authorization"].rpartition("=")[2]
    assert signature == expected_signature(address, body, sent, region="eu-west-1", secret=SECRET)
    assert "Credential=ASIA/" in headers["Authorization"]
    assert headers["X-Amz-Security-Token"] == "given+token/=="


def test_the_pods_own_pod_identity(make, sts, monkeypatch):
    given = {"access_key": "ASIAPOD", "secret_key": SECRET, "token": "pod-session", "expiry_time": "-"}
    monkeypatch.setattr("virtrigaud_secrets.stores.container_credentials.fetched", lambda _context: given)
    headers = headers_of(make({}, aws_container_credentials_uri="http://169.254.170.23/v1/credentials"))
    assert "Credential=ASIAPOD/" in headers["Authorization"]
    assert headers["X-Amz-Security-Token"] == "pod-session"
    assert sts.asked == []


def test_the_pods_own_web_identity(make, sts, tmp_path):
    path = tmp_path / "token"
    path.write_text("pod-token\n")
    endpoints = {"sts": "https://sts.local:1"}
    settings = {"aws_role_arn": "arn:role", "aws_web_identity_token_file": path, "aws_endpoints": endpoints}
    headers = headers_of(make({}, **settings))
    ((address, form, sent, _),) = sts.asked
    assert address == "https://sts.local:1"
    assert (form["Action"], form["WebIdentityToken"]) == ("AssumeRoleWithWebIdentity", "pod-token")
    assert "Authorization" not in sent
    assert "Credential=ASIA/" in headers["Authorization"]


def test_a_service_account_goes_before_a_key(make, sts, cluster):
    account = {"jwt": {"serviceAccountRef": {"name": "vault", "audiences": ["own"]}}}
    make(STATIC | account, aws_role_arn="arn:role")
    assert sts.asked[0][1]["WebIdentityToken"] == "jwt-of-the-pod"
    assert cluster.asked == [("token", "team", "vault", "own", "sts.amazonaws.com")]


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (403, b"<Error>AccessDenied</Error>", AuthenticationError),
        (400, b"ExpiredToken", AuthenticationError),
        (500, b"", StoreUnavailableError),
        (200, b"<SecretAccessKey>given-key</SecretAccessKey>", AuthenticationError),
        (0, urllib3.exceptions.ProtocolError("x"), StoreUnavailableError),
    ],
)
def test_an_exchange_that_fails_shows_nothing(make, sts, status, answer, error):
    sts.status, sts.answer = status, answer
    with pytest.raises(error) as caught:
        make(STATIC | {"role": "arn:role"})
    assert caught.value.store
    assert caught.value.path == "sts:AssumeRole"
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    own = [frame for frame in report.stack if "virtrigaud_secrets" in frame.filename]
    assert own
    shown = str([frame.locals for frame in own]) + str(caught.value)
    assert not {part for part in (SECRET, "given-key", "Signature=") if part in shown}


def test_what_is_not_there_is_told(make, tmp_path):
    with pytest.raises(ConfigurationError, match="AWS_WEB_IDENTITY_TOKEN_FILE"):
        make({})
    with pytest.raises(ConfigurationError, match="cannot be read"):
        make({}, aws_web_identity_token_file=tmp_path / "absent")
    (tmp_path / "token").write_text("t")
    with pytest.raises(ConfigurationError, match="AWS_ROLE_ARN"):
        make({}, aws_web_identity_token_file=tmp_path / "token")
    with pytest.raises(ConfigurationError, match=r"auth\.iam\.secretRef\.accessKeyIDSecretRef must have a name"):
        make({"secretRef": {}})


@pytest.fixture
def tls_sts() -> Iterator[FaultProxy]:
    with FaultProxy("http://127.0.0.1:1") as made:
        made.order(Trouble.STATUS, status=200, body=GIVEN)
        yield made


def test_sts_is_asked_over_tls_that_the_settings_trust(make, tls_sts, tmp_path):
    path = tmp_path / "ca.pem"
    path.write_bytes(tls_sts.ca_pem)
    endpoints = {"sts": tls_sts.address}
    assert headers_of(make(STATIC | {"role": "arn:role"}, aws_endpoints=endpoints, ca_file=path))
    assert tls_sts.requests == ["POST /"]
    with pytest.raises(StoreUnavailableError, match="not trusted"):
        make(STATIC | {"role": "arn:role"}, aws_endpoints=endpoints)
