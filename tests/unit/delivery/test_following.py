import logging

import pytest

from virtrigaud_secrets.delivery.following import follow
from virtrigaud_secrets.errors import ConfigurationError, StoreUnavailableError


def test_delivers_what_is_there_and_each_after_it(by_hand) -> None:
    source, delivered = by_hand("one"), []
    end = follow(source, delivered.append, what="it")
    source.rotate("two")
    end()
    source.rotate("three")
    assert delivered == ["one", "two"]
    assert source.callbacks == []


def test_a_callback_on_its_way_comes_too_late(by_hand) -> None:
    source, delivered = by_hand("one"), []
    end = follow(source, delivered.append, what="it")
    (callback,) = source.callbacks
    end()
    callback("two", "one")
    assert delivered == ["one"]


def test_without_anything_valid_nothing_is_followed(by_hand) -> None:
    source = by_hand()
    with pytest.raises(StoreUnavailableError):
        follow(source, print, what="it")
    assert source.callbacks == []


@pytest.mark.parametrize("error", [ConfigurationError("no place"), OSError(28, "no space")])
def test_a_delivery_that_fails_later_is_logged_and_the_next_is_tried(
    by_hand, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    source, delivered = by_hand("one"), []

    def deliver(value: str) -> None:
        if value == "two":
            raise error
        delivered.append(value)

    follow(source, deliver, what="the directory /x")
    with caplog.at_level(logging.WARNING, "virtrigaud_secrets"):
        source.rotate("two")
    source.rotate("three")
    assert delivered == ["one", "three"]
    assert "the directory /x was not renewed, what was there stays: no " in caplog.text
