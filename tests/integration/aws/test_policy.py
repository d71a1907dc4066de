"""The actions that are derived from manifests are those that are sent: none lacks, and none is there for nothing.

moto does not enforce policies on single secrets, so what is compared are actions and names, not refusals.
"""

from __future__ import annotations

import pytest

from virtrigaud_secrets import Resolver, Settings
from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.operations.policy import Platform, derive
from virtrigaud_secrets.testing.servers.aws import ACCESS_KEY, REGION

pytestmark = pytest.mark.integration

SERVICES = {"SecretsManager": "secretsmanager", "ParameterStore": "ssm"}
AS_PART_OF = {
    "secretsmanager:TagResource": "CreateSecret",
    "ssm:AddTagsToResource": "PutParameter",
}
"""Actions that AWS asks for where another one carries tags."""
WHERE_THE_SEARCH_FILTERS = {"secretsmanager:ListSecrets": "BatchGetSecretValue"}
"""Actions that AWS asks for where a batch is chosen by filters."""


@pytest.fixture
def used(services, tmp_path):
    """What was sent while manifests were used, and the actions of their policy."""

    def use(service, manifests, act):
        store = f"""
{{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {{name: store, namespace: team}},
  spec: {{provider: {{aws: {{service: {service}, region: {REGION}, auth: {{secretRef: {{
    accessKeyIDSecretRef: {{name: keys, key: id}}, secretAccessKeySecretRef: {{name: keys, key: secret}}}}}}}}}}}}}}
---
{{apiVersion: v1, kind: Secret, metadata: {{name: keys, namespace: team}},
  stringData: {{id: {ACCESS_KEY}, secret: k}}}}
---
"""
        (tmp_path / "all.yaml").write_text(store + manifests)
        settings = Settings(endpoints=services.endpoints())
        (policy,) = derive(load(tmp_path), settings=settings, platforms=[Platform.AWS]).policies
        services.forget()
        with Resolver.from_path(tmp_path, settings=settings) as resolver:
            act(resolver)
        sent = {f"{SERVICES[service]}:{operation}" for operation in services.operations()}
        actions = {action for statement in policy.document["Statement"] for action in statement["Action"]}
        return sent, actions, policy

    return use


def secret(name, spec):
    return f"""
{{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {{name: {name}, namespace: team}},
  spec: {{secretStoreRef: {{name: store}}, {spec}}}}}
---
"""


def read(name, key, more=""):
    return secret(name, f"data: [{{secretKey: a, remoteRef: {{key: '{key}'{more}}}}}]")


@pytest.fixture
def secrets_of(sdk, prefix):
    for name in ("one", "two"):
        sdk.secretsmanager.create_secret(
            Name=f"{prefix}{name}", SecretString="{}", Tags=[{"Key": "k", "Value": prefix}]
        )
        sdk.ssm.put_parameter(Name=f"{prefix}{name}", Value="{}", Type="String", Tags=[{"Key": "k", "Value": prefix}])
    return prefix


def resolve_each(resolver):
    for document in resolver.catalog.external_secrets:
        resolver.resolve(document.name)


def resolve_all(resolver):
    resolver.resolve_all()


@pytest.mark.parametrize("service", SERVICES)
def test_one_read(used, secrets_of, service):
    sent, actions, policy = used(service, read("a", f"{secrets_of}one"), resolve_each)
    assert sent == actions
    assert secrets_of.strip("/") in policy.text


@pytest.mark.parametrize("service", SERVICES)
def test_several_reads_at_once_and_metadata(used, secrets_of, service):
    manifests = "".join(
        (
            read("a", f"{secrets_of}one"),
            read("b", f"{secrets_of}two"),
            read("c", f"{secrets_of}one", ", metadataPolicy: Fetch"),
        )
    )
    sent, actions, _ = used(service, manifests, resolve_all)
    # Single reads are what is left where the batch is refused.
    single = {"SecretsManager": "secretsmanager:GetSecretValue", "ParameterStore": "ssm:GetParameter"}[service]
    assert sent | {single} == actions


@pytest.mark.parametrize(
    ("service", "find"),
    [
        ("SecretsManager", "name: {{regexp: '^{}'}}"),
        ("SecretsManager", "path: '{}', name: {{regexp: one}}"),
        ("SecretsManager", "tags: {{k: '{}'}}"),
        ("ParameterStore", "path: '{}', name: {{regexp: one}}"),
        ("ParameterStore", "tags: {{k: '{}'}}"),
    ],
)
def test_searches(used, secrets_of, service, find):
    manifests = secret("found", f"dataFrom: [{{find: {{{find.format(secrets_of)}}}}}]")
    sent, actions, _ = used(service, manifests, resolve_each)
    needed = {action for action, other in WHERE_THE_SEARCH_FILTERS.items() if f"secretsmanager:{other}" in sent}
    values = {"secretsmanager:GetSecretValue"} if service == "SecretsManager" else set()
    assert sent | needed | values == actions


PUSH = """
{{apiVersion: external-secrets.io/v1alpha1, kind: PushSecret, metadata: {{name: push, namespace: team}},
  spec: {{secretStoreRefs: [{{name: store}}], deletionPolicy: Delete, selector: {{secret: {{name: source}}}},
          data: [{{match: {{secretKey: a, remoteRef: {{remoteKey: '{key}'}}}}}}]}}}}
---
{{apiVersion: v1, kind: Secret, metadata: {{name: source, namespace: team}}, stringData: {{a: v1}}}}
"""


@pytest.mark.parametrize("service", SERVICES)
def test_pushes(used, prefix, service, tmp_path):
    """Created, changed, deleted."""

    def act(resolver):
        path = tmp_path / "all.yaml"
        text = path.read_text()
        report = resolver.push("push")
        for changed in (text.replace("a: v1", "a: v2"), _without_data(text)):
            path.write_text(changed)
            with Resolver.from_path(path, settings=resolver.settings) as again:
                report = again.push("push", previous=report)

    sent, actions, _ = used(service, PUSH.format(key=f"{prefix}pushed"), act)
    implied = {action for action, other in AS_PART_OF.items() if any(one.endswith(f":{other}") for one in sent)}
    assert sent | implied == actions


def _without_data(text):
    start = text.index("data: [{match")
    return text[:start] + "data: []" + text[text.index("]}}", start) + 1 :]
