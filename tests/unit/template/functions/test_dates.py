from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError
from virtrigaud_secrets.testing.clock import ManualClock

CASES = [
    ('{{ date "2006-01-02 15:04:05 MST" 0 }}', "1970-01-01 00:00:00 UTC"),
    ('{{ date "Jan _2 06 3PM" (toDate "2006-01-02" "2024-02-29") }}', "Feb 29 24 12AM"),
    ('{{ date "2006" (int64 1700000000) }}', "2023"),
    ('{{ dateInZone "15:04 MST -0700" 1700000000 "America/New_York" }}', "17:13 EST -0500"),
    ('{{ date_in_zone "15:04" 0 "No/Where" }}', "00:00"),
    ('{{ dateInZone "MST" 0 "" }}', "UTC"),
    ('{{ dateInZone "15:04 MST" 0 "../x" }}', "00:00 UTC"),
    ("{{ htmlDate 1700000000 }}", "2023-11-14"),
    ('{{ htmlDateInZone 1700000000 "Pacific/Auckland" }}', "2023-11-15"),
    ('{{ toDate "2006-01-02" "2024-02-28" | dateModify "24h" }}', "2024-02-29 00:00:00 +0000 UTC"),
    ('{{ date_modify "bad" (toDate "2006" "2024") }}', "2024-01-01 00:00:00 +0000 UTC"),
    ('{{ mustDateModify "-1.5h" (toDate "2006" "2024") }}', "2023-12-31 22:30:00 +0000 UTC"),
    ('{{ must_date_modify "1ns" (toDate "2006" "2024") }}', "2024-01-01 00:00:00.000000001 +0000 UTC"),
    ('{{ toDate "2006-01-02" "bad" }}', "0001-01-01 00:00:00 +0000 UTC"),
    ('{{ toDate "15:04" "23:59" }}', "0000-01-01 23:59:00 +0000 UTC"),
    ('{{ mustToDate "2006-01-02T15:04:05Z07:00" "2024-01-01T00:00:00+02:00" }}', "2024-01-01 00:00:00 +0200 +0200"),
    ('{{ duration "95" }}', "1m35s"),
    ("{{ duration 95 }}", "0s"),
    ("{{ duration (int64 -3661) }}", "-1h1m1s"),
    ('{{ duration "x" }}', "0s"),
    ('{{ duration "99999999999999999999" }}', "-1s"),
    ('{{ durationRound "2h10m5s" }}', "2h"),
    ('{{ durationRound "721h" }}', "1mo"),
    ('{{ durationRound "8761h" }}', "1y"),
    ('{{ durationRound "25h" }}', "1d"),
    ('{{ durationRound "61s" }}', "1m"),
    ('{{ durationRound "1.5s" }}', "1s"),
    ("{{ durationRound (int64 -5000000000) }}", "5s"),
    ('{{ durationRound "bad" }}', "0s"),
    ("{{ durationRound 5 }}", "0s"),
    ('{{ unixEpoch (toDate "2006" "1960") }}', "-315619200"),
]
"""Templates and what Go makes of them."""
REFUSED = [
    '{{ mustToDate "2006-01-02" "bad" }}',
    '{{ mustDateModify "1d" (toDate "2006" "2024") }}',
    '{{ must_date_modify "" (toDate "2006" "2024") }}',
    "{{ unixEpoch 5 }}",
    '{{ dateModify "1h" "2024" }}',
]
"""Templates that fail in Go, too."""


@pytest.mark.parametrize(("template", "expected"), CASES)
def test_gives_what_go_gives(rendered: Callable[..., str], template: str, expected: str) -> None:
    assert rendered(template) == expected


@pytest.mark.parametrize("template", REFUSED)
def test_fails_where_go_fails(rendered: Callable[..., str], template: str) -> None:
    with pytest.raises(TemplateExecutionError) as caught:
        rendered(template)
    assert "internal error" not in caught.value.reason


def test_now_is_the_clocks(rendered: Callable[..., str], clock: ManualClock) -> None:
    clock.advance(timedelta(hours=1, seconds=2.5))
    assert rendered("{{ now }}") == "2030-01-01 13:00:02.5 +0000 UTC m=+3602.500000000"
    assert rendered('{{ now | date "15:04" }} {{ htmlDate nil }} {{ date "15" "x" }}') == "13:00 2030-01-01 13"
    assert rendered("{{ (now.Sub now).String }} {{ now.Equal now }} {{ now.UTC.Year }}") == "0s true 2030"


def test_ages_are_counted_from_now(rendered: Callable[..., str]) -> None:
    assert rendered('{{ ago (toDate "2006-01-02" "2029-12-31") }}') == "36h0m0s"
    assert rendered('{{ now | dateModify "2h" | ago }} {{ ago "x" }} {{ ago 1893499199 }}') == "-2h0m0s 0s 1s"
    assert rendered('{{ ago (toDate "2006" "x") }}') == "2562047h47m16.854775807s"
    assert rendered('{{ durationRound (toDate "2006" "2028") }}') == "2y"
