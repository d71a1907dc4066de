"""`rotate`: make ExternalSecrets refresh, restart the Deployments that use them, and wait for both."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from virtrigaud_secrets.cli import options
from virtrigaud_secrets.cli.exit_codes import ExitCode
from virtrigaud_secrets.cli.output import console, print_json, remark, visible

if TYPE_CHECKING:
    from virtrigaud_secrets.operations import OperationReport
    from virtrigaud_secrets.operations.rotation import Say

DEPLOYMENTS: Final = "app.kubernetes.io/name=virtrigaud-provider-runtime"
"""What is restarted unless told otherwise; `operations.rotation.PROVIDER_DEPLOYMENTS`, without its import."""


def rotate(
    *,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Namespace to work in.")
    ] = None,
    all_namespaces: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="Work in all namespaces instead.")
    ] = False,
    selector: Annotated[
        str,
        typer.Option("--selector", "-l", metavar="LABELS", help="Only ExternalSecrets with these labels."),
    ] = "",
    deployments: options.Deployments = DEPLOYMENTS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be changed, and change nothing.")] = False,
    restart_anyway: Annotated[
        bool, typer.Option("--restart-anyway", help="Restart even where a refresh failed.")
    ] = False,
    refresh_timeout: options.RefreshTimeout = 60,
    timeout: options.RolloutTimeout = 300,
    kubeconfig: options.Kubeconfig = None,
    output_format: options.TextOrJson = options.ReportFormat.TEXT,
) -> int:
    """Refresh ExternalSecrets, then restart the Deployments that use them, and wait for both.

    Exit code 7 where a part of it was not done.
    """
    from virtrigaud_secrets.operations import Scope
    from virtrigaud_secrets.operations import rotate as run
    from virtrigaud_secrets.operations.cluster import connect

    if all_namespaces == bool(namespace):
        raise typer.BadParameter("name a namespace with --namespace, or say --all-namespaces")
    scope = Scope(namespace=namespace or "", external_secrets=selector, deployments=deployments)
    with closing(connect(options.settings_from(kubeconfig=kubeconfig))) as cluster:
        report = run(
            cluster,
            scope,
            refresh_limit=timedelta(seconds=refresh_timeout),
            rollout_limit=timedelta(seconds=timeout),
            restart_anyway=restart_anyway,
            dry_run=dry_run,
            say=progress(output_format),
        )
    tell(report, output_format)
    return ExitCode.OK if report.ok else ExitCode.INCOMPLETE


def progress(output_format: options.ReportFormat) -> Say:
    """What tells of progress: standard error, so that a report in JSON stays one document."""
    return remark if output_format is options.ReportFormat.TEXT else lambda _: None


def tell(report: OperationReport, output_format: options.ReportFormat) -> None:
    """Print a report."""
    if output_format is options.ReportFormat.JSON:
        print_json(report.as_json())
        return
    output = console()
    for line in report.as_text().splitlines():
        output.print(visible(line))
