"""`doctor`: look at what can keep providers from their secrets. Reads no secret."""

from __future__ import annotations

from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from virtrigaud_secrets.cli import options
from virtrigaud_secrets.cli.exit_codes import ExitCode
from virtrigaud_secrets.cli.output import console, print_json, visible

if TYPE_CHECKING:
    from virtrigaud_secrets.operations.diagnosis import DoctorReport


def doctor(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="PATH", help="File or directory of manifests; the cluster's where left out."),
    ] = None,
    *,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NAMESPACE", help="Of the cluster's manifests, only these.")
    ] = "",
    login: Annotated[
        bool,
        typer.Option("--login/--no-login", help="Log in to Vault stores and clusters to see what the login may do."),
    ] = True,
    timeout: Annotated[
        int, typer.Option("--timeout", min=1, metavar="SECONDS", help="Wait for one server so long.")
    ] = 10,
    kubeconfig: options.Kubeconfig = None,
    output_format: options.TextOrJson = options.ReportFormat.TEXT,
    strict: options.Strict = False,
    store_namespace: options.StoreNamespaces = None,
    endpoint: options.Endpoints = None,
    ca_file: options.CaFile = None,
    parameter: options.Parameters = None,
) -> int:
    """Check identities, packages, stores, clocks, certificates and permissions, and say what to do.

    No secret is read and nothing is changed; a login to Vault is ended again. Exit code 1 where something is an error.
    """
    from virtrigaud_secrets.clock import SystemClock
    from virtrigaud_secrets.findings import Finding
    from virtrigaud_secrets.manifests import load
    from virtrigaud_secrets.operations.cluster import connect
    from virtrigaud_secrets.operations.cluster_manifests import read_catalog
    from virtrigaud_secrets.operations.diagnosis import Diagnosis, DoctorReport, Level
    from virtrigaud_secrets.operations.doctor import examine
    from virtrigaud_secrets.stores.references import KubernetesReferences

    settings = options.settings_from(
        strict=strict,
        store_namespaces=store_namespace,
        endpoints=endpoint,
        ca_file=ca_file,
        parameters=parameter,
        kubeconfig=kubeconfig,
    )
    clock = SystemClock()
    findings: tuple[Finding, ...] = ()
    with ExitStack() as stack:
        if path is not None:
            catalog = load(path, strict=settings.strict)
        else:
            cluster = stack.enter_context(closing(connect(settings, clock=clock)))
            catalog, findings = read_catalog(cluster, namespace=namespace)
        references = stack.enter_context(closing(KubernetesReferences(settings, catalog=catalog, clock=clock)))
        report = examine(
            catalog,
            settings=settings,
            references=references,
            clock=clock,
            login=login,
            timeout=timedelta(seconds=timeout),
        )
    broken = tuple(
        Diagnosis(
            check="manifest",
            subject=found.subject,
            level=Level.ERROR,
            message=f"{found.field}: {found.message}",
            advice="mend it in the cluster",
        )
        for found in findings
    )
    tell(DoctorReport((*broken, *report.diagnoses)), output_format)
    return ExitCode.OK if report.ok and not broken else ExitCode.INVALID


def tell(report: DoctorReport, output_format: options.ReportFormat) -> None:
    """Print a report."""
    if output_format is options.ReportFormat.JSON:
        print_json(report.as_json())
        return
    output = console()
    for line in report.as_text().splitlines():
        output.print(visible(line))
