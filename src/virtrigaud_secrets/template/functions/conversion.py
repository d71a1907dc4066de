"""How sprig makes texts of any values: shared by the subjects that join, quote and name things.

Defines no template function.
"""

from __future__ import annotations

from virtrigaud_secrets.golang.fmt import sprint
from virtrigaud_secrets.golang.fmt_values import TooLargeError
from virtrigaud_secrets.golang.reflect import byte_length, is_slice, to_string
from virtrigaud_secrets.template.functions.table import Context


def printed(context: Context, value: object) -> str:
    """What `%v` prints.

    Raises:
        FunctionError: it would be too long.
    """
    try:
        return sprint(value, limit=context.limits.value_size)
    except TooLargeError:
        context.check_size(context.limits.value_size + 1)
        raise


def strval(context: Context, value: object) -> str:
    """The text itself, bytes as they are, otherwise what `%v` prints.

    Raises:
        FunctionError: it would be too long.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return to_string(value)
    return printed(context, value)


def strings_of(context: Context, value: object) -> list[str]:
    """A list's values as texts, without its nils; any other value alone, nil as nothing.

    Raises:
        FunctionError: together they are too long.
    """
    if is_slice(value):
        context.check_items(len(value))
        texts: list[str] = []
        size = 0
        for item in value:
            if item is None:
                continue
            text = item if type(item) is str else strval(context, item)
            size += byte_length(text)
            if size > context.limits.value_size:
                context.check_size(size)
            texts.append(text)
        return texts
    if isinstance(value, bytes):
        context.check_items(len(value))
        return [str(byte) for byte in value]
    return [] if value is None else [strval(context, value)]
