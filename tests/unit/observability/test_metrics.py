from __future__ import annotations

import importlib.util
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from virtrigaud_secrets import Resolver, Settings
from virtrigaud_secrets.errors import MissingDependencyError
from virtrigaud_secrets.events import Event, EventKind
from virtrigaud_secrets.observability.metrics import Metrics
from virtrigaud_secrets.runtime.health import Health, LoginStatus
from virtrigaud_secrets.testing import ManualClock

VALUE = "pw-canary-1f7a"
MANIFESTS = """
{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: dev, namespace: team},
 spec: {provider: {fake: {data: [{key: vc, value: '{"username": "svc", "password": "VALUE"}'}]}}}}
---
{apiVersion: external-secrets.io/v1, kind: ExternalSecret,
 metadata: {name: vc, namespace: team, labels: {provider: vsphere}},
 spec: {secretStoreRef: {name: dev}, refreshInterval: 1h, dataFrom: [{extract: {key: vc}}]}}
""".replace("VALUE", VALUE)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def resolver(tmp_path, clock):
    (tmp_path / "all.yaml").write_text(MANIFESTS)
    with Resolver.from_path(tmp_path, settings=Settings(), clock=clock, background=False) as resolver:
        yield resolver


def samples(metrics: Metrics) -> dict[str, float]:
    return {sample.name: sample.value for metric in metrics.collect() for sample in metric.samples}


def test_the_guide_s_series_have_the_guide_s_labels(resolver, clock):
    metrics = Metrics(resolver, clock=clock)
    resolver.resolve("vc", namespace="team")
    clock.advance(30)
    found = {sample.name: sample for metric in metrics.collect() for sample in metric.samples}
    labels = {"secret_name": "vc", "namespace": "team", "provider": "vsphere"}
    assert found["virtrigaud_secret_age_seconds"].labels == labels
    assert found["virtrigaud_secret_age_seconds"].value == 30
    assert found["virtrigaud_secret_rotations_total"].labels == labels
    assert found["virtrigaud_secret_rotations_total"].value == 0
    assert found["virtrigaud_secret_valid"].value == 1


def test_age_counts_from_the_last_change_of_data_and_success_from_the_last_read(resolver, clock):
    metrics = Metrics(resolver, clock=clock)
    resolver.resolve("vc", namespace="team")
    clock.advance(100)
    resolver.refresh("vc", namespace="team")
    found = samples(metrics)
    assert found["virtrigaud_secret_age_seconds"] == 100
    assert found["virtrigaud_secret_last_success_timestamp_seconds"] == clock.now().timestamp()


def test_hits_misses_and_requests_are_counted(resolver, clock):
    metrics = Metrics(resolver, clock=clock)
    for _ in range(4):
        resolver.resolve("vc", namespace="team")
    found = samples(metrics)
    assert found["virtrigaud_secret_cache_misses_total"] == 1
    assert found["virtrigaud_secret_cache_hits_total"] == 3
    assert found["virtrigaud_secret_store_requests_total"] == 1
    assert found["virtrigaud_secret_store_requests_in_flight"] == 0
    assert found["virtrigaud_secrets_ready"] == 1


def test_events_move_their_counter_and_no_other(resolver, clock):
    metrics = Metrics(resolver, clock=clock)
    resolver.resolve("vc", namespace="team")
    for kind in (EventKind.RENEWED, EventKind.RENEWED, EventKind.LOST, EventKind.CLOSED):
        metrics.on_event(Event(kind=kind, at=clock.now(), name="vc", namespace="team"))
    metrics.on_event(Event(kind=EventKind.ERROR, at=clock.now()))
    found = samples(metrics)
    assert found["virtrigaud_secret_renewals_total"] == 2
    assert found["virtrigaud_secret_lost_total"] == 1
    assert found["virtrigaud_secret_errors_total"] == 0


def test_the_text_that_is_scraped_holds_no_value(resolver, clock):
    registry = CollectorRegistry()
    Metrics(resolver, clock=clock).register(registry)
    resolver.resolve("vc", namespace="team")
    text = generate_latest(registry).decode()
    assert "virtrigaud_secret_age_seconds{" in text
    assert VALUE not in text


def test_the_provider_may_be_told_by_somebody_else(resolver, clock):
    metrics = Metrics(resolver, clock=clock, provider=lambda status: f"for-{status.name}")
    resolver.resolve("vc", namespace="team")
    labels = {sample.labels.get("provider") for metric in metrics.collect() for sample in metric.samples}
    assert "for-vc" in labels


def test_without_the_package_the_error_names_the_extra(resolver, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"virtrigaud-secrets\[metrics\]"):
        Metrics(resolver)


def test_stores_and_the_logins_that_leases_hang_on(resolver, clock, monkeypatch):
    metrics = Metrics(resolver, clock=clock)
    resolver.resolve("vc", namespace="team")
    assert samples(metrics)["virtrigaud_secret_store_up"] == 1
    login = LoginStatus(store="SecretStore team/vault", ends_in=600, life=3600)
    (status,) = resolver.health().secrets
    leased = replace(status, life=900.0, ends_in=300.0)
    health = Health(live=True, open=True, secrets=(leased,), stores={"SecretStore team/vault": False}, logins=(login,))
    monkeypatch.setattr(resolver, "health", lambda: health)
    found = samples(metrics)
    assert found["virtrigaud_secret_store_up"] == 0
    assert found["virtrigaud_secret_store_login_expiry_timestamp_seconds"] == clock.now().timestamp() + 600
    assert found["virtrigaud_secret_store_login_lifetime_seconds"] == 3600
    assert found["virtrigaud_secret_lifetime_seconds"] == 900
    assert found["virtrigaud_secret_expiry_timestamp_seconds"] == clock.now().timestamp() + 300
