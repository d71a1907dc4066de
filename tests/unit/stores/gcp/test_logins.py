from __future__ import annotations

import json
from urllib.parse import parse_qs, parse_qsl

import pytest
import requests
import urllib3.exceptions

from virtrigaud_secrets.errors import (
    AuthenticationError,
    ConfigurationError,
    StoreUnavailableError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Fetch, RetryPolicy, StoreKey
from virtrigaud_secrets.stores.gcp.logins import ANNOTATION

PROJECT = "test-project"
EMAIL = f"reader@{PROJECT}.iam.gserviceaccount.com"
STORE = StoreKey(kind="SecretStore", namespace="virtrigaud-system", name="gcp-secret-manager")
FETCH = Fetch(store=STORE, key="k")
STS = "https://sts.googleapis.com/v1/token"
IAM = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken"
MACHINE = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
ACCOUNT = {"name": "external-secrets", "namespace": "elsewhere"}
CLUSTER = {"serviceAccountRef": ACCOUNT, "clusterName": "c", "clusterLocation": "l", "clusterProjectID": PROJECT}
SECRET_REF = {"secretRef": {"secretAccessKeySecretRef": {"name": "key", "key": "json"}}}
AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k"


@pytest.fixture(autouse=True)
def value(put):
    put("k", "value")


def caller(world) -> str:
    return world.google.asked[-1].caller


def read(world, auth, **options) -> str:
    assert world.connect(auth=auth, **options).get(FETCH).payload.whole() == b"value"
    return caller(world)


def form(request: requests.PreparedRequest) -> dict[str, str]:
    text = request.body if isinstance(request.body, str) else (request.body or b"").decode()
    return {name: values[0] for name, values in parse_qs(text).items()}


def test_a_service_accounts_key_is_read_at_every_login(world):
    place = ("virtrigaud-system", "key", "json")
    world.objects.secrets[place] = world.google.identity.service_account_key(EMAIL)
    client = world.connect(auth=SECRET_REF)
    client.get(FETCH)
    assert caller(world) == EMAIL
    world.objects.secrets[place] = world.google.identity.service_account_key(EMAIL)
    world.google.identity.revoke_tokens()
    client.get(FETCH)
    assert world.adapter.urls.count("https://oauth2.googleapis.com/token") == 2


def test_a_key_that_google_does_not_know_any_more(world):
    old = world.google.identity.service_account_key(EMAIL)
    world.google.identity.service_account_key(EMAIL)
    world.objects.secrets["virtrigaud-system", "key", "json"] = old
    with pytest.raises(AuthenticationError, match=r"refuses the service account's key.*invalid_grant"):
        read(world, SECRET_REF)


@pytest.mark.parametrize("text", ["", "x", "[]", '{"type": "authorized_user"}', '{"type": "service_account"}'])
def test_what_is_no_key_is_refused_without_being_shown(world, text):
    world.objects.secrets["virtrigaud-system", "key", "json"] = Sensitive(text)
    with pytest.raises(ConfigurationError, match=r"secretAccessKeySecretRef") as caught:
        read(world, SECRET_REF)
    assert caught.value.__context__ is None
    assert world.adapter.urls == []


@pytest.mark.parametrize("reference", [{}, {"secretAccessKeySecretRef": {"name": "n"}}])
def test_a_reference_that_says_too_little(world, reference):
    with pytest.raises(ConfigurationError, match="secretAccessKeySecretRef"):
        read(world, {"secretRef": reference})


def test_the_first_that_is_set_counts(world):
    world.objects.secrets["virtrigaud-system", "key", "json"] = world.google.identity.service_account_key(EMAIL)
    assert read(world, {**SECRET_REF, "workloadIdentity": CLUSTER}) == EMAIL


def test_workload_identity_exchanges_a_token_for_the_clusters_pool(world):
    principal = read(world, {"workloadIdentity": CLUSTER})
    assert principal == f"{PROJECT}.svc.id.goog[virtrigaud-system/external-secrets]"
    assert world.objects.asked == [("virtrigaud-system", "external-secrets", (f"{PROJECT}.svc.id.goog",))]
    cluster = f"https://container.googleapis.com/v1/projects/{PROJECT}/locations/l/clusters/c"
    assert form(world.adapter.sent[0])["audience"] == f"identitynamespace:{PROJECT}.svc.id.goog:{cluster}"
    assert len(world.adapter.urls) == 2


def test_an_annotated_account_acts_for_googles(world):
    world.annotate(**{ANNOTATION: EMAIL})
    world.google.identity.bind(f"{PROJECT}.svc.id.goog[virtrigaud-system/external-secrets]", EMAIL)
    assert read(world, {"workloadIdentity": CLUSTER}) == EMAIL
    assert world.adapter.urls[:2] == [STS, IAM]
    world.annotate(**{ANNOTATION: "no address"})
    with pytest.raises(ConfigurationError, match="no address of a Google service account"):
        read(world, {"workloadIdentity": CLUSTER})


def test_a_cluster_store_names_the_accounts_namespace(world):
    assert "[elsewhere/external-secrets]" in read(world, {"workloadIdentity": CLUSTER}, kind="ClusterSecretStore")


def test_the_metadata_server_knows_the_cluster(world):
    from virtrigaud_secrets.testing.servers.google_identity import Machine

    world.google.identity.machine = Machine("other", EMAIL, {"cluster-name": "n", "cluster-location": "z"})
    assert read(world, {"workloadIdentity": {"serviceAccountRef": ACCOUNT}}).startswith("other.svc.id.goog[")
    world.google.identity.machine = None
    with pytest.raises(AuthenticationError, match="names no clusterLocation"):
        read(world, {"workloadIdentity": {"serviceAccountRef": ACCOUNT}})


def test_off_google_the_clusters_project_is_taken_to_be_the_secrets(world):
    world.google.identity.machine = None
    part = {name: value for name, value in CLUSTER.items() if name != "clusterProjectID"}
    assert read(world, {"workloadIdentity": part}).startswith(f"{PROJECT}.svc.id.goog[")
    world.change(strict=True)
    with pytest.raises(AuthenticationError, match="names no clusterProjectID"):
        read(world, {"workloadIdentity": part})


def test_in_a_pod_we_are_the_pod(world, tmp_path):
    (tmp_path / "token").write_text("pod")
    world.change(service_account_directory=tmp_path)
    assert read(world, {"workloadIdentity": CLUSTER}) == f"pod@{PROJECT}.iam.gserviceaccount.com"
    assert world.objects.asked == []
    world.change(service_account_tokens="token-request")
    assert "svc.id.goog" in read(world, {"workloadIdentity": CLUSTER})


def test_without_a_cluster_we_are_who_we_are(world):
    world.objects.has_cluster = False
    assert read(world, {"workloadIdentity": CLUSTER}) == f"pod@{PROJECT}.iam.gserviceaccount.com"


def test_with_nothing_at_all_every_place_is_named(world):
    world.objects.has_cluster = False
    world.google.identity.machine = None
    with pytest.raises(AuthenticationError) as caught:
        read(world, {"workloadIdentity": CLUSTER})
    for place in ("GOOGLE_APPLICATION_CREDENTIALS", "metadata.google.internal", "there is no cluster"):
        assert place in str(caught.value)


def test_a_pool_that_does_not_trust_the_cluster(world):
    bad = {**CLUSTER, "clusterProjectID": PROJECT}
    world.objects.service_account_token = lambda *_, **__: Sensitive("foreign")
    with pytest.raises(AuthenticationError, match="token exchange refuses"):
        read(world, {"workloadIdentity": bad})


def test_federation_by_a_service_account(world):
    part = {"serviceAccountRef": {"name": "a", "audiences": ["more"]}, "audience": AUDIENCE}
    assert read(world, {"workloadIdentityFederation": part}) == f"{AUDIENCE}[virtrigaud-system/a]"
    assert world.objects.asked == [("virtrigaud-system", "a", (AUDIENCE, "more"))]
    part["gcpServiceAccountEmail"] = EMAIL
    with pytest.raises(AuthenticationError, match=r"act for the service account.*PERMISSION_DENIED"):
        read(world, {"workloadIdentityFederation": part})
    world.google.identity.bind(f"{AUDIENCE}[virtrigaud-system/a]", EMAIL)
    assert read(world, {"workloadIdentityFederation": part}) == EMAIL
    assert world.adapter.urls[-3:-1] == [STS, IAM]


AWS_KEY = "wJalrXUtnFEMI/K7MDENG+never/show"
AWS_ARN = "arn:aws:iam::123456789012:user/provider"


def who_signed(url, headers):
    """Whose question to AWS it is, by AWS's own library."""
    auth = pytest.importorskip("botocore.auth")
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    parts = dict(part.strip().split("=", 1) for part in headers["authorization"].split(" ", 1)[1].split(","))
    region = parts["Credential"].split("/")[2]
    signed = {name: headers[name] for name in parts["SignedHeaders"].split(";")}
    asked = AWSRequest("POST", url.partition("?")[0], headers=signed, params=dict(parse_qsl(url.partition("?")[2])))
    asked.context["timestamp"] = headers["x-amz-date"]
    signer = auth.SigV4Auth(Credentials("AKIA", AWS_KEY, headers.get("x-amz-security-token")), "sts", region)
    expected = signer.signature(signer.string_to_sign(asked, signer.canonical_request(asked)), asked)
    return AWS_ARN if parts["Signature"] == expected and f"sts.{region}.amazonaws.com" in url else ""


@pytest.mark.parametrize("token", [None, "session+token/=="])
def test_federation_by_an_aws_identity(world, token):
    world.google.identity.aws = who_signed
    given = {"aws_access_key_id": "AKIA\n", "aws_secret_access_key": AWS_KEY}
    given |= {} if token is None else {"aws_session_token": token}
    for name, value in given.items():
        world.objects.secrets["virtrigaud-system", "aws", name] = Sensitive(value)
    aws = {"region": "eu-west-1", "awsCredentialsSecretRef": {"name": "aws"}}
    part = {"awsSecurityCredentials": aws, "audience": AUDIENCE}
    assert read(world, {"workloadIdentityFederation": part}) == f"{AUDIENCE}[{AWS_ARN}]"
    world.google.identity.bind(f"{AUDIENCE}[{AWS_ARN}]", EMAIL)
    assert read(world, {"workloadIdentityFederation": part | {"gcpServiceAccountEmail": EMAIL}}) == EMAIL
    assert not any(AWS_KEY in str(request.body) for request in world.adapter.sent)
    world.objects.secrets["virtrigaud-system", "aws", "aws_secret_access_key"] = Sensitive("another")
    with pytest.raises(AuthenticationError, match="token exchange refuses"):
        read(world, {"workloadIdentityFederation": part})


def test_aws_keys_that_are_not_there_are_named(world):
    part = {"awsSecurityCredentials": {"region": "eu-west-1", "awsCredentialsSecretRef": {"name": "aws"}}}
    with pytest.raises(ConfigurationError, match="aws"):
        read(world, {"workloadIdentityFederation": part | {"audience": AUDIENCE}})


def cred_config(world, **changes) -> dict[str, object]:
    config = {"type": "external_account", "audience": AUDIENCE, **changes}
    world.objects.config_maps["virtrigaud-system", "gcp", "config"] = json.dumps(config)
    return {"credConfig": {"name": "gcp", "key": "config"}}


def test_federation_by_a_configuration(world, tmp_path):
    file = tmp_path / "token"
    file.write_text(world.google.identity.kubernetes_token("a", "n", AUDIENCE).reveal_text())
    part = cred_config(world, credential_source={"file": str(file)})
    assert read(world, {"workloadIdentityFederation": part}) == f"{AUDIENCE}[n/a]"
    file.unlink()
    with pytest.raises(AuthenticationError):
        read(world, {"workloadIdentityFederation": part})


def test_a_configurations_url_must_be_the_stores(world):
    part = cred_config(world, credential_source={"url": "https://idp.example.com/token"})
    with pytest.raises(ConfigurationError, match="externalTokenEndpoint"):
        read(world, {"workloadIdentityFederation": part})
    assert world.adapter.urls == []


@pytest.mark.parametrize(
    ("part", "kind", "match"),
    [
        ({}, ConfigurationError, "exactly one of"),
        ({"serviceAccountRef": {"name": "a"}}, ConfigurationError, "needs .*audience"),
        (
            {"awsSecurityCredentials": {"region": "eu-west-1", "awsCredentialsSecretRef": {"name": "a"}}},
            ConfigurationError,
            "awsSecurityCredentials needs .*audience",
        ),
    ],
)
def test_a_federation_that_cannot_work_is_told_when_connecting(world, part, kind, match):
    with pytest.raises(kind, match=match):
        world.connect(auth={"workloadIdentityFederation": part})


def test_a_file_goes_before_the_metadata_server(world, tmp_path):
    file = tmp_path / "adc.json"
    file.write_bytes(world.google.identity.service_account_key(EMAIL).reveal())
    world.change(google_application_credentials=file)
    assert read(world, {}) == EMAIL
    file.unlink()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read(world, {})


def test_the_environment_is_not_looked_at(world, tmp_path, monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "absent"))
    monkeypatch.setenv("GCE_METADATA_HOST", "evil.example.com")
    assert read(world, {}) == f"pod@{PROJECT}.iam.gserviceaccount.com"
    assert world.adapter.urls[0] == MACHINE


def test_nobody_at_the_metadata_server(world):
    name = urllib3.exceptions.NameResolutionError("metadata", None, OSError())  # type: ignore[arg-type]
    world.adapter.failures = [requests.exceptions.ConnectionError(name)]
    with pytest.raises(AuthenticationError, match="name cannot be resolved"):
        read(world, {})
    assert world.clock.sleeps == []


def test_a_login_in_trouble_is_repeated_here_and_not_by_googles_library(world, monkeypatch):
    part = {"serviceAccountRef": {"name": "a"}, "audience": AUDIENCE}
    world.adapter.failures = [requests.exceptions.ReadTimeout()] * 2
    assert read(world, {"workloadIdentityFederation": part})
    assert len(world.clock.sleeps) == 2
    world.adapter.failures = [requests.exceptions.ReadTimeout()]
    with pytest.raises(StoreUnavailableError):
        read(world, {"workloadIdentityFederation": part}, retry=RetryPolicy())
