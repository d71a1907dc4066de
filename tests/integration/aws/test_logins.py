"""Who we are at AWS, by every way of a spec's `auth`, `role` and `additionalRoles`; STS's calls are looked at."""

from datetime import timedelta

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import AuthenticationError, ConfigurationError
from virtrigaud_secrets.stores.base import StoreKey

pytestmark = pytest.mark.integration

ROLE = "arn:aws:iam::123456789012:role/"
JWT = {"jwt": {"serviceAccountRef": {"name": "reader", "namespace": "elsewhere", "audiences": ["more"]}}}


@pytest.fixture
def key(sdk, services, prefix):
    sdk.secretsmanager.create_secret(Name=f"{prefix}a", SecretString="x")
    services.forget()
    return f"{prefix}a"


def test_static_keys_sign_as_they_are(connect, services, key, of):
    assert connect().get(of(key)).payload.whole() == b"x"
    assert [(call.operation, call.access_key) for call in services.calls] == [("GetSecretValue", "AKIAEXAMPLE")]


def test_keys_that_rotated_are_read_anew(connect, services, objects, key, of):
    client = connect()
    client.get(of(key))
    objects.secrets["aws-keys", "id"] = "AKIANEW"
    services.refuse("GetSecretValue", "UnrecognizedClientException", times=1)
    services.calls.clear()
    assert client.get(of(key)).payload.whole() == b"x"
    assert [call.access_key for call in services.calls] == ["AKIAEXAMPLE", "AKIANEW"]


def test_keys_that_stay_refused_are_a_fault(connect, services, key, of):
    services.refuse("GetSecretValue", "InvalidSignatureException")
    with pytest.raises(AuthenticationError, match="signature is wrong") as caught:
        connect().get(of(key))
    assert (caught.value.path, caught.value.request_id) == (key, "refused-1")
    assert len(services.calls) == 2


def test_half_a_secret_ref_is_refused_before_anything_is_read(connect):
    with pytest.raises(ConfigurationError, match="secretAccessKeySecretRef"):
        connect(auth={"secretRef": {"accessKeyIDSecretRef": {"name": "aws-keys", "key": "id"}}})


def test_a_token_request_asks_for_stss_audience(connect, services, objects, key, of):
    client = connect(auth=JWT, settings={"aws_role_arn": f"{ROLE}irsa"})
    assert client.get(of(key)).payload.whole() == b"x"
    # The namespace of the reference counts in a ClusterSecretStore only.
    assert objects.asked == [("virtrigaud-system", "reader", ("sts.amazonaws.com", "more"))]
    assert services.operations() == ["AssumeRoleWithWebIdentity", "GetSecretValue"]


def test_a_cluster_store_may_name_the_accounts_namespace(connect, objects, key, of):
    store = StoreKey(kind="ClusterSecretStore", namespace="apps", name="aws")
    connect(auth=JWT, settings={"aws_role_arn": f"{ROLE}irsa"}, store=store).get(of(key))
    assert objects.asked[0][0] == "elsewhere"


def test_the_pods_token_goes_before_a_token_request_unless_that_is_set(connect, objects, token_file, key, of):
    pod = {"aws_role_arn": f"{ROLE}irsa", "aws_web_identity_token_file": token_file}
    connect(auth=JWT, settings=pod).get(of(key))
    assert objects.asked == []
    connect(auth=JWT, settings={**pod, "service_account_tokens": "token-request"}).get(of(key))
    assert len(objects.asked) == 1


def test_no_auth_is_the_pods_web_identity(connect, services, token_file, key, of):
    pod = {"aws_role_arn": f"{ROLE}irsa", "aws_web_identity_token_file": token_file}
    connect(auth={}, settings=pod).get(of(key))
    assert services.operations() == ["AssumeRoleWithWebIdentity", "GetSecretValue"]


def test_no_auth_takes_the_environments_keys_before_a_web_identity(connect, services, token_file, key, of, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "k")
    pod = {"aws_role_arn": f"{ROLE}irsa", "aws_web_identity_token_file": token_file}
    for settings in (pod, {}):
        connect(auth={}, settings=settings).get(of(key))
    assert [call.access_key for call in services.calls] == ["AKIAENV", "AKIAENV"]


