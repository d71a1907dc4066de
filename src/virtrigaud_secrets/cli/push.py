"""`push`: write what one PushSecret asks for to its stores, or tell what would be written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from virtrigaud_secrets.cli import options
from virtrigaud_secrets.cli.output import console, print_json, visible
from virtrigaud_secrets.errors import ConfigurationError, PushError
from virtrigaud_secrets.settings import Settings

if TYPE_CHECKING:
    from virtrigaud_secrets.resolver.push_report import PushReport


@options.takes_settings
def push(
    path: options.ManifestPath,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the PushSecret.")],
    *,
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace",
            "-n",
            metavar="NAMESPACE",
            help="Namespace of the PushSecret; needed where NAME is not unique.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be written, and write nothing.")] = False,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state",
            metavar="FILE",
            help="What the last push reported, by which deletionPolicy Delete knows what is gone; written anew.",
        ),
    ] = None,
    output_format: options.TextOrJson = options.ReportFormat.TEXT,
    settings: Settings,
) -> None:
    """Write what a PushSecret asks for to its stores. What is not marked as ours is never overwritten."""
    from virtrigaud_secrets import Resolver

    previous = None if state is None else read_state(state)
    with Resolver.from_path(path, settings=settings) as resolver:
        try:
            report = resolver.push(name, namespace=namespace, dry_run=dry_run, previous=previous)
        except PushError as error:
            _tell(error.report, output_format)
            if state is not None and not dry_run:
                write_state(state, error.report)
            raise
    if state is not None and not dry_run:
        write_state(state, report)
    _tell(report, output_format)


def read_state(file: Path) -> PushReport | None:
    """The report in a file; None where there is no file yet.

    Raises:
        ConfigurationError: it cannot be read, or is no report.
    """
    from virtrigaud_secrets.resolver.push_report import PushReport

    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}") from None
    try:
        return PushReport.from_json(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error}") from None


def write_state(file: Path, report: PushReport) -> None:
    """Put a report in the place of the file: the old one stays until the new one is whole.

    Raises:
        ConfigurationError: it cannot be written.
    """
    try:
        descriptor, scratch = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(report.to_json() + "\n")
            Path(scratch).replace(file)
        except OSError:
            Path(scratch).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigurationError(f"cannot write {file}: {error.strerror}") from None


def describe(report: PushReport) -> dict[str, object]:
    """A report as JSON: the stable form of `--format json`."""
    return {
        "name": report.name,
        "namespace": report.namespace,
        "dryRun": report.dry_run,
        "entries": [
            {
                "store": str(entry.target.store),
                "remoteKey": entry.target.key,
                "property": entry.target.property,
                "outcome": entry.outcome.value,
                "field": entry.field,
            }
            for entry in report.entries
        ],
    }


def _tell(report: PushReport, output_format: options.ReportFormat) -> None:
    if output_format is options.ReportFormat.JSON:
        print_json(describe(report))
        return
    output = console()
    output.print(
        f"PushSecret {report.namespace}/{report.name}{' (dry run: nothing was written)' if report.dry_run else ''}"
    )
    for entry in report.entries:
        output.print(visible(f"  {entry}"))
