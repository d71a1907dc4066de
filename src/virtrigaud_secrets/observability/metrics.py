"""What a resolver does as Prometheus series. The package prometheus-client is needed from the first scrape on."""

from __future__ import annotations

import importlib.util
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import MissingDependencyError
from virtrigaud_secrets.events import Event, EventKind
from virtrigaud_secrets.runtime.health import Health, SecretState, SecretStatus

if TYPE_CHECKING:
    from prometheus_client.core import Metric
    from prometheus_client.registry import CollectorRegistry

    from virtrigaud_secrets.observability.audit import AuditLog
    from virtrigaud_secrets.runtime.async_resolver import AsyncResolver
    from virtrigaud_secrets.runtime.resolver import Resolver

LABELS: Final = ("secret_name", "namespace", "provider")
"""Labels of every series about a secret: the guide's."""
STORE: Final = ("store",)
"""Label of every series about a store: `Kind namespace/name`."""
UNKNOWN_PROVIDER: Final = "unknown"
"""`provider` of a secret that says none: the guide's."""

_COUNTED: Final[Mapping[EventKind, str]] = {
    EventKind.RENEWED: "renewals",
    EventKind.ERROR: "errors",
    EventKind.LOST: "lost",
    EventKind.EXPIRED: "expired",
    EventKind.STALE_SERVED: "stale_served",
}
"""Event → the counter that it moves."""

_HELP: Final[Mapping[str, str]] = {
    "renewals": "Lease renewals that the store granted.",
    "errors": "Requests that failed, and new values that could not be used.",
    "lost": "Leases that the store did not know any more.",
    "expired": "Values that came to their end before there was a new one.",
    "stale_served": "Times that something older than its refresh interval began to be given out.",
}


def provider_of(status: SecretStatus) -> str:
    """The hypervisor provider of a secret by its label `provider`, as the guide has it."""
    return status.labels.get("provider", UNKNOWN_PROVIDER)


