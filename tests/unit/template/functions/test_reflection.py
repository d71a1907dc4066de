from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError

CASES = [
    ("{{ typeOf nil }}", "<nil>"),
    ("{{ typeOf 1 }}", "int"),
    ('{{ typeOf "x" }}', "string"),
    ("{{ typeOf (list) }}", "[]interface {}"),
    ("{{ typeOf (dict) }}", "map[string]interface {}"),
    ("{{ typeOf (until 1) }}", "[]int"),
    ("{{ typeOf now }}", "time.Time"),
    ('{{ typeOf (semver "1") }}', "*semver.Version"),
    ('{{ typeOf (index "a" 0) }}', "uint8"),
    ("{{ kindOf nil }}", "invalid"),
    ("{{ kindOf 1.5 }}", "float64"),
    ("{{ kindOf (dict) }}", "map"),
    ("{{ kindOf now }}", "struct"),
    ('{{ kindOf (semver "1") }}', "ptr"),
    ('{{ kindOf (toDate "2006" "2024").Month }}', "int"),
    ('{{ kindIs "slice" (list) }}', "true"),
    ('{{ kindIs "map" (list) }}', "false"),
    ('{{ typeIs "string" "x" }}', "true"),
    ('{{ typeIs "int" "x" }}', "false"),
    ('{{ typeIsLike "semver.Version" (semver "1") }}', "true"),
    ('{{ typeIsLike "*semver.Version" (semver "1") }}', "true"),
    ('{{ typeIsLike "x" 1 }}', "false"),
    ('{{ deepEqual (list 1 (dict "a" nil)) (list 1 (dict "a" nil)) }}', "true"),
    ("{{ deepEqual 1 (int64 1) }}", "false"),
    ("{{ deepEqual nil nil }}", "true"),
    ("{{ deepEqual (list) (rest list) }}", "false"),
    ('{{ deepEqual (semver "v1") (semver "1") }}', "false"),
    ('{{ deepEqual (dict "a" 1) (dict "b" 1) }}', "false"),
]
"""Templates and what Go makes of them."""
REFUSED = [
    "{{ kindIs 1 2 }}",
    "{{ typeOf }}",
]
"""Templates that fail in Go, too."""


@pytest.mark.parametrize(("template", "expected"), CASES)
def test_gives_what_go_gives(rendered: Callable[..., str], template: str, expected: str) -> None:
    assert rendered(template) == expected


@pytest.mark.parametrize("template", REFUSED)
def test_fails_where_go_fails(rendered: Callable[..., str], template: str) -> None:
    with pytest.raises(TemplateExecutionError) as caught:
        rendered(template)
    assert "internal error" not in caught.value.reason
