"""What tests of several packages share: names of parametrised tests, a logger that works, a subscription to rotate.

Names are the same in every process, and without the bytes or long texts under test.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

import pytest

from virtrigaud_secrets.errors import StoreUnavailableError

T = TypeVar("T")

LONGEST_NAME = 60
"""Characters of a text that may stand in a test's name."""


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes and long texts are often made anew in each process: the name of the argument stands in for them."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > LONGEST_NAME) else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Whoever configures logging in another test of this process may have switched the logger off."""
    logging.getLogger("virtrigaud_secrets").disabled = False


class ByHand(Generic[T]):
    """Has what a delivery asks of a subscription; a test rotates it by hand."""

    def __init__(self, value: T | None = None) -> None:
        self.value = value
        self.callbacks: list[Callable[[T, T | None], None]] = []

    @property
    def current(self) -> T:
        if self.value is None:
            raise StoreUnavailableError("nothing valid")
        return self.value

    def on_change(self, callback: Callable[[T, T | None], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def rotate(self, value: T) -> None:
        old, self.value = self.value, value
        for callback in list(self.callbacks):
            callback(value, old)


@pytest.fixture
def by_hand() -> type[ByHand[object]]:
    return ByHand
