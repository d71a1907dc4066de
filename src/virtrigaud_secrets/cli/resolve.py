"""`resolve`: read, render and validate one ExternalSecret, and print what came from where."""

from __future__ import annotations

import base64
import os
import re
import shlex
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from virtrigaud_secrets.cli import options
from virtrigaud_secrets.cli.output import HIDDEN, console, print_json, remark, visible, write_text
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.settings import Settings

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle, Provenance


class ResolveFormat(StrEnum):
    """How a bundle is printed."""

    TABLE = "table"
    JSON = "json"
    ENV = "env"
    DIR = "dir"


@options.takes_settings
def resolve(
    path: options.ManifestPath,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the ExternalSecret.")],
    *,
    namespace: options.Namespace = None,
    output_format: Annotated[
        ResolveFormat, typer.Option("--format", help="table, json, env (shell assignments) or dir (files).")
    ] = ResolveFormat.TABLE,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show values.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Directory that --format dir makes.", metavar="DIR")
    ] = None,
    settings: Settings,
) -> None:
    """Resolve one ExternalSecret from its stores. Values are hidden unless --reveal or --format dir asks for them.

    Leases end with the command while values are hidden. Once values were handed out, leases are left to their own end.
    """
    from virtrigaud_secrets import Resolver

    if (output_format is ResolveFormat.DIR) != (output is not None):
        raise typer.BadParameter("--format dir and --output go together")
    handed_out = False
    resolver = Resolver.from_path(path, settings=settings)
    try:
        bundle = resolver.resolve(name, namespace=namespace)
        _print(bundle, output_format, reveal=reveal, output=output)
        handed_out = reveal or output_format is ResolveFormat.DIR
    finally:
        resolver.close(revoke=not handed_out)
    for finding in bundle.findings:
        remark(str(finding))
    if handed_out and bundle.leases:
        ends = min(lease.expires_at for lease in bundle.leases)
        remark(f"{len(bundle.leases)} lease(s) left to end by themselves; the first at {ends:%Y-%m-%d %H:%M:%S} UTC")


def _print(bundle: Bundle, output_format: ResolveFormat, *, reveal: bool, output: Path | None) -> None:
    match output_format:
        case ResolveFormat.JSON:
            print_json(describe(bundle, reveal=reveal))
        case ResolveFormat.ENV:
            write_text(environment(bundle, reveal=reveal))
        case ResolveFormat.DIR if output is not None:
            write_directory(bundle, output)
            remark(f"wrote {len(bundle)} files below {output}")
        case _:
            _print_table(bundle, reveal=reveal)


def describe(bundle: Bundle, *, reveal: bool = False) -> dict[str, object]:
    """A bundle as JSON: the stable form of `--format json`. Without `reveal` there is no `value` in it."""
    keys: dict[str, object] = {}
    for key in bundle:
        entry: dict[str, object] = {"sources": [_source(origin) for origin in bundle.provenance[key]]}
        if reveal:
            entry |= _value(bundle[key])
        keys[key] = entry
    return {
        "name": bundle.name,
        "namespace": bundle.namespace,
        "type": bundle.type,
        "expiresAt": bundle.expires_at.isoformat() if bundle.expires_at else None,
        "labels": _metadata(bundle.labels, reveal=reveal),
        "annotations": _metadata(bundle.annotations, reveal=reveal),
        "keys": keys,
        "findings": [
            {"severity": finding.severity, "field": finding.field, "code": finding.code, "message": finding.message}
            for finding in bundle.findings
        ],
    }


def _metadata(entries: Mapping[str, str], *, reveal: bool) -> dict[str, str]:
    """Labels or annotations: `template.metadata` may render them from values."""
    return dict(entries) if reveal else dict.fromkeys(entries, HIDDEN)


def _value(value: bytes) -> dict[str, object]:
    try:
        return {"value": value.decode(), "encoding": "utf-8"}
    except UnicodeDecodeError:
        return {"value": base64.b64encode(value).decode(), "encoding": "base64"}


def _source(origin: Provenance) -> dict[str, object]:
    lease = origin.lease
    return {
        "store": origin.store,
        "path": origin.path,
        "property": origin.property,
        "version": origin.version,
        "expiresAt": origin.expires_at.isoformat() if origin.expires_at else None,
        "lease": None
        if lease is None
        else {"fingerprint": lease.fingerprint, "duration": lease.duration, "renewable": lease.renewable},
    }


def environment(bundle: Bundle, *, reveal: bool = False) -> str:
    """A line `NAME='value'` a key, quoted for a POSIX shell; names in capitals, other characters as `_`.

    Raises:
        ConfigurationError: two keys become one name, or a value cannot be one of a variable.
    """
    lines: dict[str, str] = {}
    for key in bundle:
        name = re.sub(r"[^A-Z0-9_]", "_", key.upper())
        name = f"_{name}" if name[:1].isdigit() else name
        if name in lines:
            raise ConfigurationError(f"two keys become the variable {name}; use --format json or dir")
        lines[name] = f"{name}={shlex.quote(_variable(bundle, key) if reveal else HIDDEN)}\n"
    return "".join(lines.values())


def _variable(bundle: Bundle, key: str) -> str:
    value = bundle[key]
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ConfigurationError(f"the value of {key} is not text and cannot be a variable; use --format json or dir")
    return text


def write_directory(bundle: Bundle, directory: Path) -> None:
    """One 0600 file a key in a new 0700 directory, which appears with all of them or not at all.

    Raises:
        ConfigurationError: the directory exists, or cannot be made there.
    """
    for key in bundle:
        if key in {".", ".."} or "/" in key:
            raise ConfigurationError(f"the key {key} cannot be the name of a file")
    try:
        if os.path.lexists(directory):
            raise ConfigurationError(f"{directory} exists; name a directory that does not")
        with tempfile.TemporaryDirectory(prefix=f".{directory.name}.", dir=directory.parent) as scratch:
            made = Path(scratch, "new")
            made.mkdir(mode=0o700)
            for key in bundle:
                descriptor = os.open(made / key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(bundle[key])
            made.rename(directory)
    except OSError as error:
        raise ConfigurationError(f"cannot make {directory}: {error.strerror}") from None


def _print_table(bundle: Bundle, *, reveal: bool) -> None:
    from rich.table import Table

    ends = f", ends {bundle.expires_at:%Y-%m-%d %H:%M:%S} UTC" if bundle.expires_at else ""
    table = Table(title=f"{bundle.namespace}/{bundle.name} ({bundle.type}{ends})", title_justify="left")
    for column in ("key", "value", "from", "store", "lease"):
        table.add_column(column, overflow="fold")
    for key in bundle:
        origins = bundle.provenance[key]
        table.add_row(
            visible(key),
            visible(str(_value(bundle[key])["value"])) if reveal else HIDDEN,
            "\n".join(
                visible(origin.path) + (f" · {visible(origin.property)}" if origin.property else "")
                for origin in origins
            ),
            "\n".join(dict.fromkeys(origin.store for origin in origins)),
            "\n".join(f"{origin.lease.duration} s" for origin in origins if origin.lease is not None),
        )
    console().print(table)
