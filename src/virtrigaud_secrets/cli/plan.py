"""`plan`: what a resolve would read. No request is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from virtrigaud_secrets.cli import options
from virtrigaud_secrets.cli.output import console, print_json, visible
from virtrigaud_secrets.errors import ManifestNotFoundError, SecretsError, raise_all
from virtrigaud_secrets.resolver.plan import DataStep, ExtractStep, FindStep, GeneratorStep
from virtrigaud_secrets.settings import Settings

if TYPE_CHECKING:
    from virtrigaud_secrets.manifests import Catalog
    from virtrigaud_secrets.resolver.plan import Plan, Step
    from virtrigaud_secrets.stores.base import Query


@options.takes_settings
def plan(
    path: options.ManifestPath,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="One ExternalSecret; all of them where left out.")
    ] = None,
    *,
    namespace: options.Namespace = None,
    output_format: options.TextOrJson = options.ReportFormat.TEXT,
    settings: Settings,
) -> None:
    """Show what would be read, without sending a request."""
    from virtrigaud_secrets import Resolver

    plans: list[Plan] = []
    faults: list[SecretsError] = []
    with Resolver.from_path(path, settings=settings) as resolver:
        wanted = [(name, namespace)] if name is not None else _all(resolver.catalog, namespace)
        for one, where in wanted:
            try:
                plans.append(resolver.plan(one, namespace=where))
            except SecretsError as error:
                faults.append(error)
    if output_format is options.ReportFormat.JSON:
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
        "searches": [
            {"store": str(query.store), "name": query.name, "tags": dict(query.tags), "path": query.path}
            for query in found.searches
        ],
        "steps": [_describe_step(step, found) for step in found.steps],
        "repairs": list(found.repairs),
    }


def _describe_step(step: Step, found: Plan) -> dict[str, object]:
    if isinstance(step, FindStep):
        asked: dict[str, object] = {"search": found.searches.index(step.query)}
    else:
        wanted = "" if isinstance(step, GeneratorStep) else step.property
        asked = {"request": [request.fetch for request in found.requests].index(step.fetch), "property": wanted}
    return {"field": step.field, "key": step.secret_key if isinstance(step, DataStep) else None, **asked}


def _print_text(found: Plan) -> None:
    output = console()
    output.print(f"{found.manifest} → {found.target.name or found.name}")
    for request in found.requests:
        output.print(visible(f"  {request.method} {request.path}"), style="bold", end="")
        output.print(f"  from {request.fetch.store}")
        for step in found.steps:
            if not isinstance(step, FindStep) and step.fetch == request.fetch:
                output.print(visible(f"    {_served(step)}"))
        if request.note:
            output.print(visible(f"    note: {request.note}"), style="yellow")
    for query in found.searches:
        output.print(visible(f"  search {_criteria(query)}"), style="bold", end="")
        output.print(f"  in {query.store}")
        output.print("    every secret found ← the whole secret")
    if found.repairs:
        output.print(f"  differs from ESO by: {', '.join(found.repairs)}", style="yellow")


def _served(step: DataStep | ExtractStep | GeneratorStep) -> str:
    if isinstance(step, GeneratorStep):
        return "every value that is made"
    key = step.secret_key if isinstance(step, DataStep) else "every entry"
    return f"{key} ← {f'property {step.property}' if step.property else 'the whole secret'}"


def _criteria(query: Query) -> str:
    tags = ", ".join(f"{name}={value}" for name, value in query.tags)
    criteria = (("name", query.name), ("tags", tags), ("path", query.path))
    return ", ".join(f"{word} {text}" for word, text in criteria if text) or "all"
