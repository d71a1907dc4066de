"""Finds the backend that a store's manifest names: built in, or registered by an installed package.

A backend is imported when it is first asked for. Nothing is known here of what a backend does.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final, cast

from virtrigaud_secrets.errors import UnsupportedFeatureError
from virtrigaud_secrets.models.backends import registered
from virtrigaud_secrets.stores.base import StoreFactory

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


def factory(name: str) -> StoreFactory:
    """The backend called `name` under `spec.provider`.

    Raises:
        UnsupportedFeatureError: there is none.
        ConfigurationError: several packages register it, or the one that does is broken.
    """
    if name in BUILT_IN:
        return cast("StoreFactory", importlib.import_module(BUILT_IN[name]).FACTORY)
    found = registered.factory(name)
    if found is None:
        known = ", ".join(sorted(BUILT_IN))
        raise UnsupportedFeatureError(
            f'there is no store backend "{name}": built in are {known}, and no installed package registers it in '
            f"{registered.ENTRY_POINT_GROUP}"
        )
    return cast("StoreFactory", found)
