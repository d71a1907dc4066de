import pytest

from virtrigaud_secrets.template.nodes import Number
from virtrigaud_secrets.template.numbers import parse_number


@pytest.mark.parametrize(
    ("kind", "text", "integer", "unsigned", "real", "imaginary"),
    [
        ("number", "1", 1, 1, 1.0, None),
        ("number", "-1", -1, None, -1.0, None),
        ("number", "-0", 0, 0, 0.0, None),
        ("number", "0x10", 16, 16, 16.0, None),
        ("number", "18446744073709551615", None, 18446744073709551615, 18446744073709551615.0, None),
        ("number", "2.0", 2, 2, 2.0, None),
        ("number", "2.5", None, None, 2.5, None),
        ("number", "-2.0", -2, None, -2.0, None),
        ("number", "1e100", None, None, 1e100, None),
        ("number", "2i", None, None, None, 2j),
        ("number", "0i", 0, 0, 0.0, 0j),
        ("complex", "1+2i", None, None, None, 1 + 2j),
        ("complex", "1e+2-.5i", None, None, None, 100 - 0.5j),
        ("complex", "3+0i", 3, 3, 3.0, 3 + 0j),
        ("complex", "0x1p1+1i", None, None, None, 2 + 1j),
        ("character", "'a'", 97, 97, 97.0, None),
        ("character", "'\\n'", 10, 10, 10.0, None),
        ("character", "'\\xff'", 255, 255, 255.0, None),
        ("character", "'€'", 0x20AC, 0x20AC, 8364.0, None),
        ("character", "'\udcff'", 0xFFFD, 0xFFFD, 65533.0, None),
    ],
)
def test_a_constant_in_every_type(
    kind: str, text: str, integer: int | None, unsigned: int | None, real: float | None, imaginary: complex | None
) -> None:
    assert parse_number(kind, text, 7) == Number(text, integer, unsigned, real, imaginary, 7)


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("number", "08", "integer overflow"),
        ("number", "99999999999999999999", "integer overflow"),
        ("number", "1e1000", "value out of range"),
        ("number", "-", "invalid syntax"),
        ("number", "0x1i", "invalid syntax"),
        ("complex", "0o1+2i", "invalid syntax"),
        ("character", "''", "invalid syntax"),
        ("character", "'ab'", "malformed character constant"),
    ],
)
def test_what_is_no_constant(kind: str, text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_number(kind, text, 0)
