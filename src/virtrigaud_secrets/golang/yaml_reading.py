"""YAML as `sigs.k8s.io/yaml` reads it: YAML 1.1 by Go's `yaml` v2, and what JSON cannot hold is refused.

Tokens and structure are PyYAML's (libyaml where it is there, as Go's parser is its port); what scalars mean, merge
keys, aliases, limits and error texts are Go's. Error texts show parts of the document, as Go's do: they are results,
never exceptions' messages.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from virtrigaud_secrets.golang import base64
from virtrigaud_secrets.golang.reflect import to_bytes, to_string
from virtrigaud_secrets.golang.strconv import format_float, quote
from virtrigaud_secrets.golang.strings import runes
from virtrigaud_secrets.golang.yaml_scalars import PREFIX, Scalar, TagError, resolve, resolve_tagged

if TYPE_CHECKING:
    from yaml import Event, MarkedYAMLError

MAX_DEPTH: Final = 150
"""Collections inside each other. Go takes 10,000; Python's stack ends before that, documents of people far before."""
ALIAS_FREE_COUNT: Final = 100
"""Values decoded through aliases before their share is looked at."""
DECODE_FREE_COUNT: Final = 1000
"""Values decoded at all before that."""
_RATIO_LOW: Final = 400_000
_RATIO_HIGH: Final = 4_000_000

JSON: TypeAlias = "str | bool | float | list[JSON] | dict[str, JSON] | None"
"""What is read; numbers are floats, as after JSON."""
_Key: TypeAlias = "tuple[type, Scalar]"
_Value: TypeAlias = "Scalar | list[_Value] | dict[_Key, _Value]"


class YAMLError(ValueError):
    """Go would refuse the document. The text is Go's and may show parts of the document: a result, not to be logged."""


@dataclass(slots=True)
class _Node:
    kind: str
    """`scalar`, `sequence`, `mapping` or `alias`."""
    value: str = ""
    """A scalar's text, or an alias's name."""
    tag: str = ""
    plain: bool = False
    """Whether a scalar's type is to be found out."""
    children: list[_Node] = field(default_factory=list)
    target: _Node | None = None


def unmarshal(text: str) -> JSON:
    """The value of the first document, `None` if there is none.

    Raises:
        YAMLError: with what `sigs.k8s.io/yaml` says, without its own prefix for the step.
    """
    try:
        node = _Composer(text).compose()
        return None if node is None else _to_json(_Decoder().decode(node))
    except RecursionError:
        raise YAMLError("yaml: exceeded max depth") from None


def unmarshal_map(text: str) -> dict[str, JSON]:
    """The value of a document that is a mapping; empty if there is none.

    Raises:
        YAMLError: with what `sigs.k8s.io/yaml` says when asked for a `map[string]interface{}`.
    """
    try:
        value = unmarshal(text)
    except YAMLError as error:
        raise YAMLError(f"error converting YAML to JSON: {error}") from None
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise YAMLError(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
        f"{_json_kind(value)} into Go value of type map[string]interface {{}}"
    )


def _json_kind(value: JSON) -> str:
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "bool"
    return "array" if isinstance(value, list) else "number"


def unmarshal_strings(text: str) -> dict[str, str]:
    """The values of a document that is a mapping of texts. Numbers and booleans become text, null the empty one.

    A number that is not whole is written with the precision of 32 bits: so does Go's library when a text is wanted.

    Raises:
        YAMLError: the document is no mapping, or holds a list or mapping as a value.
    """
    try:
        node = _Composer(text).compose()
        value = None if node is None else _Decoder().decode(node)
    except RecursionError:
        raise YAMLError("yaml: exceeded max depth") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise YAMLError("expected a mapping of key to text")
    return {_key_text(key, item): _text(item) for (_, key), item in value.items()}


def _text(value: _Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return runes(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict)):
        raise YAMLError("expected a text, not a list or mapping")
    return format_float(value, "g", -1, 32) if isinstance(value, float) else str(value)


class _Composer:
    """Builds the tree of the first document from the parser's events."""

    def __init__(self, text: str) -> None:
        self._events = _events(text)
        self._anchors: dict[str, _Node] = {}

    def compose(self) -> _Node | None:
        """The document's root, `None` for an empty stream."""
        import yaml

        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        node = self._node(next(self._events), 0)
        next(self._events)
        return node

    def _node(self, event: Event, depth: int) -> _Node:
        import yaml

        if depth > MAX_DEPTH:
            raise YAMLError("yaml: exceeded max depth")
        if isinstance(event, yaml.AliasEvent):
            name = str(event.anchor)
            target = self._anchors.get(name)
            if target is None:
                raise YAMLError(f"yaml: unknown anchor '{name}' referenced")
            return _Node("alias", name, target=target)
        if isinstance(event, yaml.ScalarEvent):
            node = _Node("scalar", str(event.value), str(event.tag or ""), plain=bool(event.implicit[0]))
            self._remember(event.anchor, node)
            return node
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        node = _Node("mapping" if is_mapping else "sequence")
        self._remember(getattr(event, "anchor", None), node)
        end = yaml.MappingEndEvent if is_mapping else yaml.SequenceEndEvent
        while not isinstance(event := next(self._events), end):
            node.children.append(self._node(event, depth + 1))
        return node

    def _remember(self, anchor: object, node: _Node) -> None:
        if anchor is not None:
            self._anchors[str(anchor)] = node


