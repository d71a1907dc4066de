from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError

CASES = [
    ('{{ default "d" "" }}', "d"),
    ('{{ default "d" "v" }}', "v"),
    ('{{ default "d" }}', "d"),
    ('{{ default "d" 0 }}', "d"),
    ('{{ default "d" (list) }}', "d"),
    ('{{ default "d" nil }}', "d"),
    ("{{ empty nil }}", "true"),
    ("{{ empty 0 }}", "true"),
    ("{{ empty false }}", "true"),
    ("{{ empty 0i }}", "true"),
    ("{{ empty 0.0 }}", "true"),
    ('{{ empty "" }}', "true"),
    ("{{ empty (dict) }}", "true"),
    ('{{ empty (semver "0.0.0") }}', "false"),
    ('{{ empty (toDate "" "x") }}', "false"),
    ('{{ coalesce 0 "" nil "x" "y" }}', "x"),
    ("{{ coalesce }}", "<no value>"),
    ('{{ all 1 "a" }}', "true"),
    ("{{ all 1 0 }}", "false"),
    ("{{ all }}", "true"),
    ('{{ any 0 "" }}', "false"),
    ("{{ any 0 1 }}", "true"),
    ("{{ any }}", "false"),
    ('{{ ternary "y" "n" true }}', "y"),
    ('{{ false | ternary "y" "n" }}', "n"),
    ('{{ compact (list 0 1 "" "a" nil false) }}', "[1 a]"),
    ("{{ mustCompact (until 3) }}", "[1 2]"),
]
"""Templates and what Go makes of them."""
REFUSED = [
    "{{ compact 5 }}",
    "{{ mustCompact nil }}",
    "{{ ternary 1 2 3 }}",
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
