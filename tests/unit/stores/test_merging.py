from __future__ import annotations

import pytest

from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.assignment import Refusal
from virtrigaud_secrets.stores.merging import has_property, is_empty, with_property, without_property


def test_a_property_beside_others() -> None:
    made = with_property(Sensitive('{"a": 1}'), "b", Sensitive("v"))

    assert isinstance(made, Sensitive)
    assert made.reveal() == b'{"a": 1,"b":"v"}'


def test_a_property_of_nothing() -> None:
    assert with_property(None, "b", Sensitive("v")) == Sensitive('{"b":"v"}')


@pytest.mark.parametrize(
    ("current", "value", "reason"),
    [(None, b"\xff", "not UTF-8"), (b"\xff", b"v", "not JSON"), (b"text", b"v", "not JSON")],
)
def test_refusals_name_no_value(current: bytes | None, value: bytes, reason: str) -> None:
    made = with_property(None if current is None else Sensitive(current), "b", Sensitive(value))

    assert isinstance(made, Refusal)
    assert reason in made.reason


def test_removing() -> None:
    assert without_property(Sensitive('{"a":1,"b":2}'), "a") == Sensitive('{"b":2}')
    assert without_property(Sensitive('{"a":1}'), "b") is None
    assert without_property(Sensitive(b"\xff"), "b") is None


def test_looking() -> None:
    assert has_property(Sensitive('{"a":{"b":null}}'), "a.b")
    assert not has_property(Sensitive('{"a":1}'), "b")
    assert not has_property(Sensitive("{}"), "[" * 5000)
    assert is_empty(Sensitive(" { } \n"))
    assert not is_empty(Sensitive('{"a":1}'))
