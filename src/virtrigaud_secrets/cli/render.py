"""`render`: try a template on data from a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, cast

import typer

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import decode_text


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

    text = _decoded(sys.stdin.buffer.read(), "standard input") if template == "-" else _read(Path(template))
    rendered = engine.render(text, _values(data), name="stdin" if template == "-" else Path(template).name)
    sys.stdout.flush()
    sys.stdout.buffer.write(rendered)
    sys.stdout.buffer.flush()


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None
    return _decoded(content, str(path))


def _decoded(content: bytes, place: str) -> str:
    try:
        return decode_text(content)
    except ValueError:
        raise ConfigurationError(f"{place} is not UTF-8 text") from None


def _values(path: Path) -> dict[str, bytes]:
    import yaml

    try:
        document: object = yaml.load(_read(path), Loader=yaml.BaseLoader)  # noqa: S506  # every scalar stays text
    except (yaml.YAMLError, ValueError, RecursionError):
        # ValueError: an escape beyond Unicode. RecursionError: brackets without end.
        raise ConfigurationError(f"{path} is not YAML") from None
    values = cast("dict[object, object]", document) if isinstance(document, dict) else {"": None}
    if not all(isinstance(value, str) for value in values.values()):
        raise ConfigurationError(f"{path}: expected a mapping of key to text")
    try:
        return {str(key): str(value).encode() for key, value in values.items()}
    except UnicodeEncodeError:
        raise ConfigurationError(f"{path}: a text holds half a surrogate pair") from None
