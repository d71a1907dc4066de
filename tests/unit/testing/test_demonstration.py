from __future__ import annotations

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.errors import ProofFailedError
from virtrigaud_secrets.testing.demonstration import Demonstration, _named


def test_a_manifest_that_is_not_there_fails_the_proof() -> None:
    bundle = Bundle({"a": b"b"})
    assert _named({"known": bundle}, "known") is bundle
    with pytest.raises(ProofFailedError, match="no ExternalSecret unknown"):
        _named({"known": bundle}, "unknown")


def test_findings_show_no_value() -> None:
    found = Demonstration({"a": Bundle({"key": b"planted"})}, {}, ())
    assert "planted" not in repr(found)
