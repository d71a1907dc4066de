"""Every case of `cases.jsonl`: what ESO's controller made of a Secret, and what we would make of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery.live_secret import LiveSecret
from virtrigaud_secrets.delivery.secret_target import SecretTarget
from virtrigaud_secrets.delivery.target_decision import Action, Decision, decide
from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.resolver.hashes import change_marker
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing import ManualClock

HERE = Path(__file__).parent
CASES = [json.loads(line) for line in (HERE / "cases.jsonl").read_text("utf-8").splitlines()]
EXPECTED_FAILURES = dict(
    line.split(": ", 1) for line in (HERE / "expected_failures.txt").read_text("utf-8").splitlines()
)
"""Test and case → why we differ. One that no longer differs fails its test."""
GIVEN_BY_THE_SERVER = ("creationTimestamp", "managedFields", "resourceVersion", "uid")


def resolved(case: dict[str, Any], directory: Path) -> tuple[SecretTarget, Bundle | SecretsError]:
    store = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "store", "namespace": case["namespace"]},
        "spec": {"provider": {"fake": {"data": case["store"]}}},
    }
    for name, document in (("store", store), ("manifest", case["manifest"])):
        (directory / f"{name}.yaml").write_text(json.dumps(document))
    settings = Settings(strict=True)
    with Resolver.from_path(directory, settings=settings, clock=ManualClock(), background=False) as resolver:
        document = resolver.catalog.external_secret(case["manifest"]["metadata"]["name"])
        target = SecretTarget.of(document, uid=case["manifest"]["metadata"]["uid"])
        try:
            return target, resolver.resolve(document.name, namespace=document.namespace)
        except SecretsError as error:
            return target, error


def live(document: dict[str, Any] | None) -> LiveSecret | None:
    return None if document is None else LiveSecret.from_document(document)


def after(decision: Decision, before: dict[str, Any] | None) -> dict[str, Any] | None:
    if decision.action is Action.LEAVE:
        return before
    if decision.action is Action.DELETE:
        return None
    assert decision.secret is not None
    return {"apiVersion": "v1", "kind": "Secret", **decision.secret.to_document()}


def content(document: dict[str, Any] | None) -> dict[str, Any] | None:
    """Without what no writer decides."""
    if document is None:
        return None
    metadata = {key: value for key, value in document["metadata"].items() if key not in GIVEN_BY_THE_SERVER}
    return {**document, "metadata": metadata}


def cases(test: str) -> list[Any]:
    marks = {
        name: pytest.mark.xfail(reason=reason, strict=True, raises=AssertionError)
        for name, reason in EXPECTED_FAILURES.items()
    }
    return [pytest.param(case, id=case["id"], marks=marks.get(f"{test} {case['id']}", ())) for case in CASES]


@pytest.mark.parametrize("case", cases("secret"))
def test_secret_and_condition(case: dict[str, Any], tmp_path: Path) -> None:
    target, outcome = resolved(case, tmp_path)
    decision = decide(target, live(case["before"]), outcome)
    condition = decision.condition
    assert [condition.status, condition.reason, condition.message] == case["condition"]
    told = {(kind, reason): message for kind, reason, message in case["events"]}
    for event in decision.events:
        assert event.type == "Warning" or told[event.type, event.reason] == event.message
        assert (event.type, event.reason) in told
    assert content(after(decision, case["before"])) == content(case["after"])


@pytest.mark.parametrize("case", cases("takeover"))
def test_where_eso_has_been_there_is_nothing_to_write(case: dict[str, Any], tmp_path: Path) -> None:
    target, outcome = resolved(case, tmp_path)
    decision = decide(target, live(case["after"]), outcome)
    assert decision.action is Action.LEAVE


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["condition"][0] == "True"], ids=lambda case: case["id"]
)
def test_mark_of_the_manifest(case: dict[str, Any]) -> None:
    metadata = case["manifest"]["metadata"]
    marker = change_marker(
        metadata["generation"], annotations=metadata.get("annotations", {}), labels=metadata.get("labels", {})
    )
    assert marker == case["status"]["syncedResourceVersion"]


def test_each_expected_failure_is_a_case() -> None:
    tests = [f"{test} {case['id']}" for case in CASES for test in ("secret", "takeover")]
    assert set(EXPECTED_FAILURES) <= set(tests)
