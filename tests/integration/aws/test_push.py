"""Pushes to AWS's services by moto: what they keep, what is refused, what a lost answer leaves behind."""

import base64
import json

import pytest

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConflictError,
    DecodingError,
    InvalidRequestError,
    NotOwnedError,
    StoreUnavailableError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Push, PushOutcome, PushTarget, RetryPolicy
from virtrigaud_secrets.testing.contract import CANARY, assert_hidden
from virtrigaud_secrets.testing.servers import FaultProxy
from virtrigaud_secrets.testing.servers.fault_proxy import Trouble

from .conftest import STORE

pytestmark = pytest.mark.integration

MARK = {"managed-by": "external-secrets"}
HEAD = {"apiVersion": "kubernetes.external-secrets.io/v1alpha1", "kind": "PushSecretMetadata"}


@pytest.fixture
def key(prefix):
    return f"{prefix}a"


@pytest.fixture
def proxy(services):
    with FaultProxy(services.address, tls=False) as made:
        yield made


def target(key, name=""):
    return PushTarget(store=STORE, key=key, property=name)


def push(key, value=CANARY, name="", **spec):
    metadata = {**HEAD, "spec": spec} if spec else None
    encoded = value if isinstance(value, bytes) else value.encode()
    return Push(target=target(key, name), entries={"k": Sensitive(encoded)}, secret_key="k", metadata=metadata)


def raised(kind, call):
    with pytest.raises(kind) as caught:
        call()
    assert_hidden(caught.value)
    assert caught.value.store == str(STORE)
    return caught.value


def tags(sdk, key):
    return {tag["Key"]: tag["Value"] for tag in sdk.secretsmanager.describe_secret(SecretId=key)["Tags"]}


def parameter_tags(sdk, key):
    found = sdk.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=key)["TagList"]
    return {tag["Key"]: tag["Value"] for tag in found}


