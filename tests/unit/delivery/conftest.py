"""A subscription that a test rotates by hand."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

import pytest

from virtrigaud_secrets.errors import StoreUnavailableError

T = TypeVar("T")


class ByHand(Generic[T]):
    """Has what a delivery asks of a subscription."""

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


@pytest.fixture(autouse=True)
def _logger_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever configures logging in another test of this process may have switched it off."""
    monkeypatch.setattr(logging.getLogger("virtrigaud_secrets"), "disabled", False)


@pytest.fixture
def by_hand() -> type[ByHand[object]]:
    return ByHand
