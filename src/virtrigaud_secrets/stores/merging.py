"""A property of a secret that is one JSON text: how a push writes and removes it. No I/O, no backend.

Values travel as `Sensitive`, and reasons are returned, not raised: a traceback may show local variables.
"""

from __future__ import annotations

from virtrigaud_secrets import gjson
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.assignment import Refusal, assign, remove
from virtrigaud_secrets.stores.base import is_text


def with_property(current: Sensitive | None, name: str, value: Sensitive) -> Sensitive | Refusal:
    """The text with `value` at the path `name`, everything else as it was (sjson's set, as ESO calls it).

    Args:
        current: the text, None where there is none yet.
        name: the property, a path.
        value: what to write.
    """
    if not is_text(value):
        return Refusal("the value is not UTF-8 text, which JSON cannot hold")
    if current is not None and not is_text(current):
        return Refusal("it is there and is not JSON")
    made = assign("" if current is None else current.reveal_text(), name, value.reveal_text())
    return made if isinstance(made, Refusal) else Sensitive(made)


def without_property(current: Sensitive, name: str) -> Sensitive | None:
    """The text without the property; None where the text has no such one."""
    if not is_text(current):
        return None
    left = remove(current.reveal_text(), name)
    return None if left is None else Sensitive(left)


def has_property(current: Sensitive, name: str) -> bool:
    """Whether the text has the property."""
    try:
        return gjson.get(current.reveal(), name).exists
    except gjson.PathLimitError:
        return False


def is_empty(text: Sensitive) -> bool:
    """Whether a JSON text is an object without members."""
    return text.reveal().strip().replace(b" ", b"") == b"{}"
