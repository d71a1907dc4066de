"""Go's `reflect.DeepEqual`. The template operators `eq` and `ne` have rules of their own, elsewhere."""

from __future__ import annotations

from virtrigaud_secrets.golang.reflect import is_map, is_nil, is_slice, type_of


def deep_equal(one: object, other: object) -> bool:
    """Whether two values are of one type and equal all the way down.

    The values must be acyclic and of bounded depth.
    """
    if type_of(one) is not type_of(other):
        return False
    if one is None or (one is other and not isinstance(one, float)):
        return True
    if is_slice(one) and is_slice(other):
        return is_nil(one) == is_nil(other) and len(one) == len(other) and all(map(deep_equal, one, other))
    if is_map(one) and is_map(other):
        if is_nil(one) != is_nil(other) or one.keys() != other.keys():
            return False
        return all(deep_equal(value, other[key]) for key, value in one.items())
    return one == other
