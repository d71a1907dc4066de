"""`doctor` on the guide's servers: what it finds is there, what it says is right, and no secret is read."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

from virtrigaud_secrets.cli import app
from virtrigaud_secrets.cli.exit_codes import ExitCode
from virtrigaud_secrets.stores.cluster_objects import EXTERNAL_SECRETS, SECRET_STORES
from virtrigaud_secrets.testing.guide_setup import GUIDE_SERVER, GuideWorld, guide_world, missing_reason
from virtrigaud_secrets.testing.servers.certificates import Authority

pytestmark = pytest.mark.integration

READS = ("vsphere/creds", "secret/data", "pki/issue")


@pytest.fixture(scope="module")
def servers(require) -> Iterator[GuideWorld]:
    require(missing_reason())
    with guide_world() as world:
        yield world


@pytest.fixture
def doctor(servers, monkeypatch, capsys, tmp_path):
    """The command in the environment of a provider's pod."""
    for name in ("KUBECONFIG", "VAULT_TOKEN", "VAULT_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VIRTRIGAUD_SECRETS_SERVICE_ACCOUNT_DIRECTORY", str(servers.service_account_directory))
    monkeypatch.setenv("VIRTRIGAUD_SECRETS_CA_FILE", str(servers.openbao.ca_file))
    monkeypatch.setenv("VIRTRIGAUD_SECRETS_ENDPOINTS", f"{GUIDE_SERVER}={servers.openbao.address}")
    token = (servers.service_account_directory / "token").read_text()
    parameter = "pki/issue/virtrigaud:common_name=provider.virtrigaud.local"

    def call(*words, path=servers.manifests):
        places = [] if path is None else [str(path)]
        audit = len(servers.openbao.audit_entries())
        code = app.run(["doctor", *places, "--format", "json", "--timeout", "5", "--parameter", parameter, *words])
        captured = capsys.readouterr()
        assert token not in captured.out + captured.err
        asked = servers.openbao.request_counts(after=audit)
        assert not [found for found in asked if found[1].startswith(READS)], "a secret was read"
        report = json.loads(captured.out) if captured.out else {"diagnoses": []}
        return code, report["diagnoses"], asked

    return call


def of(diagnoses, check, level=None):
    return [found for found in diagnoses if found["check"] == check and level in {None, found["level"]}]


def test_all_is_well_but_the_cluster(doctor):
    code, found, asked = doctor()
    # No store asks the cluster here.
    assert [one["subject"] for one in of(found, "reach", "warning")] == ["cluster https://kubernetes.default.svc"]
    assert not of(found, "permission", "error")
    assert [one["message"] for one in of(found, "permission")] == ["its policies grant all 5 paths of the manifests"]
    assert {one["message"] for one in of(found, "login")} == {"by kubernetes, with the policies default, virtrigaud"}
    assert any("its clock agrees with ours" in one["message"] for one in of(found, "clock"))
    assert any("the server's certificate is good until" in one["message"] for one in of(found, "certificate"))
    assert any("the token in" in one["message"] for one in of(found, "identity"))
    logins = asked["update", "auth/kubernetes/login"]
    assert asked["update", "auth/token/revoke-self"] == logins == 2, "each login is ended again"
    assert code == ExitCode.OK, [one for one in found if one["level"] == "error"]


def test_without_a_login_nothing_is_sent_but_a_look(doctor):
    _, found, asked = doctor("--no-login")
    assert not of(found, "login")
    assert not [path for _, path in asked if path.startswith("auth/")]


def test_a_path_that_no_policy_grants(doctor, servers):
    policy = servers.openbao.ask("GET", "sys/policies/acl/virtrigaud")["data"]["policy"]
    servers.openbao.ask("PUT", "sys/policies/acl/virtrigaud", {"policy": 'path "secret/*" { capabilities = ["read"] }'})
    try:
        code, found, _ = doctor()
    finally:
        servers.openbao.ask("PUT", "sys/policies/acl/virtrigaud", {"policy": policy})
    assert code == ExitCode.INVALID
    messages = [one["message"] for one in of(found, "permission", "error")]
    assert any('"read" on vsphere/creds/dynamic-role' in message for message in messages)
    assert any('"update" on pki/issue/virtrigaud' in message for message in messages)
    assert all(one["advice"] for one in found if one["level"] == "error")


