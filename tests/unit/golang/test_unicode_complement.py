from __future__ import annotations

import pytest
import re2

from virtrigaud_secrets.golang.regexp import compile_pattern
from virtrigaud_secrets.golang.unicode_complement import left_out_by

ASSIGNED = r"\pL\pM\pN\pP\pS\pZ\pC"
SAMPLE = "".join(map(chr, [*range(0x500), 0xD7FF, 0xE000, 0xFFFF, 0x1F600, 0xE0080, 0x10FFFE, 0x10FFFF]))


@pytest.mark.parametrize("inside", [ASSIGNED, r"\p{Lu}\p{Ll}\p{Lt}", r"\x00-\x7F", "a-c"])
def test_what_one_class_leaves_out_the_other_holds(inside: str) -> None:
    within, without = re2.compile(f"[{inside}]"), re2.compile(f"[{left_out_by(inside)}]")

    assert [text for text in SAMPLE if bool(within.match(text)) == bool(without.match(text))] == []


def test_what_is_left_out_by_everything_is_in_no_text() -> None:
    nothing = left_out_by(r"\x00-\x{10FFFF}")
    assert re2.compile(f"[{nothing}]").search(SAMPLE) is None


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        (r"^[\p{Cn}x]$", "x\u0378", "a1 "),
        (r"^[\P{Assigned}x]$", "x\u0378", "a1 "),
        (r"^[^\p{Cn}]$", "ax1", "\u0378"),
        (r"^[\P{LC}]$", "1\u02b0", "aA\u01c5"),
        (r"^[x\P{Any}]$", "x", "a1"),
    ],
)
def test_classes_only_go_knows_inside_brackets(pattern: str, matching: str, other: str) -> None:
    compiled = compile_pattern(pattern)

    assert [text for text in matching if not compiled.match(text)] == []
    assert [text for text in other if compiled.match(text)] == []
