from __future__ import annotations

from virtrigaud_secrets.manifests import limits


def test_limits_leave_room_for_what_people_write() -> None:
    assert limits.MAX_FILE_BYTES > 1.5 * 1024 * 1024
    assert limits.MAX_DOCUMENTS >= 10_000
    assert limits.MAX_DEPTH > 100


def test_limits_stop_before_python_does() -> None:
    assert limits.MAX_DEPTH * 4 < 1000
    assert limits.MAX_FILE_BYTES < 10_000_000
