"""What is shipped for a cluster: taken by a real API server to the last field, and as locked down as it says."""

from __future__ import annotations

import copy
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from virtrigaud_secrets.cli.app import application
from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers import KubernetesAPI

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[4]
DEPLOY = ROOT / "deploy"
WORKLOADS = ("monitor/deployment.yaml", "sync/deployment.yaml")
PODS = (*WORKLOADS, "rotation/cronjob.yaml")
READING = {"get", "list", "watch"}


def pod_of(manifests, name: str) -> dict[str, Any]:
    """The pod that a Deployment or CronJob makes."""
    (deployment,) = [one for one in manifests(name) if one["kind"] in {"CronJob", "Deployment"}]
    spec = deployment["spec"].get("jobTemplate", deployment)["spec"]
    template = copy.deepcopy(spec["template"])
    template["metadata"] |= {"name": deployment["metadata"]["name"], "namespace": deployment["metadata"]["namespace"]}
    return {"apiVersion": "v1", "kind": "Pod", **template}


def test_every_object_is_taken(deployed: KubernetesAPI, manifests, creates):
    """Those that the cluster was set up with were created with every field checked; here are the others."""
    for document in manifests(
        "access/cluster-wide.yaml", "monitoring/prometheusrule.yaml", "monitoring/servicemonitor.yaml"
    ):
        creates(deployed, document, dry=True)


def test_a_field_that_is_misspelt_is_not_taken(deployed: KubernetesAPI, manifests, creates):
    document = next(one for one in manifests("monitor/deployment.yaml") if one["kind"] == "Deployment")
    document["metadata"]["name"] = "misspelt"
    document["spec"]["template"]["spec"]["securityContexts"] = {}
    with pytest.raises(LocalServerError, match="400"):
        creates(deployed, document, dry=True)


@pytest.mark.parametrize("name", PODS)
def test_the_namespace_takes_the_pods_and_none_that_is_less_locked_down(
    deployed: KubernetesAPI, manifests, creates, name
):
    creates(deployed, pod_of(manifests, name), dry=True)
    for loosen in (
        lambda spec: spec["securityContext"].update(runAsNonRoot=False),
        lambda spec: spec["securityContext"].pop("seccompProfile"),
        lambda spec: spec["containers"][0]["securityContext"].update(allowPrivilegeEscalation=True),
        lambda spec: spec["containers"][0]["securityContext"].update(capabilities={}),
        lambda spec: spec.update(hostNetwork=True),
    ):
        pod = pod_of(manifests, name)
        loosen(pod["spec"])
        with pytest.raises(LocalServerError, match="403"):
            creates(deployed, pod, dry=True)


@pytest.mark.parametrize("name", WORKLOADS)
def test_what_pod_security_does_not_ask_for(manifests, name):
    spec = pod_of(manifests, name)["spec"]
    (container,) = spec["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert not spec.get("volumes")
    assert spec["securityContext"]["runAsUser"] > 0
    assert set(container["resources"]) == {"requests", "limits"}
    assert {"livenessProbe", "readinessProbe", "startupProbe"} <= set(container)
    assert "command" not in container


@pytest.mark.parametrize("name", PODS)
def test_the_arguments_are_those_of_the_command(manifests, name):
    import typer

    (container,) = pod_of(manifests, name)["spec"]["containers"]
    command, *words = container["args"]
    found = typer.main.get_command(application()).commands[command]  # type: ignore[attr-defined]
    known = {option for parameter in found.params for option in parameter.opts}
    assert {word.partition("=")[0] for word in words} <= known


def test_rights_are_named_one_by_one(manifests):
    for document in manifests():
        for rule in document.get("rules") or ():
            assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]]
            assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])
            if "secrets" in rule["resources"] and "monitor" in document["metadata"]["name"]:
                assert set(rule["verbs"]) <= READING


def test_no_account_may_touch_secrets_everywhere_unless_somebody_decides_so(manifests):
    reading = {
        document["metadata"]["name"]
        for document in manifests()
        if document["kind"] == "ClusterRole"
        if any("secrets" in rule["resources"] for rule in document["rules"])
    }
    assert reading >= {"virtrigaud-secrets-monitor", "virtrigaud-secrets-sync"}
    files = {path.relative_to(DEPLOY) for path in DEPLOY.rglob("*.yaml") if path.name != "kustomization.yaml"}
    given = sorted(map(str, files - {Path("access/cluster-wide.yaml")}))
    bound = {one["roleRef"]["name"] for one in manifests(*given) if one["kind"] == "ClusterRoleBinding"}
    assert not bound & reading


