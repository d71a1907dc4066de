"""`plan`: what a resolve would read. No request is sent."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from virtrigaud_secrets.cli import options
from virtrigaud_secrets.cli.output import console, print_json

if TYPE_CHECKING:
    from virtrigaud_secrets.resolver.plan import Plan, Step


class PlanFormat(StrEnum):
    """How a plan is printed."""

    TABLE = "table"
    JSON = "json"


def plan(
    path: options.ManifestPath,
    name: Annotated[str | None, typer.Argument(help="One ExternalSecret; all of them where left out.")] = None,
    *,
    namespace: options.Namespace = None,
    output_format: Annotated[PlanFormat, typer.Option("--format", help="table or json.")] = PlanFormat.TABLE,
    strict: options.Strict = False,
    store_namespace: options.StoreNamespaces = None,
    endpoint: options.Endpoints = None,
    ca_file: options.CaFile = None,
    parameter: options.Parameters = None,
) -> None:
    """Show what would be read, without sending a request."""
    from virtrigaud_secrets import Resolver

    settings = options.settings_from(
        strict=strict,
        store_namespaces=store_namespace,
        endpoints=endpoint,
        ca_file=ca_file,
        parameters=parameter,
    )
    with Resolver.from_path(path, settings=settings) as resolver:
        if name is not None:
            plans = [resolver.plan(name, namespace=namespace)]
        else:
            plans = [
                resolver.plan(document.name, namespace=document.namespace)
                for document in resolver.catalog.external_secrets
                if namespace in {None, document.namespace}
            ]
    if output_format is PlanFormat.JSON:
        print_json({"plans": [describe(found) for found in plans]})
    else:
        for found in plans:
            _print_table(found)


def describe(found: Plan) -> dict[str, object]:
    """A plan as JSON: the stable form of `--format json`."""
    numbers = {request.fetch: number for number, request in enumerate(found.requests)}
    return {
        "name": found.name,
        "namespace": found.namespace,
        "target": found.target.name or found.name,
        "requests": [
            {
                "store": str(request.fetch.store),
                "method": request.method,
                "path": request.path,
                "version": request.fetch.version,
                "parameters": sorted(name for name, _ in request.fetch.parameters),
                "sideEffect": request.side_effect,
                "note": request.note,
            }
            for request in found.requests
        ],
        "steps": [
            {"field": step.field, "request": numbers[step.fetch], "key": _key(step), "property": step.property}
            for step in found.steps
        ],
        "repairs": list(found.repairs),
    }


def _key(step: Step) -> str | None:
    return getattr(step, "secret_key", None)


def _print_table(found: Plan) -> None:
    from rich.table import Table

    table = Table(title=f"{found.manifest} → {found.target.name or found.name}", title_justify="left")
    for column in ("request", "store", "serves", "note"):
        table.add_column(column, overflow="fold")
    for request in found.requests:
        served = [
            (_key(step) or "every entry") + (f" ← {step.property}" if step.property else "")
            for step in found.steps
            if step.fetch == request.fetch
        ]
        table.add_row(f"{request.method} {request.path}", str(request.fetch.store), "\n".join(served), request.note)
    console().print(table)
