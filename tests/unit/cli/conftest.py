"""One small world for all commands: a fake store, three ExternalSecrets, a document of another kind."""

import json

import pytest

from virtrigaud_secrets.cli import app

CANARY = "canary-value-7"

MANIFESTS = f"""
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: dev, namespace: ns}}
spec: {{provider: {{fake: {{data: [{{key: a, value: {CANARY}}}]}}}}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: good, namespace: ns}}
spec: {{secretStoreRef: {{name: dev}}, data: [{{secretKey: a, remoteRef: {{key: a}}}}]}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: missing, namespace: ns}}
spec: {{secretStoreRef: {{name: dev}}, data: [{{secretKey: a, remoteRef: {{key: b}}}}]}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: undecodable, namespace: ns}}
spec: {{secretStoreRef: {{name: dev}}, data: [{{secretKey: a, remoteRef: {{key: a, decodingStrategy: Base64}}}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: other}}
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "all.yaml").write_text(MANIFESTS)
    return str(tmp_path)


@pytest.fixture
def run(capsys):
    def call(*words):
        code = app.run(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def canary():
    """The one value of that world."""
    return CANARY


@pytest.fixture
def kubeconfig(tmp_path, monkeypatch):
    """A cluster that nobody is to be asked at."""
    document = {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "c", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(document))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
