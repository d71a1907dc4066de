"""`render`: try a template on data from a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from virtrigaud_secrets.errors import ConfigurationError


def render(
    template: Annotated[
        str, typer.Argument(help="File with the template, or - for standard input.", metavar="TEMPLATE")
    ],
    *,
    data: Annotated[Path, typer.Option("--data", help="YAML or JSON file of key to text.", metavar="FILE")],
) -> None:
    """Render a template as an ExternalSecret's target would, and print the result.

    The result holds whatever the data holds: try templates on invented data.
    """
    from virtrigaud_secrets import template as engine

    text = sys.stdin.read() if template == "-" else _read(Path(template))
    rendered = engine.render(text, _values(data), name="stdin" if template == "-" else Path(template).name)
    sys.stdout.flush()
    sys.stdout.buffer.write(rendered)
    sys.stdout.buffer.flush()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read {path}: {type(error).__name__}") from None


def _values(path: Path) -> dict[str, bytes]:
    import yaml

    try:
        document = yaml.load(_read(path), Loader=yaml.BaseLoader)  # noqa: S506  # every scalar stays text
    except yaml.YAMLError:
        raise ConfigurationError(f"{path} is not YAML") from None
    if not isinstance(document, dict) or not all(isinstance(value, str) for value in document.values()):
        raise ConfigurationError(f"{path}: expected a mapping of key to text")
    return {str(key): value.encode() for key, value in document.items()}
