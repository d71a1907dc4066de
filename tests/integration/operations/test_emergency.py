"""`emergency` on a real OpenBao, PostgreSQL and kube-apiserver: the old credential is dead, the new one works."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
import yaml

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.cli import app
from virtrigaud_secrets.cli.exit_codes import ExitCode
from virtrigaud_secrets.errors import ConflictError
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.cluster_objects import DEPLOYMENTS, EXTERNAL_SECRETS, SECRET_STORES, SECRETS
from virtrigaud_secrets.stores.vault.operator import VaultOperator
from virtrigaud_secrets.testing.contract import store_context
from virtrigaud_secrets.testing.guide_setup import GUIDE_SERVER, GuideWorld, guide_world, missing_reason
from virtrigaud_secrets.testing.servers import FaultProxy
from virtrigaud_secrets.testing.servers.controllers import Controllers
from virtrigaud_secrets.testing.servers.fault_proxy import Trouble

pytestmark = pytest.mark.integration

NAME, TARGET = "vsphere-dynamic-credentials", "vsphere-dynamic-creds"
POLICY = """
path "sys/leases/revoke-prefix/vsphere/creds" { capabilities = ["update", "sudo"] }
path "sys/leases/lookup/vsphere/creds/*" { capabilities = ["list", "sudo"] }
"""
"""What docs/emergency.md tells operators to grant."""
REVOKE = ("update", "sys/leases/revoke-prefix/vsphere/creds")
LABELS = {"app.kubernetes.io/name": "virtrigaud-provider-runtime"}


class Syncing(Controllers):
    """Also resolves the one ExternalSecret and writes its Secret, as ESO would."""

    resolver: Resolver
    namespace: str

    def refresh(self, body, marker):
        # The cluster may have those of tests before.
        if body["metadata"]["namespace"] != self.namespace:
            return
        bundle = self.resolver.refresh(NAME)
        data = {key: base64.b64encode(value).decode() for key, value in bundle.items()}
        with suppress(ConflictError):
            self.objects.create(SECRETS, {"metadata": {"name": TARGET}, "data": data}, namespace=self.namespace)
        self.objects.patch(SECRETS, TARGET, {"data": data}, namespace=self.namespace)
        super().refresh(body, marker)


@pytest.fixture(scope="module")
def servers(require) -> Iterator[GuideWorld]:
    """The guide's servers of this module's own: leases of them are revoked."""
    require(missing_reason())
    with guide_world() as world:
        world.openbao.ask("PUT", "sys/policies/acl/emergency", {"policy": POLICY})
        yield world


@pytest.fixture
def proxy(servers) -> Iterator[FaultProxy]:
    with FaultProxy(servers.openbao.address, upstream_ca=servers.openbao.ca_pem) as made:
        yield made


@pytest.fixture
def world(servers, eso_cluster, objects, namespace, eventually):
    (store,) = [
        document
        for file in servers.manifests.glob("*.yaml")
        for document in yaml.safe_load_all(file.read_text())
        if document and document["kind"] == "SecretStore"
    ]
    objects.create(
        SECRET_STORES, {"metadata": {"name": "vault-secret-store"}, "spec": store["spec"]}, namespace=namespace
    )
    objects.create(
        EXTERNAL_SECRETS, {"metadata": {"name": NAME}, "spec": {"refreshInterval": "15m"}}, namespace=namespace
    )
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"selector": {"matchLabels": LABELS}, "template": template}
    objects.create(DEPLOYMENTS, {"metadata": {"name": "provider", "labels": LABELS}, "spec": spec}, namespace=namespace)
    controllers = Syncing(eso_cluster.kubeconfig(), timeout=timedelta(seconds=30))
    controllers.namespace = namespace
    with Resolver.from_path(servers.manifests, settings=servers.settings()) as controllers.resolver, controllers:
        eventually(lambda: "status" in (objects.get(EXTERNAL_SECRETS, NAME, namespace=namespace) or {}))
        yield controllers
    for resource, name in ((EXTERNAL_SECRETS, NAME), (DEPLOYMENTS, "provider")):
        objects.delete(resource, name, namespace=namespace)


@pytest.fixture
def credential(objects, namespace):
    """What a provider reads out of its Secret now."""

    def read():
        data = objects.get(SECRETS, TARGET, namespace=namespace)["data"]
        return base64.b64decode(data["username"]).decode(), Sensitive(base64.b64decode(data["password"]))

    return read


@pytest.fixture
def words(servers, eso_cluster, namespace, tmp_path, monkeypatch, proxy):
    """A command line and an environment, by which the operator's own token is used."""
    token = servers.openbao.ask("POST", "auth/token/create", {"policies": ["emergency"], "ttl": "10m"})
    file = tmp_path / "token"
    file.write_text(token["auth"]["client_token"])
    authorities = tmp_path / "ca.pem"
    authorities.write_bytes(servers.openbao.ca_pem + proxy.ca_pem)
    monkeypatch.delenv("VAULT_TOKEN", raising=False)
    monkeypatch.setenv("VAULT_TOKEN_FILE", str(file))
    monkeypatch.setenv("VIRTRIGAUD_SECRETS_CA_FILE", str(authorities))
    monkeypatch.setenv("KUBECONFIG", str(eso_cluster.kubeconfig()))

    def make(*more, server=servers.openbao.address):
        chosen = ["--store", f"{namespace}/vault-secret-store", "--prefix", "vsphere/creds", "--given-token"]
        place = ["-n", namespace, "--state", str(tmp_path / "state.json"), "--endpoint", f"{GUIDE_SERVER}={server}"]
        return ["emergency", *chosen, *place, *more]

    return make


