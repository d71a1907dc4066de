"""Versions and constraints by the rules of Go's `Masterminds/semver` v3: loose versions, `~`, `^`, `x`, ranges.

Nothing here knows of templates. Errors are `ValueError` with a text that holds no input.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, cast

MAX_UINT64 = 2**64 - 1
"""Largest number of a version's part: Go keeps them in a `uint64`."""

_IDENTIFIERS = r"([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*)"
_VERSION = re.compile(rf"v?([0-9]+)(\.[0-9]+)?(\.[0-9]+)?(-{_IDENTIFIERS})?(\+{_IDENTIFIERS})?")
_CONSTRAINT_VERSION = rf"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?(-{_IDENTIFIERS})?(\+{_IDENTIFIERS})?"
_OPERATORS = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^"
_WILDCARDS = frozenset({"x", "X", "*"})
_INVALID = "invalid semantic version"
_IMPROPER = "improper constraint"


class _Match(Protocol):
    def group(self, index: int, /) -> str | None: ...


class _Pattern(Protocol):
    def fullmatch(self, text: str, /) -> _Match | None: ...

    def finditer(self, text: str, /) -> list[_Match]: ...


@functools.cache
def _re2(pattern: str) -> _Pattern:
    """Compile with RE2: constraints nest repetitions, on which `re` can take exponential time."""
    import re2  # only those who compare versions pay for it

    compiled: object = re2.compile(pattern)  # pyright: ignore[reportUnknownMemberType]  # re2 has no types
    return cast("_Pattern", compiled)


@dataclass(frozen=True, slots=True)
class Version:
    """A version; `original` is the text it was read from."""

    major: int
    minor: int
    patch: int
    prerelease: str
    metadata: str
    original: str

    def __str__(self) -> str:
        """`1.2.3-pre+meta`, always with three numbers and without `v`."""
        text = f"{self.major}.{self.minor}.{self.patch}"
        if self.prerelease:
            text += f"-{self.prerelease}"
        if self.metadata:
            text += f"+{self.metadata}"
        return text

    def compare(self, other: Version) -> int:
        """Return -1, 0 or 1; metadata does not count, a pre-release is lower than its release."""
        mine, theirs = (self.major, self.minor, self.patch), (other.major, other.minor, other.patch)
        if mine != theirs:
            return 1 if mine > theirs else -1
        if not self.prerelease or not other.prerelease:
            return bool(other.prerelease) - bool(self.prerelease)
        return _compare_prereleases(self.prerelease, other.prerelease)

    def next_patch(self) -> Version:
        """The next patch version; of a pre-release, its release."""
        patch = self.patch if self.prerelease else (self.patch + 1) & MAX_UINT64
        return self._renamed(replace(self, patch=patch, prerelease="", metadata=""))

    def next_minor(self) -> Version:
        """The next minor version."""
        return self._renamed(replace(self, minor=(self.minor + 1) & MAX_UINT64, patch=0, prerelease="", metadata=""))

    def next_major(self) -> Version:
        """The next major version."""
        major = (self.major + 1) & MAX_UINT64
        return self._renamed(replace(self, major=major, minor=0, patch=0, prerelease="", metadata=""))

    def with_prerelease(self, prerelease: str) -> Version:
        """The same version with another pre-release; `ValueError` when it is none."""
        if prerelease:
            _check_prerelease(prerelease)
        return self._renamed(replace(self, prerelease=prerelease))

    def with_metadata(self, metadata: str) -> Version:
        """The same version with other metadata; `ValueError` when it is none."""
        if metadata:
            _check_metadata(metadata)
        return self._renamed(replace(self, metadata=metadata))

    def _renamed(self, version: Version) -> Version:
        return replace(version, original=("v" if self.original.startswith("v") else "") + str(version))


def parse_version(text: str) -> Version:
    """Read a version; missing parts are 0, leading zeros of numbers are let pass."""
    match = _VERSION.fullmatch(text)
    if match is None:
        raise ValueError(_INVALID)
    numbers = [_number((match[group] or "0").lstrip(".")) for group in (1, 2, 3)]
    prerelease, metadata = match[5] or "", match[8] or ""
    if prerelease:
        _check_prerelease(prerelease)
    return Version(numbers[0], numbers[1], numbers[2], prerelease, metadata, text)


def _number(digits: str) -> int:
    digits = digits.lstrip("0") or "0"
    if len(digits) > len(str(MAX_UINT64)) or int(digits) > MAX_UINT64:
        raise ValueError("version segment out of range")
    return int(digits)


def _is_identifier(text: str) -> bool:
    return text.isascii() and text.replace("-", "a").isalnum()


def _check_prerelease(text: str) -> None:
    for part in text.split("."):
        if not _is_identifier(part):
            raise ValueError("invalid prerelease string")
        if len(part) > 1 and part[0] == "0" and part.isdigit():
            raise ValueError("version segment starts with 0")


def _check_metadata(text: str) -> None:
    if not all(_is_identifier(part) for part in text.split(".")):
        raise ValueError("invalid metadata string")


def _compare_prereleases(one: str, other: str) -> int:
    mine, theirs = one.split("."), other.split(".")
    length = max(len(mine), len(theirs))
    mine += [""] * (length - len(mine))
    theirs += [""] * (length - len(theirs))
    for left, right in zip(mine, theirs, strict=True):
        if left != right:
            return 1 if _part_order(left) > _part_order(right) else -1
    return 0


