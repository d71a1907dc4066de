"""Manifests on disk → catalog. `load` raises at the first look, `inspect` tells what it found, document by document."""

from __future__ import annotations

from virtrigaud_secrets.manifests.catalog import Catalog, Document, StoreDocument
from virtrigaud_secrets.manifests.loader import inspect, load
from virtrigaud_secrets.manifests.report import Judgement, Report, Verdict

__all__ = ["Catalog", "Document", "Judgement", "Report", "StoreDocument", "Verdict", "inspect", "load"]
