from __future__ import annotations

import pytest
from pydantic_core import PydanticCustomError

from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.rules import exactly_one


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
