"""What runs beside providers, for a whole cluster or by an operator's hand: sync, monitoring, rotation, policies."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from virtrigaud_secrets.operations.http_endpoint import HttpEndpoint
    from virtrigaud_secrets.operations.managed_secrets import ProviderRule
    from virtrigaud_secrets.operations.monitor import Monitor

__all__ = ["HttpEndpoint", "Monitor", "ProviderRule"]

_HOMES: Final = {
    "HttpEndpoint": "http_endpoint",
    "Monitor": "monitor",
    "ProviderRule": "managed_secrets",
}
"""Public name → module that defines it."""


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
