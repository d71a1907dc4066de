"""The sync as its pod runs it: with the shipped arguments, under the shipped account and role."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers import KubernetesAPI, OpenBao

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

DEPLOY = Path(__file__).parents[4] / "deploy"
NAMESPACE = "vsphere-providers"
ESO = f"apis/external-secrets.io/v1/namespaces/{NAMESPACE}"


def arguments() -> list[str]:
    """The container's, but for the address: a free port of this machine."""
    deployment = next(yaml.safe_load_all((DEPLOY / "sync/deployment.yaml").read_text()))
    found = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    return ["--listen=127.0.0.1:0" if one.startswith("--listen=") else one for one in found]


def prepare(cluster: KubernetesAPI, openbao: OpenBao) -> None:
    """A store of our class, and one ExternalSecret that reads from it."""
    openbao.mount_versioned_kv("shipped")
    openbao.ask("POST", "shipped/data/app", {"data": {"password": "first"}})
    token = base64.b64encode(openbao.root_token.reveal()).decode()
    cluster.create("Secret", "bao", namespace=NAMESPACE, data={"token": token})
    auth = {"tokenSecretRef": {"name": "bao", "key": "token"}}
    vault = {"server": openbao.address, "path": "shipped", "auth": auth}
    store = {"controller": "virtrigaud-secrets", "provider": {"vault": vault}}
    entry = {"secretKey": "password", "remoteRef": {"key": "app", "property": "password"}}
    for kind, plural, name, spec in (
        ("SecretStore", "secretstores", "shipped", store),
        ("ExternalSecret", "externalsecrets", "shipped", {"secretStoreRef": {"name": "shipped"}, "data": [entry]}),
    ):
        body = {"apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        cluster.ask("POST", f"{ESO}/{plural}", body)


def value(cluster: KubernetesAPI) -> str:
    try:
        found: Any = cluster.ask("GET", f"api/v1/namespaces/{NAMESPACE}/secrets/shipped")
    except LocalServerError:
        return ""
    return base64.b64decode(found["data"]["password"]).decode()


def test_it_works_with_what_is_shipped(
    deployed: KubernetesAPI, openbao: OpenBao, tools: Any, eventually: Callable[..., None]
) -> None:
    prepare(deployed, openbao)
    directory = deployed.service_account_directory("virtrigaud-secrets-sync", namespace="virtrigaud-system")
    host, _, port = deployed.address.removeprefix("https://").rpartition(":")
    environment = {
        "PATH": os.environ["PATH"],
        "COLUMNS": "500",
        "KUBERNETES_SERVICE_HOST": host,
        "KUBERNETES_SERVICE_PORT": port,
        "VIRTRIGAUD_SECRETS_SERVICE_ACCOUNT_DIRECTORY": str(directory),
    }
    command = [sys.executable, "-m", "virtrigaud_secrets.cli", *arguments(), "--ca-file", str(openbao.ca_file)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as program:
        try:
            assert program.stderr is not None
            said = program.stderr.readline()
            address = re.search(r"http://([^/]+)/metrics", said)
            assert address, said
            eventually(lambda: value(deployed) == "first", 60)
            eventually(lambda: tools.get(address[1], "/readyz")[0] == 200)
            assert tools.get(address[1], "/healthz")[0] == 200
            # The status follows the Secret, and the metrics the status.
            condition = 'externalsecret_status_condition{condition="Ready",name="shipped"'
            eventually(lambda: condition in tools.get(address[1], "/metrics")[1])
            told = tools.get(address[1], "/metrics")[1]
            assert "virtrigaud_sync_leader 1.0" in told
            lease: Any = deployed.ask(
                "GET", "apis/coordination.k8s.io/v1/namespaces/virtrigaud-system/leases/virtrigaud-secrets-sync"
            )
            assert lease["spec"]["holderIdentity"]
            events: Any = deployed.ask("GET", f"api/v1/namespaces/{NAMESPACE}/events")
            assert "Created" in {event["reason"] for event in events["items"]}
        finally:
            program.terminate()
        assert "refuses" not in program.stderr.read()
    assert program.returncode == 0
