from __future__ import annotations

from virtrigaud_secrets.findings import Finding, Severity
from virtrigaud_secrets.manifests.catalog import Catalog
from virtrigaud_secrets.manifests.report import Judgement, Report, Verdict

WARNING = Finding(message="odd", severity=Severity.WARNING, code="c", field="spec.x", file="f", line=3, document=1)
ERROR = Finding(message="bad", file="g")


def verdict(*findings: Finding) -> Verdict:
    return Verdict(
        file="f",
        document=1,
        verdict=Judgement.VALID,
        api_version="v",
        kind="k",
        name="n",
        namespace="s",
        findings=findings,
    )


def test_the_stable_form() -> None:
    assert verdict(WARNING).to_json() == {
        "file": "f",
        "document": 1,
        "apiVersion": "v",
        "kind": "k",
        "name": "n",
        "verdict": "valid",
        "findings": [{"field": "spec.x", "message": "odd", "line": 3, "severity": "warning"}],
    }


def test_a_report_is_good_without_errors() -> None:
    report = Report(verdicts=(verdict(WARNING), verdict()), catalog=Catalog())

    assert report.ok
    assert report.findings == (WARNING,)
    assert report.errors == ()


def test_one_error_is_enough() -> None:
    report = Report(verdicts=(verdict(WARNING, ERROR),), catalog=Catalog())

    assert not report.ok
    assert report.errors == (ERROR,)
