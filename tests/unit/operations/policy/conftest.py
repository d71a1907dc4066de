"""Manifests from texts, and what they ask."""

import pytest

from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.operations.policy.demands import demands_of
from virtrigaud_secrets.settings import Settings


class Write:
    """Writes manifests of one store in namespace `team`."""

    def store(self, provider, *, name="store", kind="SecretStore"):
        where = ", namespace: team" if kind == "SecretStore" else ""
        return f"""
apiVersion: external-secrets.io/v1
kind: {kind}
metadata: {{name: {name}{where}}}
spec: {{provider: {provider}}}
---
"""

    def secret(self, spec, *, name="es", namespace="team", kind="SecretStore"):
        return f"""
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{secretStoreRef: {{name: store, kind: {kind}}}, {spec}}}
---
"""

    def read(self, key, *, name="es", namespace="team", kind="SecretStore", **more):
        """An ExternalSecret with one entry of `data`."""
        extra = "".join(f", {name}: {value}" for name, value in more.items())
        spec = f"data: [{{secretKey: a, remoteRef: {{key: '{key}'{extra}}}}}]"
        return self.secret(spec, name=name, namespace=namespace, kind=kind)

    def find(self, find):
        return self.secret(f"dataFrom: [{{find: {{{find}}}}}]")

    def push(self, spec="data: [{match: {secretKey: a, remoteRef: {remoteKey: r}}}]"):
        return f"""
apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: {{name: push, namespace: team}}
spec: {{secretStoreRefs: [{{name: store}}], selector: {{secret: {{name: source}}}}, {spec}}}
---
"""


@pytest.fixture
def write():
    return Write()


@pytest.fixture
def catalog(tmp_path):
    def make(*texts):
        path = tmp_path / "all.yaml"
        path.write_text("".join(texts))
        return load(path)

    return make


@pytest.fixture
def demands(catalog):
    def make(*texts, settings=None, **options):
        return demands_of(catalog(*texts), settings=settings or Settings(), **options)

    return make


@pytest.fixture
def demand(demands):
    """What is asked of the only store."""

    def make(*texts, **options):
        (found,) = demands(*texts, **options).stores
        return found

    return make
