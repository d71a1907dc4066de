from __future__ import annotations

import pytest

from virtrigaud_secrets.golang.time import UTC, Time, load_location
from virtrigaud_secrets.golang.time_layout import LayoutError, format_time, parse_time, time_string

FORMATS = [
    ("2006-01-02T15:04:05.000Z07:00", "UTC", 1709201472, "2024-02-29T10:11:12.000Z"),
    ("2006-01-02T15:04:05.000Z07:00", "UTC", -2000000000, "1906-08-16T20:26:40.000Z"),
    ("2006-01-02T15:04:05.000Z07:00", "America/New_York", 1709201472, "2024-02-29T05:11:12.000-05:00"),
    ("2006-01-02T15:04:05.000Z07:00", "America/New_York", -2000000000, "1906-08-16T15:26:40.000-05:00"),
    ("2006-01-02T15:04:05.000Z07:00", "Africa/Monrovia", 1709201472, "2024-02-29T10:11:12.000Z"),
    ("2006-01-02T15:04:05.000Z07:00", "Africa/Monrovia", -2000000000, "1906-08-16T19:43:32.000-00:43"),
    ("Mon Jan _2 3:04:05PM 06", "UTC", 1709201472, "Thu Feb 29 10:11:12AM 24"),
    ("Mon Jan _2 3:04:05PM 06", "UTC", -2000000000, "Thu Aug 16 8:26:40PM 06"),
    ("Mon Jan _2 3:04:05PM 06", "America/New_York", 1709201472, "Thu Feb 29 5:11:12AM 24"),
    ("Mon Jan _2 3:04:05PM 06", "America/New_York", -2000000000, "Thu Aug 16 3:26:40PM 06"),
    ("Mon Jan _2 3:04:05PM 06", "Africa/Monrovia", 1709201472, "Thu Feb 29 10:11:12AM 24"),
    ("Mon Jan _2 3:04:05PM 06", "Africa/Monrovia", -2000000000, "Thu Aug 16 7:43:32PM 06"),
    ("Monday January 2 1 06", "UTC", 1709201472, "Thursday February 29 2 24"),
    ("Monday January 2 1 06", "UTC", -2000000000, "Thursday August 16 8 06"),
    ("Monday January 2 1 06", "America/New_York", 1709201472, "Thursday February 29 2 24"),
    ("Monday January 2 1 06", "America/New_York", -2000000000, "Thursday August 16 8 06"),
    ("Monday January 2 1 06", "Africa/Monrovia", 1709201472, "Thursday February 29 2 24"),
    ("Monday January 2 1 06", "Africa/Monrovia", -2000000000, "Thursday August 16 8 06"),
    ("02/01/2006 03:04:05 pm MST", "UTC", 1709201472, "29/02/2024 10:11:12 am UTC"),
    ("02/01/2006 03:04:05 pm MST", "UTC", -2000000000, "16/08/1906 08:26:40 pm UTC"),
    ("02/01/2006 03:04:05 pm MST", "America/New_York", 1709201472, "29/02/2024 05:11:12 am EST"),
    ("02/01/2006 03:04:05 pm MST", "America/New_York", -2000000000, "16/08/1906 03:26:40 pm EST"),
    ("02/01/2006 03:04:05 pm MST", "Africa/Monrovia", 1709201472, "29/02/2024 10:11:12 am GMT"),
    ("02/01/2006 03:04:05 pm MST", "Africa/Monrovia", -2000000000, "16/08/1906 07:43:32 pm MMT"),
    ("__2 002 _2006", "UTC", 1709201472, " 60 060 _2024"),
    ("__2 002 _2006", "UTC", -2000000000, "228 228 _1906"),
    ("__2 002 _2006", "America/New_York", 1709201472, " 60 060 _2024"),
    ("__2 002 _2006", "America/New_York", -2000000000, "228 228 _1906"),
    ("__2 002 _2006", "Africa/Monrovia", 1709201472, " 60 060 _2024"),
    ("__2 002 _2006", "Africa/Monrovia", -2000000000, "228 228 _1906"),
    ("-07 -0700 -07:00 -070000 -07:00:00", "UTC", 1709201472, "+00 +0000 +00:00 +000000 +00:00:00"),
    ("-07 -0700 -07:00 -070000 -07:00:00", "UTC", -2000000000, "+00 +0000 +00:00 +000000 +00:00:00"),
    ("-07 -0700 -07:00 -070000 -07:00:00", "America/New_York", 1709201472, "-05 -0500 -05:00 -050000 -05:00:00"),
    ("-07 -0700 -07:00 -070000 -07:00:00", "America/New_York", -2000000000, "-05 -0500 -05:00 -050000 -05:00:00"),
    ("-07 -0700 -07:00 -070000 -07:00:00", "Africa/Monrovia", 1709201472, "+00 +0000 +00:00 +000000 +00:00:00"),
    ("-07 -0700 -07:00 -070000 -07:00:00", "Africa/Monrovia", -2000000000, "-00 -0043 -00:43 -004308 -00:43:08"),
    ("Z07 Z0700 Z07:00 Z070000 Z07:00:00", "UTC", 1709201472, "Z Z Z Z Z"),
    ("Z07 Z0700 Z07:00 Z070000 Z07:00:00", "UTC", -2000000000, "Z Z Z Z Z"),
    ("Z07 Z0700 Z07:00 Z070000 Z07:00:00", "America/New_York", 1709201472, "-05 -0500 -05:00 -050000 -05:00:00"),
    ("Z07 Z0700 Z07:00 Z070000 Z07:00:00", "America/New_York", -2000000000, "-05 -0500 -05:00 -050000 -05:00:00"),
    ("Z07 Z0700 Z07:00 Z070000 Z07:00:00", "Africa/Monrovia", 1709201472, "Z Z Z Z Z"),
    ("Z07 Z0700 Z07:00 Z070000 Z07:00:00", "Africa/Monrovia", -2000000000, "-00 -0043 -00:43 -004308 -00:43:08"),
    (".000 ,000 .999 ,999999999 .0", "UTC", 1709201472, ".000 ,000   .0"),
    (".000 ,000 .999 ,999999999 .0", "UTC", -2000000000, ".000 ,000   .0"),
    (".000 ,000 .999 ,999999999 .0", "America/New_York", 1709201472, ".000 ,000   .0"),
    (".000 ,000 .999 ,999999999 .0", "America/New_York", -2000000000, ".000 ,000   .0"),
    (".000 ,000 .999 ,999999999 .0", "Africa/Monrovia", 1709201472, ".000 ,000   .0"),
    (".000 ,000 .999 ,999999999 .0", "Africa/Monrovia", -2000000000, ".000 ,000   .0"),
    ("Jant Mond 2 15h4m5", "UTC", 1709201472, "Jant Mond 29 10h11m12"),
    ("Jant Mond 2 15h4m5", "UTC", -2000000000, "Jant Mond 16 20h26m40"),
    ("Jant Mond 2 15h4m5", "America/New_York", 1709201472, "Jant Mond 29 05h11m12"),
    ("Jant Mond 2 15h4m5", "America/New_York", -2000000000, "Jant Mond 16 15h26m40"),
    ("Jant Mond 2 15h4m5", "Africa/Monrovia", 1709201472, "Jant Mond 29 10h11m12"),
    ("Jant Mond 2 15h4m5", "Africa/Monrovia", -2000000000, "Jant Mond 16 19h43m32"),
    ("5.999 January", "UTC", 1709201472, "12 February"),
    ("5.999 January", "UTC", -2000000000, "40 August"),
    ("5.999 January", "America/New_York", 1709201472, "12 February"),
    ("5.999 January", "America/New_York", -2000000000, "40 August"),
    ("5.999 January", "Africa/Monrovia", 1709201472, "12 February"),
    ("5.999 January", "Africa/Monrovia", -2000000000, "32 August"),
    ("_2 _20066", "UTC", 1709201472, "29 _20246"),
    ("_2 _20066", "UTC", -2000000000, "16 _19066"),
    ("_2 _20066", "America/New_York", 1709201472, "29 _20246"),
    ("_2 _20066", "America/New_York", -2000000000, "16 _19066"),
    ("_2 _20066", "Africa/Monrovia", 1709201472, "29 _20246"),
    ("_2 _20066", "Africa/Monrovia", -2000000000, "16 _19066"),
]
READINGS = [
    ("2006-01-02", "2024-02-29", "2024-02-29 00:00:00 +0000 UTC"),
    ("2006-01-02", "2023-02-29", None),
    ("2006-01-02", "2024-13-01", None),
    ("2006-01-02", "2024-02-29x", None),
    ("2006-01-02", "2024-2-29", None),
    ("2006-1-2", "2024-02-3", "2024-02-03 00:00:00 +0000 UTC"),
    ("06 Jan 2", "69 feb 3", "1969-02-03 00:00:00 +0000 UTC"),
    ("06 Jan 2", "68 FEB 30", None),
    ("06", "-1", "1999-01-01 00:00:00 +0000 UTC"),
    ("January 2", "march 5", "0000-03-05 00:00:00 +0000 UTC"),
    ("Mon Monday", "tue FRIDAY", "0000-01-01 00:00:00 +0000 UTC"),
    ("Mon", "xyz", None),
    ("__2 2006", "  9 2024", "2024-01-09 00:00:00 +0000 UTC"),
    ("002 2006", "366 2024", "2024-12-31 00:00:00 +0000 UTC"),
    ("002 2006", "366 2023", None),
    ("002 Jan 2006", "032 Jan 2023", None),
    ("002 Jan 2 2006", "060 Feb 29 2024", "2024-02-29 00:00:00 +0000 UTC"),
    ("002", "000", None),
    ("3:04 PM", "12:30 AM", "0000-01-01 00:30:00 +0000 UTC"),
    ("3:04pm", "1:05pm", "0000-01-01 13:05:00 +0000 UTC"),
    ("15:04 PM", "13:05 PM", "0000-01-01 13:05:00 +0000 UTC"),
    ("3PM", "13PM", None),
    ("PM", "xm", None),
    ("15", "24", None),
    ("04", "60", None),
    ("05", "60", None),
    ("15:04:05", "10:11:12.5", "0000-01-01 10:11:12.5 +0000 UTC"),
    ("15:04:05.000", "10:11:12.5", None),
    ("15:04:05.000", "10:11:12.123", "0000-01-01 10:11:12.123 +0000 UTC"),
    ("15:04:05.999", "10:11:12", "0000-01-01 10:11:12 +0000 UTC"),
    ("15:04:05,999", "10:11:12,123456789012", "0000-01-01 10:11:12.123456789 +0000 UTC"),
    ("05.00", "12.-1", None),
    ("05.00", "12.+1", "0000-01-01 00:00:12.01 +0000 UTC"),
    ("Z07:00", "Z", "0000-01-01 00:00:00 +0000 UTC"),
    ("Z07:00", "+02:30", "0000-01-01 00:00:00 +0230 +0230"),
    ("Z07:00", "x02:30", None),
    ("-07", "-05", "0000-01-01 00:00:00 -0500 -0500"),
    ("-0700", "+2460", "0000-01-01 00:00:00 +2500 +2500"),
    ("-0700", "+2500", None),
    ("-07:00:00", "+01:02:03", "0000-01-01 00:00:00 +0102 +0102"),
    ("-070000", "-010203", "0000-01-01 00:00:00 -0102 -0102"),
    ("-07:00", "+0:00", None),
    ("MST", "UTC", "0000-01-01 00:00:00 +0000 UTC"),
    ("MST", "CEST", "0000-01-01 00:00:00 +0000 CEST"),
    ("MST", "GMT-3", "-0001-12-31 21:00:00 -0300 GMT-3"),
    ("MST", "GMT+99", None),
    ("MST", "ChST", "0000-01-01 00:00:00 +0000 ChST"),
    ("MST", "WITA", "0000-01-01 00:00:00 +0000 WITA"),
    ("MST", "ABCDE", None),
    ("MST", "ABCDT", "0000-01-01 00:00:00 +0000 ABCDT"),
    ("MST", "+05", "0000-01-01 00:00:00 +0000 +05"),
    ("MST", "+99", None),
    ("MST", "ab", None),
    ("MST -0700", "PST -0800", "0000-01-01 00:00:00 -0800 PST"),
    ("a  b", "a b", "0000-01-01 00:00:00 +0000 UTC"),
    ("a b", "a    b", "0000-01-01 00:00:00 +0000 UTC"),
    ("a b", "ab", None),
    ("a b", "a", None),
    ("", "", "0000-01-01 00:00:00 +0000 UTC"),
    ("", "x", None),
    ("1", "0", None),
    ("_2", " 5", "0000-01-05 00:00:00 +0000 UTC"),
    ("02", "5", None),
    ("2006", "24", None),
    ("15:04 -0700", "10:00 +0000", "0000-01-01 10:00:00 +0000 UTC"),
]
"""Layouts and texts, and what Go makes of them; None where it refuses."""


