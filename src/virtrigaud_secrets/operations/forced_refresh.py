"""Whether an ExternalSecret can be made to refresh, and whether it has done so. Pure; asks nobody (ESO §2.8, §2.11)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from virtrigaud_secrets.golang.duration import DurationError, parse_duration
from virtrigaud_secrets.operations.bodies import mapping, name_of, sequence, text
from virtrigaud_secrets.stores.vault.paths import kv_path

ANNOTATION: Final = "force-sync"
"""The annotation that ESO's documentation sets. Any changed annotation makes it refresh; the name is a convention."""

_REASON: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:,-]{0,99}", re.ASCII)
"""What a condition's reason may look like; other text of a cluster is not repeated."""


class RefreshState(StrEnum):
    """How far a forced refresh is."""

    PENDING = "pending"
    """It was not looked at yet."""
    FAILING = "failing"
    """The last attempt failed; the controller tries again by itself."""
    DONE = "done"
    """It was refreshed after it was asked to."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """A judgement and why."""

    state: RefreshState
    """How far it is."""
    message: str
    """What was seen."""


@dataclass(frozen=True, slots=True)
class Before:
    """How an ExternalSecret was when it was asked to refresh."""

    marker: str
    """`status.syncedResourceVersion`: which spec, labels and annotations the last refresh saw."""
    refreshed: str
    """`status.refreshTime`."""


def before(external_secret: Mapping[str, object]) -> Before:
    """What to compare with later."""
    status = mapping(external_secret.get("status"))
    return Before(text(status.get("syncedResourceVersion")), text(status.get("refreshTime")))


def mark_of(external_secret: Mapping[str, object]) -> str:
    """The value of the annotation, empty where there is none."""
    metadata = mapping(external_secret.get("metadata"))
    return text(mapping(metadata.get("annotations")).get(ANNOTATION))


def why_never(external_secret: Mapping[str, object]) -> str:
    """Why no annotation makes it refresh; empty where one does (ESO §2.8)."""
    spec = mapping(external_secret.get("spec"))
    if not before(external_secret).refreshed:
        return ""
    policy = spec.get("refreshPolicy")
    if policy == "CreatedOnce":
        return "refreshPolicy is CreatedOnce and it was synced: it is never refreshed again"
    if policy != "OnChange" and _is_off(spec.get("refreshInterval")):
        return "refreshInterval is 0 and it was synced: it is never refreshed again"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """What was revoked, and what tells whose credentials that were."""

    prefix: str
    """Path below which leases were revoked, with a slash at its end."""
    mounts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Store as `Kind namespace/name` → the engine that it puts before every key as it is, without `data/` between."""


def what_it_keeps(external_secret: Mapping[str, object], revoked: Revoked) -> str:
    """What of the revoked an ExternalSecret has, by its manifest; empty where it has nothing of it."""
    spec, (namespace, _) = mapping(external_secret.get("spec")), name_of(external_secret)
    entries = [mapping(entry) for part in ("data", "dataFrom") for entry in sequence(spec.get(part))]
    for entry in entries:
        source = mapping(entry.get("sourceRef"))
        store = _store(mapping(source.get("storeRef") or spec.get("secretStoreRef")), namespace)
        key = text(mapping(entry.get("remoteRef") or entry.get("extract")).get("key")).lstrip("/")
        paths = (key, kv_path(key, mount=revoked.mounts.get(store, ""), version=1))
        if key and any(path.startswith(revoked.prefix) for path in paths):
            return f"it keeps what was revoked below {revoked.prefix}"
    if any(_is_dynamic(entry) for entry in entries):
        return f"it keeps what a VaultDynamicSecret gave, which may have been revoked below {revoked.prefix}"
    return ""


def _store(reference: Mapping[str, object], namespace: str) -> str:
    name = text(reference.get("name"))
    if reference.get("kind") == "ClusterSecretStore":
        return f"ClusterSecretStore {name}"
    return f"SecretStore {namespace}/{name}"


def _is_dynamic(entry: Mapping[str, object]) -> bool:
    return mapping(mapping(entry.get("sourceRef")).get("generatorRef")).get("kind") == "VaultDynamicSecret"


def judge_refresh(external_secret: Mapping[str, object], *, was: Before | None, forced_at: datetime) -> Refresh:
    """Whether it was refreshed with success after it was asked to.

    A changed marker tells, as it covers the annotation that was set; else the time of the last refresh, which has whole
    seconds only and is of the controller's own clock.

    Args:
        external_secret: the object as the API gives it.
        was: how it was before; None where that is not known any more.
        forced_at: when it was asked to, aware.
    """
    status = mapping(external_secret.get("status"))
    now = before(external_secret)
    conditions = [mapping(found) for found in sequence(status.get("conditions"))]
    ready = next((found for found in conditions if found.get("type") == "Ready"), mapping(None))
    if ready.get("status") == "False":
        return Refresh(RefreshState.FAILING, f"Ready is False{_reason(ready)}; the event UpdateFailed tells why")
    if ready.get("status") != "True":
        return Refresh(RefreshState.PENDING, "no controller has synced it yet")
    if _is_after(now, was, forced_at):
        return Refresh(RefreshState.DONE, f"refreshed at {now.refreshed}" if _moment(now.refreshed) else "refreshed")
    return Refresh(RefreshState.PENDING, "no controller has refreshed it yet")


def _is_after(now: Before, was: Before | None, forced_at: datetime) -> bool:
    if was is not None and was.marker and now.marker not in {"", was.marker}:
        return True
    refreshed, forced = _moment(now.refreshed), forced_at.replace(microsecond=0)
    if refreshed is None or refreshed < forced:
        return False
    # Of the same second it may be the one before, unless it is seen to be another.
    return refreshed > forced or was is None or now.refreshed != was.refreshed


def _reason(condition: Mapping[str, object]) -> str:
    found = text(condition.get("reason"))
    return f" ({found})" if _REASON.fullmatch(found) else ""


def _is_off(interval: object) -> bool:
    try:
        return isinstance(interval, str) and parse_duration(interval) <= 0
    except DurationError:
        return False


def _moment(written: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return None
    return found if found.tzinfo else None
