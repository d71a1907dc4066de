"""Law: a duration reads back from its own text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from virtrigaud_secrets.golang.duration import DurationError, format_duration, parse_duration


@given(st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1))
def test_parse_undoes_format(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@given(st.text(alphabet="0123456789.+-hmsnuµd", max_size=12) | st.text(max_size=8))
def test_a_text_is_a_duration_or_refused(text: str) -> None:
    try:
        nanoseconds = parse_duration(text)
    except DurationError:
        return
    assert -(1 << 63) <= nanoseconds < 1 << 63