@pytest.mark.parametrize(("layout", "zone", "seconds", "text"), FORMATS)
def test_times_are_written_as_go_does(layout: str, zone: str, seconds: int, text: str) -> None:
    assert format_time(Time(seconds, 0, load_location(zone) or UTC), layout) == text


@pytest.mark.parametrize(("layout", "text", "expected"), READINGS)
def test_times_are_read_as_go_does(layout: str, text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(LayoutError) as caught:
            parse_time(layout, text)
        assert not text or repr(text) not in str(caught.value)
    else:
        assert time_string(parse_time(layout, text)) == expected


@pytest.mark.parametrize(
    ("nanosecond", "layout", "text"),
    [
        (0, ".999", ""),
        (120_000_000, ".999", ".12"),
        (5, ".999", ""),
        (5, ".000", ".000"),
        (123_456_789, ",000000", ",123456"),
        (123_456_789, ".999999999999", ".123456789"),
    ],
)
def test_fractions(nanosecond: int, layout: str, text: str) -> None:
    assert format_time(Time(0, nanosecond), layout) == text


def test_years_beyond_four_digits() -> None:
    assert format_time(Time(10**12), "2006 06") == "33658 58"
    assert format_time(Time(-(10**12)), "2006 06") == "-29719 19"
    assert format_time(Time(-62_200_000_000), "2006") == "-0002"


def test_a_clocks_reading_is_shown() -> None:
    assert time_string(Time(0, 0, UTC, monotonic=1_500_000_000)) == "1970-01-01 00:00:00 +0000 UTC m=+1.500000000"
    assert time_string(Time(0, 0, UTC, monotonic=-1)) == "1970-01-01 00:00:00 +0000 UTC m=-0.000000001"
