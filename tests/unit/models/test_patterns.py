from __future__ import annotations

import re

import pytest

from virtrigaud_secrets.models.patterns import KEY_PATTERN, NAME_PATTERN, NAMESPACE_PATTERN


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (NAME_PATTERN, ["a", "a.b", "a-1.b"], ["", "A", "a_b", "-a", "a-", ".a", "a..b", "a."]),
        (NAMESPACE_PATTERN, ["a", "a-b", "1"], ["", "a.b", "A", "-a", "a-"]),
        (KEY_PATTERN, ["a", "A.b_c-d", "."], ["", "a b", "a/b", "ä"]),
    ],
)
def test_patterns(pattern: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not re.search(pattern, text)] == []
    assert [text for text in bad if re.search(pattern, text)] == []
