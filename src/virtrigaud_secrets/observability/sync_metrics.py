"""What a sync does as Prometheus series: ESO's five about ExternalSecrets (ESO §4), and what alerts lack.

The package prometheus-client is needed from the first scrape on.
"""

from __future__ import annotations

import importlib.util
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from virtrigaud_secrets.errors import MissingDependencyError

if TYPE_CHECKING:
    from prometheus_client.core import Metric
    from prometheus_client.registry import CollectorRegistry

LABELS: Final = ("name", "namespace")
"""Labels of every series about an ExternalSecret: ESO's."""

STATUSES: Final = ("True", "False")
"""What a condition can be."""

_CALLS: Final[Mapping[str, tuple[str, str]]] = {
    "akeyless": ("Akeyless", "GetSecretValue"),
    "aws": ("AWS/SecretsManager", "GetSecretValue"),
    "azurekv": ("Azure/KeyVault", "GetSecret"),
    "fake": ("Fake", "GetSecret"),
    "gcpsm": ("GCP/SecretManager", "AccessSecretVersion"),
    "kubernetes": ("Kubernetes", "GetSecret"),
    "openBao": ("OpenBao", "ReadSecretData"),
    "vault": ("HashiCorp/Vault", "ReadSecretData"),
    "webhook": ("Webhook", "GetSecret"),
}
"""Key under `spec.provider` → ESO's names of the provider and of a read."""


@dataclass(slots=True)
class _Secret:
    """What is known of one ExternalSecret."""

    calls: int = 0
    errors: int = 0
    nanoseconds: float = 0.0
    condition: Literal["", "True", "False"] = ""
    last_success: datetime | None = None
    interval: timedelta = timedelta(0)


class SyncMetrics:
    """Collects the series of one sync. Safe to use from several threads."""

    def __init__(self, *, leads: Callable[[], bool], waiting: Callable[[], int]) -> None:
        """Nothing happened yet.

        Args:
            leads: whether this process leads.
            waiting: how many ExternalSecrets wait for their turn or for the time of their next refresh.
        """
        self._leads = leads
        self._waiting = waiting
        self._lock = threading.Lock()
        self._secrets: dict[tuple[str, str], _Secret] = {}
        self._reads: Counter[tuple[str, str, str]] = Counter()

    def register(self, registry: CollectorRegistry | None = None) -> None:
        """Have it scraped with a registry, by default prometheus-client's own.

        Raises:
            MissingDependencyError: prometheus-client is not installed.
        """
        if importlib.util.find_spec("prometheus_client") is None:
            raise MissingDependencyError("collecting metrics", extra="metrics")
        import prometheus_client

        (registry or prometheus_client.REGISTRY).register(self)

    def reconciled(self, name: str, namespace: str, *, seconds: float, failed: bool) -> None:
        """An ExternalSecret was looked at."""
        with self._lock:
            secret = self._secrets.setdefault((namespace, name), _Secret())
            secret.calls += 1
            secret.errors += failed
            secret.nanoseconds = seconds * 1e9

    def state(
        self,
        name: str,
        namespace: str,
        *,
        ready: bool | None,
        last_success: datetime | None,
        interval: timedelta,
    ) -> None:
        """How an ExternalSecret is.

        Args:
            name: its name.
            namespace: its namespace.
            ready: its condition; None where it has none yet.
            last_success: when its last refresh that worked began, aware UTC.
            interval: how often its manifest wants it read; zero where it is not by time.
        """
        with self._lock:
            secret = self._secrets.setdefault((namespace, name), _Secret())
            secret.condition = "" if ready is None else "True" if ready else "False"
            secret.last_success, secret.interval = last_success, interval

    def forget(self, name: str, namespace: str) -> None:
        """An ExternalSecret is gone, or is somebody else's now."""
        with self._lock:
            self._secrets.pop((namespace, name), None)

    def asked(self, provider: str, *, answered: bool) -> None:
        """A read was sent to a store whose backend is `provider`, the key under `spec.provider`."""
        named, call = _CALLS.get(provider, (provider, "GetSecret"))
        with self._lock:
            self._reads[named, call, "success" if answered else "error"] += 1

    def describe(self) -> Iterable[Metric]:
        """Nothing: the series are known when they are collected."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All series, as they are now."""
        from prometheus_client.core import GaugeMetricFamily

        with self._lock:
            secrets = {(name, namespace): secret for (namespace, name), secret in self._secrets.items()}
            yield from _counters(secrets, self._reads)
            yield from _gauges(secrets)
        leads = GaugeMetricFamily("virtrigaud_sync_leader", "Whether this process leads and writes.")
        leads.add_metric([], float(self._leads()))
        waiting = GaugeMetricFamily("virtrigaud_sync_queue_length", "ExternalSecrets that wait to be looked at.")
        waiting.add_metric([], float(self._waiting()))
        yield from (leads, waiting)


def _counters(secrets: Mapping[tuple[str, str], _Secret], reads: Counter[tuple[str, str, str]]) -> list[Metric]:
    from prometheus_client.core import CounterMetricFamily, UnknownMetricFamily

    calls = CounterMetricFamily("externalsecret_sync_calls", "Looks at an ExternalSecret.", labels=LABELS)
    # Counters without _total have no type of their own; rate() and increase() work all the same.
    errors = UnknownMetricFamily("externalsecret_sync_calls_error", "Looks that failed.", labels=LABELS)
    asked = UnknownMetricFamily(
        "externalsecret_provider_api_calls_count", "Reads sent to stores.", labels=("provider", "call", "status")
    )
    for labels, secret in secrets.items():
        calls.add_metric(labels, secret.calls)
        errors.add_metric(labels, secret.errors)
    for names, count in reads.items():
        asked.add_metric(names, count)
    return [calls, errors, asked]


def _gauges(secrets: Mapping[tuple[str, str], _Secret]) -> list[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    condition = GaugeMetricFamily(
        "externalsecret_status_condition",
        "Whether a condition of an ExternalSecret has a status.",
        labels=(*LABELS, "condition", "status"),
    )
    duration = GaugeMetricFamily(
        "externalsecret_reconcile_duration", "Nanoseconds that the last look took.", labels=LABELS
    )
    success = GaugeMetricFamily(
        "externalsecret_last_success_timestamp_seconds",
        "When the last refresh that worked began; the Secret holds what was read then.",
        labels=LABELS,
    )
    interval = GaugeMetricFamily(
        "externalsecret_refresh_interval_seconds",
        "How often the manifest wants its values read; 0 where it is not by time.",
        labels=LABELS,
    )
    for labels, secret in secrets.items():
        duration.add_metric(labels, secret.nanoseconds)
        if secret.condition:
            for status in STATUSES:
                condition.add_metric((*labels, "Ready", status), float(status == secret.condition))
        if secret.last_success is not None:
            success.add_metric(labels, secret.last_success.timestamp())
        interval.add_metric(labels, secret.interval.total_seconds())
    return [condition, duration, success, interval]
