from __future__ import annotations

import pytest

from virtrigaud_secrets.golang import strings


@pytest.mark.parametrize(
    ("character", "upper", "lower", "title"),
    [
        ("a", "A", "a", "A"), ("ß", "ß", "ß", "ß"), ("İ", "İ", "i", "İ"), ("ǆ", "Ǆ", "ǆ", "ǅ"), ("ǅ", "Ǆ", "ǆ", "ǅ"),
        ("ŉ", "ŉ", "ŉ", "ŉ"), ("ᾳ", "ᾼ", "ᾳ", "ᾼ"), ("ა", "Ა", "ა", "ა"), ("1", "1", "1", "1"),
    ],
)  # fmt: skip
def test_characters_change_one_by_one(character: str, upper: str, lower: str, title: str) -> None:
    assert strings.upper_of(character) == upper
    assert strings.lower_of(character) == lower
    assert strings.title_of(character) == title


def test_classes_of_characters() -> None:
    assert strings.is_space("\u0085")
    assert not strings.is_space("\x1c")
    assert strings.is_upper("É")
    assert strings.is_lower("é")
    assert strings.is_title("ǅ")
    assert strings.is_letter("世")
    assert strings.is_number("½")
    assert strings.is_punctuation("!")
    assert not strings.is_punctuation("$")


def test_texts() -> None:
    assert strings.to_upper("aé\udcff") == "AÉ\ufffd"
    assert strings.to_lower("AΣ") == "aσ"  # noqa: RUF001 - sigma, not its final form
    assert strings.title("hello wo_rld 2nd x-y") == "Hello Wo_rld 2nd X-Y"
    assert strings.title("éa ½b") == "Éa ½b"
    assert strings.trim_space(" \u00a0x\x1c\t") == "x\x1c"
    assert strings.runes("a\udcff") == "a\ufffd"


def test_parts_are_bytes() -> None:
    assert strings.contains("é", "\udcc3")
    assert strings.has_prefix("é", "\udcc3")
    assert strings.has_suffix("é", "\udca9")
    assert strings.trim_prefix("éx", "\udcc3") == "\udca9x"
    assert strings.trim_suffix("é", "\udca9") == "\udcc3"
    assert strings.replace_all("é", "\udcc3", "x") == "x\udca9"
    assert strings.replace_all("ab", "", "-") == "-a-b-"
    assert strings.cut_bytes("aé", 1, 2) == "\udcc3"
    assert strings.cut_bytes("abc", 1, None) == "bc"


@pytest.mark.parametrize(
    ("text", "separator", "limit", "pieces"),
    [
        ("a,b", ",", -1, ["a", "b"]), ("a,b,c", ",", 2, ["a", "b,c"]), ("a", ",", 0, []), ("", ",", -1, [""]),
        ("", "", -1, []), ("aé", "", -1, ["a", "é"]), ("abc", "", 2, ["a", "bc"]), ("ab", "", 5, ["a", "b"]),
        ("é", "\udcc3", -1, ["", "\udca9"]),
    ],
)  # fmt: skip
def test_splitting(text: str, separator: str, limit: int, pieces: list[str]) -> None:
    assert strings.split(text, separator, limit) == pieces


def test_order_is_that_of_bytes() -> None:
    assert sorted(["\U00010000", "\udcff", "é", "z"], key=strings.byte_order) == ["z", "é", "\U00010000", "\udcff"]
