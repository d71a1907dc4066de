"""`plan`: what a resolve would read. No request is sent."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from virtrigaud_secrets.cli import options
from virtrigaud_secrets.cli.output import console, print_json, visible
from virtrigaud_secrets.errors import ManifestNotFoundError, SecretsError, raise_all

if TYPE_CHECKING:
    from virtrigaud_secrets.manifests import Catalog
    from virtrigaud_secrets.resolver.plan import Plan, Step


class PlanFormat(StrEnum):
    """How a plan is printed."""

    TEXT = "text"
    JSON = "json"


def plan(
    path: options.ManifestPath,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One ExternalSecret; all of them where left out.")
    ] = None,
    *,
    namespace: options.Namespace = None,
    output_format: Annotated[PlanFormat, typer.Option("--format", help="text or json.")] = PlanFormat.TEXT,
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
    plans: list[Plan] = []
    faults: list[SecretsError] = []
    with Resolver.from_path(path, settings=settings) as resolver:
        wanted = [(name, namespace)] if name is not None else _all(resolver.catalog, namespace)
        for one, where in wanted:
            try:
                plans.append(resolver.plan(one, namespace=where))
            except SecretsError as error:
                faults.append(error)
    if output_format is PlanFormat.JSON:
        print_json({"plans": [describe(found) for found in plans]})
    else:
        for found in plans:
            _print_text(found)
    raise_all(faults, str(path))


def _all(catalog: Catalog, namespace: str | None) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = [
        (document.name, document.namespace)
        for document in catalog.external_secrets
        if namespace in {None, document.namespace}
    ]
    if namespace is not None and not found:
        raise ManifestNotFoundError(f'no ExternalSecret in namespace "{namespace}"')
    return found


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


def _print_text(found: Plan) -> None:
    output = console()
    output.print(f"{found.manifest} → {found.target.name or found.name}")
    for request in found.requests:
        output.print(visible(f"  {request.method} {request.path}"), style="bold", end="")
        output.print(f"  from {request.fetch.store}")
        for step in found.steps:
            if step.fetch == request.fetch:
                source = f"property {step.property}" if step.property else "the whole secret"
                output.print(visible(f"    {_key(step) or 'every entry'} ← {source}"))
        if request.note:
            output.print(visible(f"    note: {request.note}"), style="yellow")
    if found.repairs:
        output.print(f"  differs from ESO by: {', '.join(found.repairs)}", style="yellow")
