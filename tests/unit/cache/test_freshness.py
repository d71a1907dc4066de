import math

import pytest

from virtrigaud_secrets.cache.freshness import Freshness, freshness


@pytest.mark.parametrize(
    ("now", "row"),
    [
        (0.0, Freshness.FRESH),
        (9.9, Freshness.FRESH),
        (10.0, Freshness.REVALIDATE),
        (19.9, Freshness.REVALIDATE),
        (20.0, Freshness.WAIT),
        (29.9, Freshness.WAIT),
        (30.0, Freshness.ENDED),
        (1e9, Freshness.ENDED),
    ],
)
def test_each_row_of_the_table(now, row):
    assert freshness(now, refresh_at=10.0, stale_at=20.0, ends=30.0) is row


def test_the_end_goes_before_everything():
    assert freshness(5.0, refresh_at=10.0, stale_at=20.0, ends=5.0) is Freshness.ENDED


def test_what_never_ends_is_always_fresh():
    assert freshness(1e12, refresh_at=math.inf, stale_at=math.inf, ends=math.inf) is Freshness.FRESH
