"""`emergency`: revoke leases, refresh every ExternalSecret, restart the providers, watch the rollouts."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from virtrigaud_secrets.cli import options
from virtrigaud_secrets.cli.exit_codes import ExitCode
from virtrigaud_secrets.cli.output import console, visible
from virtrigaud_secrets.cli.rotate import DEPLOYMENTS, progress, tell
from virtrigaud_secrets.operations.emergency_state import LostRevocation

if TYPE_CHECKING:
    from virtrigaud_secrets.operations import Emergency, OperationReport
    from virtrigaud_secrets.settings import Settings


def emergency(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="PATH", help="File or directory with the store's manifest; the cluster's stores where left out."
        ),
    ] = None,
    *,
    store: Annotated[
        str,
        typer.Option(
            "--store", metavar="NAME", help="Vault or OpenBao store: namespace/name, or a ClusterSecretStore's name."
        ),
    ],
    prefix: Annotated[
        str, typer.Option("--prefix", metavar="PREFIX", help="Revoke the leases below this path: vsphere/creds/.")
    ],
    given_token: Annotated[
        bool,
        typer.Option("--given-token", help="Log in with VAULT_TOKEN or VAULT_TOKEN_FILE, not with the store's login."),
    ] = False,
    namespace: Annotated[
        str,
        typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Refresh and restart only there, not everywhere."),
    ] = "",
    deployments: options.Deployments = DEPLOYMENTS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be hit, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before the revocation.")] = False,
    state: Annotated[
        Path, typer.Option("--state", metavar="FILE", help="Where to keep what was done, for --resume.")
    ] = Path("virtrigaud-secrets-emergency.json"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --state.")] = False,
    lost: Annotated[
        LostRevocation | None,
        typer.Option(
            "--lost", help="What to make of a revocation whose answer was lost: send it again, or it is done."
        ),
    ] = None,
    refresh_timeout: options.RefreshTimeout = 60,
    timeout: options.RolloutTimeout = 300,
    kubeconfig: options.Kubeconfig = None,
    output_format: options.TextOrJson = options.ReportFormat.TEXT,
    endpoint: options.Endpoints = None,
    ca_file: options.CaFile = None,
) -> int:
    """Revoke the leases below a path, refresh all ExternalSecrets, restart the providers, and watch the rollouts.

    Exit code 7 where a part of it was not done, 8 where it is not known whether the revocation was.
    """
    settings = options.settings_from(endpoints=endpoint, ca_file=ca_file, kubeconfig=kubeconfig)
    with ExitStack() as stack:
        run = _opened(stack, settings, path, (store, prefix), (namespace, deployments), state, given_token=given_token)
        stack.callback(run.close)
        run.say = progress(output_format)
        if resume:
            run.resume()
        elif not dry_run:
            run.begin()
        if lost is not None and not (run.revocation_is_lost or run.revocation_is_done):
            raise typer.BadParameter("--lost is about a revocation whose answer was lost, and here none was")
        if dry_run:
            report = run.planned()
        elif not run.revocation_is_lost and not yes and not _confirmed(run):
            typer.echo("nothing was done", err=True)
            return ExitCode.INCOMPLETE
        else:
            limits = timedelta(seconds=refresh_timeout), timedelta(seconds=timeout)
            report = run.run(lost=_answer(run, lost), refresh_limit=limits[0], rollout_limit=limits[1])
    tell(report, output_format)
    return _code(report)


def _opened(
    stack: ExitStack,
    settings: Settings,
    path: Path | None,
    revoke: tuple[str, str],
    chosen: tuple[str, str],
    state: Path,
    *,
    given_token: bool,
) -> Emergency:
    """A run with its connections, which close with the stack."""
    from virtrigaud_secrets.clock import SystemClock
    from virtrigaud_secrets.manifests import load
    from virtrigaud_secrets.operations import Emergency, Scope
    from virtrigaud_secrets.operations.cluster import connect
    from virtrigaud_secrets.operations.cluster_manifests import read_catalog
    from virtrigaud_secrets.operations.emergency import mounts_of
    from virtrigaud_secrets.operations.emergency_state import StateFile
    from virtrigaud_secrets.operations.store_access import find_store, store_access
    from virtrigaud_secrets.stores.references import KubernetesReferences
    from virtrigaud_secrets.stores.vault.operator import VaultOperator, checked_prefix

    name, prefix = revoke
    checked_prefix(prefix)
    clock = SystemClock()
    cluster = stack.enter_context(closing(connect(settings, clock=clock)))
    catalog = read_catalog(cluster, external_secrets=False)[0] if path is None else load(path)
    references = stack.enter_context(closing(KubernetesReferences(settings, catalog=catalog, clock=clock)))
    found = store_access(find_store(catalog, name), settings=settings, clock=clock, references=references)
    vault = stack.enter_context(closing(VaultOperator(found.spec, found.context, given_token=given_token)))
    return Emergency(
        vault=vault,
        store=found.document.subject,
        prefix=prefix,
        cluster=cluster,
        scope=Scope(namespace=chosen[0], deployments=chosen[1]),
        mounts=mounts_of(catalog),
        file=StateFile(state),
        clock=clock,
    )


def _confirmed(run: Emergency) -> bool:
    """Whether somebody who saw what will be hit wants it. Nobody is asked where the revocation is done already."""
    if run.revocation_is_done:
        return True
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody can be asked here: say --yes, or --dry-run to see what would be hit")
    output = console(stderr=True)
    for line in run.planned().as_text().splitlines()[:-1]:
        output.print(visible(line))
    return typer.confirm(f"Revoke all leases below {run.prefix} of {run.store}, then do the rest?", err=True)


def _answer(run: Emergency, lost: LostRevocation | None) -> LostRevocation | None:
    """What is to be made of a lost revocation: as said, or as somebody answers."""
    if not run.revocation_is_lost or lost is not None or not sys.stdin.isatty():
        return lost
    output = console(stderr=True)
    output.print(visible(run.evidence()))
    answer = typer.prompt("again, done or stop", default="stop", err=True)
    return LostRevocation(answer) if answer in set(LostRevocation) else None


def _code(report: OperationReport) -> ExitCode:
    from virtrigaud_secrets.operations import Outcome

    if report.steps[0].outcome is Outcome.UNKNOWN:
        return ExitCode.UNKNOWN
    return ExitCode.OK if report.ok else ExitCode.INCOMPLETE
