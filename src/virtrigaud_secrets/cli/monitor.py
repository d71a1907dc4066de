"""`monitor`: watch the managed Secrets of a cluster for Prometheus, until told to stop."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from virtrigaud_secrets.cli.output import remark
from virtrigaud_secrets.cli.stopping import until_told


def monitor(
    *,
    listen: Annotated[
        str, typer.Option("--listen", metavar="HOST:PORT", help="Where to serve /metrics, /healthz and /readyz.")
    ] = "127.0.0.1:8080",
    interval: Annotated[
        str, typer.Option("--interval", metavar="DURATION", help="How often to look, such as 60s or 5m.")
    ] = "60s",
    namespace: Annotated[
        list[str] | None,
        typer.Option(
            "--namespace", "-n", metavar="NAMESPACE", help="Namespace to look at. Repeatable; none means all."
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            metavar="SELECTOR",
            help="Label selector of managed Secrets, in place of the guide's and ESO's labels. Repeatable.",
        ),
    ] = None,
    provider: Annotated[
        list[str] | None,
        typer.Option(
            "--provider",
            metavar="NAMESPACE/NAME=PROVIDER",
            help="Provider of Secrets without the label `provider`; * and ? match. Repeatable; the first that matches.",
        ),
    ] = None,
) -> None:
    """Watch age, rotation, synchronisation and certificates of the Secrets that ESO or `sync` keeps in a cluster.

    Runs until SIGTERM or Ctrl-C. The cluster is KUBECONFIG's, or the one that the pod runs in.
    """
    from virtrigaud_secrets.clock import SystemClock
    from virtrigaud_secrets.errors import ConfigurationError, MissingDependencyError
    from virtrigaud_secrets.operations import HttpEndpoint, Monitor, ProviderRule
    from virtrigaud_secrets.operations.monitor import LABELS
    from virtrigaud_secrets.settings import Settings
    from virtrigaud_secrets.stores.cluster_access import find_cluster, where_looked
    from virtrigaud_secrets.stores.cluster_objects import ClusterObjects

    try:
        from prometheus_client import CollectorRegistry
    except ModuleNotFoundError:
        raise MissingDependencyError("serving metrics", extra="metrics") from None

    rules = [ProviderRule.parse(text) for text in provider or ()]
    every = _duration(interval)
    settings, clock = Settings.from_environment(), SystemClock()
    access = find_cluster(settings, clock)
    if access is None:
        raise ConfigurationError(where_looked(settings))
    objects = ClusterObjects(access, timeout=settings.request_timeout, clock=clock)
    try:
        watching = Monitor(
            objects, namespaces=namespace or (), labels=label or LABELS, providers=rules, interval=every, clock=clock
        )
        registry = CollectorRegistry()
        registry.register(watching)
        endpoint = HttpEndpoint(listen, registry=registry, live=watching.live, ready=watching.ready)
        with until_told() as stop, endpoint:
            remark(f"watching {objects}; metrics at http://{endpoint.address}/metrics")
            watching.run(stop)
    finally:
        objects.close()


def _duration(text: str) -> timedelta:
    """A duration as manifests write it."""
    from virtrigaud_secrets.golang.duration import DurationError, parse_duration

    try:
        return timedelta(microseconds=parse_duration(text) // 1000)
    except DurationError:
        raise typer.BadParameter("--interval expects a duration such as 60s, 5m or 1h30m") from None
