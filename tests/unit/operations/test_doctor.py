"""What is looked at in which order, without any server; with real ones in tests/integration/operations."""

from __future__ import annotations

from datetime import timedelta

import pytest

from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.operations import doctor
from virtrigaud_secrets.operations.diagnosis import Level
from virtrigaud_secrets.operations.doctor import examine
from virtrigaud_secrets.operations.probe import Seen
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing import ManualClock
from virtrigaud_secrets.testing.contract import NoReferences

CANARY = "canary-value-61"
STORES = f"""
{{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {{name: dev, namespace: ns}},
 spec: {{provider: {{fake: {{data: [{{key: a, value: {CANARY}}}]}}}}}}}}
---
{{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {{name: google, namespace: ns}},
 spec: {{provider: {{gcpsm: {{projectID: p}}}}}}}}
---
{{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {{name: lost, namespace: ns}},
 spec: {{secretStoreRef: {{name: nowhere}}, data: [{{secretKey: a, remoteRef: {{key: a}}}}]}}}}
"""


@pytest.fixture
def report(tmp_path, monkeypatch):
    def make(seen=None, **settings):
        (tmp_path / "all.yaml").write_text(STORES)
        monkeypatch.setattr(doctor, "look", lambda target, **_: seen or Seen(encrypted=True))
        chosen = Settings(service_account_directory=tmp_path / "sa", **settings)
        found = examine(load(tmp_path), settings=chosen, references=NoReferences(), clock=ManualClock())
        assert CANARY not in found.as_text()
        return {(one.check, one.subject): one for one in found.diagnoses}

    return make


GOOGLE = "SecretStore ns/google"


def test_each_store_and_manifest_is_looked_at(report):
    found = report(Seen(encrypted=True, skew=timedelta(0)))
    assert found["manifest", "ExternalSecret ns/lost"].level is Level.ERROR
    assert not found["manifest", "ExternalSecret ns/lost"].message.startswith("ExternalSecret")
    assert found["reach", "SecretStore ns/dev"].level is Level.NOTE
    assert found["reach", GOOGLE].message == "https://secretmanager.googleapis.com answers"
    assert found["clock", GOOGLE].level is Level.OK


def test_what_is_wrong_with_a_server(report):
    assert "trust come from" in report(Seen(fault="no", distrusted=True))["reach", GOOGLE].advice
    assert "DNS" in report(Seen(fault="no"))["reach", GOOGLE].advice
    assert report(Seen())["tls", GOOGLE].level is Level.WARNING
    assert report(Seen(encrypted=True, certificate=b"none"))["certificate", GOOGLE].level is Level.ERROR


def test_a_missing_package_is_told_by_its_extra(report, monkeypatch):
    monkeypatch.setattr(doctor, "missing_extra", lambda backend: "gcp" if backend == "gcpsm" else "")
    found = report()["package", GOOGLE]
    assert found.advice == "pip install 'virtrigaud-secrets[gcp]'"


def test_authorities_that_cannot_be_used(report, tmp_path):
    assert report(ca_file=tmp_path / "absent")["reach", GOOGLE].level is Level.ERROR
