from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError

CASES = [
    ('{{ upper "aßé" }}', "AßÉ"),
    ('{{ lower "AÉİΣ" }}', "aéiσ"),  # noqa: RUF001 - sigma
    ('{{ upper "\\xffé" }}', "�É"),
    ('{{ upper "ŉᾳ" }}', "ŉᾼ"),
    ('{{ title "hello world_x 2nd foo-bar é" }}', "Hello World_x 2nd Foo-Bar É"),
    ('{{ title "ǆ a" }}', "ǅ A"),
    ('{{ untitle "Hello World\\tÉa" }}', "hello world\téa"),
    ('{{ swapcase "aBc Def ǅ éÉ" }}', "AbC dEF ǆ Éé"),
    ('{{ initials "First Try é" }}', "FTÃ"),
    ('{{ initials "" }}', ""),
    ('{{ camelcase "http_server-x y" }}', "HttpServerXY"),
    ('{{ camelcase "_complex__case_" }}', "_Complex_Case_"),
    ('{{ camelcase "GOLANG_IS" }}', "GolangIs"),
    ('{{ camelcase "__" }}', "___"),
    ('{{ camelcase "a" }}', "A"),
    ('{{ camelcase "" }}', ""),
    ('{{ snakecase "FirstName" }}', "first_name"),
    ('{{ snakecase "HTTPServer" }}', "http_server"),
    ('{{ snakecase "HTTP20xOK" }}', "http_20x_ok"),
    ('{{ snakecase "Duration2m3s" }}', "duration_2m3s"),
    ('{{ snakecase "Bld4Floor3rd" }}', "bld4_floor_3rd"),
    ('{{ snakecase "http2xx" }}', "http_2xx"),
    ('{{ snakecase "a.b--C" }}', "a.b__c"),
    ('{{ kebabcase "GO PATH" }}', "go-path"),
    ('{{ kebabcase "NoHTTPS2" }}', "no-https2"),
    ('{{ kebabcase "世B\\xff" }}', "世-b�"),
    ('{{ kebabcase "2A世界" }}', "2-a-世界"),
    ('{{ kebabcase "A1 b2" }}', "a1-b2"),
    ('{{ kebabcase "" }}', ""),
    ('{{ kebabcase "\\xff" | printf "%q" }}', '"\\xff"'),
    ('{{ kebabcase "AB\\xffcD" }}', "a-b�c-d"),
    ('{{ snakecase "simple" }}', "simple"),
    ('{{ snakecase "$x!Y" }}', "$_x!y"),
    ('{{ snakecase "ABCdef1 2" }}', "ab_cdef1_2"),
    ('{{ snakecase "x1Y!" }}', "x1_y!"),
]
"""Templates and what Go makes of them."""
REFUSED = [
    "{{ upper 5 }}",
    "{{ snakecase nil }}",
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
