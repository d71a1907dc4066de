from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from virtrigaud_secrets.errors import MissingDependencyError
from virtrigaud_secrets.observability.sync_metrics import SyncMetrics

prometheus_client = pytest.importorskip("prometheus_client", reason="the extra [metrics] is not installed")

AT = datetime(2026, 1, 1, tzinfo=UTC)


def registered(metrics: SyncMetrics) -> Any:
    registry = prometheus_client.CollectorRegistry()
    metrics.register(registry)
    return registry


def text(metrics: SyncMetrics) -> str:
    return str(prometheus_client.generate_latest(registered(metrics)).decode())


@pytest.fixture
def metrics() -> SyncMetrics:
    return SyncMetrics(leads=lambda: True, waiting=lambda: 7)


def test_the_series_of_eso_by_name_and_label(metrics: SyncMetrics) -> None:
    metrics.reconciled("app", "ns", seconds=0.5, failed=False)
    metrics.reconciled("app", "ns", seconds=0.25, failed=True)
    metrics.state("app", "ns", ready=False, last_success=AT, interval=timedelta(hours=1))
    metrics.asked("vault", answered=True)
    metrics.asked("vault", answered=False)
    metrics.asked("somebodys", answered=True)
    registry = registered(metrics)
    app = {"name": "app", "namespace": "ns"}
    vault = {"provider": "HashiCorp/Vault", "call": "ReadSecretData"}
    for name, labels, value in (
        ("externalsecret_sync_calls_total", app, 2),
        ("externalsecret_sync_calls_error", app, 1),
        ("externalsecret_status_condition", {**app, "condition": "Ready", "status": "True"}, 0),
        ("externalsecret_status_condition", {**app, "condition": "Ready", "status": "False"}, 1),
        ("externalsecret_reconcile_duration", app, 250_000_000),
        ("externalsecret_provider_api_calls_count", {**vault, "status": "success"}, 1),
        ("externalsecret_provider_api_calls_count", {**vault, "status": "error"}, 1),
        (
            "externalsecret_provider_api_calls_count",
            {"provider": "somebodys", "call": "GetSecret", "status": "success"},
            1,
        ),
        ("externalsecret_last_success_timestamp_seconds", app, AT.timestamp()),
        ("externalsecret_refresh_interval_seconds", app, 3600),
        ("virtrigaud_sync_leader", {}, 1),
        ("virtrigaud_sync_queue_length", {}, 7),
    ):
        assert registry.get_sample_value(name, labels) == value, name


def test_what_is_not_known_yet_is_not_told(metrics: SyncMetrics) -> None:
    metrics.state("app", "ns", ready=None, last_success=None, interval=timedelta(0))
    told = text(metrics)
    assert "externalsecret_status_condition{" not in told
    assert "externalsecret_last_success_timestamp_seconds{" not in told
    assert 'externalsecret_refresh_interval_seconds{name="app",namespace="ns"} 0.0' in told


def test_what_is_gone_is_told_no_more(metrics: SyncMetrics) -> None:
    metrics.reconciled("app", "ns", seconds=1, failed=False)
    metrics.forget("app", "ns")
    metrics.forget("app", "ns")
    assert 'name="app"' not in text(metrics)


def test_without_the_package(metrics: SyncMetrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(MissingDependencyError, match=r"virtrigaud-secrets\[metrics\]"):
        metrics.register()
