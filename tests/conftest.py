"""Names of parametrised tests: the same in every process, and without the bytes or long texts under test."""

from __future__ import annotations

import pytest

LONGEST_NAME = 60
"""Characters of a text that may stand in a test's name."""


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes and long texts are often made anew in each process: the name of the argument stands in for them."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > LONGEST_NAME) else None
