"""The page on leases says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from virtrigaud_secrets.leases import drains, gate, schedule
from virtrigaud_secrets.leases.state import TRANSITIONS, TermState

PAGE = (Path(__file__).parents[2] / "docs/leases.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def rows(title: str) -> dict[str, str]:
    lines = re.findall(r"^\| (.+?) \|(.*)\|$", section(title), re.MULTILINE)
    return dict(lines[2:])


def test_states_and_changes_are_those_of_the_table():
    told = {
        state: set(filter(None, re.split(r",\s*", rest.split("|")[1].strip())))
        for state, rest in rows("States of a credential").items()
    }
    assert told == {state.value: {one.value for one in TRANSITIONS[state]} for state in TermState}


def test_parts_are_those_of_the_formulas():
    asked = section("What is asked for when")
    for low, high in (schedule.RENEW_AT, schedule.ROTATE_AT):
        assert f"U({low:.2f}, {high:.2f})" in asked
    assert f"U({schedule.CERTIFICATE_AT[0]:.2f}, {schedule.CERTIFICATE_AT[1]})" in asked
    assert f"U({schedule.REFRESH_AT[0]:.1f}, {schedule.REFRESH_AT[1]:.1f})" in asked
    assert f"U(0, {schedule.CAPPED_WITHIN})" in asked
    assert f"U({schedule.STATIC_ROLE_MARGIN[0]:g}, {schedule.STATIC_ROLE_MARGIN[1]:g}) s" in asked


def test_limits_are_those_of_the_gate():
    limits = rows("Limits")
    assert limits["background requests"].strip() == f"{gate.RATE:g} a second, {gate.BURST} at once after a rest"
    assert (
        limits["under way at the same time"]
        .strip()
        .startswith(f"{gate.UNDER_WAY}; {gate.UNDER_WAY - 1} for one store; {gate.AGAIN} for")
    )
    assert limits["tries to cut a replaced lease"].strip().startswith(str(drains.CUT_TRIES))