@pytest.fixture
def run(words, capsys, credential, tmp_path):
    def call(*more, **options):
        hidden = [credential()[1].reveal_text(), (tmp_path / "token").read_text()]
        code = app.run(words(*more, **options))
        captured = capsys.readouterr()
        hidden.append(credential()[1].reveal_text())
        state = tmp_path / "state.json"
        text = captured.out + captured.err + (state.read_text() if state.exists() else "")
        assert not any(value in text for value in hidden)
        return code, captured.out, captured.err

    return call


def revocations(servers, after):
    return servers.openbao.request_counts(after=after)[REVOKE]


def test_the_old_credential_is_dead_and_the_new_one_works(run, world, servers, credential, objects, namespace):
    old = credential()
    assert servers.postgres.accepts(*old)
    audit = len(servers.openbao.audit_entries())

    code, out, _ = run("--dry-run")
    assert code == ExitCode.OK
    assert "planned: Leases vsphere/creds/dynamic-role: " in out
    assert f"planned: ExternalSecret {namespace}/{NAME}" in out
    assert revocations(servers, audit) == 0
    assert credential() == old

    code, out, _ = run("--yes", "--format", "json")
    assert code == ExitCode.OK, out
    report = json.loads(out)
    assert [(step["step"], step["outcome"]) for step in report["steps"]] == [
        ("revoke", "done"),
        ("refresh", "done"),
        ("restart", "done"),
        ("rollout", "done"),
    ]
    new = credential()
    assert new[0] != old[0]
    assert not servers.postgres.accepts(*old)
    assert servers.postgres.accepts(*new)
    assert revocations(servers, audit) == 1
    template = objects.get(DEPLOYMENTS, "provider", namespace=namespace)["spec"]["template"]
    assert "kubectl.kubernetes.io/restartedAt" in template["metadata"]["annotations"]


def test_what_is_beside_the_prefix_stays(servers, words):
    """`dynamic-role` is not taken to mean `dynamic-role-2`."""
    bao = servers.openbao
    role = bao.ask("GET", "vsphere/roles/dynamic-role")["data"]
    bao.ask("POST", "vsphere/config/inventory", {"allowed_roles": ["dynamic-role", "dynamic-role-2"]})
    bao.ask("POST", "vsphere/roles/dynamic-role-2", role)
    kept, ended = (bao.ask("GET", f"vsphere/creds/{name}")["data"] for name in ("dynamic-role-2", "dynamic-role"))
    spec = VaultProvider.model_validate({"server": bao.address})
    settings = Settings(vault_token=bao.root_token, ca_file=bao.ca_file)
    operator = VaultOperator(spec, store_context(settings=settings))
    before = operator.leases("vsphere/creds")
    assert {"vsphere/creds/dynamic-role", "vsphere/creds/dynamic-role-2"} <= set(before.paths)
    assert not any(one in str(before) for one in (kept["username"], kept["password"]))

    operator.revoke("vsphere/creds/dynamic-role")
    assert set(operator.leases("vsphere/creds").paths) == {"vsphere/creds/dynamic-role-2"}
    operator.revoke("vsphere/creds/nothing-there")
    assert operator.leases("vsphere/creds/nothing-there").paths == {}
    assert servers.postgres.accepts(kept["username"], Sensitive(kept["password"]))
    assert not servers.postgres.accepts(ended["username"], Sensitive(ended["password"]))
    operator.close()
    assert bao.ask("GET", "auth/token/lookup-self")["data"], "a token that was given is left alone"


