"""`sync`: keep the target Secrets of a cluster's ExternalSecrets, in place of ESO's controller, until told to stop."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer

from virtrigaud_secrets.cli import options
from virtrigaud_secrets.cli.output import remark
from virtrigaud_secrets.cli.stopping import until_told

if TYPE_CHECKING:
    from virtrigaud_secrets.operations import HttpEndpoint, Sync

_FORMAT: Final = "%(asctime)s %(levelname)s %(message)s"


def sync(
    *,
    namespace: Annotated[
        list[str] | None,
        typer.Option(
            "--namespace",
            "-n",
            metavar="NAMESPACE",
            help="Namespace whose ExternalSecrets are synced. Repeatable; none means all.",
        ),
    ] = None,
    controller_class: Annotated[
        str,
        typer.Option(
            "--controller-class",
            metavar="CLASS",
            help="Sync what reads from stores with this spec.controller. `default` takes the place of ESO.",
        ),
    ] = "virtrigaud-secrets",
    store_namespace: Annotated[
        list[str] | None,
        typer.Option(
            "--store-namespace",
            metavar="NAMESPACE",
            help="Let ExternalSecrets of every namespace use the SecretStores of this one. Repeatable; ESO has none.",
        ),
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", metavar="NUMBER", min=1, help="ExternalSecrets worked on at a time.")
    ] = 4,
    leader_election: Annotated[
        bool,
        typer.Option(
            "--leader-election/--no-leader-election", help="Write only while holding the Lease, so that two may run."
        ),
    ] = True,
    lease_name: Annotated[
        str, typer.Option("--lease-name", metavar="NAME", help="Name of the Lease.")
    ] = "virtrigaud-secrets-sync",
    lease_namespace: Annotated[
        str, typer.Option("--lease-namespace", metavar="NAMESPACE", help="Its namespace; by default the pod's.")
    ] = "",
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="HOST:PORT", help="Where to serve /metrics, /healthz and /readyz."),
    ] = None,
    endpoint: options.Endpoints = None,
    ca_file: options.CaFile = None,
    parameter: options.Parameters = None,
) -> None:
    """Write the target Secrets of the cluster's ExternalSecrets as ESO does, and keep credentials in them alive.

    Runs until SIGTERM or Ctrl-C. The cluster is KUBECONFIG's, or the one that the pod runs in.
    """
    from virtrigaud_secrets.operations import Sync, SyncOptions

    chosen = SyncOptions(
        namespaces=tuple(namespace or ()),
        controller_class=controller_class,
        store_namespaces=tuple(store_namespace or ()),
        concurrency=concurrency,
        leader_election=leader_election,
        lease_name=lease_name,
        lease_namespace=lease_namespace,
    )
    settings = options.settings_from(endpoints=endpoint, ca_file=ca_file, parameters=parameter)
    with ExitStack() as stack:
        stack.enter_context(logged())
        running = stack.enter_context(Sync(chosen, settings=settings))
        stop = stack.enter_context(until_told())
        if listen is not None:
            served = stack.enter_context(_endpoint(running, listen))
            remark(f"metrics at http://{served.address}/metrics")
        running.run(stop)


def _endpoint(running: Sync, listen: str) -> HttpEndpoint:
    from virtrigaud_secrets.errors import MissingDependencyError
    from virtrigaud_secrets.operations import HttpEndpoint

    try:
        from prometheus_client import CollectorRegistry
    except ModuleNotFoundError:
        raise MissingDependencyError("serving metrics", extra="metrics") from None
    registry = CollectorRegistry()
    running.metrics.register(registry)
    return HttpEndpoint(listen, registry=registry, live=running.live, ready=running.ready)


@contextmanager
def logged() -> Generator[None]:
    """Show the library's log on standard error: who runs a sync has nothing else to look at."""
    logger, handler = logging.getLogger("virtrigaud_secrets"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter(_FORMAT))
    former = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(former)
        logger.removeHandler(handler)
