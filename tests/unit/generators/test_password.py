"""Passwords: counts, characters, encodings; ESO §1.7."""

import base64
import string

import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.generators.password import DEFAULT_SYMBOLS


@pytest.fixture
def password(make, entries):
    return lambda **spec: entries(make("Password", spec))


def counts(text):
    digits = sum(character in string.digits for character in text)
    letters = sum(character in string.ascii_letters for character in text)
    return letters, digits, len(text) - letters - digits


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, (12, 6, 6)),
        ({"length": 0}, (12, 6, 6)),
        ({"length": -1}, (12, 6, 6)),
        ({"length": 10}, (6, 2, 2)),
        ({"length": 3}, (3, 0, 0)),
        ({"length": 10, "digits": 0, "symbols": 1}, (9, 0, 1)),
        ({"length": 40, "digits": 20, "symbols": 20, "allowRepeat": True}, (0, 20, 20)),
        ({"length": 26, "digits": 0, "symbols": 0, "noUpper": True}, (26, 0, 0)),
    ],
)
def test_so_many_of_each(password, spec, expected):
    for _ in range(20):
        text = password(**spec)["password"].decode()
        assert counts(text) == expected
        if not spec.get("allowRepeat"):
            assert len(set(text)) == len(text)
        if spec.get("noUpper"):
            assert text == text.lower()


def test_symbols_are_those_named_or_the_default_ones(password):
    assert set(password(length=8, digits=0, symbols=8, symbolCharacters="-_.~+=!?")["password"].decode()) == set(
        "-_.~+=!?"
    )
    for written in (None, ""):
        spec = {} if written is None else {"symbolCharacters": written}
        text = password(length=30, digits=0, symbols=30, **spec)["password"].decode()
        assert set(text) <= set(DEFAULT_SYMBOLS)


def test_symbols_may_be_letters_and_still_nothing_repeats(password):
    for _ in range(20):
        text = password(length=12, digits=0, symbols=6, symbolCharacters="abcdef")["password"].decode()
        assert len(set(text)) == 12


def test_letters_that_symbols_have_used_up_are_an_error(password):
    with pytest.raises(ConfigurationError, match="not enough different letters"):
        password(length=60, digits=0, symbols=30, symbolCharacters=string.ascii_letters)


def test_the_order_is_random_and_each_password_another_one(password):
    made = {password()["password"] for _ in range(50)}
    assert len(made) == 50
    assert len({text[:1] in string.ascii_letters.encode() for text in made}) == 2


@pytest.mark.parametrize(
    ("encoding", "decode"),
    [
        ("raw", bytes),
        ("base64", base64.b64decode),
        ("base64url", base64.urlsafe_b64decode),
        ("base32", base64.b32decode),
        ("hex", lambda text: bytes.fromhex(text.decode())),
    ],
)
def test_encodings(password, encoding, decode):
    assert counts(decode(password(encoding=encoding)["password"]).decode()) == (12, 6, 6)


def test_several_keys_get_a_password_each(password):
    made = password(secretKeys=["admin", "user"])
    assert sorted(made) == ["admin", "user"]
    assert made["admin"] != made["user"]


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"length": 4, "digits": 3, "symbols": 2}, "fit into length"),
        ({"length": 4, "digits": -1}, "fit into length"),
        ({"length": 20, "digits": 11}, "only 10 different"),
        ({"length": 60, "digits": 0, "symbols": 0}, "only 52 different"),
        ({"length": 30, "digits": 0, "symbols": 0, "noUpper": True}, "only 26 different"),
        ({"length": 8, "digits": 0, "symbols": 4, "symbolCharacters": "--"}, "only 1 different"),
        ({"length": 1 << 40, "allowRepeat": True}, "length is more than"),
        ({"secretKeys": ["a", "a"]}, "non-empty and unique"),
        ({"secretKeys": [""]}, "non-empty and unique"),
    ],
)
def test_what_cannot_be(password, spec, reason):
    with pytest.raises(ConfigurationError, match=reason):
        password(**spec)
