import pytest

from virtrigaud_secrets.golang.reflect import (
    ANY,
    ANY_MAP,
    ANY_SLICE,
    BYTES,
    INT_SLICE,
    MAX_INT,
    MIN_INT,
    STRING,
    STRING_MAP,
    Float32,
    GoObject,
    GoType,
    Int8,
    Int64,
    TypedMap,
    TypedSlice,
    Uint8,
    Uint64,
    byte_length,
    is_map,
    is_nil,
    is_slice,
    join_strings,
    kind_of,
    map_of,
    normalise,
    pointer_to,
    slice_of,
    sorted_keys,
    to_bytes,
    to_string,
    type_name,
    type_of,
    wrap_int,
)


class Point(GoObject):
    go_type = GoType("geo.Point", "struct")


@pytest.mark.parametrize(
    ("value", "name", "kind"),
    [
        (None, "<nil>", "invalid"),
        (True, "bool", "bool"),
        (1, "int", "int"),
        (Int64(1), "int64", "int64"),
        (Uint8(1), "uint8", "uint8"),
        (1.5, "float64", "float64"),
        (Float32(1.5), "float32", "float32"),
        (1j, "complex128", "complex128"),
        ("a", "string", "string"),
        (b"a", "[]uint8", "slice"),
        ([], "[]interface {}", "slice"),
        ({}, "map[string]interface {}", "map"),
        (TypedSlice(INT_SLICE, [1]), "[]int", "slice"),
        (TypedMap(STRING_MAP, {"a": "b"}), "map[string]string", "map"),
        (Point(), "geo.Point", "struct"),
    ],
)
def test_python_values_have_go_types(value: object, name: str, kind: str) -> None:
    assert type_name(value) == name
    assert kind_of(value) == kind


def test_what_is_no_go_value_is_refused() -> None:
    with pytest.raises(TypeError, match="set stands for no Go value"):
        type_of({1})


def test_there_is_one_object_a_type() -> None:
    assert slice_of(ANY) is ANY_SLICE
    assert map_of(STRING, ANY) is ANY_MAP
    assert pointer_to(Point.go_type) is pointer_to(Point.go_type)
    assert pointer_to(Point.go_type).name == "*geo.Point"
    assert repr(BYTES) == "<GoType []uint8>"


def test_which_types_have_a_nil() -> None:
    assert ANY.nilable
    assert ANY_MAP.nilable
    assert not STRING.nilable


@pytest.mark.parametrize(
    ("kind", "number", "wrapped"),
    [(Int8, 200, -56), (Int8, -129, 127), (Uint8, 256, 0), (Uint8, -1, 255), (Int64, 1 << 63, MIN_INT)],
)
def test_sized_integers_wrap(kind: type[Int8], number: int, wrapped: int) -> None:
    value = kind.wrap(number)
    assert value == wrapped
    assert type(value) is kind


def test_integers_wrap() -> None:
    assert wrap_int(MAX_INT + 1) == MIN_INT
    assert wrap_int(MIN_INT - 1) == MAX_INT
    assert wrap_int(5) == 5
    assert repr(Uint64(7)) == "Uint64(7)"


def test_nil() -> None:
    assert is_nil(None)
    assert is_nil(TypedSlice(ANY_SLICE, is_nil=True))
    assert is_nil(TypedMap(ANY_MAP, is_nil=True))
    assert not is_nil([])
    assert not is_nil("")


def test_slices_and_maps() -> None:
    assert is_slice([])
    assert is_slice(TypedSlice(INT_SLICE))
    assert not is_slice(b"")
    assert not is_slice("")
    assert is_map({})
    assert not is_map([])


def test_objects_show_nothing_by_default() -> None:
    point = Point()
    assert (point.go_string(), point.go_syntax(), dict(point.go_fields())) == (None, None, {})


def test_strings_hold_any_bytes() -> None:
    assert to_bytes(to_string(b"\xff\xc3\xa9")) == b"\xff\xc3\xa9"
    assert byte_length(to_string(b"\xffa")) == 2
    assert byte_length("abc") == 3


def test_parts_of_a_character_become_the_character() -> None:
    assert join_strings([to_string(b"\xc3"), to_string(b"\xa9")]) == "é"
    assert normalise("é") == "é"
    assert normalise("abc") == "abc"


def test_keys_are_sorted_by_bytes() -> None:
    assert sorted_keys({"b": 1, "a": 2, "B": 3}) == ["B", "a", "b"]
    escaped = to_string(b"\xff")
    assert sorted_keys({escaped: 1, "\U0001f600": 2, "\uffee": 3}) == ["\uffee", "\U0001f600", escaped]
