r"""Where the pattern languages of Go's `regexp` and C++ RE2 part ways.

Rewrites a Go pattern for google-re2 and words RE2's complaints as Go does. It compiles and matches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from virtrigaud_secrets.golang.unicode_complement import left_out_by


@dataclass(frozen=True, slots=True)
class Translation:
    """A pattern of Go as RE2 must read it."""

    text: bytes
    """The pattern."""
    classes: Mapping[str, str]
    """Character class that stands there in place of another → as it was written."""


class SyntaxFault(Exception):  # noqa: N818  # internal: `regexp` turns it into its RegexpError
    """Go refuses the pattern although RE2 would not. The text is Go's, without its prefix."""

    before = Translation(b"", {})
    """What stands in front of the fault: a fault in there is what Go would tell."""


_TOKEN: Final = re.compile(
    r"""\\Q(?P<literal>.*?)(?:\\E|\Z)
      | \\(?P<sign>[pP])(?:\{(?P<name>[^}]*)\}|(?P<letter>[A-Za-z])|(?P<endless>\{[^}]*\Z))
      | \\(?P<escaped>.)
      | (?P<parenthesis>\((?:\?P?<(?P<group>[^>]*)>)?|\))
      | (?P<open>\[\^?\]?)
    """,
    re.VERBOSE | re.DOTALL,
)
_CLASS_TOKEN: Final = re.compile(
    r"""\\(?P<sign>[pP])(?:\{(?P<name>[^}]*)\}|(?P<letter>[A-Za-z])|(?P<endless>\{[^}]*\Z))
      | \\(?P<escaped>.)
      | \[:.*?:\]
      | (?P<close>\])
    """,
    re.VERBOSE | re.DOTALL,
)
_ENDLESS_NAME: Final = re.compile(r"\(\?P?<[^>]+\Z")
_COUNT: Final = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_NOT_UTF8: Final = re.compile("[\ud800-\udfff]")

_GO_WORDS: Final = {
    "invalid escape sequence": "invalid escape sequence",
    "invalid character class": "invalid character class",
    "bad character class": "invalid character class",
    "invalid character class range": "invalid character class range",
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "unexpected )": "unexpected )",
    "trailing \\": "trailing backslash at end of expression",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
}
"""RE2's wording to Go's."""

_OF_ALL: Final = frozenset({"missing closing )", "unexpected )"})
"""What Go says of the pattern as a whole."""

INCOMPLETE: Final = ("missing closing", "trailing backslash")
"""How complaints begin that are about the end of the pattern."""

MAX_REPEAT: Final = 1000
"""The highest count of a repetition."""
MAX_DEPTH: Final = 1000
"""Parentheses within parentheses: Go's own limit for the height of a pattern."""
REPEATED_NAME: Final = "\u00e9"
"""Appended once more to each further group of one name: Go allows repeated names, RE2 tells only the first. No name of
Go's can hold this letter."""

_CATEGORIES: Final = frozenset(
    "C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs".split()  # noqa: SIM905  # readable
)
_CATEGORY_ALIASES: Final = {
    "Casedletter": "LC", "Closepunctuation": "Pe", "Combiningmark": "M", "Connectorpunctuation": "Pc", "Control": "Cc",
    "Currencysymbol": "Sc", "Dashpunctuation": "Pd", "Decimalnumber": "Nd", "Enclosingmark": "Me",
    "Finalpunctuation": "Pf", "Format": "Cf", "Initialpunctuation": "Pi", "Letter": "L", "Letternumber": "Nl",
    "Lineseparator": "Zl", "Lowercaseletter": "Ll", "Mark": "M", "Mathsymbol": "Sm", "Modifierletter": "Lm",
    "Modifiersymbol": "Sk", "Nonspacingmark": "Mn", "Number": "N", "Openpunctuation": "Ps", "Other": "C",
    "Otherletter": "Lo", "Othernumber": "No", "Otherpunctuation": "Po", "Othersymbol": "So",
    "Paragraphseparator": "Zp", "Privateuse": "Co", "Punctuation": "P", "Separator": "Z", "Spaceseparator": "Zs",
    "Spacingmark": "Mc", "Surrogate": "Cs", "Symbol": "S", "Titlecaseletter": "Lt", "Unassigned": "Cn",
    "Uppercaseletter": "Lu", "Cntrl": "Cc", "Digit": "Nd", "Punct": "P",
}  # fmt: skip
"""Unicode's long category names as Go looks them up: one capital, no blanks, hyphens or underscores."""

_ASSIGNED: Final = r"\pL\pM\pN\pP\pS\pZ\pC"
_SETS: Final = {
    "Ascii": (r"\x00-\x7F", r"\x{80}-\x{10FFFF}"),
    "Lc": (r"\p{Lu}\p{Ll}\p{Lt}", None),
    "LC": (r"\p{Lu}\p{Ll}\p{Lt}", None),
    "Cn": (None, _ASSIGNED),
    "Assigned": (_ASSIGNED, None),
    "Any": (r"\x00-\x{10FFFF}", None),
}
"""Classes only Go knows: what stands inside brackets for the set and for its complement, if anything can."""


