"""Options that several commands share, and how they become `Settings`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from virtrigaud_secrets.settings import ParameterValue, Settings

ManifestPath = Annotated[Path, typer.Argument(help="File or directory of manifests.", metavar="PATH")]
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAMESPACE",
        help="Namespace of the ExternalSecret; needed where NAME is not unique.",
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="Behave as ESO does: refuse what it refuses, repair nothing.")]
StoreNamespaces = Annotated[
    list[str] | None,
    typer.Option(
        "--store-namespace",
        metavar="NAMESPACE",
        help="Namespace to seek stores in after the ExternalSecret's own. Repeatable.",
    ),
]
Endpoints = Annotated[
    list[str] | None,
    typer.Option(
        "--endpoint", metavar="WRITTEN=INSTEAD", help="Talk to INSTEAD where a manifest writes WRITTEN. Repeatable."
    ),
]
CaFile = Annotated[Path | None, typer.Option("--ca-file", help="PEM file of authorities to trust.", metavar="FILE")]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter",
        metavar="PATH:NAME=VALUE",
        help="Request parameter of an issuing endpoint, "
        "such as pki/issue/virtrigaud:common_name=provider.virtrigaud.local. Repeatable.",
    ),
]

Kubeconfig = Annotated[
    Path | None,
    typer.Option(
        "--kubeconfig", metavar="FILE", help="Cluster to work in; by default KUBECONFIG, else the one this pod is in."
    ),
]
Deployments = Annotated[
    str, typer.Option("--deployments", metavar="LABELS", help="Restart the Deployments with these labels.")
]
RefreshTimeout = Annotated[
    int, typer.Option("--refresh-timeout", min=0, metavar="SECONDS", help="Wait for refreshes so long.")
]
RolloutTimeout = Annotated[int, typer.Option("--timeout", min=0, metavar="SECONDS", help="Wait for rollouts so long.")]


class ReportFormat(StrEnum):
    """How a report is printed."""

    TEXT = "text"
    JSON = "json"


TextOrJson = Annotated[ReportFormat, typer.Option("--format", help="text or json.")]


_LISTS: Final = frozenset({"alt_names", "ip_sans", "uri_sans", "other_sans"})
"""Parameters that are lists: commas separate their items."""


def settings_from(
    *,
    strict: bool = False,
    store_namespaces: Sequence[str] | None = None,
    endpoints: Sequence[str] | None = None,
    ca_file: Path | None = None,
    parameters: Sequence[str] | None = None,
    kubeconfig: Path | None = None,
) -> Settings:
    """The environment's settings with the options on top.

    Raises:
        ConfigurationError: a variable of the environment is wrong.
        typer.BadParameter: an option is.
    """
    overrides: dict[str, object] = {}
    if strict:
        overrides["strict"] = True
    if store_namespaces:
        overrides["store_namespaces"] = tuple(store_namespaces)
    if endpoints:
        overrides["endpoints"] = dict(_endpoint(text) for text in endpoints)
    if ca_file is not None:
        overrides["ca_file"] = ca_file
    if kubeconfig is not None:
        overrides["kubeconfig"] = kubeconfig
    if parameters:
        overrides["parameters"] = _parameters(parameters)
    return Settings.from_environment(**overrides)


def _endpoint(text: str) -> tuple[str, str]:
    written, separator, instead = text.partition("=")
    if not separator or not written or not instead:
        raise typer.BadParameter("--endpoint expects WRITTEN=INSTEAD")
    return written, instead


def _parameters(texts: Sequence[str]) -> Mapping[str, Mapping[str, ParameterValue]]:
    found: dict[str, dict[str, ParameterValue]] = {}
    for text in texts:
        path, separator, assignment = text.partition(":")
        name, equals, value = assignment.partition("=")
        if not separator or not equals or not path or not name:
            raise typer.BadParameter("--parameter expects PATH:NAME=VALUE")
        found.setdefault(path, {})[name] = value.split(",") if name in _LISTS else value
    return found


def takes_settings(command: Callable[..., object]) -> Callable[..., object]:
    """A command with these options in the place of its argument `settings`, which is made of them.

    ```python
    @options.takes_settings
    def plan(path: options.ManifestPath, *, settings: Settings) -> None: ...
    ```
    """

    def run(*arguments: object, **given: object) -> object:
        chosen = {name: given.pop(name) for name in shared if name in given}
        return command(*arguments, **given, settings=_settings(**chosen))  # type: ignore[arg-type]  # as typer has read them

    shared = inspect.signature(_settings, eval_str=True).parameters
    own = inspect.signature(command, eval_str=True).parameters
    parameters = [*(one for one in own.values() if one.name != "settings"), *shared.values()]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    # Where typer looks for arguments and options.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def _settings(
    *,
    strict: Strict = False,
    store_namespaces: StoreNamespaces = None,
    endpoints: Endpoints = None,
    ca_file: CaFile = None,
    parameters: Parameters = None,
) -> Settings:
    return settings_from(
        strict=strict,
        store_namespaces=store_namespaces,
        endpoints=endpoints,
        ca_file=ca_file,
        parameters=parameters,
    )
