"""When a refresh is due: ESO §2.8."""

from datetime import UTC, datetime, timedelta

import pytest

from virtrigaud_secrets.models.external_secret import ExternalSecretSpec
from virtrigaud_secrets.resolver.refresh import LastRefresh, is_due, next_periodic

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
CLOSED = {"kind": "deny", "windows": [{"schedule": "* * * * *", "duration": "1h"}]}


def spec(**written):
    return ExternalSecretSpec.model_validate(written)


def last(ago, marker="m"):
    return LastRefresh(at=NOW - ago, marker=marker)


def due(written, ago, *, marker="m", **more):
    before = None if ago is None else last(ago)
    return is_due(spec(**written), marker=marker, last=before, now=NOW, **more)


HOUR = timedelta(hours=1)
MANY = timedelta(days=999)


@pytest.mark.parametrize("policy", ["CreatedOnce", "Periodic", "OnChange"])
@pytest.mark.parametrize("interval", ["0", "1h"])
def test_the_first_refresh_is_always_due(policy, interval):
    assert due({"refreshPolicy": policy, "refreshInterval": interval, "syncWindows": CLOSED}, None)


@pytest.mark.parametrize(
    ("written", "ago", "marker", "expected"),
    [
        ({"refreshPolicy": "CreatedOnce"}, MANY, "other", False),
        ({"refreshPolicy": "OnChange"}, MANY, "m", False),
        ({"refreshPolicy": "OnChange"}, HOUR, "other", True),
        ({"refreshPolicy": "OnChange", "refreshInterval": "0"}, HOUR, "other", True),
        ({}, HOUR, "m", False),  # the default is an hour, and it has to have passed
        ({}, HOUR + timedelta(seconds=1), "m", True),
        ({"refreshInterval": "2h"}, HOUR, "m", False),
        ({"refreshInterval": "2h"}, HOUR, "other", True),
        ({"refreshInterval": "0"}, MANY, "other", False),  # not even after a change
        ({"refreshInterval": "-1h"}, MANY, "m", False),
        ({}, -HOUR, "m", True),  # a refresh that lies ahead cannot be trusted
        ({"syncWindows": CLOSED}, MANY, "m", False),
        ({"syncWindows": CLOSED}, MANY, "other", True),
        ({"syncWindows": CLOSED}, -HOUR, "m", True),
        ({"syncWindows": CLOSED | {"kind": "allow"}}, MANY, "m", True),
    ],
)
def test_policies(written, ago, marker, expected):
    assert due(written, ago, marker=marker) is expected


@pytest.mark.parametrize("written", [{"refreshPolicy": "CreatedOnce"}, {"refreshInterval": "0"}])
def test_a_secret_that_somebody_changed_is_written_anew(written):
    assert due(written, timedelta(0), target_valid=False)


def test_when_the_interval_has_passed():
    assert next_periodic(spec(), last=last(timedelta(0))) == NOW + HOUR
    assert next_periodic(spec(refreshInterval="0"), last=last(timedelta(0))) is None
    assert next_periodic(spec(refreshPolicy="OnChange"), last=last(timedelta(0))) is None
