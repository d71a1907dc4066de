from __future__ import annotations

import dataclasses

import pytest

from virtrigaud_secrets.findings import Finding, Severity


@pytest.mark.parametrize(
    ("finding", "text"),
    [
        (Finding(message="m"), "error: m"),
        (Finding(message="m", severity=Severity.NOTE), "note: m"),
        (Finding(message="m", file="f.yaml"), "f.yaml: error: m"),
        (Finding(message="m", file="f.yaml", line=7), "f.yaml:7: error: m"),
        (Finding(message="m", file="f.yaml", document=0), "f.yaml (document 0): error: m"),
        (Finding(message="m", document=2), "error: m"),
        (
            Finding(message="m", file="f.yaml", line=7, document=1, subject="SecretStore ns/s", field="spec.a"),
            "f.yaml:7 (document 1): error: SecretStore ns/s: spec.a: m",
        ),
        (Finding(message="m", field="tls.key", severity=Severity.WARNING, code="c"), "warning: tls.key: m"),
    ],
)
def test_text_holds_what_is_known(finding: Finding, text: str) -> None:
    assert str(finding) == text


def test_is_a_value() -> None:
    assert Finding(message="m") == Finding(message="m")
    assert len({Finding(message="m"), Finding(message="m"), Finding(message="n")}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        Finding(message="m").message = "n"  # type: ignore[misc]  # the fault under test


def test_severities_are_their_words() -> None:
    assert [severity.value for severity in Severity] == ["error", "warning", "note"]
    assert f"{Severity.ERROR}" == "error"
