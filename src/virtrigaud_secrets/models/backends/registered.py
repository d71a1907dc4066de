"""Backends that installed packages register by entry point: found when a manifest first names one, then imported.

What a backend does is not known here; `stores.registry` hands it on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from virtrigaud_secrets.errors import ConfigurationError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINT_GROUP: Final = "virtrigaud_secrets.stores"
"""Where packages register a `StoreFactory`; the entry's name is the key under `spec.provider`."""

_FACTORY_PARTS: Final = ("spec_model", "preview", "connect")


def is_registered(name: str) -> bool:
    """Whether an installed package registers a backend of that name. Imports none."""
    return bool(_entries(name))


def spec_model(name: str) -> type[BaseModel] | None:
    """The model of `spec.provider.<name>` that a package brings; None where none does, or the one that does is broken.

    What is wrong with a broken one is told to those who use a store of it, by `factory`: other stores of the same
    manifests work on.
    """
    try:
        found = getattr(factory(name), "spec_model", None)
    except ConfigurationError:
        return None
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def factory(name: str) -> object | None:
    """The `StoreFactory` that a package registers, None where none does.

    Raises:
        ConfigurationError: several packages register it, or the one that does is broken.
    """
    found = _entries(name)
    if not found:
        return None
    if len(found) > 1:
        origins = " and ".join(_origin(entry) for entry in found)
        raise ConfigurationError(f'the store backend "{name}" is registered twice: by {origins}; uninstall one')
    return _loaded(found[0])


def _entries(name: str) -> list[EntryPoint]:
    from importlib.metadata import entry_points

    return _distinct(entry for entry in _registered(entry_points, tuple(sys.path)) if entry.name == name)


@lru_cache(maxsize=4)
def _registered(find: Callable[..., Iterable[EntryPoint]], path: tuple[str, ...]) -> tuple[EntryPoint, ...]:  # noqa: ARG001  # where packages are sought
    """All backends that packages register. Looked for once: a search opens every installed package."""
    return tuple(find(group=ENTRY_POINT_GROUP))


def _distinct(entries: Iterable[EntryPoint]) -> list[EntryPoint]:
    """One entry for each origin: a package may be on the path twice."""
    return list({_origin(entry): entry for entry in entries}.values())


def _origin(entry: EntryPoint) -> str:
    package = entry.dist.name if entry.dist is not None else "an unknown package"
    return f"{package} ({entry.value})"


def _loaded(entry: EntryPoint) -> object:
    try:
        loaded: object = entry.load()
    except Exception as error:  # a plug-in may fail in any way
        raise ConfigurationError(
            f'the store backend "{entry.name}" of {_origin(entry)} cannot be imported: {type(error).__name__}: {error}'
        ) from error
    missing = [part for part in _FACTORY_PARTS if not hasattr(loaded, part)]
    if missing:
        raise ConfigurationError(
            f'the store backend "{entry.name}" of {_origin(entry)} is no StoreFactory: it lacks {", ".join(missing)}'
        )
    return loaded
