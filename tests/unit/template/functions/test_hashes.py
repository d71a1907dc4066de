from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError

CASES = [
    ('{{ sha1sum "virt" }}', "477221598f052b57b12c90b7aa72cd7c2b4c7c1b"),
    ('{{ sha1sum "" }}', "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ('{{ sha256sum "é" }}', "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"),
    (
        '{{ sha512sum "virt" }}',
        (
            "36199d3d18a701ea200d22ccae263f17d1fa57961bfc528035f4107ce0d6be99e0b0c4c1e1314d3639b1e8299d7630e49ee3613c5740ffb8dad383a53c73bb66"
        ),
    ),
    ('{{ adler32sum "virt" }}', "74383814"),
    ('{{ adler32sum "" }}', "1"),
    ('{{ "\\xff" | sha256sum }}', "a8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89"),
]
"""Templates and what Go makes of them."""
REFUSED = [
    "{{ sha1sum 5 }}",
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
