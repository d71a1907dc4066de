"""`status` of an ExternalSecret: what it says of the last refresh, and what is to be written (ESO §2.11). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.resolver.refresh import LastRefresh

if TYPE_CHECKING:
    from virtrigaud_secrets.delivery.target_report import Condition

READY: Final = "Ready"

Fields = Mapping[str, object]


def last_refresh(status: Fields) -> LastRefresh | None:
    """The last refresh that worked, as the status tells; None where it tells of none."""
    at, marker = status.get("refreshTime"), status.get("syncedResourceVersion")
    if not isinstance(at, str) or not isinstance(marker, str):
        return None
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return LastRefresh(at=moment if moment.tzinfo else moment.replace(tzinfo=UTC), marker=marker)


def is_ready(status: Fields) -> bool | None:
    """Whether the last attempt worked; None before the first."""
    condition = _condition(status)
    return None if condition is None else condition.get("status") == "True"


def after_success(
    status: Fields, condition: Condition, *, began: datetime, marker: str, secret: str, now: datetime
) -> dict[str, object]:
    """What changes in the status after an attempt that worked; empty for nothing.

    Args:
        status: what is there.
        condition: what to say.
        began: when the attempt began: what was read since is in the Secret.
        marker: what the manifest was then.
        secret: the Secret to name in `binding`; empty to leave it: it is never taken back (ESO §2.9).
        now: the time.
    """
    refreshed: dict[str, object] = {"refreshTime": timestamp(began), "syncedResourceVersion": marker}
    changes = {key: value for key, value in refreshed.items() if status.get(key) != value}
    return changes | with_condition(status, condition, now=now, secret=secret)


def with_condition(status: Fields, condition: Condition, *, now: datetime, secret: str = "") -> dict[str, object]:
    """What changes in the status where nothing was refreshed: after a failure, `refreshTime` keeps its value too."""
    wanted: dict[str, object] = {"conditions": _conditions(status, condition, now)}
    if secret:
        wanted["binding"] = {"name": secret}
    return {key: value for key, value in wanted.items() if status.get(key) != value}


def with_changes(status: Fields, changes: Fields) -> dict[str, object]:
    """The status once the changes were merged into it."""
    return {key: value for key, value in {**status, **changes}.items() if value is not None}


def timestamp(moment: datetime) -> str:
    """A time as the API writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _conditions(status: Fields, condition: Condition, now: datetime) -> list[Fields]:
    """All conditions, with this one in the place of its predecessor."""
    before = _condition(status)
    # It tells since when it is so: another reason for the same does not move it.
    same = before is not None and before.get("status") == condition.status
    since = before.get("lastTransitionTime") if same and before is not None else None
    ready: Fields = {
        "type": READY,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": since if isinstance(since, str) else timestamp(now),
    }
    others = [one for one in _all(status) if one.get("type") != READY]
    return [*others, ready]


def _condition(status: Fields) -> Fields | None:
    return next((one for one in _all(status) if one.get("type") == READY), None)


def _all(status: Fields) -> list[Fields]:
    conditions = status.get("conditions")
    found = cast("list[object]", conditions) if isinstance(conditions, list) else []
    return [cast("dict[str, object]", one) for one in found if isinstance(one, dict)]
