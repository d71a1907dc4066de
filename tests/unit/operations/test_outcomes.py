"""What a report says, and what counts as done."""

from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import AccessDeniedError
from virtrigaud_secrets.operations.outcomes import Item, OperationReport, Outcome, Step, attempted


def item(outcome, name="a"):
    return Item(kind="Deployment", namespace="ns", name=name, outcome=outcome, detail="why")


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Outcome.DONE], Outcome.DONE),
        ([Outcome.DONE, Outcome.SKIPPED], Outcome.DONE),
        ([Outcome.PLANNED, Outcome.SKIPPED], Outcome.PLANNED),
        ([Outcome.SKIPPED], Outcome.SKIPPED),
        ([Outcome.TIMED_OUT, Outcome.DONE], Outcome.TIMED_OUT),
        ([Outcome.FAILED, Outcome.TIMED_OUT, Outcome.DONE], Outcome.FAILED),
        ([Outcome.UNKNOWN, Outcome.FAILED], Outcome.UNKNOWN),
        ([], Outcome.SKIPPED),
    ],
)
def test_a_step_is_as_good_as_its_worst_item(outcomes, expected):
    step = Step.of("restart", [item(outcome) for outcome in outcomes], nothing="no Deployment matches")
    assert step.outcome is expected
    assert step.ok is (expected in {Outcome.DONE, Outcome.PLANNED, Outcome.SKIPPED})
    assert step.detail == ("" if outcomes else "no Deployment matches")


def test_a_report_as_text_and_json():
    steps = Step.of("restart", [item(Outcome.DONE)], nothing=""), Step(name="rollout", outcome=Outcome.NOT_DONE)
    report = OperationReport(operation="rotate", dry_run=True, steps=steps)
    assert report.as_text().splitlines() == [
        "restart: done",
        "  done: Deployment ns/a: why",
        "rollout: not-done",
        "dry run: nothing was changed",
    ]
    assert report.as_json() == {
        "operation": "rotate",
        "dryRun": True,
        "ok": False,
        "steps": [
            {
                "step": "restart",
                "outcome": "done",
                "detail": "",
                "items": [{"kind": "Deployment", "namespace": "ns", "name": "a", "outcome": "done", "detail": "why"}],
            },
            {"step": "rollout", "outcome": "not-done", "detail": "", "items": []},
        ],
    }


def test_a_step_that_fails_as_a_whole_is_told():
    def refused():
        raise AccessDeniedError("refuses `list deployments`")

    assert attempted("restart", refused) == Step(
        name="restart", outcome=Outcome.FAILED, detail="refuses `list deployments`"
    )
    done = Step(name="restart", outcome=Outcome.DONE)
    assert attempted("restart", lambda: done) is done