class TestSecretsManager:
    def test_a_new_secret_is_binary_and_marked(self, connect, sdk, services, key):
        assert connect().push(push(key, b"\xff\x00")) is PushOutcome.CREATED
        assert services.operations() == ["DescribeSecret", "CreateSecret"]
        kept = sdk.secretsmanager.get_secret_value(SecretId=key)
        assert (kept["SecretBinary"], "SecretString" in kept) == (b"\xff\x00", False)
        about = sdk.secretsmanager.describe_secret(SecretId=key)
        assert about["Description"] == "secret 'managed-by:external-secrets'"
        assert services.calls[1].parameters["KmsKeyId"] == "alias/aws/secretsmanager"
        assert tags(sdk, key) == MARK

    def test_the_prefix_goes_before_every_key(self, connect, sdk, key):
        connect(prefix=key).push(push("/inner"))
        assert tags(sdk, f"{key}/inner") == MARK

    def test_metadata_says_how(self, connect, sdk, key):
        client = connect()
        spec = {
            "secretPushFormat": "string",
            "description": "mine",
            "kmsKeyId": "alias/k",
            "tags": {"a": "1", "b": "2"},
        }
        client.push(push(key, **spec))
        about = sdk.secretsmanager.describe_secret(SecretId=key)
        assert sdk.secretsmanager.get_secret_value(SecretId=key)["SecretString"] == CANARY
        assert (about["Description"], about["KmsKeyId"], tags(sdk, key)) == (
            "mine",
            "alias/k",
            {**MARK, "a": "1", "b": "2"},
        )
        assert client.push(push(key, tags={"b": "3", "c": "4"})) is PushOutcome.UPDATED
        assert tags(sdk, key) == {**MARK, "b": "3", "c": "4"}
        assert len(about["VersionIdsToStages"]) == len(
            sdk.secretsmanager.describe_secret(SecretId=key)["VersionIdsToStages"]
        )
        assert client.push(push(key)) is PushOutcome.UNCHANGED
        assert tags(sdk, key) == {**MARK, "b": "3", "c": "4"}

    def test_the_mark_is_nobodys_to_write(self, connect, services, key):
        raised(InvalidRequestError, lambda: connect().push(push(key, tags={"managed-by": "me"})))
        assert services.calls == []

    def test_a_resource_policy_is_kept_as_the_manifest_says(self, connect, sdk, services, objects, key):
        policy = '{"Version": "2012-10-17", "Statement": []}'
        objects.secrets["policy", "json"] = policy
        spec = {"resourcePolicy": {"policySourceRef": {"kind": "Secret", "name": "policy", "key": "json"}}}
        client = connect()
        client.push(push(key, **spec))
        assert json.loads(sdk.secretsmanager.get_resource_policy(SecretId=key)["ResourcePolicy"]) == json.loads(policy)
        assert client.push(push(key, **spec)) is PushOutcome.UNCHANGED
        assert client.push(push(key)) is PushOutcome.UNCHANGED
        assert "DeleteResourcePolicy" not in services.operations()

    def test_replicas_follow_the_manifest(self, connect, sdk, key):
        client = connect()
        client.push(push(key, replicationLocations=["eu-west-1"]))
        assert client.push(push(key, replicationLocations=["eu-central-1"])) is PushOutcome.UPDATED
        regions = {one["Region"] for one in sdk.secretsmanager.describe_secret(SecretId=key)["ReplicationStatus"]}
        assert regions == {"eu-central-1"}

    def test_a_property_of_what_is_no_json_is_refused(self, connect, key):
        client = connect()
        client.push(push(key, "plain text"))
        raised(InvalidRequestError, lambda: client.push(push(key, name="p")))
        raised(InvalidRequestError, lambda: client.push(push(f"{key}-new", b"\xff" + CANARY.encode(), name="p")))

    def test_a_property_is_a_path_and_keeps_the_rest(self, connect, sdk, key):
        client = connect()
        client.push(push(key, '{ "a": 1.50 }', secretPushFormat="string"))
        client.push(push(key, name="b.c"))
        kept = sdk.secretsmanager.get_secret_value(SecretId=key)["SecretBinary"].decode()
        assert kept == f'{{ "a": 1.50 ,"b":{{"c":"{CANARY}"}}}}'

    def test_what_is_marked_for_deletion_is_told(self, connect, sdk, key):
        client = connect(secretsManager={"recoveryWindowInDays": 7})
        client.push(push(key))
        assert client.delete(target(key)) is PushOutcome.DELETED
        assert not client.exists(target(key))
        error = raised(InvalidRequestError, lambda: client.push(push(key)))
        assert "marked for deletion" in str(error)
        assert client.delete(target(key)) is PushOutcome.ABSENT
        assert sdk.secretsmanager.describe_secret(SecretId=key)["DeletedDate"]

    @pytest.mark.parametrize(
        ("config", "asked"),
        [
            ({"recoveryWindowInDays": 9}, {"RecoveryWindowInDays": 9}),
            ({"forceDeleteWithoutRecovery": True}, {"ForceDeleteWithoutRecovery": True}),
            (None, {}),
        ],
    )
    def test_a_deletion_is_as_the_store_says(self, connect, services, key, config, asked):
        client = connect(secretsManager=config)
        client.push(push(key))
        client.delete(target(key))
        assert services.calls[-1].parameters == {"SecretId": key, **asked}

    def test_a_policy_that_denies_is_told_by_action(self, connect, services, key):
        for operation in ("CreateSecret", "DescribeSecret"):
            services.refuse(operation, "AccessDeniedException")
            error = raised(AccessDeniedError, lambda: connect().push(push(key)))
            assert (error.capability, error.path) == (f"secretsmanager:{operation}", key)

    @pytest.mark.parametrize("trouble", [Trouble.RESET, Trouble.HALF, Trouble.HANG])
    def test_a_lost_answer_is_an_error_and_the_write_is_sent_once(self, connect, services, sdk, proxy, key, trouble):
        from datetime import timedelta

        client = connect(
            retry=RetryPolicy(retries=5),
            settings={"aws_endpoints": {"secretsmanager": proxy.address}, "request_timeout": timedelta(seconds=1)},
        )
        client.push(push(key, "old"))
        proxy.order(trouble, path="^POST", delivered=True)
        # The look before the write passes: only what follows is spoilt.
        proxy.heal()
        sent = client.service.tell

        def spoilt(operation, parameters, *, path):
            proxy.order(trouble, path="^POST", delivered=True)
            return sent(operation, parameters, path=path)

        client.service.tell = spoilt
        raised(StoreUnavailableError, lambda: client.push(push(key)))
        client.service.tell = sent
        proxy.heal()
        assert services.operations().count("PutSecretValue") == 1
        assert client.push(push(key)) is PushOutcome.UNCHANGED

    def test_throttled_writes_are_told_and_not_repeated(self, connect, services, key):
        services.refuse("CreateSecret", "InternalServiceError", status=500)
        raised(StoreUnavailableError, lambda: connect(retry=RetryPolicy(retries=5)).push(push(key)))
        assert services.operations().count("CreateSecret") == 1

    def test_credentials_that_rotated_are_read_anew(self, connect, services, key):
        services.refuse("CreateSecret", "ExpiredTokenException", times=1)
        assert connect().push(push(key)) is PushOutcome.CREATED
        services.refuse("PutSecretValue", "UnrecognizedClientException")
        raised(AuthenticationError, lambda: connect().push(push(key, "other")))