def test_no_identity_at_all_is_told(connect, services, key, of):
    with pytest.raises(AuthenticationError, match="there are no AWS credentials"):
        connect(auth={}).get(of(key))
    assert services.calls == []


@pytest.mark.parametrize("content", ["", None])
def test_an_empty_or_absent_token_file_is_told(connect, services, tmp_path, key, of, content):
    path = tmp_path / "none"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match="empty or cannot be read"):
        connect(auth=JWT, settings={"aws_role_arn": ROLE, "aws_web_identity_token_file": path}).get(of(key))
    assert services.calls == []


def test_roles_are_assumed_one_after_the_other(connect, services, key, of):
    client = connect(
        additionalRoles=[f"{ROLE}first", f"{ROLE}second"],
        role=f"{ROLE}last",
        externalID="outside",
        sessionTags=[{"key": "team", "value": "vm"}],
        transitiveTagKeys=["team"],
    )
    assert client.get(of(key)).payload.whole() == b"x"
    *assumed, read = services.calls
    assert [call.operation for call in assumed] == ["AssumeRole"] * 3
    assert [call.parameters["RoleArn"].rpartition("/")[2] for call in assumed] == ["first", "second", "last"]
    assert [call.access_key[:4] for call in services.calls] == ["AKIA", "ASIA", "ASIA", "ASIA"]
    assert len({call.access_key for call in services.calls}) == 4
    assert ["ExternalId" in call.parameters for call in assumed] == [False, False, True]
    assert assumed[2].parameters["Tags.member.1.Key"] == "team"
    assert assumed[2].parameters["TransitiveTagKeys.member.1"] == "team"
    assert read.operation == "GetSecretValue"
    services.calls.clear()
    client.get(of(key))
    assert services.operations() == ["GetSecretValue"]


def test_esos_own_session_tags(connect, services, key, of):
    connect(role=f"{ROLE}r", sessionTagsPolicy="Custom", customSessionTags={"team": "vm", "void": ""}).get(of(key))
    parameters = services.calls[0].parameters
    tags = {parameters[f"Tags.member.{n}.Key"]: parameters[f"Tags.member.{n}.Value"] for n in range(1, 5)}
    assert tags == {
        "esoNamespace": "virtrigaud-system",
        "esoStoreName": "aws",
        "esoStoreKind": "SecretStore",
        "team": "vm",
    }
    assert "Tags.member.5.Key" not in parameters


def test_a_role_that_is_refused_is_named(connect, services, key, of):
    services.refuse("AssumeRole", "AccessDenied", status=403)
    with pytest.raises(AuthenticationError, match="sts:AssumeRole is refused") as caught:
        connect(role=f"{ROLE}r").get(of(key))
    assert caught.value.path == f"{ROLE}r"
    assert services.operations() == ["AssumeRole"]


def test_credentials_that_end_early_are_replaced_in_mid_flight(connect, services, key, of):
    client = connect(role=f"{ROLE}r")
    client.get(of(key))
    services.refuse("GetSecretValue", "ExpiredTokenException", times=1)
    services.calls.clear()
    assert client.get(of(key)).payload.whole() == b"x"
    assert services.operations() == ["GetSecretValue", "AssumeRole", "GetSecretValue"]


class LateClock(SystemClock):
    late = timedelta(0)

    def now(self):
        return super().now() + self.late


def test_credentials_near_their_end_are_renewed_before_a_request(connect, services, key, of):
    """STS gives an hour here; the SDK renews in the last quarter of it."""
    clock = LateClock()
    client = connect(role=f"{ROLE}r", clock=clock)
    client.get(of(key))
    services.calls.clear()
    clock.late = timedelta(minutes=44)
    client.get(of(key))
    assert services.operations() == ["GetSecretValue"]
    clock.late = timedelta(minutes=46)
    client.get(of(key))
    assert services.operations()[1] == "AssumeRole"
    assert services.operations()[-1] == "GetSecretValue"
