from __future__ import annotations

from typing import Any

import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.operations.sync.options import SyncOptions


def test_by_default_esos_stores_are_left_alone() -> None:
    assert SyncOptions().controller_class not in {"", "default"}
    assert SyncOptions().store_namespaces == ()
    assert SyncOptions().leader_election


@pytest.mark.parametrize(
    ("options", "message"), [({"concurrency": 0}, "at least 1"), ({"controller_class": ""}, "empty")]
)
def test_what_cannot_work_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SyncOptions(**options)
