"""Evaluates a GJSON path against raw JSON text.

Follows tidwall/gjson 1.18 also where a document is no JSON. Scanning, taking paths apart, conditions and modifiers live
in their own modules.
"""

from __future__ import annotations

import re
from typing import Final

from virtrigaud_secrets.gjson.limits import Budget
from virtrigaud_secrets.gjson.modifiers import MODIFIERS, quote
from virtrigaud_secrets.gjson.path import (
    ArrayStep,
    Query,
    Selector,
    Step,
    array_step,
    last_name,
    object_step,
    selectors,
    split_pipe,
)
from virtrigaud_secrets.gjson.query import like, matches
from virtrigaud_secrets.gjson.result import MISSING, Kind, Result
from virtrigaud_secrets.gjson.scan import (
    ARRAY_END,
    CONTAINER,
    ELEMENT,
    VALUE,
    container_end,
    next_key,
    next_value,
    parse,
    read_value,
    squash,
)
from virtrigaud_secrets.gjson.validity import is_valid

_FIRST_CONTAINER: Final = re.compile(r"[{\[]")
_HEAD: Final = re.compile(r"[^|.]*")
_MODIFIER: Final = re.compile(r"@([^:|.]*)(:?)")
_WORDS: Final = frozenset({"true", "false", "null", "nan", "inf"})
_JSON_BLANKS: Final = re.compile(r"[ \t\r\n]*")


def evaluate(text: str, path: str, budget: Budget) -> Result:
    """The value the path finds in the text.

    Raises:
        PathLimitError: the budget does not suffice.
    """
    budget.descend()
    try:
        # Each turn follows one pipe, so that a long chain needs no stack.
        while True:
            budget.spend(len(text))
            if path[:1] in {"[", "{"} and len(path) > 1:
                members, rest = selectors(path)
                if members is not None:
                    text = _multipath(text, path[0], members, budget)
                    if not rest:
                        return Result(Kind.JSON, text)
                    path = rest[1:]
                    continue
                path = rest
            else:
                made = _made_text(text, path, budget)
                if made is not None:
                    text, path = made
                    if path[:1] not in {"|", "."}:
                        return parse(text)
                    path = path[1:]
                    continue
            search = _Search(text, budget)
            search.run(path)
            if search.pipe is None:
                return search.value
            text, path = search.value.raw, search.pipe
    finally:
        budget.ascend()


def _made_text(text: str, path: str, budget: Budget) -> tuple[str, str] | None:
    """What a leading modifier or literal makes of the text, and the path after it; None if there is neither."""
    if len(path) < 2:  # noqa: PLR2004  # `@` and `!` alone are keys
        return None
    if path[0] == "@":
        return _modified(text, path, budget)
    return _literal(path) if path[0] == "!" else None


def _modified(text: str, path: str, budget: Budget) -> tuple[str, str] | None:
    head = _MODIFIER.match(path)
    modifier = MODIFIERS.get(head[1]) if head else None
    if head is None or modifier is None:
        return None
    rest = path[head.end() :]
    argument = ""
    if head[2] and rest:
        end = len(squash(rest)) if rest[0] in '{["' else _bare_argument_end(rest)
        argument, rest = rest[:end], rest[end:]
    made = modifier(text, argument, lambda raw, inner: evaluate(raw, inner, budget), budget)
    budget.spend(len(made))
    return made, rest


def _bare_argument_end(rest: str) -> int:
    at = 0
    while at < len(rest) and rest[at] != "|":
        at += len(squash(rest[at:])) if rest[at] in '{["(' else 1
    return at


def _literal(path: str) -> tuple[str, str] | None:
    name = path[1:]
    if name[0] in '{["+-0123456789':
        # Whatever the first character, GJSON looks for a closing bracket.
        end = min(container_end(name, 0), len(name))
        return name[:end], name[end:]
    head = _HEAD.match(name)
    end = head.end() if head else 0
    return (name[:end], name[end:]) if name[:end].lower() in _WORDS else None


def _multipath(text: str, kind: str, members: list[Selector], budget: Budget) -> str:
    parts: list[str] = []
    for member in members:
        found = evaluate(text, member.path, budget)
        if not found.exists:
            continue
        value = found.raw or found.text or "null"
        parts.append(f"{_member_name(member)}:{value}" if kind == "{" else value)
    made = ",".join(parts)
    budget.spend(len(made))
    return f"{{{made}}}" if kind == "{" else f"[{made}]"


def _member_name(member: Selector) -> str:
    name = member.name
    if not name:
        return quote(last_name(member.path))
    return name if name[0] == '"' and is_valid(name) else quote(name)


