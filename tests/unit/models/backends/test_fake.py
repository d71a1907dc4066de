from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.backends.fake import FakeProvider


def test_fields() -> None:
    provider = FakeProvider.model_validate(
        {"data": [{"key": "a", "value": "b"}, {"key": "a", "value": "c", "version": "v2"}], "validationResult": 1}
    )

    assert [(entry.key, entry.version) for entry in provider.data] == [("a", ""), ("a", "v2")]


@pytest.mark.parametrize("written", [{}, {"data": [{"key": "a"}]}, {"data": [{"key": "a", "value": 5}]}])
def test_what_the_schema_refuses(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FakeProvider.model_validate(written)


def test_values_do_not_show() -> None:
    assert "hunter2" not in repr(FakeProvider.model_validate({"data": [{"key": "a", "value": "hunter2"}]}))
