from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from virtrigaud_secrets.sensitive import REDACTED, Sensitive, decode_text

SECRET = Sensitive("canary-wörd")


def test_the_way_out() -> None:
    assert SECRET.reveal() == "canary-wörd".encode()
    assert SECRET.reveal_text() == "canary-wörd"
    assert Sensitive(b"\xff").reveal() == b"\xff"


def test_a_buffer_is_copied() -> None:
    buffer = bytearray(b"one")
    secret = Sensitive(bytes(buffer))
    buffer[:] = b"two"
    assert secret.reveal() == b"one"


@pytest.mark.parametrize(
    "shown",
    [
        repr(SECRET),
        str(SECRET),
        f"{SECRET}",
        f"{SECRET:>40}",
        f"{SECRET!a}",
        "%s" % SECRET,  # noqa: UP031  # the old way of formatting is what is tested
    ],
)
def test_no_text_shows_it(shown: str) -> None:
    assert "canary" not in shown
    assert REDACTED in shown


def test_equal_values_are_equal() -> None:
    assert Sensitive("a") == Sensitive(b"a")
    assert Sensitive("a") != Sensitive("b")
    assert Sensitive("a") != "a"


@pytest.mark.parametrize(("value", "truth"), [("", False), (b"", False), ("0", True), (b"\0", True)])
def test_is_true_when_there_is_something(value: str | bytes, truth: bool) -> None:
    assert bool(Sensitive(value)) is truth


def test_has_no_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(SECRET)


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_is_not_copied(way: object) -> None:
    assert callable(way)
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        way(SECRET)


def test_takes_no_attributes() -> None:
    with pytest.raises(AttributeError):
        SECRET.other = 1  # type: ignore[attr-defined]  # the fault under test


def test_bytes_that_are_no_text_are_not_quoted() -> None:
    secret = Sensitive(b"\xff" + SECRET.reveal())
    with pytest.raises(ValueError, match="not UTF-8") as caught:
        secret.reveal_text()
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "canary" not in "".join(report.format())
    assert caught.value.__context__ is None


def test_text_is_decoded() -> None:
    assert decode_text("ä".encode()) == "ä"
