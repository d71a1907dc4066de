import math
from collections.abc import Mapping

import pytest

from virtrigaud_secrets.golang.fmt import sprintf
from virtrigaud_secrets.golang.reflect import (
    ANY_MAP,
    ANY_SLICE,
    STRING_MAP,
    STRING_SLICE,
    Float32,
    GoObject,
    GoType,
    Int64,
    TypedMap,
    TypedSlice,
    Uint8,
    Uint64,
    pointer_to,
)
from virtrigaud_secrets.golang.strconv import to_float32


class Pair(GoObject):
    go_type = GoType("box.Pair", "struct")

    def go_fields(self) -> Mapping[str, object]:
        return {"A": 1, "B": "x"}


class PairPointer(Pair):
    go_type = pointer_to(Pair.go_type)


class Month(GoObject, int):
    go_type = GoType("time.Month", "int")

    def go_string(self) -> str:
        return "May"


class Channel(GoObject):
    go_type = GoType("chan int", "chan")


class Moment(GoObject):
    go_type = GoType("time.Time", "struct")

    def go_string(self) -> str:
        return "noon"

    def go_syntax(self) -> str:
        return "time.Date(1)"


STRINGS = TypedSlice(STRING_SLICE, ["x", "y"])


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        # integers
        ("%d", -5, "-5"),
        ("%+d", 5, "+5"),
        ("% d", 5, " 5"),
        ("%05d", -5, "-0005"),
        ("%-05d|", 5, "5    |"),
        ("%.3d", 5, "005"),
        ("%5.3d", -5, " -005"),
        ("%x", 255, "ff"),
        ("%X", 255, "FF"),
        ("%#x", 255, "0xff"),
        ("%#X", -255, "-0XFF"),
        ("%o", 8, "10"),
        ("%#o", 8, "010"),
        ("%O", 8, "0o10"),
        ("%b", 5, "101"),
        ("%#b", 5, "0b101"),
        ("%c", 0x41, "A"),
        ("%c", -1, "\ufffd"),
        ("%c", 0xD800, "\ufffd"),
        ("%q", 0x41, "'A'"),
        ("%+q", 0xE9, "'\\u00e9'"),
        ("%U", 0x1F600, "U+1F600"),
        ("%#U", 0x41, "U+0041 'A'"),
        ("%.6U", 0x41, "U+000041"),
        ("%U", -1, "U+FFFFFFFFFFFFFFFF"),
        ("%#U", 7, "U+0007"),
        ("%5.0d|", 0, "     |"),
        ("%05.0d|", 0, "     |"),
        ("%v", Int64(3), "3"),
        ("%#v", Uint8(3), "0x3"),
        ("%#v", 3, "3"),
        ("%x", Uint64(2**64 - 1), "f" * 16),
        ("%t", 1, "%!t(int=1)"),
        ("%t", True, "true"),
        ("%d", True, "%!d(bool=true)"),
        ("%05d", True, "%!d(bool=0true)"),
        ("%#o", 0, "0"),
        # floats
        ("%f", 1.5, "1.500000"),
        ("%.2f", -1.005, "-1.00"),
        ("%8.2f|", 1.5, "    1.50|"),
        ("%-8.2f|", 1.5, "1.50    |"),
        ("%08.2f", -1.5, "-0001.50"),
        ("%+f", 1.5, "+1.500000"),
        ("% f", 1.5, " 1.500000"),
        ("%+08.1f", 1.5, "+00001.5"),
        ("%e", 1.5, "1.500000e+00"),
        ("%E", 1.5, "1.500000E+00"),
        ("%F", 1.5, "1.500000"),
        ("%g", 1e6, "1e+06"),
        ("%G", 1e-7, "1E-07"),
        ("%#g", 1.0, "1.00000"),
        ("%#.3g", 100.0, "100."),
        ("%#v", 1.0, "1"),
        ("%#e", 1.0, "1.000000e+00"),
        ("%#.0f", 1.0, "1."),
        ("%#g", 0.0, "0.00000"),
        ("%x", 1.5, "0x1.8p+00"),
        ("%#x", 1.0, "0x1.0000p+00"),
        ("%#X", 1.0, "0X1.P+00"),
        ("%b", 1.0, "4503599627370496p-52"),
        ("%f", math.inf, "+Inf"),
        ("%05f|", -math.inf, " -Inf|"),
        ("% f", math.inf, " Inf"),
        ("%f", math.nan, "NaN"),
        ("%+f", math.nan, "+NaN"),
        ("%v", Float32(to_float32(0.1)), "0.1"),
        ("%d", 1.5, "%!d(float64=1.5)"),
        ("%v", 1 + 2j, "(1+2i)"),
        ("%.1f", 1 - 2j, "(1.0-2.0i)"),
        ("%d", 1j, "%!d(complex128=(0+1i))"),
        # strings
        ("%s", "hi", "hi"),
        ("%5s|", "hi", "   hi|"),
        ("%-5s|", "hi", "hi   |"),
        ("%05s", "hi", "000hi"),
        ("%.1s", "é€", "é"),
        ("%q", 'a"b', '"a\\"b"'),
        ("%#q", "ab", "`ab`"),
        ("%#q", "a`b", '"a`b"'),
        ("%+q", "é", '"\\u00e9"'),
        ("%.1q", "ab", '"a"'),
        ("%x", "hi", "6869"),
        ("%X", "\udcff", "FF"),
        ("% x", "hi", "68 69"),
        ("%#x", "hi", "0x6869"),
        ("%# x", "hi", "0x68 0x69"),
        ("%.1x", "hi", "68"),
        ("%5x|", "", "     |"),
        ("%#x", "", ""),
        ("%#v", "hi", '"hi"'),
        ("%d", "hi", "%!d(string=hi)"),
        ("%T", "hi", "string"),
        ("%5T|", 1, "  int|"),
        ("%p", "hi", "%!p(string=hi)"),
        ("%5v|", None, "<nil>|"),
        ("%T", None, "<nil>"),
        ("%s", None, "%!s(<nil>)"),
        # bytes
        ("%s", b"hi", "hi"),
        ("%v", b"hi", "[104 105]"),
        ("%x", b"hi", "6869"),
        ("%q", b"hi", '"hi"'),
        ("%#v", b"hi", "[]byte{0x68, 0x69}"),
        ("%t", b"h", "[%!t(uint8=104)]"),
        ("%v", [b"h"], "[[104]]"),
        ("%s", [b"h"], "[h]"),
        ("%#v", [b"h"], "[]interface {}{[]uint8{0x68}}"),
        # containers
        ("%v", [1, "a", None], "[1 a <nil>]"),
        ("%d", [1, "a", None], "[1 %!d(string=a) <nil>]"),
        ("%3v|", STRINGS, "[  x   y]|"),
        ("%q", STRINGS, '["x" "y"]'),
        ("%#v", STRINGS, '[]string{"x", "y"}'),
        ("%#v", [None], "[]interface {}{interface {}(nil)}"),
        ("%#v", TypedSlice(ANY_SLICE, is_nil=True), "[]interface {}(nil)"),
        ("%v", TypedSlice(ANY_SLICE, is_nil=True), "[]"),
        ("%v", {"b": 1, "a": [2]}, "map[a:[2] b:1]"),
        ("%#v", {"a": 1, "b": "x"}, 'map[string]interface {}{"a":1, "b":"x"}'),
        ("%#v", TypedMap(ANY_MAP, is_nil=True), "map[string]interface {}(nil)"),
        ("%v", TypedMap(ANY_MAP, is_nil=True), "map[]"),
        ("%v", TypedMap(STRING_MAP, {"k": "v"}), "map[k:v]"),
        ("%w", {"k": 2.5}, "%!w(map[string]interface {}=map[k:2.5])"),
        ("%p", TypedSlice(ANY_SLICE, is_nil=True), "0x0"),
        ("%#p", {}, "c000012000"),
        # objects
        ("%v", Pair(), "{1 x}"),
        ("%+v", Pair(), "{A:1 B:x}"),
        ("%#v", Pair(), 'box.Pair{A:1, B:"x"}'),
        ("%v", PairPointer(), "&{1 x}"),
        ("%#v", PairPointer(), '&box.Pair{A:1, B:"x"}'),
        ("%v", Month(5), "May"),
        ("%5s|", Month(5), "  May|"),
        ("%d", Month(5), "5"),
        ("%t", Month(5), "%!t(time.Month=5)"),
        ("%x", Month(5), "4d6179"),
        ("%v", [Month(5)], "[May]"),
        ("%v", Channel(), "?chan int?"),
        ("%v", Moment(), "noon"),
        ("%#v", Moment(), "time.Date(1)"),
        ("%T", Moment(), "time.Time"),
        ("%v", {"at": Moment()}, "map[at:noon]"),
        ("%w", Moment(), "%!w(time.Time={})"),
    ],
)
def test_values_under_verbs(form: str, value: object, text: str) -> None:
    assert sprintf(form, value) == text
