"""EKS Pod Identity: the agent's address and the pod's token from the settings, the answers from a local server."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import AuthenticationError, ConfigurationError, StoreUnavailableError
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import RetryPolicy
from virtrigaud_secrets.testing.servers.aws import REGION
from virtrigaud_secrets.testing.servers.http_server import AnsweringServer, Question, Reply

pytestmark = pytest.mark.integration

AGENT = "http://169.254.170.23"
URI = f"{AGENT}/v1/credentials"
PLANTED = "planted-5c11"


class PodIdentityAgent(AnsweringServer):
    """Hands out credentials for the token that it is told, as the agent on a node of EKS does."""

    title: ClassVar[str] = "the pod identity agent"

    def __init__(self) -> None:
        super().__init__(None)
        self.token = "header.payload.signature"
        self.life = timedelta(hours=1)
        self.status = 200
        self.given = 0

    def respond(self, question: Question) -> Reply:
        self.given += 1
        if self.status != 200:
            return Reply(self.status, PLANTED.encode())
        if question.target != "/v1/credentials" or question.headers.get("Authorization") != self.token:
            return Reply(400, PLANTED.encode())
        content = {
            "AccessKeyId": f"ASIAPOD{self.given}",
            "SecretAccessKey": PLANTED,
            "Token": f"{PLANTED}-token",
            "AccountId": "123456789012",
            "Expiration": (datetime.now(UTC) + self.life).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return Reply(200, json.dumps(content).encode())


@pytest.fixture
def agent():
    with PodIdentityAgent() as server:
        yield server


@pytest.fixture
def pod(agent, services, token_file):
    """Settings of a pod with an association."""
    return {
        "aws_container_credentials_uri": URI,
        "aws_container_authorization_token_file": token_file,
        "endpoints": {**services.endpoints(), AGENT: agent.address},
    }


@pytest.fixture
def read(services, objects, pod):
    """Reads a secret by the settings of the pod, changed."""
    from virtrigaud_secrets.models.backends.aws import AWSProvider
    from virtrigaud_secrets.stores.aws import FACTORY
    from virtrigaud_secrets.stores.base import StoreContext, StoreKey

    made = []

    def client(*, clock=None, retry=None, **changed):
        context = StoreContext(
            store=StoreKey("SecretStore", "n", "aws"),
            namespace="n",
            settings=Settings(**(pod | changed)),
            clock=clock or SystemClock(),
            references=objects,
            retry=retry or RetryPolicy(retries=1),
        )
        spec = AWSProvider.model_validate({"service": "SecretsManager", "region": REGION})
        made.append(FACTORY.connect(spec, context))
        return made[-1]

    yield client
    for one in made:
        one.close()


@pytest.fixture
def key(sdk, services, prefix):
    sdk.secretsmanager.create_secret(Name=f"{prefix}a", SecretString="x")
    services.forget()
    return f"{prefix}a"


def test_the_pod_is_who_the_agent_says(read, services, agent, key, of):
    client = read()
    for _ in range(3):
        assert client.get(of(key)).payload.whole() == b"x"
    assert [(call.operation, call.access_key) for call in services.calls] == [("GetSecretValue", "ASIAPOD1")] * 3
    assert agent.given == 1


def test_a_web_identity_goes_before_it_as_in_the_sdk(read, services, agent, token_file, key, of):
    role = {"aws_role_arn": "arn:aws:iam::123456789012:role/r", "aws_web_identity_token_file": token_file}
    read(**role).get(of(key))
    assert services.operations() == ["AssumeRoleWithWebIdentity", "GetSecretValue"]
    assert agent.given == 0


class LateClock(SystemClock):
    late = timedelta(0)

    def now(self):
        return super().now() + self.late


def test_credentials_are_renewed_ahead_of_their_end_with_the_token_of_then(read, services, agent, token_file, key, of):
    clock = LateClock()
    client = read(clock=clock)
    client.get(of(key))
    agent.token = "another.token.now"
    token_file.write_text("another.token.now\n")
    clock.late = timedelta(minutes=46)
    agent.life += clock.late
    client.get(of(key))
    assert [call.access_key for call in services.calls] == ["ASIAPOD1", "ASIAPOD2"]


def test_a_pod_without_an_association_is_told(read, agent, key, of):
    agent.token = "somebody else's"
    with pytest.raises(AuthenticationError, match="pod identity association") as caught:
        read().get(of(key))
    assert caught.value.status == 400
    assert PLANTED not in str(caught.value)
    assert agent.given == 1


def test_an_agent_in_trouble_is_asked_again_and_then_told(read, agent, key, of):
    agent.status = 500
    with pytest.raises(StoreUnavailableError, match="credential server failed"):
        read(retry=RetryPolicy(retries=3)).get(of(key))
    assert agent.given == 3
    agent.status = 200
    assert read().get(of(key)).payload.whole() == b"x"


def test_an_agent_that_is_not_there(read, agent, key, of):
    agent.close()
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        read().get(of(key))


def test_an_absent_token_file_is_told(read, agent, tmp_path, key, of):
    with pytest.raises(ConfigurationError, match="AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        read(aws_container_authorization_token_file=tmp_path / "absent").get(of(key))
    assert agent.given == 0


@pytest.mark.parametrize("uri", ["http://credentials.example.com/v1", "http://10.0.0.1/v1", "ftp://localhost/", "x"])
def test_the_token_is_not_sent_just_anywhere(read, agent, key, of, uri):
    with pytest.raises(ConfigurationError, match="AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        read(aws_container_credentials_uri=uri).get(of(key))
    assert agent.given == 0


def test_a_manifest_resolves_by_the_environment_alone(services, agent, token_file, key, tmp_path):
    documents = [
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "SecretStore",
            "metadata": {"name": "aws", "namespace": "n"},
            "spec": {"provider": {"aws": {"service": "SecretsManager", "region": REGION}}},
        },
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": "a", "namespace": "n"},
            "spec": {"secretStoreRef": {"name": "aws"}, "data": [{"secretKey": "a", "remoteRef": {"key": key}}]},
        },
    ]
    (tmp_path / "all.yaml").write_text("\n---\n".join(map(json.dumps, documents)))
    environment = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{agent.address}/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token_file),
        "AWS_SECRETSMANAGER_ENDPOINT": services.address,
    }
    settings = Settings.from_environment(environment)
    with Resolver.from_path(tmp_path / "all.yaml", settings=settings) as resolver:
        assert resolver.resolve("a", namespace="n").text("a") == "x"
    assert services.calls[-1].access_key == "ASIAPOD1"
