"""`rotate` on a real kube-apiserver, as the service account of `deploy/rotation`, under exactly its rights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from virtrigaud_secrets.cli import app
from virtrigaud_secrets.cli.exit_codes import ExitCode
from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.stores.cluster_objects import DEPLOYMENTS, EXTERNAL_SECRETS, NAMESPACES, Resource
from virtrigaud_secrets.testing.servers.controllers import Controllers

pytestmark = pytest.mark.integration

DEPLOY = Path(__file__).parents[3] / "deploy/rotation"
CANARY = "canary-value-21"
ROLES = Resource("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole")
SYSTEM, PROVIDERS = "virtrigaud-system", "vsphere-providers"
LABELS = {"app.kubernetes.io/name": "virtrigaud-provider-runtime"}


def documents(name):
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


def deployment(name, **labels):
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": "i", "env": [{"name": "X", "value": CANARY}]}]},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec}


@pytest.fixture(scope="module")
def rotator(eso_cluster) -> Iterator[Path]:
    """The manifests of `deploy/rotation`, applied, and the account's kubeconfig."""
    for name in (SYSTEM, PROVIDERS):
        eso_cluster.create("Namespace", name)
    for document in documents("rbac.yaml"):
        metadata = document.pop("metadata")
        kind = document.pop("kind")
        document.pop("apiVersion")
        eso_cluster.create(kind, metadata["name"], namespace=metadata.get("namespace", ""), **document)
    token = eso_cluster.service_account_token("secret-rotator", namespace=SYSTEM)
    return eso_cluster.kubeconfig(token=token)


@pytest.fixture
def world(eso_cluster, objects, rotator, connect, eventually):
    client = connect(rotator)
    for resource in (EXTERNAL_SECRETS, DEPLOYMENTS):
        for verb in ("list", "patch"):
            eventually(lambda verb=verb, resource=resource: client.reviewed(verb, resource, namespace=PROVIDERS))
    for name in ("a", "b"):
        objects.create(
            EXTERNAL_SECRETS, {"metadata": {"name": name}, "spec": {"refreshInterval": "1h"}}, namespace=PROVIDERS
        )
    objects.create(DEPLOYMENTS, deployment("provider", **LABELS), namespace=PROVIDERS)
    objects.create(DEPLOYMENTS, deployment("other"), namespace=PROVIDERS)
    with Controllers(eso_cluster.kubeconfig(), timeout=timedelta(seconds=30)) as controllers:
        eventually(lambda: all("status" in body for body in objects.list(EXTERNAL_SECRETS, namespace=PROVIDERS).items))
        yield controllers
    for resource in (EXTERNAL_SECRETS, DEPLOYMENTS):
        for body in objects.list(resource, namespace=PROVIDERS).items:
            objects.delete(resource, body["metadata"]["name"], namespace=PROVIDERS)


@pytest.fixture
def rotate(rotator, capsys):
    def call(*words):
        code = app.run(["rotate", "-n", PROVIDERS, "--kubeconfig", str(rotator), *words])
        captured = capsys.readouterr()
        assert CANARY not in captured.out + captured.err
        return code, captured.out, captured.err

    return call


def annotations(objects):
    found = {}
    for body in objects.list(EXTERNAL_SECRETS, namespace=PROVIDERS).items:
        found[body["metadata"]["name"]] = body["metadata"].get("annotations", {}).get("force-sync")
    for body in objects.list(DEPLOYMENTS, namespace=PROVIDERS).items:
        template = body["spec"]["template"]["metadata"].get("annotations", {})
        found[body["metadata"]["name"]] = template.get("kubectl.kubernetes.io/restartedAt")
    return found


def test_a_rotation_with_the_rights_that_are_shipped(rotate, world, objects):
    code, out, err = rotate("--format", "json")
    assert (code, err) == (ExitCode.OK, "")
    report = json.loads(out)
    assert [(step["step"], step["outcome"]) for step in report["steps"]] == [
        ("refresh", "done"),
        ("restart", "done"),
        ("rollout", "done"),
    ]
    first = annotations(objects)
    assert all(first[name] for name in ("a", "b", "provider"))
    assert first["other"] is None

    # The guide's second run fails, as its annotation is there already.
    assert rotate()[0] == ExitCode.OK
    second = annotations(objects)
    assert second["a"] != first["a"]


