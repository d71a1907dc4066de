"""Manifests on disk → catalog. `load` raises at the first look, `inspect` tells what it found, document by document.

What reads YAML is imported when it is first called: who builds a catalog in code needs none of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.manifests.catalog import Catalog, Document, StoreDocument

if TYPE_CHECKING:
    from virtrigaud_secrets.manifests.loader import inspect, load
    from virtrigaud_secrets.manifests.report import Judgement, Report, Verdict

__all__ = ["Catalog", "Document", "Judgement", "Report", "StoreDocument", "Verdict", "inspect", "load"]

_HOMES: Final = {"inspect": "loader", "load": "loader", "Judgement": "report", "Report": "report", "Verdict": "report"}


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
