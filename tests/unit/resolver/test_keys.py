"""Key conversion and key rules; vectors of ESO §2.3 and §7."""

import pytest

from virtrigaud_secrets.errors import DecodingError
from virtrigaud_secrets.resolver.keys import check_key, convert_keys, reverse_keys, valid_keys


@pytest.mark.parametrize(
    ("strategy", "name", "expected"),
    [
        ("Default", "a/b c", "a_b_c"),
        ("Default", "é-1.x_", "é-1.x_"),
        ("Unicode", "/", "_U002f_"),
        ("Unicode", "\U0001f600", "_U1f600_"),
        ("Unicode", "plain", "plain"),
    ],
)
def test_converts(strategy, name, expected):
    assert convert_keys({name: b"v"}, strategy=strategy) == {expected: b"v"}


def test_two_names_that_become_one_are_refused():
    with pytest.raises(DecodingError, match="collision during conversion: a_b"):
        convert_keys({"a/b": b"1", "a b": b"2"}, strategy="Default")


def test_empty_key_is_dropped():
    assert valid_keys({"": b"1", "a": b"2"}) == {"a": b"2"}


@pytest.mark.parametrize("key", ["a/b", "a b", "../x", "x" * 254, "é" * 127])
def test_bad_keys_are_refused(key):
    with pytest.raises(DecodingError):
        check_key(key)


@pytest.mark.parametrize("key", ["a", "tls.crt", "A-b_c.9", "é", "x" * 253])
def test_good_keys_pass(key):
    check_key(key)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("a_U002f_b", "a/b"),
        ("_U0040__U0023_", "@#"),
        ("_U1f600_", "\U0001f600"),
        ("_U002F_", "/"),
        ("_U02f_", "_U02f_"),
        ("_U0012345_", "_U0012345_"),
        ("_Ud800_", "\ufffd"),
        ("plain", "plain"),
    ],
)
def test_a_push_turns_unicode_back(name: str, key: str) -> None:
    assert reverse_keys({name: 1}, strategy="ReverseUnicode") == {key: 1}
    assert reverse_keys({name: 1}, strategy="None") == {name: 1}


def test_two_names_that_a_push_makes_one_are_refused() -> None:
    with pytest.raises(DecodingError, match="collision during conversion: a/b"):
        reverse_keys({"a_U002f_b": 1, "a/b": 2}, strategy="ReverseUnicode")
