"""Vault's `gcp` login without a key: Google's servers answer in memory, and who they vouch for is checked."""

from __future__ import annotations

import io
import json
import traceback
from urllib.parse import parse_qsl, urlsplit

import pytest
import urllib3

from virtrigaud_secrets.errors import (
    AuthenticationError,
    ConfigurationError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.models.backends.vault import VaultGCPAuth
from virtrigaud_secrets.stores.vault.gcp_identity import login_body
from virtrigaud_secrets.testing.servers.google_identity import GoogleIdentity, Machine

PROJECT = "test-project"
EMAIL = f"provider@{PROJECT}.iam.gserviceaccount.com"
POOL = f"{PROJECT}.svc.id.goog"
WORKLOAD = {
    "workloadIdentity": {
        "clusterProjectID": PROJECT,
        "clusterLocation": "europe-west1",
        "clusterName": "c",
        "serviceAccountRef": {"name": "provider"},
    }
}


class Google:
    """Everything at Google, behind what urllib3 is asked; troubles are answered first."""

    def __init__(self, clock):
        self.identity = GoogleIdentity(clock=clock)
        self.asked: list[str] = []
        self.troubles: list[tuple[int, bytes, dict[str, str]] | Exception] = []

    def request(self, method, address, *, body, headers, **_options):
        parts = urlsplit(address)
        self.asked.append(f"{parts.netloc}{parts.path}")
        if self.troubles:
            trouble = self.troubles.pop(0)
            if isinstance(trouble, Exception):
                raise trouble
            status, said, more = trouble
            return urllib3.HTTPResponse(io.BytesIO(said), status=status, headers=more, preload_content=False)
        answer = self.identity.answer(method, parts.path, headers, body or b"", query=dict(parse_qsl(parts.query)))
        status, content = answer or (404, "")
        text = content if isinstance(content, str) else json.dumps(content)
        return urllib3.HTTPResponse(io.BytesIO(text.encode()), status=int(status), preload_content=False)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        pass


@pytest.fixture
def google(monkeypatch, clock):
    made = Google(clock)
    monkeypatch.setattr(urllib3, "PoolManager", lambda **_options: made)
    return made


@pytest.fixture
def accounts(cluster, google):
    """A cluster with one annotated service account, whose tokens the pool knows."""
    token = google.identity.kubernetes_token("provider", "team", POOL)
    cluster.tokens = [token.reveal_text()]
    cluster.annotations = {"iam.gke.io/gcp-service-account": EMAIL}
    cluster.service_account_annotations = lambda name, *, namespace: (
        cluster.annotations if (name, namespace) == ("provider", "team") else {}
    )
    google.identity.bind(f"{POOL}[team/provider]", EMAIL)
    return cluster


@pytest.fixture
def body(make_context, tmp_path):
    def make(auth, **settings):
        settings = {"service_account_directory": tmp_path / "no pod", **settings}
        return login_body(VaultGCPAuth.model_validate({"role": "r", **auth}), make_context(**settings))

    return make


@pytest.mark.parametrize("auth", [{}, {"serviceAccountRef": {"name": "provider"}}])
def test_a_machine_is_who_its_metadata_server_says(google, body, auth):
    google.identity.machine = Machine(PROJECT, EMAIL)
    made = body(auth)
    assert made["role"] == "r"
    assert google.identity.signer_of(made["jwt"], audience="vault/r") == EMAIL
    assert google.asked == ["metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity"]


def test_a_workload_is_its_google_account(google, accounts, body):
    made = body(WORKLOAD)
    assert google.identity.signer_of(made["jwt"], audience="vault/r") == EMAIL
    assert accounts.asked == [("token", "team", "provider", POOL)]
    assert google.asked == [
        "sts.googleapis.com/v1/token",
        f"iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken",
        f"iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{EMAIL}:signJwt",
    ]


def test_a_pod_with_a_workload_identity_signs_as_itself(google, body, tmp_path):
    (tmp_path / "token").write_text("pod")
    google.identity.machine = Machine(PROJECT, EMAIL)
    made = body(WORKLOAD, service_account_directory=tmp_path)
    assert google.identity.signer_of(made["jwt"], audience="vault/r") == EMAIL
    assert google.asked[-1].endswith(":signJwt")
    assert not any("sts" in host for host in google.asked)


def test_the_cluster_is_asked_for_where_the_manifest_does_not_name_it(google, accounts, body):
    google.identity.machine = Machine(PROJECT, EMAIL, {"cluster-location": "l", "cluster-name": "c"})
    made = body({"workloadIdentity": {"serviceAccountRef": {"name": "provider"}}})
    assert google.identity.signer_of(made["jwt"], audience="vault/r") == EMAIL
    assert [path.rpartition("/")[2] for path in google.asked[:3]] == ["project-id", "cluster-location", "cluster-name"]


def test_the_secrets_project_stands_for_the_clusters_unless_strict(google, accounts, body):
    part = {"clusterLocation": "l", "clusterName": "c", "serviceAccountRef": {"name": "provider"}}
    body({"workloadIdentity": part, "projectID": PROJECT})
    with pytest.raises(AuthenticationError, match="metadata server"):
        body({"workloadIdentity": part, "projectID": PROJECT}, strict=True)


def test_an_account_without_the_annotation_is_told(google, accounts, body):
    accounts.annotations = {}
    with pytest.raises(ConfigurationError, match=r"iam\.gke\.io/gcp-service-account"):
        body(WORKLOAD)
    assert google.asked == []


def test_a_token_that_the_pool_does_not_know(google, accounts, body):
    accounts.tokens = [GoogleIdentity().kubernetes_token("provider", "team", POOL).reveal_text()]
    with pytest.raises(AuthenticationError, match="token exchange refuses") as caught:
        body(WORKLOAD)
    assert caught.value.path == "https://sts.googleapis.com/v1/token"


def test_an_account_that_is_not_bound(google, accounts, body):
    accounts.annotations = {"iam.gke.io/gcp-service-account": f"x{EMAIL}"}
    with pytest.raises(AuthenticationError, match=r"roles/iam\.workloadIdentityUser there"):
        body(WORKLOAD)


def test_an_account_that_may_not_sign(google, accounts, body):
    google.identity.machine = Machine(PROJECT, EMAIL)

    def refuse(*_arguments):
        return 403, {"error": {"message": "canary"}}

    google.identity._signed_at_google = refuse
    with pytest.raises(AuthenticationError, match="refuses signJwt") as caught:
        body(WORKLOAD)
    assert "canary" not in str(caught.value)


def test_no_identity_at_all_tells_what_to_do(google, body):
    with pytest.raises(AuthenticationError, match=r"GOOGLE_APPLICATION_CREDENTIALS .* it does not know") as caught:
        body({})
    assert caught.value.store == "SecretStore team/vault-secret-store"


def test_nobody_answers(google, body, clock):
    google.troubles = [OSError("canary")] * 3
    with pytest.raises(AuthenticationError, match="metadata server") as caught:
        body({})
    assert "canary" not in str(caught.value)
    assert len(clock.sleeps) == 2


@pytest.mark.parametrize(("status", "kind"), [(429, ThrottledError), (500, StoreUnavailableError)])
def test_trouble_is_repeated_with_its_wait_and_then_told(google, accounts, body, clock, status, kind):
    google.troubles = [(status, b"canary", {"Retry-After": "3"})]
    body(WORKLOAD)
    assert clock.sleeps == [3]
    google.troubles = [(status, b"canary", {"Retry-After": "60"})] * 3
    with pytest.raises(kind) as caught:
        body(WORKLOAD)
    assert caught.value.retry_after == 60
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("said", [b"", b"[]", b'{"access_token": 5}', b"canary", b"[" * 100_000])
def test_an_answer_that_is_none_shows_nothing(google, accounts, body, said):
    google.troubles = [(200, said, {})]
    with pytest.raises(AuthenticationError) as caught:
        body(WORKLOAD)
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    own = str([frame.locals for frame in report.stack if "/src/virtrigaud_secrets/" in frame.filename])
    assert "canary" not in own
    assert accounts.tokens[0] not in own
