from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError

CASES = [
    ("{{ hello }}", "Hello!"),
]
"""Templates and what Go makes of them."""
REFUSED = [
    '{{ fail "stop" }}',
    "{{ fail 5 }}",
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