def to_re2(pattern: str) -> Translation:
    """The pattern as google-re2 must read it to mean what it means in Go.

    Raises:
        SyntaxFault: Go refuses what RE2 would take.
    """
    if _NOT_UTF8.search(pattern):
        raise SyntaxFault(f"invalid UTF-8: `{pattern}`")
    out: list[str] = []
    classes: dict[str, str] = {}
    try:
        _translate(pattern, out, classes)
    except SyntaxFault as fault:
        fault.before = Translation("".join(out).encode(), classes)
        raise
    return Translation("".join(out).encode(), classes)


def _translate(pattern: str, out: list[str], classes: dict[str, str]) -> None:
    """Add the pieces of the translation to `out`, as far as it goes."""
    names: dict[str, int] = {}
    at = depth = 0
    in_class = False
    while (token := (_CLASS_TOKEN if in_class else _TOKEN).search(pattern, at)) is not None:
        out.append(pattern[at : token.start()])
        at = token.end()
        found = token.groupdict()
        depth += _depth_change(found.get("parenthesis"))
        try:
            out.append(_piece(token, names, classes, in_class=in_class, depth=depth))
        except SyntaxFault:
            # Behind an escape or flag that is no good, RE2 quotes one piece more.
            out.append("(" if found.get("parenthesis") else token[0])
            raise
        in_class ^= bool(found.get("open") or found.get("close"))
    out.append(pattern[at:])


def _piece(token: re.Match[str], names: dict[str, int], classes: dict[str, str], *, in_class: bool, depth: int) -> str:
    """What stands for a token in the translation."""
    found = token.groupdict()
    if depth > MAX_DEPTH:
        raise SyntaxFault(f"expression nests too deeply: `{token.string}`")
    if found["endless"]:
        raise SyntaxFault(f"invalid character class range: `{token[0]}`")
    name = found["name"] if found["name"] is not None else found["letter"]
    if name is not None:
        made = _unicode_class(token[0], name, inverted=found["sign"] == "P", in_class=in_class)
        classes[made] = token[0]
        return made
    if found.get("group"):
        return _group(token[0], found["group"], names)
    if found["escaped"] == "C" and not in_class:
        raise SyntaxFault(f"invalid escape sequence: `{token[0]}`")
    if found.get("parenthesis") == "(" and _ENDLESS_NAME.match(token.string, token.start()):
        # Also what looks behind, which Go takes for a name that has no end.
        raise SyntaxFault(f"invalid named capture: `{token.string[token.start() :]}`")
    return token[0]


def _depth_change(parenthesis: str | None) -> int:
    if not parenthesis:
        return 0
    return -1 if parenthesis == ")" else 1


def _group(text: str, name: str, names: dict[str, int]) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]+", name):
        raise SyntaxFault(f"invalid named capture: `{text}`")
    seen = names.get(name, 0)
    names[name] = seen + 1
    return f"(?P<{name}{REPEATED_NAME * seen}>"


def _unicode_class(text: str, name: str, *, inverted: bool, in_class: bool) -> str:
    inverted ^= name.startswith("^")
    bare = name.removeprefix("^")
    canonical = re.sub("[-_ ]", "", bare)
    canonical = canonical[:1].upper() + canonical[1:].lower()
    actual = _CATEGORY_ALIASES.get(canonical, canonical)
    if actual not in _SETS:
        # Go looks scripts up without underscores, and so knows none whose name has one; nor does RE2 without it.
        if not bare.isascii():
            raise SyntaxFault(f"invalid character class range: `{text}`")
        return text if actual == bare else rf"\{'P' if inverted else 'p'}{{{actual}}}"
    positive, complement = _SETS[actual]
    if not in_class:
        return f"[{'^' if inverted else ''}{positive}]" if positive else f"[{'' if inverted else '^'}{complement}]"
    inner, outer = (complement, positive) if inverted else (positive, complement)
    return inner or left_out_by(outer or "")


def from_re2_message(message: object, pattern: str, classes: Mapping[str, str]) -> str:
    """RE2's complaint about the translation of `pattern`, in Go's words."""
    text = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
    reason, colon, place = text.partition(": ")
    words = _GO_WORDS.get(reason)
    if reason == "invalid UTF-8":
        # The pattern was looked through: it is what RE2 says of a number that ends before it began.
        words, colon, place = "invalid escape sequence", ":", r"\x{"
    if words is None:
        return f"expression too large or nested too deeply: `{pattern[:80]}`"
    if words in _OF_ALL:
        place = pattern
    if words == "invalid escape sequence" and place in {r"\p", r"\P"} and re.search(r"(?<!-)\\[pP]\Z", pattern):
        words = "invalid character class range"
    if words in {"invalid repeat count", "invalid nested repetition operator"} and (count := _bad_count(place)):
        words, place = "invalid repeat count", count
    for made, written in classes.items():
        place = place.replace(made, written)
    return f"{words}: `{place if colon else ''}`"


def _bad_count(operators: str) -> str:
    """The count among repetition operators that is no good, which Go looks at before how they are nested."""
    for found in _COUNT.finditer(operators):
        low, ranged, high = int(found[1]), found[2], found[3]
        if low > MAX_REPEAT or (ranged and high and (int(high) > MAX_REPEAT or int(high) < low)):
            return found[0]
    return ""
