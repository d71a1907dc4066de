"""What is made of what was seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from virtrigaud_secrets.operations.diagnosis import (
    Diagnosis,
    DoctorReport,
    Level,
    by_end,
    by_skew,
    collected,
    missing_capabilities,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "level", "words"),
    [
        (0, Level.OK, "agrees"),
        (-29, Level.OK, "agrees"),
        (30, Level.WARNING, "30 s ahead of ours"),
        (-299, Level.WARNING, "299 s behind ours"),
        (300, Level.ERROR, "300 s ahead"),
        (-4000, Level.ERROR, "4000 s behind"),
    ],
)
def test_a_difference_of_clocks(seconds, level, words):
    found = by_skew("store", timedelta(seconds=seconds))
    assert found.level is level
    assert words in found.message
    assert bool(found.advice) is (level is not Level.OK)


@pytest.mark.parametrize(
    ("hours", "level", "word"),
    [(-1, Level.ERROR, "ended"), (0, Level.ERROR, "ended"), (24, Level.WARNING, "ends"), (25, Level.OK, "good until")],
)
def test_what_ends(hours, level, word):
    end = NOW + timedelta(hours=hours)
    found = by_end("certificate", "store", "it", end=end, now=NOW, margin=timedelta(hours=24))
    assert found.level is level
    assert word in found.message
    assert bool(found.advice) is (level is not Level.OK)


def test_what_a_login_lacks():
    wanted = {
        ("secret/data/a",): ("read", "ExternalSecret ns/a"),
        ("db/creds/r", "secret/data/db/creds/r"): ("read", "ExternalSecret ns/b"),
        ("pki/issue/r",): ("update", "ExternalSecret ns/c"),
    }
    everything = {path: frozenset({"root"}) for paths in wanted for path in paths}
    (fine,) = missing_capabilities("store", wanted, everything)
    assert (fine.level, fine.message) == (Level.OK, "its policies grant all 3 paths of the manifests")

    granted = {
        "secret/data/a": frozenset({"read", "deny"}),
        "db/creds/r": frozenset({"deny"}),
        "secret/data/db/creds/r": frozenset({"read", "list"}),
        "pki/issue/r": frozenset({"read"}),
    }
    lacks = missing_capabilities("store", wanted, granted)
    assert [found.level for found in lacks] == [Level.ERROR] * 2
    assert 'do not grant "read" on secret/data/a, which ExternalSecret ns/a needs' in lacks[0].message
    assert '"update" on pki/issue/r' in lacks[1].message
    assert missing_capabilities("store", {}, {}) == []


def test_a_report():
    one = Diagnosis(check="reach", subject="store", level=Level.WARNING, message="slow", advice="wait")
    report = collected([one, one, Diagnosis(check="tls", subject="store", message="fine")])
    assert report.ok
    assert report.as_text().splitlines() == [
        "warning: reach: store: slow",
        "  wait",
        "ok: tls: store: fine",
        "1 ok, 0 note, 1 warning, 0 error",
    ]
    assert report.as_json() == {
        "ok": True,
        "diagnoses": [
            {"check": "reach", "subject": "store", "level": "warning", "message": "slow", "advice": "wait"},
            {"check": "tls", "subject": "store", "level": "ok", "message": "fine", "advice": ""},
        ],
    }
    assert not DoctorReport((Diagnosis(check="a", subject="b", level=Level.ERROR, message="c"),)).ok
