"""Statements for requests."""

import json

import pytest

from virtrigaud_secrets.operations.policy.aws import policies_of

ROLE = "arn:aws:iam::123456789012:role/reader"


@pytest.fixture
def aws(write):
    def make(more="", *, service="SecretsManager", region="eu-west-1"):
        return write.store(f"{{aws: {{service: {service}, region: {region}{more}}}}}")

    return make


def statements(policy):
    return {one["Sid"]: (one["Action"], one["Resource"]) for one in policy.document["Statement"]}


def arn(name, *, account="*", region="eu-west-1", partition="aws"):
    return f"arn:{partition}:secretsmanager:{region}:{account}:secret:{name}"


def test_one_secret(demand, write, aws):
    (policy,) = policies_of(demand(aws(", prefix: pre/"), write.read("a")))
    assert statements(policy) == {"Read": (["secretsmanager:GetSecretValue"], [arn("pre/a-??????")])}
    assert json.loads(policy.text) == policy.document
    assert any("--aws-account" in note for note in policy.notes)


def test_several_secrets_may_be_read_in_one_call(demand, write, aws):
    texts = (write.read("b", name="two"), write.read("a"), write.read("c", name="three", metadataPolicy="Fetch"))
    (policy,) = policies_of(demand(aws(region="cn-north-1"), *texts), account="1")
    where = {"account": "1", "region": "cn-north-1", "partition": "aws-cn"}
    assert statements(policy)["ReadInOneCall"] == (["secretsmanager:BatchGetSecretValue"], ["*"])
    assert statements(policy)["Read"] == (
        ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
        [arn(f"{name}-??????", **where) for name in "abc"],
    )


@pytest.mark.parametrize(
    ("key", "resource"),
    [
        (arn("a-AbCdEf", account="1"), arn("a-AbCdEf", account="1")),
        (arn("a", account="1"), arn("a-??????", account="1")),
    ],
)
def test_arns_are_resources_themselves(demand, write, aws, key, resource):
    (policy,) = policies_of(demand(aws(), write.read(key)))
    assert statements(policy)["Read"][1] == [resource]


@pytest.mark.parametrize(
    ("service", "key", "resource"),
    [
        ("SecretsManager", "*", arn("${*}-??????")),
        ("SecretsManager", "a${aws:username}?", arn("a${$}{aws:username}${?}-??????")),
        ("SecretsManager", "arn:aws:secretsmanager:*:1:secret:a", "arn:aws:secretsmanager:${*}:1:secret:a-??????"),
        ("ParameterStore", "/a/*", "arn:aws:ssm:eu-west-1:*:parameter/a/${*}"),
        ("CertificateManager", "arn:aws:acm:eu-west-1:1:certificate/*", "arn:aws:acm:eu-west-1:1:certificate/${*}"),
    ],
)
def test_a_wildcard_in_a_manifest_means_itself(demand, write, aws, service, key, resource):
    (policy,) = policies_of(demand(aws(service=service), write.read(key)))
    assert policy.document["Statement"][0]["Resource"] == [resource]


@pytest.mark.parametrize(
    ("service", "resource"),
    [("SecretsManager", arn("${*}*")), ("ParameterStore", "arn:aws:ssm:eu-west-1:*:parameter/${*}/*")],
)
def test_a_wildcard_of_a_search_means_itself(demand, write, aws, service, resource):
    (policy,) = policies_of(demand(aws(service=service), write.find("path: '*', name: {regexp: .*}")))
    assert resource in [one for statement in policy.document["Statement"] for one in statement["Resource"]]


def test_a_chain_of_roles(demand, write, aws):
    first = "arn:aws:iam::111111111111:role/first"
    store = aws(f", role: '{ROLE}', additionalRoles: ['{first}'], sessionTags: [{{key: a, value: b}}]")
    one, two, last = policies_of(demand(store, write.read("a")))
    assert statements(one) == {"AssumeRole": (["sts:AssumeRole"], [first])}
    assert statements(two) == {"AssumeRole": (["sts:AssumeRole", "sts:TagSession"], [ROLE])}
    assert statements(last)["Read"][1] == [arn("a-??????", account="123456789012")]
    assert first in two.identity
    assert ROLE in last.identity
    assert len({one.name, two.name, last.name}) == 3


