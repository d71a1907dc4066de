from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError

CASES = [
    ('{{ b64enc "hi\\xff" }}', "aGn/"),
    ('{{ b64dec "aGkA" | printf "%q" }}', '"hi\\x00"'),
    ('{{ b64dec "aGk" }}', "illegal base64 data at input byte 0"),
    ('{{ b64dec "a*" }}', "illegal base64 data at input byte 1"),
    ('{{ b32enc "hello" }}', "NBSWY3DP"),
    ('{{ b32dec "NBSWY3DP" }}', "hello"),
    ('{{ b32dec "ME" }}', "illegal base32 data at input byte 0"),
    ('{{ b32dec "ME====A=" }}', "illegal base32 data at input byte 5"),
    ('{{ b32dec "M1======" }}', "illegal base32 data at input byte 1"),
    ('{{ b32dec "========" }}', "illegal base32 data at input byte 0"),
    ('{{ b32dec "MFRGGZDF=" }}', "illegal base32 data at input byte 8"),
    ('{{ b32dec "ME======\\n" }}', "a"),
    ('{{ b32dec "ME======ME======" }}', "illegal base32 data at input byte 2"),
    ('{{ b32dec "MFRGG=" }}', "illegal base32 data at input byte 6"),
    ('{{ b32dec "M=======" }}', "illegal base32 data at input byte 1"),
    ('{{ b32dec "MFR=====" }}', "illegal base32 data at input byte 3"),
    ('{{ hexdec "76697274" }}', "virt"),
    ('{{ hexdec "7" }}', "encoding/hex: odd length hex string"),
    ('{{ hexdec "zz" }}', "encoding/hex: invalid byte: U+007A 'z'"),
    ('{{ hexdec "\\n1" }}', "encoding/hex: invalid byte: U+000A"),
    ('{{ hexdec "é" }}', "encoding/hex: invalid byte: U+00C3 'Ã'"),
]
"""Templates and what Go makes of them."""
REFUSED = [
    "{{ b64enc 5 }}",
    "{{ hexdec nil }}",
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
