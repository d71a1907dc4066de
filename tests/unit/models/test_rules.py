from __future__ import annotations

import pytest
from pydantic_core import PydanticCustomError

from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.rules import at_most_one, exactly_one


class Choice(Model):
    first_way: str | None = None
    second_way: str | None = None
    neither: str | None = None


def test_exactly_one_passes() -> None:
    choice = Choice(second_way="", neither="x")

    assert exactly_one(choice, "firstWay", "secondWay") is choice


@pytest.mark.parametrize("choice", [Choice(), Choice(first_way="a", second_way="b"), Choice(neither="x")])
def test_none_or_both_do_not(choice: Choice) -> None:
    with pytest.raises(PydanticCustomError, match="expected exactly one of firstWay, secondWay"):
        exactly_one(choice, "firstWay", "secondWay")


@pytest.mark.parametrize("choice", [Choice(), Choice(first_way="a"), Choice(neither="x")])
def test_at_most_one_passes(choice: Choice) -> None:
    assert at_most_one(choice, "firstWay", "secondWay") is choice


def test_more_than_one_does_not() -> None:
    with pytest.raises(PydanticCustomError, match="expected at most one of firstWay, secondWay"):
        at_most_one(Choice(first_way="a", second_way="b"), "firstWay", "secondWay")