def test_nobody_is_asked_where_nobody_can_answer(run, world, servers):
    audit = len(servers.openbao.audit_entries())
    code, _, err = run()
    assert code == ExitCode.USAGE
    assert "--yes" in err
    assert revocations(servers, audit) == 0


def test_a_login_that_may_not_revoke(run, world, servers, credential, monkeypatch, tmp_path):
    """The store's own login reads secrets and nothing else."""
    limited = servers.openbao.ask("POST", "auth/token/create", {"policies": ["virtrigaud"], "ttl": "10m"})
    (tmp_path / "token").write_text(limited["auth"]["client_token"])
    old = credential()
    code, out, _ = run("--yes")
    assert code == ExitCode.INCOMPLETE
    assert 'revoke: failed: the login\'s policies do not grant the capability "update" on this path' in out
    assert "sys/leases/revoke-prefix/vsphere/creds" in out
    assert out.count("not-done") == 3
    assert servers.postgres.accepts(*old)


def test_killed_while_the_revocation_is_on_its_way(run, words, world, servers, credential, proxy, eventually):
    old = credential()
    audit = len(servers.openbao.audit_entries())
    proxy.order(Trouble.HANG, path="revoke-prefix", delivered=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "virtrigaud_secrets.cli", *words("--yes", server=proxy.address)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    eventually(lambda: revocations(servers, audit) == 1)
    eventually(lambda: not servers.postgres.accepts(*old))
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    proxy.heal()

    # A run of its own is refused: it would revoke again.
    code, _, err = run("--yes")
    assert code == ExitCode.CONFIGURATION
    assert "--resume" in err

    code, out, _ = run("--resume", "--yes")
    assert code == ExitCode.UNKNOWN
    assert "revoke: unknown" in out
    assert " 0 of the " in out
    assert revocations(servers, audit) == 1

    code, out, _ = run("--resume", "--lost", "done")
    assert code == ExitCode.OK, out
    assert revocations(servers, audit) == 1
    assert servers.postgres.accepts(*credential())


def test_a_lost_answer_is_unknown_and_asked_again_only_when_told(run, world, servers, credential, proxy):
    audit = len(servers.openbao.audit_entries())
    proxy.order(Trouble.RESET, path="revoke-prefix", delivered=True)
    code, out, _ = run("--yes", server=proxy.address)
    assert code == ExitCode.UNKNOWN
    assert "whether it was carried out is not known" in out
    assert revocations(servers, audit) == 1

    code, out, _ = run("--resume", "--lost", "again")
    assert code == ExitCode.OK, out
    assert revocations(servers, audit) == 2
    assert servers.postgres.accepts(*credential())


def test_killed_after_the_revocation_the_next_run_does_not_repeat_it(
    run, words, world, servers, credential, objects, namespace, eventually
):
    audit = len(servers.openbao.audit_entries())
    world.working = False
    process = subprocess.Popen(
        [sys.executable, "-m", "virtrigaud_secrets.cli", *words("--yes")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def is_forced():
        found = objects.get(EXTERNAL_SECRETS, NAME, namespace=namespace)
        return "force-sync" in found["metadata"].get("annotations", {})

    eventually(is_forced)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    world.working = True
    code, out, _ = run("--resume")
    assert code == ExitCode.OK, out
    assert "and is not repeated" in out
    assert revocations(servers, audit) == 1
    assert servers.postgres.accepts(*credential())
