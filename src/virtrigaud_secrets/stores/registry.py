"""Finds the backend that a store's manifest names: built in, or registered by an installed package.

A backend is imported when it is first asked for. Nothing is known here of what a backend does.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Final, cast

from virtrigaud_secrets.errors import ConfigurationError, UnsupportedFeatureError
from virtrigaud_secrets.stores.base import StoreFactory

ENTRY_POINT_GROUP: Final = "virtrigaud_secrets.stores"
"""Where packages register a `StoreFactory`; the entry's name is the key under `spec.provider`."""

BUILT_IN: Final[Mapping[str, str]] = {
    "aws": "virtrigaud_secrets.stores.aws",
    "azurekv": "virtrigaud_secrets.stores.azure",
    "fake": "virtrigaud_secrets.stores.fake",
    "files": "virtrigaud_secrets.stores.files",
    "gcpsm": "virtrigaud_secrets.stores.gcp",
    "kubernetes": "virtrigaud_secrets.stores.kubernetes",
    "openBao": "virtrigaud_secrets.stores.vault.openbao",
    "vault": "virtrigaud_secrets.stores.vault",
    "webhook": "virtrigaud_secrets.stores.webhook",
}
"""Key under `spec.provider` → module with a `FACTORY`. These go before what packages register."""

_FACTORY_PARTS: Final = ("spec_model", "preview", "connect")


def factory(name: str) -> StoreFactory:
    """The backend called `name` under `spec.provider`.

    Raises:
        UnsupportedFeatureError: there is none.
        ConfigurationError: several packages register it, or the one that does is broken.
    """
    if name in BUILT_IN:
        return cast("StoreFactory", importlib.import_module(BUILT_IN[name]).FACTORY)
    found = _distinct(entry_points(group=ENTRY_POINT_GROUP, name=name))
    if not found:
        known = ", ".join(sorted(BUILT_IN))
        raise UnsupportedFeatureError(
            f'there is no store backend "{name}": built in are {known}, and no installed package registers it in '
            f"{ENTRY_POINT_GROUP}"
        )
    if len(found) > 1:
        origins = " and ".join(_origin(entry) for entry in found)
        raise ConfigurationError(f'the store backend "{name}" is registered twice: by {origins}; uninstall one')
    return _loaded(found[0])


def _distinct(entries: Iterable[EntryPoint]) -> list[EntryPoint]:
    """One entry for each origin: a package may be on the path twice."""
    return list({_origin(entry): entry for entry in entries}.values())


def _origin(entry: EntryPoint) -> str:
    package = entry.dist.name if entry.dist is not None else "an unknown package"
    return f"{package} ({entry.value})"


def _loaded(entry: EntryPoint) -> StoreFactory:
    try:
        loaded = entry.load()
    except Exception as error:  # a plug-in may fail in any way
        raise ConfigurationError(
            f'the store backend "{entry.name}" of {_origin(entry)} cannot be imported: {type(error).__name__}: {error}'
        ) from error
    missing = [part for part in _FACTORY_PARTS if not hasattr(loaded, part)]
    if missing:
        raise ConfigurationError(
            f'the store backend "{entry.name}" of {_origin(entry)} is no StoreFactory: it lacks {", ".join(missing)}'
        )
    return cast("StoreFactory", loaded)
