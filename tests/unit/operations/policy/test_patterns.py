import pytest

from virtrigaud_secrets.operations.policy.patterns import literal_start


@pytest.mark.parametrize(
    ("pattern", "start"),
    [
        ("", ""),
        ("app", ""),
        ("^app", "app"),
        ("^app/one$", "app/one"),
        ("^app/.*", "app/"),
        ("^apps?", "app"),
        ("^apps*", "app"),
        ("^app{0,2}", "ap"),
        ("^app+", "app"),
        ("^app|db", ""),
        (r"^app\.one", "app"),
        ("(?i)^app", ""),
        ("^", ""),
    ],
)
def test_every_match_begins_so(pattern, start):
    assert literal_start(pattern) == start
