from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError

CASES = [
    (
        (
            '{{ $t := toDate "2006-01-02 15:04:05.000" "2024-02-29 10:41:12.500" }}{{ $t.Year }} {{ $t.Month }} {{ '
            "$t.Day }} {{ $t.Hour }} {{ $t.Minute }} {{ $t.Second }} {{ $t.Nanosecond }} {{ $t.YearDay }} {{ "
            "$t.Weekday }}"
        ),
        "2024 February 29 10 41 12 500000000 60 Thursday",
    ),
    (
        (
            '{{ $t := toDate "2006-01-02" "2024-02-29" }}{{ $t.Unix }} {{ $t.UnixMilli }} {{ $t.UnixMicro }} {{ '
            "$t.UnixNano }} {{ $t.String }} {{ $t.GoString }} {{ $t.IsZero }} {{ $t.IsDST }} {{ $t.UTC.GoString }} "
            '{{ $t.Local.Location }} {{ ($t.In $t.Location).Format "2006" }}'
        ),
        (
            "1709164800 1709164800000 1709164800000000 1709164800000000000 2024-02-29 00:00:00 +0000 UTC "
            "time.Date(2024, time.February, 29, 0, 0, 0, 0, time.Local) false false time.Date(2024, time.February, "
            "29, 0, 0, 0, 0, time.UTC) UTC 2024"
        ),
    ),
    (
        (
            '{{ $t := toDate "2006-01-02" "2024-02-29" }}{{ $t.Add 3600000000000 }} {{ $t.AddDate 1 1 1 }} {{ '
            '$t.Sub (toDate "2006" "2024") }} {{ $t.After $t }} {{ $t.Before (toDate "2006" "2025") }} {{ $t.Equal '
            '$t }} {{ $t.Compare (toDate "2006" "2025") }}'
        ),
        "2024-02-29 01:00:00 +0000 UTC 2025-03-30 00:00:00 +0000 UTC 1416h0m0s false true true -1",
    ),
    (
        (
            '{{ $t := toDate "2006-01-02 15:04" "2024-02-29 10:41" }}{{ $t.Truncate 3600000000000 }} {{ $t.Round '
            "3600000000000 }} {{ $t.Truncate 0 }} {{ $t.Round -1 }} {{ $t.MarshalJSON | toString }} {{ "
            "$t.MarshalText | toString }} {{ $t.MarshalBinary }} {{ $t.GobEncode | len }} {{ ($t.AppendFormat "
            '$t.MarshalText "2006") | toString }}'
        ),
        (
            "2024-02-29 10:00:00 +0000 UTC 2024-02-29 11:00:00 +0000 UTC 2024-02-29 10:41:00 +0000 UTC 2024-02-29 "
            '10:41:00 +0000 UTC "2024-02-29T10:41:00Z" 2024-02-29T10:41:00Z [1 0 0 0 14 221 114 86 60 0 0 0 0 0 0] '
            "15 2024-02-29T10:41:00Z2024"
        ),
    ),
    (
        (
            '{{ $d := (toDate "2006-01-02T15:04:05.000" "2024-01-02T03:04:05.678").Sub (toDate "2006" "2024") }}{{ '
            "$d }} {{ $d.Hours }} {{ $d.Minutes }} {{ $d.Seconds }} {{ $d.Milliseconds }} {{ $d.Microseconds }} {{ "
            "$d.Nanoseconds }} {{ $d.String }} {{ $d.Truncate 3600000000000 }} {{ $d.Round 3600000000000 }} {{ "
            "$d.Abs }} {{ $d.Truncate 0 }} {{ $d.Round 0 }}"
        ),
        (
            "27h4m5.678s 27.06824388888889 1624.0946333333334 97445.678 97445678 97445678000 97445678000000 "
            "27h4m5.678s 27h0m0s 27h0m0s 27h4m5.678s 27h4m5.678s 27h4m5.678s"
        ),
    ),
    (
        (
            '{{ $d := (toDate "2006" "2024").Sub (toDate "2006-01-02T15:04:05" "2024-01-01T01:40:00") }}{{ $d }} '
            "{{ $d.Hours }} {{ $d.Round 3600000000000 }} {{ $d.Abs }} {{ $d.Seconds }} {{ $d.Milliseconds }}"
        ),
        "-1h40m0s -1.6666666666666665 -2h0m0s 1h40m0s -6000 -6000000",
    ),
    ('{{ (toDate "2006" "2024").Month.String }}', "January"),
    ('{{ (toDate "2006" "2024").Weekday.String }}', "Monday"),
    ('{{ (toDate "2006" "2024").Location.String }}', "UTC"),
    ('{{ printf "%d %d" (toDate "2006" "2024").Month (toDate "2006" "2024").Weekday }}', "1 1"),
    ('{{ empty (toDate "2006" "2024").Month }}', "false"),
    ('{{ eq (toDate "2006" "2024").Month 1 }}', "true"),
    ('{{ toJson ((toDate "2006" "2025").Sub (toDate "2006" "2024")) }}', "31622400000000000"),
    ('{{ toJson (toDate "2006" "2024").Weekday }}', "1"),
    ('{{ deepEqual (toDate "2006" "2024") (toDate "2006" "2024") }}', "true"),
    ('{{ has (toDate "2006" "2024").Location (list (toDate "2006" "2023").Location) }}', "true"),
]
"""Templates and what Go makes of them."""
REFUSED = [
    '{{ (toDate "2006" "2024").Date }}',
    '{{ (toDate "2006" "2024").Clock }}',
    '{{ (toDate "2006" "2024").ISOWeek }}',
    '{{ (toDate "2006" "2024").Zone }}',
    '{{ (toDate "2006" "2024").ZoneBounds }}',
    '{{ (toDate "2006" "2024").In nil }}',
    '{{ (toDate "2006" "2024").Nope }}',
    '{{ (toDate "2006" "2024").AppendFormat "x" "2006" }}',
    '{{ ((toDate "2006" "2024").AddDate 9000 0 0).MarshalJSON }}',
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
