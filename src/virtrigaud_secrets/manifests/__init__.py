"""Manifests on disk → catalog. `load` raises at the first look, `inspect` tells what it found, document by document.

What reads YAML is imported when it is first called: who builds a catalog in code needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.lazy import lazily
from virtrigaud_secrets.manifests.catalog import Catalog, Document, StoreDocument

if TYPE_CHECKING:
    from virtrigaud_secrets.manifests.loader import inspect, load
    from virtrigaud_secrets.manifests.report import Judgement, Report, Verdict

__all__ = ["Catalog", "Document", "Judgement", "Report", "StoreDocument", "Verdict", "inspect", "load"]

_HOMES: Final = {"inspect": "loader", "load": "loader", "Judgement": "report", "Report": "report", "Verdict": "report"}


__getattr__, __dir__ = lazily(__name__, _HOMES, public=__all__)
