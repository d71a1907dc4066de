"""What a monitor saw, as Prometheus series: the guide's two, and what its alerts need. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.observability.metrics import LABELS
from virtrigaud_secrets.operations.managed_secrets import Picture, SecretHistory, SyncSighting, Watched

if TYPE_CHECKING:
    from prometheus_client.core import Metric

SYNC_LABELS: Final = ("name", "namespace")
"""Labels of ESO's series (ESO §4)."""


def series(picture: Picture, now: datetime) -> Iterator[Metric]:
    """All series at a moment. Ages grow while the cluster cannot be asked."""
    yield from _of_secrets(picture, now)
    yield from _of_certificates(picture.secrets.values())
    yield from _of_syncs(picture.syncs.values())
    yield from _of_looks({"secrets": picture.about_secrets, "externalsecrets": picture.about_syncs})


def _of_secrets(picture: Picture, now: datetime) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    age = GaugeMetricFamily(
        "virtrigaud_secret_age_seconds", "Time since the data of the secret last changed.", labels=LABELS
    )
    rotations = CounterMetricFamily(
        "virtrigaud_secret_rotations", "Times that other data took the place of what was there.", labels=LABELS
    )
    success = GaugeMetricFamily(
        "virtrigaud_secret_last_success_timestamp_seconds",
        "When the secret was last read, or found to be the same.",
        labels=LABELS,
    )
    for history in picture.secrets.values():
        labels = _labels(history)
        # The cluster's clock may be ahead of ours.
        age.add_metric(labels, max(0.0, (now - history.changed_at).total_seconds()))
        rotations.add_metric(labels, history.rotations)
        sync = picture.sync_of(history.seen)
        if sync is not None and sync.refreshed_at is not None:
            success.add_metric(labels, sync.refreshed_at.timestamp())
    yield from (age, rotations, success)


def _of_certificates(secrets: Iterable[SecretHistory]) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    end = GaugeMetricFamily(
        "virtrigaud_secret_certificate_expiry_timestamp_seconds",
        "When the first certificate of the secret's chain ends.",
        labels=LABELS,
    )
    lifetime = GaugeMetricFamily(
        "virtrigaud_secret_certificate_lifetime_seconds", "How long that certificate is valid in all.", labels=LABELS
    )
    for history in secrets:
        if history.certificate is not None:
            end.add_metric(_labels(history), history.certificate.at.timestamp())
            lifetime.add_metric(_labels(history), history.certificate.lifetime.total_seconds())
    yield from (end, lifetime)


def _of_syncs(syncs: Iterable[SyncSighting]) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    condition = GaugeMetricFamily(
        "externalsecret_status_condition",
        "Whether the condition of the ExternalSecret has that status.",
        labels=(*SYNC_LABELS, "condition", "status"),
    )
    success = GaugeMetricFamily(
        "externalsecret_last_success_timestamp_seconds",
        "When the ExternalSecret was last synchronised.",
        labels=SYNC_LABELS,
    )
    interval = GaugeMetricFamily(
        "externalsecret_refresh_interval_seconds",
        "How often the ExternalSecret is to be synchronised; 0 where it is not by time.",
        labels=SYNC_LABELS,
    )
    for sync in syncs:
        labels = (sync.name.name, sync.name.namespace)
        interval.add_metric(labels, sync.interval.total_seconds())
        if sync.ready is not None:
            condition.add_metric((*labels, "Ready", "True"), float(sync.ready))
            condition.add_metric((*labels, "Ready", "False"), float(not sync.ready))
        if sync.refreshed_at is not None:
            success.add_metric(labels, sync.refreshed_at.timestamp())
    yield from (condition, success, interval)


def _of_looks(looks: Mapping[str, Watched]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    failures = CounterMetricFamily(
        "virtrigaud_secret_monitor_failures", "Looks at the cluster that failed.", labels=("resource",)
    )
    success = GaugeMetricFamily(
        "virtrigaud_secret_monitor_last_success_timestamp_seconds",
        "When a look at the cluster last succeeded.",
        labels=("resource",),
    )
    for resource, watched in looks.items():
        failures.add_metric((resource,), watched.failures)
        if watched.succeeded_at is not None:
            success.add_metric((resource,), watched.succeeded_at.timestamp())
    yield from (failures, success)


def _labels(history: SecretHistory) -> tuple[str, str, str]:
    namespace, name = history.seen.name
    return name, namespace, history.seen.provider
