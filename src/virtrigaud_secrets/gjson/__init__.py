"""Paths into JSON text, as tidwall/gjson 1.18 reads them: what `remoteRef.property` means.

`get(text, path)` looks at the raw text. Nothing is parsed into Python objects, so raw values keep their blanks, numbers
their form, and duplicate keys their first value. Documents that are no JSON are read as leniently as GJSON reads them.
"""

from __future__ import annotations

from virtrigaud_secrets.gjson.evaluate import evaluate
from virtrigaud_secrets.gjson.limits import MAX_PATH_CHARACTERS, Budget, PathLimitError
from virtrigaud_secrets.gjson.result import Kind, Result, from_bytes
from virtrigaud_secrets.gjson.shortcut import compile_path

__all__ = ["Kind", "PathLimitError", "Result", "get"]

_KINDS = {1: Kind.STRING, 3: Kind.NUMBER, 4: Kind.JSON}
_LITERALS = {"t": Kind.TRUE, "f": Kind.FALSE, "n": Kind.NULL}


def get(json_text: str | bytes, path: str) -> Result:
    """The value the path finds, or a result that does not exist.

    Args:
        json_text: The document; bytes that are not UTF-8 come back as `surrogateescape`.
        path: A GJSON path.

    Raises:
        PathLimitError: the path asks for more work or depth than a look-up may cost. Nothing else is raised, whatever
            the texts are.
    """
    text = from_bytes(json_text) if isinstance(json_text, bytes) else json_text
    expression = compile_path(path)
    if expression is not None:
        found = expression.match(text)
        if found is not None:
            group = found.lastindex or 0
            raw = found[group]
            return Result(_KINDS.get(group) or _LITERALS[raw[0]], raw)
    if len(path) > MAX_PATH_CHARACTERS:
        raise PathLimitError(f"the property path is longer than {MAX_PATH_CHARACTERS} characters")
    return evaluate(text, path, Budget(text))
