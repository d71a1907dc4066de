"""Sprig's `urlParse` and `urlJoin` over `golang.url`. Nothing is resolved or fetched."""

from __future__ import annotations

from typing import Final

from virtrigaud_secrets.golang import url
from virtrigaud_secrets.golang.reflect import ANY_MAP, STRING
from virtrigaud_secrets.template.functions.table import Context, Function, FunctionError, table

_CHARACTERS_PER_STEP: Final = 2


def _parse(context: Context, text: str) -> dict[str, object]:
    context.spend(len(text) // _CHARACTERS_PER_STEP)
    try:
        parsed = url.parse(text)
    except url.URLError as error:
        raise FunctionError(f"unable to parse url: {error}") from None
    return {
        "scheme": parsed.scheme,
        "host": parsed.host,
        "hostname": parsed.hostname,
        "path": parsed.path,
        "query": parsed.raw_query,
        "opaque": parsed.opaque,
        "fragment": parsed.fragment,
        "userinfo": "" if parsed.user is None else str(parsed.user),
    }


def _part(parts: dict[str, object], key: str) -> str:
    value = parts.get(key, "")
    if not isinstance(value, str):
        raise FunctionError(f"unable to parse {key} key, must be of type string")
    return value


def _join(context: Context, parts: dict[str, object]) -> str:
    context.spend(sum(len(part) for part in parts.values() if isinstance(part, str)) // _CHARACTERS_PER_STEP)
    userinfo = _part(parts, "userinfo")
    user = None
    if userinfo:
        try:
            user = url.parse(f"proto://{userinfo}@host").user
        except url.URLError as error:
            raise FunctionError(f"unable to parse userinfo: {error}") from None
    joined = url.URL(
        scheme=_part(parts, "scheme"),
        user=user,
        host=_part(parts, "host"),
        path=_part(parts, "path"),
        raw_query=_part(parts, "query"),
        opaque=_part(parts, "opaque"),
        fragment=_part(parts, "fragment"),
    )
    return str(joined)


FUNCTIONS: Final = table(
    Function("urlParse", _parse, (STRING,), ANY_MAP, context=True),
    Function("urlJoin", _join, (ANY_MAP,), STRING, context=True),
)
"""URLs."""
