import pytest

from virtrigaud_secrets.golang.fmt import TooLargeError, sprint, sprintf, sprintln
from virtrigaud_secrets.golang.reflect import Int64, to_string


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((), ""),
        (("a",), "a"),
        ((1,), "1"),
        ((True,), "true"),
        ((None,), "<nil>"),
        (("a", "b"), "ab"),
        ((1, 2), "1 2"),
        (("a", 1, 2, "b", 3), "a1 2b3"),
        ((None, None), "<nil> <nil>"),
        ((1.0,), "1"),
        ((Int64(3),), "3"),
        (([1, "a", None],), "[1 a <nil>]"),
    ],
)
def test_print(values: tuple[object, ...], text: str) -> None:
    assert sprint(*values) == text


def test_print_line() -> None:
    assert sprintln() == "\n"
    assert sprintln("a", 1, "b") == "a 1 b\n"


@pytest.mark.parametrize(
    ("form", "values", "text"),
    [
        ("plain", (), "plain"),
        ("%s:%s", ("a", "b"), "a:b"),
        ("%v", (1,), "1"),
        ("%d%%", (5,), "5%"),
        ("%5d|%-5d|", (1, 2), "    1|2    |"),
        ("%d", (), "%!d(MISSING)"),
        ("%d", (1, 2), "1%!(EXTRA int=2)"),
        ("%", (), "%!(NOVERB)"),
        ("%z", ("a",), "%!z(string=a)"),
        ("%!", ("a",), "%!!(string=a)"),
        ("%[2]s %[1]s", ("a", "b"), "b a"),
        ("%[3]d", (1,), "%!d(BADINDEX)"),
        ("%[x]d", (1,), "%!d(BADINDEX)"),
        ("%[", (1,), "%!(NOVERB)"),
        ("%[1]", (1,), "%!(NOVERB)"),
        ("%[1d", (1,), "%!d(BADINDEX)"),
        ("%[1]2d", (1,), "%!d(BADINDEX)"),
        ("%[2].3d", (1, 2), "%!d(BADINDEX)"),
        ("%*d", (5, 1), "    1"),
        ("%-*d|", (5, 1), "1    |"),
        ("%*d|", (-5, 1), "1    |"),
        ("%*d", ("a", 1), "%!(BADWIDTH)1"),
        ("%*d", (10_000_000, 1), "%!(BADWIDTH)1"),
        ("%*d", (True, 1), "%!(BADWIDTH)1"),
        ("%*d", (), "%!(BADWIDTH)%!d(MISSING)"),
        ("%.*f", (1, 2.55), "2.5"),
        ("%.*f", (-1, 2.5), "%!(BADPREC)2.500000"),
        ("%.f", (2.5,), "2"),
        ("%.d", (0,), ""),
        ("%99999999d", (1,), "%!(NOVERB)%!(EXTRA int=1)"),
        ("%d", (None,), "%!d(<nil>)"),
        ("x", (None,), "x%!(EXTRA <nil>)"),
        ("x", (1, "a"), "x%!(EXTRA int=1, string=a)"),
        ("%é", (1,), "%!é(int=1)"),
        ("%+v %v", (1, "a"), "1 a"),
        ("%w", (1,), "%!w(int=1)"),
        ("%s", (1,), "%!s(int=1)"),
        ("%x\n", ("a",), "61\n"),
    ],
)
def test_formats(form: str, values: tuple[object, ...], text: str) -> None:
    assert sprintf(form, *values) == text


def test_a_byte_that_is_no_text_is_a_bad_verb() -> None:
    assert sprintf("%" + to_string(b"\xff"), 1) == "%!\ufffd(int=1)"


def test_too_large() -> None:
    for form, values in [
        ("%s%s", ("abc", "defg")),
        ("%1000000d", (1,)),
        ("%.1000000f", (1.5,)),
        ("%.1000000d", (1,)),
        ("%s%v", ("abcd", 1)),
    ]:
        with pytest.raises(TooLargeError):
            sprintf(form, *values, limit=4)
    with pytest.raises(TooLargeError):
        sprint([1, 2, 3], limit=4)
    with pytest.raises(TooLargeError):
        sprintln("abcd", limit=4)
    assert sprintf("%s%s", "ab", "cd", limit=4) == "abcd"