def test_a_dry_run_changes_nothing(rotate, world, objects):
    before = annotations(objects)
    code, out, _ = rotate("--dry-run")
    assert code == ExitCode.OK
    assert "planned: Deployment vsphere-providers/provider" in out
    assert "dry run: nothing was changed" in out
    assert annotations(objects) == before


def test_without_a_controller_nothing_is_restarted(rotate, world, objects):
    world.working = False
    code, out, _ = rotate("--refresh-timeout", "1")
    assert code == ExitCode.INCOMPLETE
    assert "timed-out: ExternalSecret vsphere-providers/a: no controller has refreshed it yet" in out
    assert "restart: not-done" in out
    assert annotations(objects)["provider"] is None


def test_a_failing_refresh_tells_the_reason_and_not_the_message(rotate, world, objects):
    world.working = False
    broken = {"type": "Ready", "status": "False", "reason": "SecretSyncedError", "message": CANARY}
    (body, _) = objects.list(EXTERNAL_SECRETS, namespace=PROVIDERS).items
    world.write_status(EXTERNAL_SECRETS, body, {"conditions": [broken]})
    code, out, _ = rotate("--refresh-timeout", "0", "--timeout", "20", "--restart-anyway")
    assert code == ExitCode.INCOMPLETE
    assert "failed: ExternalSecret vsphere-providers/a: Ready is False (SecretSyncedError)" in out
    assert "rollout: done" in out
    assert annotations(objects)["provider"]


@pytest.mark.parametrize("resource", [EXTERNAL_SECRETS, DEPLOYMENTS], ids=lambda resource: resource.plural)
@pytest.mark.parametrize("verb", ["list", "patch"])
def test_each_verb_is_needed_and_its_lack_is_told(rotate, world, objects, connect, rotator, eventually, resource, verb):
    role = objects.get(ROLES, "secret-rotator")
    cut = [
        {**rule, "verbs": [kept for kept in rule["verbs"] if (rule["resources"], kept) != ([resource.plural], verb)]}
        for rule in role["rules"]
    ]
    client = connect(rotator)
    objects.patch(ROLES, "secret-rotator", {"rules": cut})
    try:
        eventually(lambda: not client.reviewed(verb, resource, namespace=PROVIDERS))
        code, out, err = rotate()
    finally:
        objects.patch(ROLES, "secret-rotator", {"rules": role["rules"]})
    unseen = (verb, resource) == ("list", EXTERNAL_SECRETS)
    assert code == (ExitCode.STORE if unseen else ExitCode.INCOMPLETE)
    assert f"`{verb} {resource.plural}`" in (err if unseen else out)


def test_the_rights_end_at_the_namespace(rotator, world, capsys):
    code = app.run(["rotate", "-A", "--kubeconfig", str(rotator)])
    assert code == ExitCode.STORE
    assert "`list externalsecrets` in all namespaces" in capsys.readouterr().err


def test_the_api_server_takes_the_cronjob_and_its_pod(eso_cluster, objects, rotator):
    (cronjob,) = documents("cronjob.yaml")
    path = f"apis/batch/v1/namespaces/{SYSTEM}/cronjobs?dryRun=All&fieldValidation=Strict"
    made = eso_cluster.ask("POST", path, cronjob)
    template = made["spec"]["jobTemplate"]["spec"]["template"]
    # The level that deploy/namespace.yaml asks for.
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    objects.patch(NAMESPACES, SYSTEM, {"metadata": {"labels": labels}})
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "rotate", "labels": template["metadata"]["labels"]},
        "spec": template["spec"],
    }
    eso_cluster.ask("POST", f"api/v1/namespaces/{SYSTEM}/pods?dryRun=All", pod)
    (container,) = template["spec"]["containers"]
    loose = {**template["spec"], "containers": [{**container, "securityContext": {}}]}
    with pytest.raises(LocalServerError, match="Forbidden"):
        eso_cluster.ask("POST", f"api/v1/namespaces/{SYSTEM}/pods?dryRun=All", {**pod, "spec": loose})
    assert app.run([*container["args"], "--dry-run", "--kubeconfig", str(rotator)]) != ExitCode.USAGE
