"""The Deployment of the examples: no Secret in it, and manifests that this library reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from virtrigaud_secrets import Resolver, Settings

FILE = Path(__file__).parents[2] / "examples/kubernetes-deployment/deployment.yaml"
OBJECTS = list(yaml.safe_load_all(FILE.read_text()))


def keys(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from keys(value)
    elif isinstance(node, list):
        for value in node:
            yield from keys(value)


def of_kind(kind: str) -> dict[str, dict]:
    return {found["metadata"]["name"]: found for found in OBJECTS if found["kind"] == kind}


def test_nothing_of_it_is_a_secret_or_refers_to_one() -> None:
    assert "Secret" not in {found["kind"] for found in OBJECTS}
    assert not {"secretKeyRef", "secretRef", "secret", "secretName"} & set(keys(OBJECTS))


def test_its_manifests_plan_what_the_guide_reads(tmp_path: Path) -> None:
    for name, text in of_kind("ConfigMap")["vsphere-manifests"]["data"].items():
        (tmp_path / name).write_text(text)
    with Resolver.from_path(tmp_path, settings=Settings()) as resolver:
        (request,) = resolver.plan("vsphere-credentials", namespace="vsphere-providers").requests
    assert request.path == "secret/data/providers/vsphere"


def test_the_pod_can_change_nothing_and_is_nobody() -> None:
    pod = of_kind("Deployment")["vsphere-provider"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_what_it_sets_is_a_setting() -> None:
    pod = of_kind("Deployment")["vsphere-provider"]["spec"]["template"]["spec"]
    variables = {variable["name"]: variable["value"] for variable in pod["containers"][0]["env"]}
    settings = Settings.from_environment(variables)
    assert str(settings.ca_file) == "/etc/virtrigaud/vault-ca/ca.crt"
    assert str(settings.service_account_directory) == "/var/run/secrets/virtrigaud"