class Metrics:
    """Collects the series of one resolver.

    ```python
    Metrics(resolver).register()
    prometheus_client.start_http_server(9090)
    ```

    Values are read when somebody scrapes: nothing is counted that nobody asks for, but for events.
    """

    def __init__(
        self,
        resolver: Resolver | AsyncResolver,
        *,
        provider: Callable[[SecretStatus], str] = provider_of,
        audit: AuditLog | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Observe a resolver.

        Args:
            resolver: the resolver.
            provider: gives the value of the label `provider`.
            audit: the resolver's audit, whose lines are counted too.
            clock: time; by default the system's.

        Raises:
            MissingDependencyError: prometheus-client is not installed.
        """
        if importlib.util.find_spec("prometheus_client") is None:
            raise MissingDependencyError("collecting metrics", extra="metrics")
        self._resolver = resolver
        self._provider = provider
        self._audit = audit
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str]] = Counter()
        resolver.observe(self)

    def register(self, registry: CollectorRegistry | None = None) -> None:
        """Have it scraped with a registry, by default prometheus-client's own."""
        import prometheus_client

        (registry or prometheus_client.REGISTRY).register(self)

    def on_event(self, event: Event) -> None:
        """Count one event."""
        counter = _COUNTED.get(event.kind)
        if counter is not None and event.name:
            with self._lock:
                self._counts[counter, event.namespace, event.name] += 1

    def describe(self) -> Iterable[Metric]:
        """Nothing: the series are known when they are collected."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All series, as they are now."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        health = self._resolver.health()
        yield from self._gauges(health.secrets)
        yield from self._counters(health.secrets)
        requests = CounterMetricFamily("virtrigaud_secret_store_requests", "Fetches that were sent to stores.")
        requests.add_metric([], health.requests)
        yield requests
        yield from _stores(health, self._clock.now())
        flying = GaugeMetricFamily("virtrigaud_secret_store_requests_in_flight", "Fetches that are under way.")
        flying.add_metric([], health.in_flight)
        yield flying
        ready = GaugeMetricFamily("virtrigaud_secrets_ready", "Whether all that is subscribed to can be given out.")
        ready.add_metric([], float(health.ready))
        yield ready
        if self._audit is not None:
            written = CounterMetricFamily("virtrigaud_secret_audit_lines", "Lines that the audit wrote.")
            written.add_metric([], self._audit.written)
            yield written
            dropped = CounterMetricFamily("virtrigaud_secret_audit_dropped", "Lines that the audit could not write.")
            dropped.add_metric([], self._audit.dropped)
            yield dropped

    def _gauges(self, secrets: Iterable[SecretStatus]) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily

        now = self._clock.now()
        age = GaugeMetricFamily(
            "virtrigaud_secret_age_seconds", "Time since the data of the secret last changed.", labels=LABELS
        )
        success = GaugeMetricFamily(
            "virtrigaud_secret_last_success_timestamp_seconds",
            "When the secret was last read, or found to be the same.",
            labels=LABELS,
        )
        end = GaugeMetricFamily(
            "virtrigaud_secret_expiry_timestamp_seconds",
            "When the secret must not be given out any more, unless it is renewed or read before.",
            labels=LABELS,
        )
        life = GaugeMetricFamily(
            "virtrigaud_secret_lifetime_seconds", "How long the secret was good for when it was read.", labels=LABELS
        )
        valid = GaugeMetricFamily("virtrigaud_secret_valid", "Whether there is something to give out.", labels=LABELS)
        for status in secrets:
            labels = self._labels(status)
            valid.add_metric(labels, float(status.state in {SecretState.FRESH, SecretState.STALE}))
            if status.changed_at is not None:
                age.add_metric(labels, (now - status.changed_at).total_seconds())
            if status.refreshed_at is not None:
                success.add_metric(labels, _timestamp(status.refreshed_at))
            if status.ends_in is not None:
                end.add_metric(labels, _timestamp(now + timedelta(seconds=status.ends_in)))
            if status.life is not None:
                life.add_metric(labels, status.life)
        yield from (age, success, end, life, valid)

    def _counters(self, secrets: Iterable[SecretStatus]) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily

        rotations = CounterMetricFamily(
            "virtrigaud_secret_rotations", "Times that other data took the place of what was there.", labels=LABELS
        )
        hits = CounterMetricFamily(
            "virtrigaud_secret_cache_hits", "Times it was given out without asking a store.", labels=LABELS
        )
        misses = CounterMetricFamily(
            "virtrigaud_secret_cache_misses", "Times somebody waited for a store.", labels=LABELS
        )
        counted = {
            name: CounterMetricFamily(f"virtrigaud_secret_{name}", text, labels=LABELS) for name, text in _HELP.items()
        }
        with self._lock:
            counts = self._counts.copy()
        for status in secrets:
            labels = self._labels(status)
            rotations.add_metric(labels, status.rotations)
            hits.add_metric(labels, status.hits)
            misses.add_metric(labels, status.misses)
            for name, family in counted.items():
                family.add_metric(labels, counts[name, status.namespace, status.name])
        yield from (rotations, hits, misses, *counted.values())

    def _labels(self, status: SecretStatus) -> tuple[str, str, str]:
        return status.name, status.namespace, self._provider(status)


def _stores(health: Health, now: datetime) -> Iterator[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    up = GaugeMetricFamily(
        "virtrigaud_secret_store_up", "Whether the store answered the last request, if only to refuse.", labels=STORE
    )
    end = GaugeMetricFamily(
        "virtrigaud_secret_store_login_expiry_timestamp_seconds",
        "When the login that leases hang on ends, unless it is renewed or replaced before.",
        labels=STORE,
    )
    life = GaugeMetricFamily(
        "virtrigaud_secret_store_login_lifetime_seconds", "How long that login was good for at first.", labels=STORE
    )
    for store, answered in health.stores.items():
        up.add_metric((store,), float(answered))
    for login in health.logins:
        end.add_metric((login.store,), _timestamp(now + timedelta(seconds=login.ends_in)))
        life.add_metric((login.store,), login.life)
    yield from (up, end, life)


def _timestamp(moment: datetime) -> float:
    return moment.astimezone(UTC).timestamp()
