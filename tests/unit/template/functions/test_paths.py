from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError

CASES = [
    ('{{ base "/a/b.txt" }}', "b.txt"),
    ('{{ base "" }}', "."),
    ('{{ base "//" }}', "/"),
    ('{{ base "a/" }}', "a"),
    ('{{ osBase "x/y" }}', "y"),
    ('{{ dir "/a/b" }}', "/a"),
    ('{{ dir "a" }}', "."),
    ('{{ dir "" }}', "."),
    ('{{ osDir "/a//b/" }}', "/a/b"),
    ('{{ clean "a//b/../c/./d" }}', "a/c/d"),
    ('{{ clean "/../x" }}', "/x"),
    ('{{ clean "../../x" }}', "../../x"),
    ('{{ clean "" }}', "."),
    ('{{ osClean "/" }}', "/"),
    ('{{ ext "a/b.tar.gz" }}', ".gz"),
    ('{{ ext "a.b/c" }}', ""),
    ('{{ ext ".x" }}', ".x"),
    ('{{ osExt "x." }}', "."),
    ('{{ isAbs "/a" }}', "true"),
    ('{{ isAbs "a" }}', "false"),
    ('{{ osIsAbs "" }}', "false"),
]
"""Templates and what Go makes of them."""
REFUSED = [
    "{{ base 5 }}",
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