def _part_order(part: str) -> tuple[int, int, str]:
    """Nothing is below a number, a number below a word; a number that fits no `uint64` is a word."""
    if not part:
        return (0, 0, "")
    if part.isdigit():
        digits = part.lstrip("0") or "0"
        if len(digits) <= len(str(MAX_UINT64)) and int(digits) <= MAX_UINT64:
            return (1, int(digits), "")
    return (2, 0, part)


@dataclass(frozen=True, slots=True)
class _Term:
    """One comparison of a constraint. `wild_*`: that part and those after it were left out or `x`."""

    operator: str
    version: Version
    wild: bool
    wild_minor: bool
    wild_patch: bool


@dataclass(frozen=True, slots=True)
class Constraint:
    """Alternatives, each a list of terms that must all hold."""

    alternatives: tuple[tuple[_Term, ...], ...]

    def check(self, version: Version) -> bool:
        """Whether `version` satisfies one of the alternatives.

        A pre-release satisfies only an alternative that itself names one.
        """
        for terms in self.alternatives:
            names_prerelease = any(term.version.prerelease for term in terms)
            if version.prerelease and not names_prerelease:
                continue
            if all(_CHECKS[term.operator](version, term) for term in terms):
                return True
        return False


def parse_constraint(text: str) -> Constraint:
    """Read `>= 1.2, < 2 || ~3.1` and the like; `ValueError` when it is none."""
    if not text.isascii():
        raise ValueError(_IMPROPER)
    term = rf"({_OPERATORS})\s*({_CONSTRAINT_VERSION})"
    valid = _re2(rf"(\s*{term}\s*)((?:\s+|,\s*){term}\s*)*")
    find = _re2(term)
    alternatives: list[tuple[_Term, ...]] = []
    for part in _spell_out_ranges(text).split("||"):
        if valid.fullmatch(part) is None:
            raise ValueError(_IMPROPER)
        alternatives.append(tuple(_parse_term(match) for match in find.finditer(part)))
    return Constraint(tuple(alternatives))


def _spell_out_ranges(text: str) -> str:
    pattern = _re2(rf"\s*({_CONSTRAINT_VERSION})\s+-\s+({_CONSTRAINT_VERSION})\s*")
    spelled = text
    for match in pattern.finditer(text):
        spelled = spelled.replace(match.group(0) or "", f">= {match.group(1)}, <= {match.group(11)} ", 1)
    return spelled


def _parse_term(match: _Match) -> _Term:
    operator, major, minor, patch = (match.group(index) or "" for index in (1, 3, 4, 5))
    suffix = match.group(6) or ""
    wild_minor = wild_patch = False
    wild = True
    if major in _WILDCARDS:
        text = f"0.0.0{suffix}"
    elif not minor or minor[1:] in _WILDCARDS:
        wild_minor = True
        text = f"{major}.0.0{suffix}"
    elif not patch or patch[1:] in _WILDCARDS:
        wild_patch = True
        text = f"{major}{minor}.0{suffix}"
    else:
        wild = False
        text = match.group(2) or ""
    return _Term(operator, parse_version(text), wild, wild_minor, wild_patch)


def _not_equal(version: Version, term: _Term) -> bool:
    wanted = term.version
    if not term.wild:
        return version.compare(wanted) != 0
    if wanted.major != version.major:
        return True
    if term.wild_minor:
        return False
    if wanted.minor != version.minor:
        return True
    if term.wild_patch:
        return (
            bool(version.prerelease or wanted.prerelease)
            and _compare_prereleases(version.prerelease, wanted.prerelease) != 0
        )
    return version.compare(wanted) != 0


def _greater(version: Version, term: _Term) -> bool:
    wanted = term.version
    if not term.wild or version.major != wanted.major:
        return version.compare(wanted) > 0
    if term.wild_minor:
        return False
    if term.wild_patch:
        return version.minor > wanted.minor
    return version.compare(wanted) > 0


def _less(version: Version, term: _Term) -> bool:
    return version.compare(term.version) < 0


def _greater_or_equal(version: Version, term: _Term) -> bool:
    return version.compare(term.version) >= 0


def _less_or_equal(version: Version, term: _Term) -> bool:
    wanted = term.version
    if not term.wild:
        return version.compare(wanted) <= 0
    if version.major > wanted.major:
        return False
    return not (version.major == wanted.major and version.minor > wanted.minor and not term.wild_minor)


def _tilde(version: Version, term: _Term) -> bool:
    wanted = term.version
    if version.compare(wanted) < 0:
        return False
    zero = (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0)
    if zero and not term.wild_minor and not term.wild_patch:
        return True
    return version.major == wanted.major and (term.wild_minor or version.minor == wanted.minor)


def _tilde_or_equal(version: Version, term: _Term) -> bool:
    return _tilde(version, term) if term.wild else version.compare(term.version) == 0


def _caret(version: Version, term: _Term) -> bool:
    wanted = term.version
    if version.compare(wanted) < 0 or version.major != wanted.major:
        return False
    if wanted.major > 0 or term.wild_minor:
        return True
    if wanted.minor > 0 or term.wild_patch:
        return version.minor == wanted.minor
    return version.minor == 0 and version.patch == wanted.patch


_CHECKS: dict[str, Callable[[Version, _Term], bool]] = {
    "": _tilde_or_equal,
    "=": _tilde_or_equal,
    "!=": _not_equal,
    ">": _greater,
    "<": _less,
    ">=": _greater_or_equal,
    "=>": _greater_or_equal,
    "<=": _less_or_equal,
    "=<": _less_or_equal,
    "~": _tilde,
    "~>": _tilde,
    "^": _caret,
}