def test_searches(demand, write, aws):
    (policy,) = policies_of(demand(aws(", prefix: pre-"), write.find("name: {regexp: ^app/}")))
    assert statements(policy)["Search"][1] == ["*"]
    assert statements(policy)["ReadFound"][1] == [arn("pre-app/*")]
    (policy,) = policies_of(demand(aws(), write.find("path: app/, tags: {tier: gold}")))
    assert statements(policy)["Search"][0] == ["secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets"]
    (found,) = [one for one in policy.document["Statement"] if one["Sid"] == "ReadFound"]
    assert found["Resource"] == [arn("app/*")]
    assert found["Condition"] == {"StringEquals": {"aws:ResourceTag/tier": "gold"}}


def test_pushes(demand, write, aws):
    (policy,) = policies_of(demand(aws(), write.push()))
    assert statements(policy)["Write"] == (
        [
            f"secretsmanager:{action}"
            for action in ("CreateSecret", "DescribeSecret", "GetSecretValue", "PutSecretValue", "TagResource")
        ],
        [arn("r-??????")],
    )


def test_parameters(demand, write, aws):
    store = aws(service="ParameterStore")
    texts = (write.read("/app/a"), write.read("b", name="two"), write.read("c", name="three", version="'3'"))
    (policy,) = policies_of(demand(store, *texts))
    place = "arn:aws:ssm:eu-west-1:*:parameter/"
    assert statements(policy) == {
        "Read": (["ssm:GetParameter"], [f"{place}app/a", f"{place}b", f"{place}c"]),
        "ReadInOneCall": (["ssm:GetParameters"], [f"{place}app/a", f"{place}b"]),
    }
    (policy,) = policies_of(demand(store, write.find("path: /app, name: {regexp: x}")))
    assert statements(policy) == {"Search": (["ssm:GetParametersByPath"], [f"{place}app", f"{place}app/*"])}
    (policy,) = policies_of(demand(store, write.find("tags: {a: b}")))
    assert statements(policy)["ReadFound"] == (["ssm:GetParameter"], [f"{place}*"])
    (policy,) = policies_of(demand(store, write.push()))
    assert "ssm:PutParameter" in statements(policy)["Write"][0]
    assert statements(policy)["Write"][1] == [f"{place}r"]


def test_certificates(demand, write, aws):
    certificate = "arn:aws:acm:eu-west-1:1:certificate/x"
    (policy,) = policies_of(demand(aws(service="CertificateManager"), write.read(certificate)))
    assert statements(policy) == {"Export": (["acm:ExportCertificate", "acm:GetCertificate"], [certificate])}


GENERATOR = """
apiVersion: generators.external-secrets.io/v1alpha1
kind: {kind}
metadata: {{name: made, namespace: team}}
spec: {{region: eu-west-1{more}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: es, namespace: team}}
spec: {{dataFrom: [{{sourceRef: {{generatorRef: {{kind: {kind}, name: made}}}}}}]}}
"""


@pytest.mark.parametrize(
    ("kind", "more", "wanted"),
    [
        ("ECRAuthorizationToken", "", [{"Login": (["ecr:GetAuthorizationToken"], ["*"])}]),
        (
            "ECRAuthorizationToken",
            ", scope: public",
            [{"Login": (["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"], ["*"])}],
        ),
        ("STSSessionToken", "", []),
        ("STSSessionToken", f", role: '{ROLE}'", [{"AssumeRole": (["sts:AssumeRole"], [ROLE])}]),
    ],
)
def test_generators(demand, kind, more, wanted):
    found = policies_of(demand(GENERATOR.format(kind=kind, more=more)))
    assert [statements(policy) for policy in found] == wanted
