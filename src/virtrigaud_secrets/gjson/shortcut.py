"""The plain case made fast: a path of ordinary keys through a document of ordinary objects.

Such a path becomes one regular expression that does what `evaluate` would do. Where it does not match, `evaluate`
decides.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from virtrigaud_secrets.gjson.scan import BETWEEN, LITERAL, NUMBER, STRING

CACHED_PATHS: Final = 512
"""Expressions kept: more properties than any known set of manifests asks for."""
MAX_STEPS: Final = 8
"""Steps a path may have to be made an expression of; real properties have up to four."""
MAX_CHARACTERS: Final = 256
"""Longest path worth an expression: compiling takes time in proportion."""

_STEP: Final = r"(?:[A-Za-z0-9_/-]|\\\.)+"
_PLAIN_PATH: Final = re.compile(rf"{_STEP}(?:\.{_STEP})*")
_DOT: Final = re.compile(r"(?<!\\)\.")
_FLAT: Final = rf'[{{\[][^"\[\]{{}}()]*+(?:{STRING}[^"\[\]{{}}()]*+)*[\]}})]'
_SKIPPED_VALUE: Final = rf"{BETWEEN}(?:{STRING}|{LITERAL}|{NUMBER}|{_FLAT})"


@lru_cache(maxsize=CACHED_PATHS)
def compile_path(path: str) -> re.Pattern[str] | None:
    """An expression whose groups 1 to 4 are the string, literal, number or flat container found; None if none fits.

    It only passes over members whose value is a scalar or holds no other container, and whose key has no escape.
    """
    if len(path) > MAX_CHARACTERS or not _PLAIN_PATH.fullmatch(path):
        return None
    steps = [re.escape(step.replace("\\.", ".")) for step in _DOT.split(path)]
    if len(steps) > MAX_STEPS:
        return None
    found = rf"{BETWEEN}(?:({STRING})|({LITERAL})|({NUMBER})|({_FLAT}))"
    inner = rf"{BETWEEN}\{{".join(_member(step) for step in steps)
    return re.compile(rf"[^{{\[]*+\{{{inner}{found}", re.DOTALL)


def _member(key: str) -> str:
    """From inside an object up to behind its key: members with other keys, then this one."""
    return rf'(?:[^"}}]*+"(?!{key}")[^"\\]*+"{_SKIPPED_VALUE})*[^"}}]*+"{key}"'
