"""The monitor as it is deployed: its own arguments, account and rights, on a real API server."""

from __future__ import annotations

import base64
import re
import signal
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.operations.monitor import Monitor
from virtrigaud_secrets.stores.cluster_access import read_kubeconfig
from virtrigaud_secrets.stores.cluster_objects import SECRETS, ClusterObjects
from virtrigaud_secrets.testing import CertificateAuthority
from virtrigaud_secrets.testing.servers import KubernetesAPI

pytestmark = pytest.mark.integration


def test_the_deployed_monitor_sees_what_it_may_and_stops_when_told(deployed: KubernetesAPI, eventually, tools):
    issued = CertificateAuthority().issue()
    tls = {key: base64.b64encode(value).decode() for key, value in issued.data().items()}
    tools.write_secret(deployed, "vsphere-providers", "vsphere-credentials", "h1")
    tools.write_secret(deployed, "provider-namespace", "provider-tls", "h1", type="kubernetes.io/tls", data=tls)
    tools.write_secret(deployed, "monitoring", "elsewhere", "h1")
    refreshed = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    tools.write_external_secret(deployed, "vsphere-providers", "vsphere-credentials", refreshed)
    with tools.running(deployed, [*tools.arguments(), "--interval=200ms"]) as (address, program):
        eventually(lambda: tools.get(address, "/readyz")[0] == 200)
        assert tools.get(address, "/healthz")[0] == 200
        _, text = tools.get(address, "/metrics")
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
        tools.write_secret(deployed, "vsphere-providers", "vsphere-credentials", "h2")
        eventually(lambda: f"virtrigaud_secret_rotations_total{labels} 1.0" in tools.get(address, "/metrics")[1])
        deployed.ask("DELETE", "api/v1/namespaces/vsphere-providers/secrets/vsphere-credentials")
        eventually(lambda: 'secret_name="vsphere-credentials"' not in tools.get(address, "/metrics")[1])
        assert tools.canary not in text
        assert "PRIVATE KEY" not in text
        program.send_signal(signal.SIGTERM)
        out, err = program.communicate(timeout=20)
        assert (program.returncode, out, err) == (0, "", "")


def test_without_a_right_it_says_which_and_goes_on(deployed: KubernetesAPI, eventually, tools):
    with tools.running(deployed, ["monitor", "--listen=127.0.0.1:0", "--namespace=monitoring", "--interval=100ms"]) as (
        address,
        program,
    ):
        failures = r'virtrigaud_secret_monitor_failures_total{resource="secrets"} ([2-9]|\d\d+)\.0'
        eventually(lambda: re.search(failures, tools.get(address, "/metrics")[1]))
        assert tools.get(address, "/readyz")[0] == 503
        assert tools.get(address, "/healthz")[0] == 200
        program.send_signal(signal.SIGTERM)
        _, err = program.communicate(timeout=20)
        assert program.returncode == 0
        # Once, not at every look.
        assert err.count("RBAC must grant this verb") == 2


def test_ages_survive_a_restart_and_edits_of_metadata(deployed: KubernetesAPI, tools):
    """By the books of a real API server: what they date, and what they do not."""
    tools.write_secret(deployed, "libvirt-providers", "aged", "h1")
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
        objects.patch(SECRETS, "aged", patch, namespace="libvirt-providers", field_manager="kubectl")
        first.look()
        for watching in (first, fresh()):
            (after,) = [one for one in watching.picture.secrets.values() if one.seen.name.name == "aged"]
            assert after.changed_at == before.changed_at == before.seen.written_at
            assert after.seen.provider == "libvirt"
            assert after.rotations == 0
