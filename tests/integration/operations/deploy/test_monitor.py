"""The monitor as it is deployed: its own arguments, account and rights, on a real API server."""

from __future__ import annotations

import base64
import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.operations.monitor import Monitor
from virtrigaud_secrets.stores.cluster_access import read_kubeconfig
from virtrigaud_secrets.stores.cluster_objects import ClusterObjects
from virtrigaud_secrets.testing import CertificateAuthority
from virtrigaud_secrets.testing.servers import KubernetesAPI

pytestmark = pytest.mark.integration

DEPLOYMENT = Path(__file__).parents[4] / "deploy/monitor/deployment.yaml"
CANARY = "canary-password-91c4"
HASH = "reconcile.external-secrets.io/data-hash"


def arguments() -> list[str]:
    """The container's, but for the address: a free port of this machine."""
    deployment = next(yaml.safe_load_all(DEPLOYMENT.read_text()))
    found = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    return ["--listen=127.0.0.1:0" if one.startswith("--listen=") else one for one in found]


@contextmanager
def running(cluster: KubernetesAPI, words: Sequence[str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The command as the pod runs it; gives the address of its endpoint."""
    directory = cluster.service_account_directory("virtrigaud-secrets-monitor", namespace="virtrigaud-system")
    host, _, port = cluster.address.removeprefix("https://").rpartition(":")
    environment = {
        "PATH": os.environ["PATH"],
        "COLUMNS": "500",
        "KUBERNETES_SERVICE_HOST": host,
        "KUBERNETES_SERVICE_PORT": port,
        "VIRTRIGAUD_SECRETS_SERVICE_ACCOUNT_DIRECTORY": str(directory),
    }
    command = [sys.executable, "-W", "error", "-m", "virtrigaud_secrets.cli", *words]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        try:
            assert program.stderr is not None
            said = program.stderr.readline()
            found = re.search(r"http://([^/]+)/metrics", said)
            assert found, said
            yield found[1], program
        finally:
            program.kill()


def get(address: str, path: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection(address, timeout=20)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()


def write_secret(cluster: KubernetesAPI, namespace: str, name: str, data_hash: str, **options: object) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"reconcile.external-secrets.io/managed": "true"},
            "annotations": {HASH: data_hash},
        },
        "data": {"password": base64.b64encode(f"{CANARY}{data_hash}".encode()).decode()},
        **options,
    }
    path = f"api/v1/namespaces/{namespace}/secrets"
    if any(one["metadata"]["name"] == name for one in cluster.ask("GET", path)["items"]):  # type: ignore[index,attr-defined]
        cluster.ask("PUT", f"{path}/{name}", body)
    else:
        cluster.ask("POST", path, body)


def write_external_secret(cluster: KubernetesAPI, namespace: str, name: str, refreshed: datetime) -> None:
    path = f"apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets"
    kind = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": name}}
    made = cluster.ask("POST", path, {**kind, "spec": {"refreshInterval": "15m"}})
    conditions = [{"type": "Ready", "status": "True"}]
    made["status"] = {"refreshTime": refreshed.strftime("%Y-%m-%dT%H:%M:%SZ"), "conditions": conditions}
    cluster.ask("PUT", f"{path}/{name}/status", made)


def test_the_deployed_monitor_sees_what_it_may_and_stops_when_told(deployed: KubernetesAPI, eventually):
    issued = CertificateAuthority().issue()
    tls = {key: base64.b64encode(value).decode() for key, value in issued.data().items()}
    write_secret(deployed, "vsphere-providers", "vsphere-credentials", "h1")
    write_secret(deployed, "provider-namespace", "provider-tls", "h1", type="kubernetes.io/tls", data=tls)
    write_secret(deployed, "monitoring", "elsewhere", "h1")
    refreshed = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    write_external_secret(deployed, "vsphere-providers", "vsphere-credentials", refreshed)
    with running(deployed, [*arguments(), "--interval=200ms"]) as (address, program):
        eventually(lambda: get(address, "/readyz")[0] == 200)
        assert get(address, "/healthz")[0] == 200
        _, text = get(address, "/metrics")
        labels = '{namespace="vsphere-providers",provider="vsphere",secret_name="vsphere-credentials"}'
        assert f"virtrigaud_secret_age_seconds{labels}" in text
        assert f"virtrigaud_secret_rotations_total{labels} 0.0" in text
        assert 'provider="unknown",secret_name="provider-tls"' in text
        assert "virtrigaud_secret_certificate_expiry_timestamp_seconds" in text
        assert "elsewhere" not in text
        success = re.search(rf"virtrigaud_secret_last_success_timestamp_seconds{re.escape(labels)} (\S+)", text)
        assert success
        assert float(success[1]) == refreshed.timestamp()
        assert (
            'externalsecret_refresh_interval_seconds{name="vsphere-credentials",namespace="vsphere-providers"} 900'
            in text
        )
        assert re.findall(r"virtrigaud_secret_monitor_failures_total\S+ (\S+)", text) == ["0.0", "0.0"]
        write_secret(deployed, "vsphere-providers", "vsphere-credentials", "h2")
        eventually(lambda: f"virtrigaud_secret_rotations_total{labels} 1.0" in get(address, "/metrics")[1])
        deployed.ask("DELETE", "api/v1/namespaces/vsphere-providers/secrets/vsphere-credentials")
        eventually(lambda: 'secret_name="vsphere-credentials"' not in get(address, "/metrics")[1])
        assert CANARY not in text
        assert "PRIVATE KEY" not in text
        program.send_signal(signal.SIGTERM)
        out, err = program.communicate(timeout=20)
        assert (program.returncode, out, err) == (0, "", "")


def test_without_a_right_it_says_which_and_goes_on(deployed: KubernetesAPI, eventually):
    with running(deployed, ["monitor", "--listen=127.0.0.1:0", "--namespace=monitoring", "--interval=100ms"]) as (
        address,
        program,
    ):
        failures = r'virtrigaud_secret_monitor_failures_total{resource="secrets"} ([2-9]|\d\d+)\.0'
        eventually(lambda: re.search(failures, get(address, "/metrics")[1]))
        assert get(address, "/readyz")[0] == 503
        assert get(address, "/healthz")[0] == 200
        program.send_signal(signal.SIGTERM)
        _, err = program.communicate(timeout=20)
        assert program.returncode == 0
        # Once, not at every look.
        assert err.count("RBAC must grant this verb") == 2


def test_ages_survive_a_restart_and_edits_of_metadata(deployed: KubernetesAPI):
    """By the books of a real API server: what they date, and what they do not."""
    write_secret(deployed, "libvirt-providers", "aged", "h1")
    access = read_kubeconfig(deployed.kubeconfig(), SystemClock())
    objects = ClusterObjects(access, timeout=timedelta(seconds=30))
    with closing(objects):

        def fresh() -> Monitor:
            watching = Monitor(objects, namespaces=["libvirt-providers"])
            watching.look()
            return watching

        first = fresh()
        (before,) = [one for one in first.picture.secrets.values() if one.seen.name.name == "aged"]
        # kubectl is another manager than whoever wrote the data.
        patch = {"metadata": {"labels": {"provider": "libvirt"}}}
        from virtrigaud_secrets.stores.cluster_objects import SECRETS

        objects.patch(SECRETS, "aged", patch, namespace="libvirt-providers", field_manager="kubectl")
        first.look()
        for watching in (first, fresh()):
            (after,) = [one for one in watching.picture.secrets.values() if one.seen.name.name == "aged"]
            assert after.changed_at == before.changed_at == before.seen.written_at
            assert after.seen.provider == "libvirt"
            assert after.rotations == 0