def test_an_authority_that_is_not_the_servers(doctor, monkeypatch, tmp_path):
    other = tmp_path / "other.pem"
    other.write_bytes(Authority.create("somebody else").pem)
    monkeypatch.setenv("VIRTRIGAUD_SECRETS_CA_FILE", str(other))
    code, found, asked = doctor()
    assert code == ExitCode.INVALID
    (reach, *_) = [one for one in of(found, "reach", "error") if "SecretStore" in one["subject"]]
    assert "its certificate is not trusted" in reach["message"]
    assert str(other) in reach["advice"]
    assert not asked


def test_a_server_that_is_not_there(doctor, monkeypatch):
    monkeypatch.setenv("VIRTRIGAUD_SECRETS_ENDPOINTS", f"{GUIDE_SERVER}=https://127.0.0.1:1")
    code, found, _ = doctor()
    assert code == ExitCode.INVALID
    assert any("it refuses connections" in one["message"] for one in of(found, "reach", "error"))


def test_a_sealed_server(doctor, servers):
    servers.openbao.seal()
    try:
        code, found, _ = doctor()
    finally:
        servers.openbao.unseal()
    assert code == ExitCode.INVALID
    assert any("the server is sealed" in one["message"] for one in of(found, "reach", "error"))


def test_a_given_token_that_ends_soon_and_plain_http(doctor, servers, monkeypatch, tmp_path):
    made = servers.openbao.ask("POST", "auth/token/create", {"policies": ["virtrigaud"], "ttl": "10m"})
    monkeypatch.setenv("VAULT_TOKEN", made["auth"]["client_token"])
    store = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "own", "namespace": "ns"},
        "spec": {"provider": {"vault": {"server": GUIDE_SERVER, "path": "secret"}}},
    }
    (tmp_path / "store.yaml").write_text(yaml.safe_dump(store))
    code, found, _ = doctor(path=tmp_path)
    assert code == ExitCode.OK
    (warning,) = of(found, "login", "warning")
    assert "the token from Settings.vault_token, which nobody here can replace, ends at" in warning["message"]
    assert made["auth"]["client_token"] not in json.dumps(found)


def test_the_manifests_of_a_cluster(doctor, servers, eso_cluster, objects, namespace, monkeypatch):
    for file in servers.manifests.glob("*.yaml"):
        for document in filter(None, yaml.safe_load_all(file.read_text())):
            resource = {"SecretStore": SECRET_STORES, "ExternalSecret": EXTERNAL_SECRETS}.get(document["kind"])
            if resource is not None:
                body = {"metadata": {"name": document["metadata"]["name"]}, "spec": document["spec"]}
                objects.create(resource, body, namespace=namespace)
    try:
        code, found, _ = doctor("--kubeconfig", str(eso_cluster.kubeconfig()), "-n", namespace, path=None)
        assert code == ExitCode.OK, [one for one in found if one["level"] == "error"]
        assert any(one["subject"].startswith("cluster https://127.0.0.1") for one in of(found, "reach", "ok"))
        assert of(found, "permission", "ok")

        objects.patch(
            SECRET_STORES, "vault-secret-store", {"spec": {"provider": {"vault": {"server": 7}}}}, namespace=namespace
        )
        code, found, _ = doctor("--kubeconfig", str(eso_cluster.kubeconfig()), "-n", namespace, path=None)
        assert code == ExitCode.INVALID
        assert any("spec.provider.vault.server" in one["message"] for one in of(found, "manifest", "error"))
    finally:
        for resource in (SECRET_STORES, EXTERNAL_SECRETS):
            for body in objects.list(resource, namespace=namespace).items:
                objects.delete(resource, body["metadata"]["name"], namespace=namespace)
