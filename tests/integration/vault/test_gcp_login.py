"""Vault's `gcp` login from manifest to secret.

No OpenBao has the method `gcp`, and Vault itself is not free software. What stands in for it is a gate before a real
OpenBao: it checks statements as Vault's method does, gives a token of that OpenBao, and passes everything else on.
"""

from __future__ import annotations

import base64
import json
import ssl
from typing import ClassVar

import pytest
import urllib3

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import AuthenticationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing.servers import OpenBao, SecretManager
from virtrigaud_secrets.testing.servers.certificates import Authority
from virtrigaud_secrets.testing.servers.google_identity import GoogleIdentity, Machine
from virtrigaud_secrets.testing.servers.http_server import AnsweringServer, Question, Reply
from virtrigaud_secrets.testing.servers.service_account_tokens import InvalidTokenError

pytestmark = pytest.mark.integration

PROJECT = "test-project"
EMAIL = f"provider@{PROJECT}.iam.gserviceaccount.com"
POOL = f"{PROJECT}.svc.id.goog"
PASSWORD = "planted-gcp-31"


class GoogleLoginGate(AnsweringServer):
    """`auth/gcp` before an OpenBao that has none."""

    title: ClassVar[str] = "the gate with the gcp login"

    def __init__(self, bao: OpenBao, google: GoogleIdentity) -> None:
        super().__init__(Authority.create())
        self.bao = bao
        self.google = google
        self.logins: list[str] = []
        trusted = ssl.create_default_context(cadata=bao.ca_pem.decode())
        self.pools = urllib3.PoolManager(ssl_context=trusted, retries=False)

    def respond(self, question: Question) -> Reply:
        if question.target != "/v1/auth/gcp/login":
            headers = {name: value for name, value in question.headers.items() if name not in {"Host", "Connection"}}
            url = self.bao.address + question.target
            answer = self.pools.request(question.method, url, headers=headers, body=question.body)
            return Reply(answer.status, answer.data)
        sent = json.loads(question.body)
        try:
            email = self.google.signer_of(Sensitive(sent["jwt"]), audience=f"vault/{sent['role']}")
        except InvalidTokenError as error:
            return Reply(400, json.dumps({"errors": [str(error)]}).encode())
        if email != EMAIL or sent["role"] != "provider":
            return Reply(403, b'{"errors": ["permission denied"]}')
        self.logins.append(email)
        made = self.bao.ask("POST", "auth/token/create", {"policies": ["gcp-test"], "ttl": "10m"})
        return Reply(200, json.dumps(made).encode())


@pytest.fixture(scope="module")
def bao(openbao):
    openbao.ask("POST", "sys/mounts/gcp-test", {"type": "kv", "options": {"version": "1"}})
    openbao.ask("POST", "gcp-test/db", {"password": PASSWORD})
    rules = 'path "gcp-test/*" { capabilities = ["read"] }'
    openbao.ask("PUT", "sys/policies/acl/gcp-test", {"policy": rules})
    return openbao


@pytest.fixture
def google():
    with SecretManager() as server:
        yield server


@pytest.fixture
def gate(bao, google):
    with GoogleLoginGate(bao, google.identity) as server:
        yield server


class Cluster:
    """A cluster with one annotated account."""

    def __init__(self, google: SecretManager) -> None:
        self.google = google
        self.key = Sensitive(b"")

    def service_account_token(self, name, *, namespace, audiences=(), lifetime=None):
        return self.google.identity.kubernetes_token(name, namespace, *audiences)

    def service_account_annotations(self, name, *, namespace):
        return {"iam.gke.io/gcp-service-account": EMAIL}

    def secret_value(self, name, key, *, namespace):
        return self.key


@pytest.fixture
def read(gate, google, tmp_path):
    def resolve(auth, *, role="provider"):
        vault = {
            "server": gate.address,
            "path": "gcp-test",
            "version": "v1",
            "caBundle": base64.b64encode(gate.ca_pem).decode(),
            "auth": {"gcp": {"role": role, **auth}},
        }
        documents = [
            {
                "apiVersion": "external-secrets.io/v1",
                "kind": "SecretStore",
                "metadata": {"name": "vault", "namespace": "team"},
                "spec": {"provider": {"vault": vault}},
            },
            {
                "apiVersion": "external-secrets.io/v1",
                "kind": "ExternalSecret",
                "metadata": {"name": "db", "namespace": "team"},
                "spec": {
                    "secretStoreRef": {"name": "vault"},
                    "data": [{"secretKey": "password", "remoteRef": {"key": "db", "property": "password"}}],
                },
            },
        ]
        (tmp_path / "all.yaml").write_text("\n---\n".join(map(json.dumps, documents)))
        settings = Settings(
            endpoints=google.endpoints(), ca_file=google.write_ca(tmp_path), service_account_directory=tmp_path / "none"
        )
        cluster = Cluster(google)
        cluster.key = google.identity.service_account_key(EMAIL)
        with Resolver.from_path(tmp_path / "all.yaml", settings=settings, references=cluster) as resolver:
            return resolver.resolve("db", namespace="team").text("password")

    return resolve


WORKLOAD = {
    "workloadIdentity": {
        "clusterProjectID": PROJECT,
        "clusterLocation": "l",
        "clusterName": "c",
        "serviceAccountRef": {"name": "provider"},
    }
}
KEY = {"secretRef": {"secretAccessKeySecretRef": {"name": "google", "key": "key.json"}}}


@pytest.mark.parametrize(
    "auth",
    [KEY, WORKLOAD, {"serviceAccountRef": {"name": "provider"}}, {}],
    ids=["key", "workload identity", "service account", "machine"],
)
def test_each_identity_logs_in_and_reads(read, gate, google, auth):
    google.identity.machine = Machine(PROJECT, EMAIL)
    google.identity.bind(f"{POOL}[team/provider]", EMAIL)
    assert read(auth) == PASSWORD
    assert gate.logins == [EMAIL]


def test_a_machine_of_somebody_else_is_refused(read, gate, google):
    google.identity.machine = Machine(PROJECT, f"other@{PROJECT}.iam.gserviceaccount.com")
    with pytest.raises(AuthenticationError, match="gcp login was refused"):
        read({})
    assert gate.logins == []


def test_a_statement_for_another_role_is_refused(read, google):
    google.identity.machine = Machine(PROJECT, EMAIL)
    with pytest.raises(AuthenticationError, match="gcp login was refused"):
        read({}, role="admin")


def test_off_googles_cloud_it_tells_what_to_do(read):
    with pytest.raises(AuthenticationError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        read({})
