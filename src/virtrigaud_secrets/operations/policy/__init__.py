"""Least privilege: what the stores' logins and the pod's account need for the manifests at hand, and not more."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from virtrigaud_secrets.operations.policy.derivation import Derived, Surroundings, derive
    from virtrigaud_secrets.operations.policy.document import Platform, Policy
    from virtrigaud_secrets.operations.policy.verification import Verdict, verify

__all__ = ["Derived", "Platform", "Policy", "Surroundings", "Verdict", "derive", "verify"]

_HOMES: Final = {
    "Derived": "derivation",
    "Platform": "document",
    "Policy": "document",
    "Surroundings": "derivation",
    "Verdict": "verification",
    "derive": "derivation",
    "verify": "verification",
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