class _Search:
    """One walk through a text along a path, up to the first pipe."""

    __slots__ = ("_budget", "_text", "pipe", "value")

    def __init__(self, text: str, budget: Budget) -> None:
        self._text = text
        self._budget = budget
        self.value = MISSING
        """What was found."""
        self.pipe: str | None = None
        """The path to be taken from the value found."""

    def run(self, path: str) -> None:
        """Start at the first array or object of the text; `..` makes its lines the elements of an array."""
        if path.startswith(".."):
            self._array(0, path[2:])
            return
        start = _FIRST_CONTAINER.search(self._text)
        if start is not None:
            walk = self._object if start[0] == "{" else self._array
            walk(start.end(), path)

    def _enter(self, step: Step, opening: int) -> tuple[int, bool]:
        """Take the rest of a path in the container that opens there."""
        self._budget.descend()
        walk = self._object if self._text[opening] == "{" else self._array
        outcome = walk(opening + 1, step.rest or "")
        self._budget.ascend()
        return outcome

    def _note_pipe(self, step: Step) -> None:
        if step.rest is None and step.pipe is not None:
            self.pipe = step.pipe

    def _object(self, at: int, path: str) -> tuple[int, bool]:
        """Search an object's members from `at` on; the position after it and whether the search is over."""
        text = self._text
        step, wild = object_step(path)
        self._note_pipe(step)
        while True:
            key, at = next_key(text, at)
            if key is None:
                return at, False
            found = VALUE.match(text, at)
            if found is None:
                return len(text), False
            name = key[1:-1] if "\\" not in key else Result(Kind.STRING, key).text
            if not (like(name, step.part) if wild else name == step.part):
                at = container_end(text, found.start(CONTAINER)) if found.lastindex == CONTAINER else found.end()
            elif step.rest is None:
                self.value, at = read_value(text, found)
                return at, True
            elif found.lastindex == CONTAINER:
                at, over = self._enter(step, found.start(CONTAINER))
                if over:
                    return at, True
            else:
                at = found.end()

    def _array(self, at: int, path: str) -> tuple[int, bool]:
        """As `_object`, for an array's elements."""
        step = array_step(path)
        self._note_pipe(step.step)
        if step.query is not None:
            return self._queried(at, step, step.query)
        if step.counting:
            return self._counted(at, step)
        wanted = step.position
        count = 0
        while (found := self._element(at)) is not None and found.lastindex != ARRAY_END:
            mine = count == wanted
            count += 1
            if mine and step.step.rest is None:
                self.value, at = read_value(self._text, found)
                return at, True
            if mine and found.lastindex == CONTAINER:
                at, over = self._enter(step.step, found.start(CONTAINER))
                if over:
                    return at, True
            else:
                at = self._after(found)
        return found.end() if found else len(self._text), False

    def _element(self, at: int) -> re.Match[str] | None:
        return ELEMENT.match(self._text, at) if at <= len(self._text) else None

    def _after(self, found: re.Match[str]) -> int:
        return container_end(self._text, found.start(CONTAINER)) if found.lastindex == CONTAINER else found.end()

    def _counted(self, at: int, step: ArrayStep) -> tuple[int, bool]:
        """`#` and `#.path`; any other part with a `#` names nothing."""
        starts: list[int] = []
        while (found := self._element(at)) is not None and found.lastindex != ARRAY_END:
            starts.append(at)
            at = self._after(found)
        if found is None:
            return len(self._text), False
        if step.step.part != "#":
            return found.end(), False
        if step.each is None:
            self.value = Result(Kind.NUMBER, str(len(starts)))
        else:
            self._collect([*starts, at], step.each)
        return found.end(), True

    def _collect(self, starts: list[int], each: str) -> None:
        """The value of a path in every element, as an array."""
        path, pipe = split_pipe(each)
        if pipe is not None:
            self.pipe = pipe
        parts: list[str] = []
        for start in starts:
            blanks = _JSON_BLANKS.match(self._text, start)
            at = blanks.end() if blanks else start
            if self._text[at : at + 1] in {"", "]"}:
                continue
            element, _ = next_value(self._text, at)
            if element is None:
                continue
            found = evaluate(element.raw, path, self._budget)
            if found.exists:
                parts.append(found.raw or found.text)
        self.value = Result(Kind.JSON, f"[{','.join(parts)}]")

    def _queried(self, at: int, step: ArrayStep, query: Query) -> tuple[int, bool]:
        """The first element that meets the condition, or all of them, and the rest of the path in each."""
        rest = step.step.rest
        parts: list[str] = []
        while (found := self._element(at)) is not None and found.lastindex != ARRAY_END:
            element, at = read_value(self._text, found)
            if not self._meets(element, query):
                continue
            if rest is not None:
                rest, pipe = split_pipe(rest)
                self.pipe = self.pipe if pipe is None else pipe
                element = evaluate(element.raw, rest, self._budget)
            if not query.every:
                self.value = element
                return at, True
            raw = element.raw or element.text
            if raw:
                parts.append(raw)
        if found is None:
            return len(self._text), False
        if query.every and not self.value.exists:
            self.value = Result(Kind.JSON, f"[{','.join(parts)}]")
        return found.end(), False

    def _meets(self, element: Result, query: Query) -> bool:
        if element.kind is Kind.JSON:
            return matches(query, evaluate(element.raw, query.path, self._budget))
        return not query.path and matches(query, element)
