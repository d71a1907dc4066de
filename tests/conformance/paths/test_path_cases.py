"""Every case of `cases.jsonl` against our GJSON paths and regular expressions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from virtrigaud_secrets import gjson
from virtrigaud_secrets.golang import regexp

EXPECTED_FAILURES: dict[str, str] = {}
"""Case id to the reason why it is not met."""

CASES = [json.loads(line) for line in Path(__file__).with_name("cases.jsonl").read_text("utf-8").splitlines()]


def parameters(kind: str) -> list[Any]:
    return [
        pytest.param(
            case,
            id=case["id"],
            marks=[pytest.mark.xfail(reason=EXPECTED_FAILURES[case["id"]], strict=True)]
            if case["id"] in EXPECTED_FAILURES
            else [],
        )
        for case in CASES
        if case["kind"] == kind
    ]


@pytest.mark.parametrize("case", parameters("gjson"))
def test_path(case: dict[str, Any]) -> None:
    found = gjson.get(case["doc"], case["path"])

    assert (found.exists, found.text, found.raw, found.kind.value) == (
        case["exists"],
        case["string"],
        case["raw"],
        case["type"],
    )


@pytest.mark.parametrize("case", parameters("regexp"))
def test_regexp(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(regexp.RegexpError) as caught:
            regexp.compile_pattern(case["pattern"])
        assert str(caught.value) == case["error"]
        return

    assert regexp.match(case["pattern"], case["source"]) == case["match"]
    assert regexp.replace_all(case["pattern"], case["source"], case["target"]) == case["replaced"]


def test_expected_failures_name_cases() -> None:
    assert set(EXPECTED_FAILURES) <= {case["id"] for case in CASES}
