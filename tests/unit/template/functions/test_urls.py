from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError

CASES = [
    (
        '{{ urlParse "http://u:p%40@h.example:8080/a%20b?q=1#f" }}',
        (
            "map[fragment:f host:h.example:8080 hostname:h.example opaque: path:/a b query:q=1 scheme:http "
            "userinfo:u:p%40]"
        ),
    ),
    (
        '{{ urlParse "mailto:x@y" }}',
        "map[fragment: host: hostname: opaque:x@y path: query: scheme:mailto userinfo:]",
    ),
    ('{{ urlParse "//h/p" }}', "map[fragment: host:h hostname:h opaque: path:/p query: scheme: userinfo:]"),
    ('{{ (urlParse "http://[::1]:80/").hostname }}', "::1"),
    (
        (
            '{{ urlJoin (dict "scheme" "http" "host" "h:80" "path" "/a b" "query" "q=1" "fragment" "f" "userinfo" '
            '"u:p") }}'
        ),
        "http://u:p@h:80/a%20b?q=1#f",
    ),
    ("{{ urlJoin (dict) }}", ""),
    ('{{ urlJoin (dict "host" "h" "path" "p") }}', "//h/p"),
    ('{{ urlJoin (dict "scheme" "x" "opaque" "o/p") }}', "x:o/p"),
    ('{{ urlParse "http://h/%2f?#" | urlJoin }}', "http://h//"),
]
"""Templates and what Go makes of them."""
REFUSED = [
    '{{ urlParse "http://a b/" }}',
    '{{ urlParse "://x" }}',
    '{{ urlParse "http://h:port/" }}',
    '{{ urlJoin (dict "host" 5) }}',
    '{{ urlJoin (dict "userinfo" "a b") }}',
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
