from __future__ import annotations

from collections.abc import Callable

import pytest

from virtrigaud_secrets.errors import TemplateExecutionError
from virtrigaud_secrets.template import Limits

CASES = [
    ('{{ semver "v1.2.3-rc.1+b" }}', "1.2.3-rc.1+b"),
    ('{{ (semver "1.2").Major }}', "1"),
    ('{{ (semver "1.2").Minor }}', "2"),
    ('{{ (semver "1.2").Patch }}', "0"),
    ('{{ (semver "1-a.b").Prerelease }}', "a.b"),
    ('{{ (semver "1+c").Metadata }}', "c"),
    ('{{ (semver "v1").Original }}', "v1"),
    ('{{ (semver "1").String }}', "1.0.0"),
    ('{{ (semver "1.2.3").IncPatch }}', "1.2.4"),
    ('{{ (semver "1.2.3-a").IncPatch }}', "1.2.3"),
    ('{{ (semver "1.2.3").IncMinor }}', "1.3.0"),
    ('{{ (semver "1.2.3").IncMajor }}', "2.0.0"),
    ('{{ (semver "1.2.3").SetPrerelease "x" }}', "1.2.3-x"),
    ('{{ (semver "1.2.3").SetMetadata "y" }}', "1.2.3+y"),
    ('{{ (semver "1").IncMajor | typeOf }}', "semver.Version"),
    ('{{ (semver "1").Compare (semver "2") }}', "-1"),
    ('{{ (semver "1").Equal (semver "1.0") }}', "true"),
    ('{{ (semver "1").Equal nil }}', "false"),
    ('{{ (semver "1").LessThan (semver "2") }}', "true"),
    ('{{ (semver "1").LessThanEqual (semver "1") }}', "true"),
    ('{{ (semver "1").GreaterThan (semver "2") }}', "false"),
    ('{{ (semver "1").GreaterThanEqual (semver "2") }}', "false"),
    ('{{ (semver "1").MarshalJSON | toString }}', '"1.0.0"'),
    ('{{ (semver "1").MarshalText | toString }}', "1.0.0"),
    ('{{ (semver "1").Value }}', "1.0.0"),
    ('{{ semver "1.2.3" | toJson }}', '"1.2.3"'),
    ('{{ deepCopy (semver "1.2.3") }}', "0.0.0"),
    ('{{ semverCompare "^1.2" "1.9.0" }}', "true"),
    ('{{ semverCompare ">=1.2 <2 || 3.x" "3.1.4" }}', "true"),
    ('{{ semverCompare "1.2 - 2" "2.5" }}', "true"),
    ('{{ semverCompare "~1.2.3" "1.3.0" }}', "false"),
    ('{{ semverCompare ">1.0" "1.1.0-a" }}', "false"),
]
"""Templates and what Go makes of them."""
REFUSED = [
    '{{ semver "x" }}',
    '{{ semver "" }}',
    '{{ semver "1.2.3-01" }}',
    '{{ semverCompare "x.y" "1" }}',
    '{{ semverCompare ">1" "one" }}',
    '{{ (semver "1").SetPrerelease "_" }}',
    '{{ (semver "1").SetMetadata "+" }}',
    '{{ (semver "1").IncMajor.Original }}',
    '{{ (semver "1").Compare nil }}',
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


def test_constraints_are_limited(rendered: Callable[..., str]) -> None:
    with pytest.raises(TemplateExecutionError, match="longer than 10 bytes"):
        rendered("{{ semverCompare .c .v }}", Limits(regexp_size=10), c=">= 1.2.3 || 5", v="1.0.0")


def test_a_constraint_of_many_blanks_takes_no_time(rendered: Callable[..., str]) -> None:
    with pytest.raises(TemplateExecutionError, match="constraint"):
        rendered("{{ semverCompare .c .v }}", c="1 " + " " * 9000 + "_", v="1.0.0")
