"""The guide's Google manifests, as written, through the public face, against Secret Manager's REST API on loopback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import AccessDeniedError, SecretNotFoundError, StoreUnavailableError
from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.references import KubernetesReferences
from virtrigaud_secrets.testing.servers.google_identity import Machine
from virtrigaud_secrets.testing.servers.secret_manager import SecretManager

pytestmark = pytest.mark.integration

GUIDE = Path(__file__).parents[2] / "data/guide"
MANIFESTS = [GUIDE / "gcp-store.yaml", GUIDE / "gcp-provider-secrets.yaml"]
PROJECT = "your-gcp-project"
KEY = json.dumps({"type": "service_account", "project_id": PROJECT})
POOL = f"{PROJECT}.svc.id.goog"
ANNOTATED = "virtrigaud-secrets@PROJECT.iam.gserviceaccount.com"
"""The guide's annotation, its placeholder included."""
PREFIX = f"/v1/projects/{PROJECT}/secrets"


@pytest.fixture
def google():
    with SecretManager() as server:
        server.secrets.add(PROJECT, "virtrigaud-service-account", "old")
        server.secrets.add(PROJECT, "virtrigaud-service-account", KEY)
        server.secrets.add(PROJECT, "gcp-project-id", PROJECT)
        yield server


def settings(google, directory, **more) -> Settings:
    return Settings(
        endpoints=google.endpoints(),
        ca_file=google.write_ca(directory),
        service_account_directory=directory / "pod",
        **more,
    )


@pytest.fixture
def pod(google, tmp_path):
    """Settings of a process in a pod on GKE."""
    (tmp_path / "pod").mkdir()
    (tmp_path / "pod/token").write_text("not shown to Google")
    google.identity.machine = Machine(PROJECT, f"virtrigaud-secrets@{PROJECT}.iam.gserviceaccount.com")
    return settings(google, tmp_path)


def test_in_a_pod_it_costs_one_login_and_one_read_for_each_secret(google, pod):
    with Resolver.from_path(MANIFESTS, settings=pod) as resolver:
        bundle = resolver.resolve("gcp-provider-secrets", namespace="provider-namespace")
        assert dict(bundle) == {"service-account.json": KEY.encode(), "project-id": PROJECT.encode()}
        assert bundle.name == "gcp-provider-credentials"
        assert sorted(google.asked_for_secrets()) == [
            f"{PREFIX}/gcp-project-id/versions/latest:access",
            f"{PREFIX}/virtrigaud-service-account/versions/latest:access",
        ]
        resolver.refresh("gcp-provider-secrets", namespace="provider-namespace")
    assert len(google.asked) == 1 + 2 + 2
    assert {one.caller for one in google.asked[1:]} == {f"virtrigaud-secrets@{PROJECT}.iam.gserviceaccount.com"}


class Cluster:
    """The API of a cluster that Google trusts."""

    def __init__(self, google):
        self.google = google

    def service_account_token(self, name, *, namespace, audiences=(), **options):
        return self.google.identity.kubernetes_token(name, namespace, *audiences)

    def close(self):
        """Nothing is open."""


def test_with_token_request_the_annotated_account_reads(google, tmp_path):
    used = settings(google, tmp_path, service_account_tokens="token-request")
    google.identity.bind(f"{POOL}[virtrigaud-system/external-secrets]", ANNOTATED)
    catalog = load(MANIFESTS)
    references = KubernetesReferences(used, catalog=catalog, open_cluster=lambda *_: Cluster(google))
    with Resolver(catalog, settings=used, references=references) as resolver:
        bundle = resolver.resolve("gcp-provider-secrets", namespace="provider-namespace")
    assert bundle.text("project-id") == PROJECT
    assert {one.caller for one in google.asked if one.path.startswith(PREFIX)} == {ANNOTATED}
    assert [one.path for one in google.asked if not one.path.startswith(PREFIX)] == [
        "/computeMetadata/v1/project/project-id",
        "/v1/token",
        f"/v1/projects/-/serviceAccounts/{ANNOTATED}:generateAccessToken",
    ]
    assert len(google.asked_for_secrets()) == 2


def test_not_there_not_allowed_and_not_now_are_told_apart(google, pod):
    with Resolver.from_path(MANIFESTS, settings=pod) as resolver:

        def resolve():
            return resolver.refresh("gcp-provider-secrets", namespace="provider-namespace")

        google.secrets.deny("secretmanager.versions.access")
        with pytest.raises(Exception, match="2 faults") as caught:
            resolve()
        assert {type(error) for error in caught.value.errors} == {AccessDeniedError}
        google.secrets.allow("secretmanager.versions.access")
        resolve()
        google.secrets.set_state(PROJECT, "gcp-project-id", "1", "DISABLED")
        with pytest.raises(SecretNotFoundError, match="disabled or destroyed") as told:
            resolve()
        assert "spec.data[1]" in str(told.value)
        google.close()
        with pytest.raises(Exception, match="2 faults") as caught:
            resolve()
        assert {type(error) for error in caught.value.errors} == {StoreUnavailableError}


def test_a_server_that_is_not_trusted_is_told(google, pod):
    import dataclasses

    with Resolver.from_path(MANIFESTS, settings=dataclasses.replace(pod, ca_file=None)) as resolver:
        with pytest.raises(Exception, match="not trusted") as caught:
            resolver.resolve("gcp-provider-secrets", namespace="provider-namespace")
        assert "Settings.ca_file" in str(caught.value)
