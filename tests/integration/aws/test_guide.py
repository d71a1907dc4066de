"""The guide's AWS manifests, as written, through the public face, against moto over HTTP; every call is counted."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    ManifestError,
    ResolveError,
    SecretNotFoundError,
)
from virtrigaud_secrets.settings import Settings

pytestmark = pytest.mark.integration

GUIDE = Path(__file__).parents[2] / "data/guide"
ROLE = "arn:aws:iam::123456789012:role/external-secrets-role"
PROVIDER = "virtrigaud/provider-credentials"
API_KEYS = "virtrigaud/api-keys"
CREDENTIALS = {"user": "u", "password": "planted-7f3a"}


@pytest.fixture(scope="module")
def written(sdk):
    values = {PROVIDER: {"credentials": CREDENTIALS}, API_KEYS: {"provider-api-key": "key-7f3a"}}
    # All AWS servers of a process have the same secrets: another test may have written these.
    there = {one["Name"] for one in sdk.secretsmanager.list_secrets()["SecretList"]}
    for name, value in values.items():
        text = json.dumps(value)
        if name in there:
            sdk.secretsmanager.put_secret_value(SecretId=name, SecretString=text)
        else:
            sdk.secretsmanager.create_secret(Name=name, SecretString=text)


@pytest.fixture
def manifests(tmp_path):
    directory = tmp_path / "manifests"
    directory.mkdir()
    for name in ("aws-store.yaml", "aws-provider-credentials.yaml"):
        shutil.copy(GUIDE / name, directory)
    return directory


@pytest.fixture
def settings(services, written, token_file):
    services.forget()
    return Settings(endpoints=services.endpoints(), aws_role_arn=ROLE, aws_web_identity_token_file=token_file)


def resolve(resolver):
    return resolver.resolve("aws-provider-credentials", namespace="provider-namespace")


def test_two_secrets_cost_one_login_and_one_call(services, manifests, settings):
    with Resolver.from_path(manifests, settings=settings) as resolver:
        bundle = resolve(resolver)
        assert json.loads(bundle["credentials.json"]) == CREDENTIALS
        assert bundle.text("api-key") == "key-7f3a"
        assert services.operations() == ["AssumeRoleWithWebIdentity", "BatchGetSecretValue"]
        assert services.calls[0].parameters["RoleArn"] == ROLE
        assert services.calls[0].parameters["WebIdentityToken"] == "header.payload.signature"
        assert services.calls[0].access_key == ""
        assert services.calls[1].parameters == {"SecretIdList": [PROVIDER, API_KEYS]}
        # Temporary keys of STS, not ours.
        assert services.calls[1].access_key.startswith("ASIA")


def test_the_guides_policy_allows_single_reads_only(services, manifests, settings):
    """Its IAM policy grants GetSecretValue and DescribeSecret, and no batch."""
    services.refuse("BatchGetSecretValue", "AccessDeniedException")
    with Resolver.from_path(manifests, settings=settings) as resolver:
        assert resolve(resolver).text("api-key") == "key-7f3a"
        assert sorted(services.operations()) == [
            "AssumeRoleWithWebIdentity",
            "BatchGetSecretValue",
            "GetSecretValue",
            "GetSecretValue",
        ]
    services.refuse("GetSecretValue", "AccessDeniedException")
    with Resolver.from_path(manifests, settings=settings) as resolver, pytest.raises(ResolveError) as caught:
        resolve(resolver)
    faults = caught.value.errors
    assert {type(fault) for fault in faults} == {AccessDeniedError}
    assert {fault.path for fault in faults} == {PROVIDER, API_KEYS}
    assert {fault.capability for fault in faults} == {"secretsmanager:GetSecretValue"}
    assert "planted" not in str(caught.value)


def test_a_missing_secret_is_told_by_name_and_takes_nothing_with_it(services, manifests, settings):
    text = (manifests / "aws-provider-credentials.yaml").read_text().replace(API_KEYS, "virtrigaud/absent")
    (manifests / "aws-provider-credentials.yaml").write_text(text)
    with Resolver.from_path(manifests, settings=settings) as resolver, pytest.raises(SecretNotFoundError) as caught:
        resolve(resolver)
    assert caught.value.path == "virtrigaud/absent"
    assert caught.value.request_id
    assert services.operations() == ["AssumeRoleWithWebIdentity", "BatchGetSecretValue"]


def test_a_plan_costs_nothing(services, manifests, settings):
    with Resolver.from_path(manifests, settings=settings) as resolver:
        plan = resolver.plan("aws-provider-credentials", namespace="provider-namespace")
    assert [(request.method, request.path) for request in plan.requests] == [
        ("GetSecretValue", PROVIDER),
        ("GetSecretValue", API_KEYS),
    ]
    assert services.calls == []


def test_without_an_identity_the_error_says_what_is_missing(manifests, settings):
    settings = dataclasses.replace(settings, aws_role_arn="")
    with (
        Resolver.from_path(manifests, settings=settings) as resolver,
        pytest.raises(ResolveError, match="AWS_ROLE_ARN") as caught,
    ):
        resolve(resolver)
    assert {type(fault) for fault in caught.value.errors} == {ConfigurationError}


def test_a_role_that_does_not_trust_us_is_a_fault_of_the_login(services, manifests, settings):
    services.refuse("AssumeRoleWithWebIdentity", "AccessDenied", status=403)
    with (
        Resolver.from_path(manifests, settings=settings) as resolver,
        pytest.raises(ResolveError, match="sts:AssumeRoleWithWebIdentity") as caught,
    ):
        resolve(resolver)
    assert {type(fault) for fault in caught.value.errors} == {AuthenticationError}
    assert caught.value.errors[0].path == ROLE


def test_strict_mode_refuses_the_guides_spelling(manifests, settings):
    settings = dataclasses.replace(settings, strict=True)
    with pytest.raises(ManifestError, match=r"auth\.serviceAccount: unknown field"):
        Resolver.from_path(manifests, settings=settings)
