"""Which error gives which exit code."""

import pytest

from virtrigaud_secrets import errors
from virtrigaud_secrets.cli.exit_codes import ExitCode, exit_code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ManifestNotFoundError("x"), 3),
        (errors.StoreNotFoundError("x"), 3),
        (errors.UnsupportedFeatureError("x"), 3),
        (errors.AccessDeniedError("x"), 4),
        (errors.StoreSealedError("x"), 4),
        (errors.PropertyNotFoundError("x", property_name="p"), 4),
        (errors.TemplateSyntaxError("x"), 5),
        (errors.DecodingError("x"), 5),
        (errors.ValidationError("x"), 5),
        (errors.MissingDependencyError("x", extra="vault"), 6),
        (errors.ResolveError("x", errors=[errors.DecodingError("x"), errors.AccessDeniedError("y")]), 5),
    ],
)
def test_each_family_has_its_code(error, code):
    assert exit_code(error) == code


def test_the_documented_numbers():
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0,
        "INVALID": 1,
        "USAGE": 2,
        "MANIFEST": 3,
        "STORE": 4,
        "CONTENT": 5,
        "CONFIGURATION": 6,
        "INCOMPLETE": 7,
        "UNKNOWN": 8,
        "INTERNAL": 70,
        "INTERRUPTED": 130,
        "UNREAD": 141,
    }
