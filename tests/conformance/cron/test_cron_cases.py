"""Every case of `cases.jsonl` against our schedules."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from virtrigaud_secrets.golang import cron

CASES = [json.loads(line) for line in Path(__file__).with_name("cases.jsonl").read_text("utf-8").splitlines()]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_schedule(case: dict[str, Any]) -> None:
    if case["error"]:
        with pytest.raises(cron.CronError):
            cron.parse(case["schedule"])
        return
    schedule = cron.parse(case["schedule"])
    found: list[datetime] = []
    at: datetime | None = moment(case["after"])
    while at is not None and len(found) < 3:
        at = schedule.next(at)
        found += [at] if at is not None else []
    assert found == [moment(text) for text in case["next"]]
