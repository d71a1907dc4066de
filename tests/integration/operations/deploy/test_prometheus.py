"""A real Prometheus that scrapes a running monitor, provider and sync: the shipped alerts fire, and clear."""

from __future__ import annotations

import base64
import json
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from virtrigaud_secrets import Resolver, Settings
from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.observability import Metrics
from virtrigaud_secrets.operations import HttpEndpoint
from virtrigaud_secrets.testing import CertificateAuthority
from virtrigaud_secrets.testing.servers import KubernetesAPI, OpenBao
from virtrigaud_secrets.testing.servers.processes import Workspace, free_port

pytestmark = pytest.mark.integration

RULES = Path(__file__).parents[4] / "deploy/monitoring/prometheusrule.yaml"
PATIENCE = 60
NAMESPACE = "vsphere-providers"
Alerts = Callable[[], set[tuple[str, str]]]


def hurried_rules() -> dict[str, Any]:
    """The shipped rules without their `for`: what they ask is as it is shipped."""
    spec: dict[str, Any] = yaml.safe_load(RULES.read_text())["spec"]
    for group in spec["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    return spec


@contextmanager
def prometheus(program: str, targets: Sequence[str], tools: SimpleNamespace) -> Iterator[Alerts]:
    """A Prometheus that scrapes every second and judges twice as often; gives who fires now: alert and name."""
    scraped = {"job_name": "t", "honor_labels": True, "static_configs": [{"targets": list(targets)}]}
    intervals = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "500ms"}
    config = {"global": intervals, "rule_files": ["rules.yaml"], "scrape_configs": [scraped]}
    with Workspace() as workspace:
        workspace.write("rules.yaml", json.dumps(hurried_rules()))
        workspace.write("prometheus.yml", json.dumps(config))
        address = f"127.0.0.1:{free_port()}"
        options = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address={address}"]
        process = workspace.start("prometheus", [program, *options])

        def answers() -> bool:
            with suppress(OSError):
                return bool(tools.get(address, "/-/ready")[0] == 200)
            return False

        process.wait_until(answers, timeout=timedelta(seconds=PATIENCE))

        def firing() -> set[tuple[str, str]]:
            found = json.loads(tools.get(address, "/api/v1/alerts")[1])["data"]["alerts"]
            labels = [one["labels"] for one in found if one["state"] == "firing"]
            return {(one["alertname"], one.get("name") or one.get("secret_name") or one.get("store")) for one in labels}

        yield firing


class Store(BaseHTTPRequestHandler):
    """A store that answers."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"password": "canary-of-the-store"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def manifests(port: int) -> str:
    return f"""
{{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {{name: hook, namespace: ns}},
 spec: {{retrySettings: {{maxRetries: 0}},
        provider: {{webhook: {{url: "http://127.0.0.1:{port}/{{{{ .remoteRef.key }}}}", result: {{}}}}}}}}}}
---
{{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {{name: login, namespace: ns}},
 spec: {{secretStoreRef: {{name: hook}}, dataFrom: [{{extract: {{key: vc}}}}]}}}}
"""


@contextmanager
def provider(directory: Path, port: int) -> Iterator[tuple[Resolver, str]]:
    """A provider that resolves one secret from a store at a port, and where its metrics are."""
    (directory / "all.yaml").write_text(manifests(port))
    registry = CollectorRegistry()
    with Resolver.from_path(directory, settings=Settings(request_timeout=timedelta(seconds=5))) as resolver:
        Metrics(resolver).register(registry)
        health = resolver.health
        with HttpEndpoint(
            "127.0.0.1:0", registry=registry, live=lambda: health().live, ready=lambda: health().ready
        ) as endpoint:
            yield resolver, endpoint.address


@contextmanager
def answering(port: int) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", port), Store) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join(20)


def certificate(within: timedelta | None) -> dict[str, str]:
    authority = CertificateAuthority(now=datetime.now(UTC))
    issued = authority.issue() if within is None else authority.ending(within)
    return {key: base64.b64encode(value).decode() for key, value in issued.data().items()}


def resolve(resolver: Resolver) -> None:
    with suppress(SecretsError):
        resolver.refresh("login", namespace="ns")


@pytest.fixture
def program(require) -> str:
    found = shutil.which("prometheus")
    require("" if found else "no prometheus: install Debian's prometheus")
    return str(found)


def test_alerts_fire_and_clear(program, deployed: KubernetesAPI, tools, tmp_path, eventually):
    now, port = datetime.now(UTC), free_port()
    hour_ago = now - timedelta(hours=1)
    tools.write_external_secret(deployed, NAMESPACE, "failing", now, ready=False)
    tools.write_external_secret(deployed, NAMESPACE, "stale", hour_ago)
    tools.write_external_secret(deployed, NAMESPACE, "new", None)
    tools.write_external_secret(deployed, NAMESPACE, "good", now)
    tools.write_secret(
        deployed, NAMESPACE, "tls", "h1", type="kubernetes.io/tls", data=certificate(timedelta(minutes=30))
    )
    expected = {
        ("ExternalSecretSyncFailure", "failing"),
        ("ExternalSecretStale", "stale"),
        ("ExternalSecretNeverSynced", "new"),
        ("SecretCertificateEndsSoon", "tls"),
        ("SecretStoreUnreachable", "SecretStore ns/hook"),
    }
    with (
        tools.running(deployed, [*tools.arguments(), "--interval=200ms"]) as (watched, _),
        provider(tmp_path, port) as (resolver, resolving),
        prometheus(program, [watched, resolving], tools) as firing,
    ):
        resolve(resolver)
        with suppress(AssertionError):
            eventually(lambda: firing() >= expected, PATIENCE)
        assert expected - firing() == set()
        assert not {name for _, name in firing()} & {"good"}
        with answering(port):
            resolve(resolver)
            for name in ("failing", "stale", "new"):
                tools.write_external_secret(deployed, NAMESPACE, name, now)
            tools.write_secret(deployed, NAMESPACE, "tls", "h2", type="kubernetes.io/tls", data=certificate(None))
            eventually(lambda: not firing() & expected, PATIENCE)
            assert not {alert for alert, _ in firing()} & {"SecretMonitorBlind", "SecretNotUsable"}
        resolve(resolver)
        eventually(lambda: ("SecretStoreUnreachable", "SecretStore ns/hook") in firing(), PATIENCE)


def test_alerts_of_a_running_sync_fire_and_clear(program, deployed: KubernetesAPI, openbao: OpenBao, tools, eventually):
    name = "watched"
    tools.write_to_sync(deployed, NAMESPACE, name, openbao)
    expected = {("ExternalSecretSyncFailure", name), ("ExternalSecretNeverSynced", name)}
    words = [*tools.arguments("sync"), "--ca-file", str(openbao.ca_file)]
    with (
        tools.running(deployed, words, account="virtrigaud-secrets-sync") as (synced, process),
        prometheus(program, [synced], tools) as firing,
    ):
        # Nothing is there yet to be read.
        eventually(lambda: expected <= firing(), PATIENCE)
        openbao.ask("POST", f"{name}/data/app", {"data": {"password": "first"}})
        eventually(lambda: not {one for one in firing() if one[1] == name}, PATIENCE)
        assert not {alert for alert, _ in firing()} & {"SecretSyncWithoutLeader", "SecretStoreUnreachable"}
        process.terminate()
        process.wait()
