"""One small world for all commands: a fake store, three ExternalSecrets, a document of another kind."""

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
def kubeconfig(kubeconfig_file, monkeypatch):
    """The cluster of the environment is one that nobody is to be asked at."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig_file))
