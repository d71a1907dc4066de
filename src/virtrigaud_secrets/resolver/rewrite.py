"""`dataFrom[].rewrite`: new names for what was found, or one secret made of several (ESO §2.5).

Sees names before conversion and values before decoding; which names a Secret may have is the matter of `keys`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import DecodingError, SecretsError
from virtrigaud_secrets.golang import encoding_json
from virtrigaud_secrets.golang.encoding_json import Decoded, JSONError
from virtrigaud_secrets.golang.reflect import to_bytes, to_string
from virtrigaud_secrets.resolver.values import Value
from virtrigaud_secrets.stores.stringification import as_bytes

if TYPE_CHECKING:
    from virtrigaud_secrets.models.external_secret import (
        ExternalSecretRewrite,
        RewriteMerge,
        RewriteRegexp,
        RewriteTransform,
    )
    from virtrigaud_secrets.template import Template

TEMPLATE_NAME: Final = "transform"
"""What errors call the template of a transform."""


def rewrite(
    operations: Sequence[ExternalSecretRewrite], values: Mapping[str, Value], *, field: str
) -> dict[str, Value]:
    """`values` after each operation in turn.

    Where two names become one, the value whose old name sorts last stays: ESO keeps either.

    Args:
        operations: `rewrite` of one entry.
        values: what the entry found, by name.
        field: where the manifest says so, for errors.

    Raises:
        DecodingError: a merge meets a value that is no JSON object, a conflict, or a priority for what is not there.
        RegexpError: a pattern is no regular expression of Go.
        TemplateError: a template cannot be parsed or executed.
    """
    found = dict(values)
    for index, operation in enumerate(operations):
        try:
            found = _apply(operation, found)
        except SecretsError as error:
            raise error.at("", f"{field}.rewrite[{index}]") from None
    return found


def faults(operations: Sequence[ExternalSecretRewrite], *, field: str) -> Iterator[SecretsError]:
    """What can be told of operations before anything is read: such an entry need not be asked for."""
    for index, operation in enumerate(operations):
        try:
            _check(operation)
        except SecretsError as error:
            yield error.at("", f"{field}.rewrite[{index}]")


def _apply(operation: ExternalSecretRewrite, values: dict[str, Value]) -> dict[str, Value]:
    if operation.merge is not None:
        return _merged(operation.merge, values)
    if operation.regexp is not None:
        return _replaced(operation.regexp, values)
    if operation.transform is not None:
        return _transformed(operation.transform, values)
    return values


def _check(operation: ExternalSecretRewrite) -> None:
    from virtrigaud_secrets.golang.regexp import compile_pattern

    if operation.merge is not None:
        _check_into(operation.merge)
    if operation.regexp is not None:
        compile_pattern(operation.regexp.source)
    if operation.transform is not None:
        _template(operation.transform)


def _replaced(operation: RewriteRegexp, values: Mapping[str, Value]) -> dict[str, Value]:
    from virtrigaud_secrets.golang.regexp import compile_pattern

    pattern = compile_pattern(operation.source)
    return {pattern.replace_all(name, operation.target): values[name] for name in sorted(values)}


def _transformed(operation: RewriteTransform, values: Mapping[str, Value]) -> dict[str, Value]:
    made = _template(operation)
    return {to_string(made.render({"value": to_bytes(name)})): values[name] for name in sorted(values)}


def _template(operation: RewriteTransform) -> Template:
    from virtrigaud_secrets import template

    # Neither ESO's flags for delimiters nor `missingkey=error` reach this one.
    return template.compile(operation.template, name=TEMPLATE_NAME, options=template.Options(missing_key="default"))


def _merged(operation: RewriteMerge, values: dict[str, Value]) -> dict[str, Value]:
    members, conflicts = _members(operation, values)
    if conflicts and operation.conflict_policy == "Error":
        raise DecodingError(f"merge finds keys in more than one secret: {', '.join(conflicts)}")
    if operation.strategy == "Extract":
        return {key: Value(as_bytes(member), source.origins) for key, (member, source) in members.items()}
    _check_into(operation)
    joined = encoding_json.marshal({key: member for key, (member, _) in members.items()}, escape_html=False)
    origins = tuple(dict.fromkeys(origin for value in values.values() for origin in value.origins))
    return values | {operation.into: Value(to_bytes(joined), origins)}


def _check_into(operation: RewriteMerge) -> None:
    if operation.strategy == "JSON" and not operation.into:
        raise DecodingError("merge with strategy JSON needs the key `into`")


def _members(
    operation: RewriteMerge, values: Mapping[str, Value]
) -> tuple[dict[str, tuple[Decoded, Value]], list[str]]:
    """The top-level members of all values, a later source's over an earlier one's; and those found twice."""
    members: dict[str, tuple[Decoded, Value]] = {}
    conflicts: dict[str, None] = {}
    for name in (*sorted(values.keys() - set(operation.priority)), *operation.priority):
        source = values.get(name)
        if source is None:
            if operation.priority_policy == "IgnoreNotFound":
                continue
            raise DecodingError(f'merge has a priority for "{name}", which was not found')
        found = _object(source.data)
        if found is None:
            raise DecodingError(f'merge needs JSON objects, and "{name}" is none')
        conflicts.update(dict.fromkeys(key for key in found if key in members))
        members.update({key: (member, source) for key, member in found.items()})
    return members, list(conflicts)


def _object(text: bytes) -> Mapping[str, Decoded] | None:
    """The members of a JSON object, numbers as floats; None where it is none. Go reads null as an empty one."""
    try:
        found = encoding_json.unmarshal(text)
    except JSONError:
        return None
    if found is None:
        return {}
    return found if isinstance(found, dict) else None
