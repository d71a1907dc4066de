from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from virtrigaud_secrets.golang.duration import DurationError
from virtrigaud_secrets.models.base import (
    Base64,
    Bool,
    DateTime,
    Duration,
    DurationText,
    Int32,
    Int64,
    Key,
    Model,
    Name,
    Namespace,
    NonEmpty,
    Pace,
)


class Sample(Model):
    some_field: str
    other: Bool = False


def accepts(annotation: object, value: object) -> bool:
    try:
        TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        return False
    return True


def test_a_model_is_camel_case_outside_and_snake_case_inside() -> None:
    assert Sample.model_validate({"someField": "a"}, by_alias=True, by_name=False) == Sample(some_field="a")
    assert Sample(some_field="a").model_dump(by_alias=True) == {"someField": "a", "other": False}


def test_a_manifest_may_not_use_the_inner_names() -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate({"some_field": "a"}, by_alias=True, by_name=False)


def test_a_model_cannot_be_changed() -> None:
    sample = Sample(some_field="a")

    with pytest.raises(ValidationError):
        sample.some_field = "b"  # type: ignore[misc]


def test_errors_do_not_show_what_was_found() -> None:
    with pytest.raises(ValidationError) as caught:
        Sample.model_validate({"someField": ["hunter2"], "hunter3": "hunter4"})

    assert "hunter2" not in str(caught.value)
    assert "hunter4" not in str(caught.value)


@pytest.mark.parametrize(
    ("annotation", "value", "good"),
    [
        (Name, "a.b-c", True),
        (Name, "A", False),
        (Name, "a" * 254, False),
        (Name, "", False),
        (Name, 5, False),
        (Namespace, "a-b", True),
        (Namespace, "a.b", False),
        (Namespace, "a" * 64, False),
        (Key, "tls.crt", True),
        (Key, "a/b", False),
        (NonEmpty, "", False),
        (Bool, True, True),
        (Bool, "true", False),
        (Bool, 1, False),
        (Int32, 2**31 - 1, True),
        (Int32, 2**31, False),
        (Int32, -(2**31), True),
        (Int32, 5.0, True),
        (Int32, 5.5, False),
        (Int32, True, False),
        (Int32, "5", False),
        (Int64, 2**63 - 1, True),
        (Int64, 2**63, False),
        (Base64, "YQ==", True),
        (Base64, "YWJj", True),
        (Base64, "", False),
        (Base64, "YQ==\n", False),
        (Base64, "-----BEGIN CERTIFICATE-----", False),
    ],
)
def test_field_types(annotation: object, value: object, good: bool) -> None:
    assert accepts(annotation, value) is good


@pytest.mark.parametrize("text", ["1h30m", "0", "1.5s", "-1m", "100ms"])
def test_a_duration_keeps_what_was_written(text: str) -> None:
    duration = TypeAdapter[Duration](DurationText).validate_python(text)

    assert str(duration) == text
    assert TypeAdapter(DurationText).dump_python(duration) == text


@pytest.mark.parametrize("value", ["1d", "", "5", 5, True, None, ["1h"], "1h "])
def test_no_duration(value: object) -> None:
    assert not accepts(DurationText, value)


def test_a_duration_as_timedelta() -> None:
    assert Duration.parse("1h0m0.5s").timedelta == timedelta(hours=1, milliseconds=500)


def test_a_duration_that_is_none_is_an_error() -> None:
    with pytest.raises(DurationError):
        Duration.parse("soon")


@pytest.mark.parametrize(("value", "seconds"), [(300, 300), (300.0, 300), ("5m", 300), (0, 0)])
def test_a_pace_is_seconds_or_a_duration(value: object, seconds: int) -> None:
    pace = TypeAdapter[Duration](Pace).validate_python(value)

    assert pace.timedelta == timedelta(seconds=seconds)
    assert TypeAdapter(Pace).dump_python(pace) == value


def test_seconds_read_as_go_prints_them() -> None:
    assert str(Duration.of_seconds(300)) == "5m0s"


@pytest.mark.parametrize("value", [-1, "-1s", True, "300", 1.5, None, "x"])
def test_no_pace(value: object) -> None:
    assert not accepts(Pace, value)


def test_a_duration_passes_through_both() -> None:
    duration = Duration.parse("1h")

    assert TypeAdapter(DurationText).validate_python(duration) is duration
    assert TypeAdapter(Pace).validate_python(duration) is duration


@pytest.mark.parametrize("text", ["2026-01-31T12:00:00Z", "2024-02-29T23:59:59.123456789+02:00"])
def test_times(text: str) -> None:
    assert accepts(DateTime, text)


@pytest.mark.parametrize(
    "text", ["2026-01-31", "2026-01-31T12:00:00", "2026-02-29T12:00:00Z", "2026-01-31T24:00:00Z", "2026-1-1T0:0:0Z", ""]
)
def test_what_is_no_time(text: str) -> None:
    assert not accepts(DateTime, text)