def test_the_namespaces_that_are_granted_are_those_that_are_worked_on(manifests):
    granted = {path.stem for path in (DEPLOY / "access").glob("*.yaml")} - {"cluster-wide"}
    assert {one["metadata"]["namespace"] for one in manifests("sync/access.yaml")} == granted
    for name in WORKLOADS:
        (container,) = pod_of(manifests, name)["spec"]["containers"]
        worked_on = {word.partition("=")[2] for word in container["args"] if word.startswith("--namespace=")}
        assert worked_on == granted
    for name in granted:
        assert {one["metadata"]["namespace"] for one in manifests(f"access/{name}.yaml")} == {name}


def test_policies_and_monitors_select_the_pods_that_there_are(manifests):
    labels = {name: pod_of(manifests, name)["metadata"]["labels"] for name in PODS}
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for document in manifests():
        by_kind.setdefault(document["kind"], []).append(document)
    everyone, stores = by_kind["NetworkPolicy"]
    assert everyone["spec"]["policyTypes"] == ["Ingress", "Egress"]
    for found in labels.values():
        assert everyone["spec"]["podSelector"]["matchLabels"].items() <= found.items()
    assert stores["spec"]["podSelector"]["matchLabels"].items() <= labels["sync/deployment.yaml"].items()
    (budget,) = by_kind["PodDisruptionBudget"]
    assert budget["spec"]["selector"]["matchLabels"].items() <= labels["sync/deployment.yaml"].items()
    (monitor,) = by_kind["ServiceMonitor"]
    for service in by_kind["Service"]:
        assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
        assert any(service["spec"]["selector"].items() <= found.items() for found in labels.values())
        assert [port["name"] for port in service["spec"]["ports"]] == [monitor["spec"]["endpoints"][0]["port"]]
    assert monitor["spec"]["endpoints"][0]["honorLabels"] is True


def test_the_lists_name_every_file():
    for place in (DEPLOY, DEPLOY / "monitoring", DEPLOY / "sync"):
        listed = yaml.safe_load((place / "kustomization.yaml").read_text())
        for name in listed["resources"]:
            assert (place / name).is_file()
        for generated in listed.get("configMapGenerator", ()):
            for source in generated["files"]:
                json.loads((place / source.partition("=")[2]).read_text())
    named = {(DEPLOY / name) for name in yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())["resources"]}
    others = {path for path in DEPLOY.rglob("*.yaml") if path not in named and path.name != "kustomization.yaml"}
    assert {path.relative_to(DEPLOY).parts[0] for path in others} <= {"access", "monitoring", "rotation", "sync"}
    assert DEPLOY / "access/cluster-wide.yaml" in others


def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "Containerfile").read_text().replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


def test_the_image_recipe():
    """What can be said of it without a builder of images. Its pip commands: see docs/deployment.md."""
    steps = instructions()
    last = steps[max(index for index, step in enumerate(steps) if step[0] == "FROM") :]
    assert not [step for step in last if step[0] == "RUN"], "the image has nothing that runs in a shell"
    (user,) = [argument for name, argument in last if name == "USER"]
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    (entry,) = [json.loads(argument) for name, argument in last if name == "ENTRYPOINT"]
    assert entry == ["/opt/virtrigaud-secrets/bin/virtrigaud-secrets"]
    arguments = dict(argument.split("=", 1) for name, argument in steps if name == "ARG")
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", arguments["PYTHON"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(arguments["EXTRAS"].split(",")) <= set(project["optional-dependencies"])
    copied = [shlex.split(argument) for name, argument in steps if name == "COPY" and "--from" not in argument]
    for words in copied:
        assert all((ROOT / word).exists() for word in words[:-1])
    (install,) = [argument for name, argument in steps if name == "RUN" and "pip" in argument and "install" in argument]
    assert "--no-cache-dir" in install
    assert "--constraint constraints.txt" in install
