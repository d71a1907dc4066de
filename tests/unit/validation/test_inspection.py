from __future__ import annotations

from datetime import timedelta

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.findings import Finding, Severity
from virtrigaud_secrets.testing.clock import START
from virtrigaud_secrets.validation.inspection import Inspection, error, remark, warning


@pytest.mark.parametrize(("guessed", "severity"), [(True, Severity.WARNING), (False, Severity.ERROR)])
def test_a_guess_only_warns(guessed: bool, severity: Severity) -> None:
    inspection = Inspection(
        bundle=Bundle({}),
        now=START,
        certificate_margin=timedelta(0),
        certificate_margin_severity=Severity.NOTE,
        guessed=guessed,
    )
    assert inspection.doubt is severity


def test_findings_name_key_code_and_message() -> None:
    expected = Finding(field="k", code="c", message="m", severity=Severity.ERROR)
    assert error("k", "c", "m") == expected
    assert remark(Severity.ERROR, "k", "c", "m") == expected
    assert warning("k", "c", "m") == Finding(field="k", code="c", message="m", severity=Severity.WARNING)