def _events(text: str) -> Iterator[Event]:
    """The parser's events; its errors become Go's."""
    import yaml

    loader = getattr(yaml, "CLoader", yaml.Loader)
    try:
        yield from yaml.parse(to_bytes(text) or b"\n", Loader=loader)
    except yaml.reader.ReaderError as error:
        raise YAMLError(f"yaml: {error.reason}") from None
    except yaml.MarkedYAMLError as error:
        raise YAMLError(_message(error)) from None


def _message(marked: MarkedYAMLError) -> str:
    from yaml.scanner import ScannerError

    line, mark = 0, marked.problem_mark
    if mark is not None and mark.line:
        line = mark.line + isinstance(marked, ScannerError)
    elif marked.context_mark is not None:
        line = marked.context_mark.line
    where = f"line {line}: " if line else ""
    return f"yaml: {where}{marked.problem or 'unknown problem parsing YAML content'}"


class _Decoder:
    """Gives nodes their values, and refuses documents that aliases blow up."""

    def __init__(self) -> None:
        self._open_aliases: set[int] = set()
        self._decoded = 0
        self._through_aliases = 0

    def decode(self, node: _Node) -> _Value:
        """The value of a node."""
        self._count()
        if node.kind == "alias":
            return self._alias(node)
        if node.kind == "scalar":
            return _scalar(node)
        if node.kind == "sequence":
            return [self.decode(child) for child in node.children]
        members: dict[_Key, _Value] = {}
        self._mapping(node, members)
        return members

    def _count(self) -> None:
        self._decoded += 1
        self._through_aliases += bool(self._open_aliases)
        if self._through_aliases > ALIAS_FREE_COUNT and self._decoded > DECODE_FREE_COUNT:
            progress = min(max((self._decoded - _RATIO_LOW) / (_RATIO_HIGH - _RATIO_LOW), 0), 1)
            if self._through_aliases / self._decoded > 0.99 - 0.89 * progress:
                raise YAMLError("yaml: document contains excessive aliasing")

    def _enter(self, node: _Node) -> _Node:
        if id(node) in self._open_aliases or node.target is None:
            raise YAMLError(f"yaml: anchor '{node.value}' value contains itself")
        self._open_aliases.add(id(node))
        return node.target

    def _alias(self, node: _Node) -> _Value:
        target = self._enter(node)
        value = self.decode(target)
        self._open_aliases.discard(id(node))
        return value

    def _mapping(self, node: _Node, members: dict[_Key, _Value]) -> None:
        for key_node, value_node in zip(node.children[::2], node.children[1::2], strict=True):
            if key_node.kind == "scalar" and key_node.value == "<<" and _may_merge(key_node):
                self._merge(value_node, members)
                continue
            key = self.decode(key_node)
            if isinstance(key, (list, dict)):
                raise YAMLError(f"yaml: invalid map key: {_go_syntax(key)}")
            members[type(key), key] = self.decode(value_node)

    def _merge(self, node: _Node, members: dict[_Key, _Value]) -> None:
        """Put another mapping's members in; what comes later in the document wins."""
        if node.kind == "sequence":
            for child in reversed(node.children):
                self._merge_one(child, members)
        else:
            self._merge_one(node, members)

    def _merge_one(self, node: _Node, members: dict[_Key, _Value]) -> None:
        mapping = node.target if node.kind == "alias" else node
        if mapping is None or mapping.kind != "mapping":
            raise YAMLError("yaml: map merge requires map or sequence of maps as the value")
        self._count()
        if node.kind == "alias":
            self._enter(node)
            self._count()
        self._mapping(mapping, members)
        self._open_aliases.discard(id(node))


def _may_merge(node: _Node) -> bool:
    return node.plain or node.tag == f"{PREFIX}merge"


def _scalar(node: _Node) -> Scalar:
    if not node.tag:
        return resolve(node.value)[1] if node.plain else node.value
    if node.tag == f"{PREFIX}binary":
        try:
            return to_string(base64.decode(to_bytes(node.value)))
        except base64.Base64Error:
            raise YAMLError("yaml: !!binary value contains invalid base64 data") from None
    try:
        return resolve_tagged(node.tag, node.value)
    except TagError as error:
        raise YAMLError(f"yaml: {error}") from None


def _to_json(value: _Value) -> JSON:
    if isinstance(value, dict):
        return {_key_text(key, item): _to_json(item) for (_, key), item in value.items()}
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    if isinstance(value, str):
        return runes(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        raise YAMLError(f"json: unsupported value: {format_float(value)}")
    return float(value)


def _key_text(key: Scalar, value: _Value) -> str:
    if isinstance(key, str):
        return runes(key)
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, float):
        text = format_float(key, "g", -1, 32)
        return {"+Inf": ".inf", "-Inf": "-.inf", "NaN": ".nan"}.get(text, text)
    if isinstance(key, int) and key < 1 << 63:
        return str(key)
    name, shown = ("%!s(<nil>)", "<nil>") if key is None else ("uint64", f"{key:#x}")
    item = "<nil>" if value is None else _go_syntax(value)
    raise YAMLError(f"unsupported map key of type: {name}, key: {shown}, value: {item}")


def _go_syntax(value: _Value) -> str:  # noqa: PLR0911  # a table of types
    """What `%#v` prints."""
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format_float(value)
    if isinstance(value, int):
        return f"{value:#x}" if value >= 1 << 63 else str(value)
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(_go_syntax, value))}}}"
    members = ", ".join(f"{_go_syntax(key)}:{_go_syntax(item)}" for (_, key), item in value.items())
    return f"map[interface {{}}]interface {{}}{{{members}}}"
