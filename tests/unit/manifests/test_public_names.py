from __future__ import annotations

import pytest

from virtrigaud_secrets import manifests


def test_every_public_name_is_there() -> None:
    assert [name for name in manifests.__all__ if not hasattr(manifests, name)] == []
    assert dir(manifests) == sorted(manifests.__all__)


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'lod'"):
        manifests.lod  # type: ignore[attr-defined]  # noqa: B018  # the look-up is the test
