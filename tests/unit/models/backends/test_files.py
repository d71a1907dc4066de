from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.backends.files import FilesProvider


def test_the_path() -> None:
    assert FilesProvider.model_validate({"path": "/run/secrets"}).path == "/run/secrets"


@pytest.mark.parametrize("written", [{}, {"path": ""}, {"path": 5}])
def test_the_path_is_required(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FilesProvider.model_validate(written)
