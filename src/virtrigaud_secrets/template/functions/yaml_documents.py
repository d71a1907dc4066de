"""ESO's `toYaml` and `fromYaml`, which never fail, over `golang.yaml_reading` and `golang.yaml_writing`."""

from __future__ import annotations

from typing import Final

from virtrigaud_secrets.golang.encoding_json import JSONError
from virtrigaud_secrets.golang.reflect import ANY, ANY_MAP, STRING
from virtrigaud_secrets.golang.yaml_reading import YAMLError, unmarshal_map
from virtrigaud_secrets.golang.yaml_writing import YAMLWriteError, marshal
from virtrigaud_secrets.template.functions.documents import to_json_value
from virtrigaud_secrets.template.functions.table import Context, Function, table

_BYTES_PER_STEP: Final = 1
"""Text read for the cost of one action: parsing is slow."""
_WRITTEN_PER_STEP: Final = 2
"""Text written for that cost."""


def _write(context: Context, value: object) -> str:
    try:
        text = marshal(to_json_value(context, value)).removesuffix("\n")
    except (JSONError, YAMLWriteError):
        return ""
    context.spend(len(text) // _WRITTEN_PER_STEP)
    return text


def _read(context: Context, text: str) -> dict[str, object]:
    context.spend(len(text) // _BYTES_PER_STEP)
    try:
        return {**unmarshal_map(text)}
    except YAMLError as error:
        # The text is a result that the template may print, as in ESO; it never becomes an exception's message.
        return {"Error": str(error)}


FUNCTIONS: Final = table(
    Function("toYaml", _write, (ANY,), STRING, context=True, walks=True),
    Function("fromYaml", _read, (STRING,), ANY_MAP, context=True),
)
"""YAML."""
