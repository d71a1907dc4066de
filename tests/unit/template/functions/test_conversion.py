from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError

CASES = [
    ('{{ toString "x" }}', "x"),
    ('{{ toString (semver "1").MarshalText }}', "1.0.0"),
    ("{{ toString (list nil) }}", "[<nil>]"),
    ('{{ toString (toDate "2006" "2024") }}', "2024-01-01 00:00:00 +0000 UTC"),
    ('{{ toStrings (list "a" (list 1) nil) }}', "[a [1]]"),
    ('{{ toStrings (semver "1").MarshalText }}', "[49 46 48 46 48]"),
    ("{{ toStrings nil | len }}", "0"),
    ("{{ toStrings 5 }}", "[5]"),
]
"""Templates and what Go makes of them."""
REFUSED = [
    "{{ toString }}",
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
