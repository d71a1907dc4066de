from __future__ import annotations

from typing import ClassVar

import pytest

from virtrigaud_secrets.golang.reflect import GoType
from virtrigaud_secrets.template.functions.objects import LibraryValue
from virtrigaud_secrets.template.functions.table import FunctionError


class Thing(LibraryValue):
    go_type: ClassVar[GoType] = GoType("pkg.Thing", "struct")


def test_a_value_without_json_says_its_type() -> None:
    with pytest.raises(FunctionError, match=r"pkg\.Thing"):
        Thing().go_json()


def test_a_value_is_its_own_copy() -> None:
    thing = Thing()
    assert thing.go_copy() is thing
