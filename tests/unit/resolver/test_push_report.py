from __future__ import annotations

import json

import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.resolver.push_report import GONE, PushedEntry, PushReport
from virtrigaud_secrets.stores.base import PushOutcome, PushTarget, StoreKey

STORE = StoreKey("ClusterSecretStore", "ns", "s")


def entry(key: str, outcome: PushOutcome, name: str = "") -> PushedEntry:
    return PushedEntry(target=PushTarget(store=STORE, key=key, property=name), outcome=outcome, field="spec.data[0]")


REPORT = PushReport(
    name="p", namespace="ns", entries=(entry("a", PushOutcome.CREATED), entry("b", PushOutcome.UNKNOWN, "x"))
)


def test_an_entry_reads_as_one_line() -> None:
    assert [str(one) for one in REPORT.entries] == [
        "created: a [store ClusterSecretStore ns/s]",
        "unknown: b, property x [store ClusterSecretStore ns/s]",
    ]


@pytest.mark.parametrize("outcome", list(PushOutcome))
def test_what_is_in_the_stores_after_it(outcome: PushOutcome) -> None:
    report = PushReport(name="p", namespace="ns", entries=(entry("a", outcome),))

    assert report.pushed == (() if outcome in GONE else (PushTarget(store=STORE, key="a"),))


def test_there_and_back() -> None:
    assert PushReport.from_json(REPORT.to_json()) == REPORT
    assert PushReport.from_json(REPORT.to_json().encode()) == REPORT


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"name": 5},
        {"entries": [{}]},
        {"entries": 7},
        {"entries": [{"store": {"kind": "a", "namespace": "b", "name": "c"}, "remoteKey": "k", "property": "",
                      "outcome": "eaten", "field": ""}]},
    ],
)  # fmt: skip
def test_another_text_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="no report of a push"):
        PushReport.from_json(json.dumps({**json.loads(REPORT.to_json()), **change}))


@pytest.mark.parametrize("text", ["", "[", "[]", "null", "5", "[" * 100_000])
def test_no_json_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no report of a push"):
        PushReport.from_json(text)