class TestParameterStore:
    @pytest.fixture
    def client(self, connect):
        return connect(service="ParameterStore")

    def test_a_new_parameter_is_marked_and_nothing_is_overwritten(self, client, sdk, services, key):
        assert client.push(push(key)) is PushOutcome.CREATED
        assert services.operations() == ["GetParameter", "PutParameter"]
        asked = services.calls[-1].parameters
        assert (asked["Overwrite"], asked["Type"], "KeyId" in asked) == (False, "String", False)
        assert parameter_tags(sdk, key) == MARK

    def test_a_whole_secret_is_base64_unless_told_otherwise(self, client, sdk, key):
        entries = {"a": Sensitive(b"\xff"), "b": Sensitive("text")}
        client.push(Push(target=target(key), entries=entries))
        kept = json.loads(sdk.ssm.get_parameter(Name=key)["Parameter"]["Value"])
        assert {name: base64.b64decode(value) for name, value in kept.items()} == {"a": b"\xff", "b": b"text"}
        decoded = {**HEAD, "spec": {"encodeAsDecoded": True}}
        with pytest.raises(DecodingError, match="a is not UTF-8"):
            client.push(Push(target=target(key), entries=entries, metadata=decoded))

    def test_metadata_says_how(self, client, sdk, services, key):
        spec = {
            "secretType": "SecureString",
            "kmsKeyID": "alias/k",
            "tier": {"type": "Advanced", "policies": [{"Type": "NoChangeNotification", "Version": "1.0"}]},
            "tags": {"a": "1"},
            "description": "mine",
        }
        client.push(push(key, **spec))
        asked = services.calls[-1].parameters
        assert (asked["Type"], asked["KeyId"], asked["Tier"], asked["Description"]) == (
            "SecureString",
            "alias/k",
            "Advanced",
            "mine",
        )
        assert json.loads(asked["Policies"]) == spec["tier"]["policies"]
        client.push(push(key, "other", tags={"b": "2"}, secretType="SecureString"))
        assert parameter_tags(sdk, key) == {**MARK, "b": "2"}

    def test_of_two_that_create_at_once_one_is_told(self, client, sdk, key):
        sent = client.service.tell

        def slow(operation, parameters, *, path):
            sdk.ssm.put_parameter(Name=key, Value="theirs", Type="String")
            return sent(operation, parameters, path=path)

        client.service.tell = slow
        raised(ConflictError, lambda: client.push(push(key)))
        client.service.tell = sent
        raised(NotOwnedError, lambda: client.push(push(key)))
        assert sdk.ssm.get_parameter(Name=key)["Parameter"]["Value"] == "theirs"

    def test_bytes_are_no_parameter(self, client, services, key):
        with pytest.raises(DecodingError, match="not UTF-8") as caught:
            client.push(push(key, b"\xff" + CANARY.encode()))
        assert_hidden(caught.value)
        assert services.operations() == ["GetParameter"]

    def test_a_property_is_passed_over_when_strict(self, connect, sdk, key):
        client = connect(service="ParameterStore", settings={"strict": True})
        client.push(push(key, "alone", name="p"))
        assert sdk.ssm.get_parameter(Name=key)["Parameter"]["Value"] == "alone"
        assert client.exists(target(key, "anything"))
        assert client.delete(target(key, "p")) is PushOutcome.DELETED

    def test_a_property_keeps_the_kind_of_parameter_when_it_is_deleted(self, client, sdk, key):
        client.push(push(key, name="a", secretType="SecureString"))
        client.push(push(key, name="b", secretType="SecureString"))
        assert client.delete(target(key, "a")) is PushOutcome.DELETED
        found = sdk.ssm.get_parameter(Name=key, WithDecryption=True)["Parameter"]
        assert (found["Type"], json.loads(found["Value"])) == ("SecureString", {"b": CANARY})

    def test_denied(self, client, services, key):
        services.refuse("PutParameter", "AccessDeniedException")
        error = raised(AccessDeniedError, lambda: client.push(push(key)))
        assert (error.capability, error.path) == ("ssm:PutParameter", key)


def test_certificate_manager_only_reads(connect, key):
    from virtrigaud_secrets.errors import UnsupportedFeatureError

    with pytest.raises(UnsupportedFeatureError, match="only reads"):
        connect(service="CertificateManager").push(push(key))
