"""`explain`: the way of every key from store path to output, without values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from virtrigaud_secrets.cli import options
from virtrigaud_secrets.cli.output import console, print_json, visible
from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.settings import Settings

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle


@options.takes_settings
def explain(
    path: options.ManifestPath,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the ExternalSecret.")],
    *,
    namespace: options.Namespace = None,
    resolve: Annotated[
        bool,
        typer.Option(
            "--resolve", help="Resolve it too, and tell where values came from or what failed; leases are ended."
        ),
    ] = False,
    output_format: options.TextOrJson = options.ReportFormat.TEXT,
    settings: Settings,
) -> None:
    """Show where every key of a Secret comes from, without values. Sends nothing without --resolve."""
    from virtrigaud_secrets import Resolver

    outcome: Bundle | SecretsError | None = None
    with Resolver.from_path(path, settings=settings) as resolver:
        if resolve:
            try:
                outcome = resolver.resolve(name, namespace=namespace)
            except SecretsError as error:
                outcome = error
        found = resolver.explain(name, namespace=namespace, outcome=outcome)
    if output_format is options.ReportFormat.JSON:
        print_json(found.as_json())
    else:
        console().print(visible(found.as_text()), end="")
    if isinstance(outcome, SecretsError):
        raise outcome
