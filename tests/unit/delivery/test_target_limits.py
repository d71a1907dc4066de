from __future__ import annotations

from typing import Any

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery import target_report as report
from virtrigaud_secrets.delivery.live_secret import LiveSecret
from virtrigaud_secrets.delivery.secret_target import SecretTarget
from virtrigaud_secrets.delivery.target_decision import Action, decide
from virtrigaud_secrets.delivery.target_limits import MAX_ANNOTATION_BYTES, MAX_DATA_BYTES, refusal_of
from virtrigaud_secrets.sensitive import Sensitive

PLANTED = "planted value 7f3a"
TARGET = SecretTarget(name="s", namespace="ns")


def secret(**parts: Any) -> LiveSecret:
    return LiveSecret(name="s", namespace="ns", **{"type": "Opaque", **parts})


@pytest.mark.parametrize(
    "fit",
    [
        {},
        {"data": {"a": Sensitive(b"x" * MAX_DATA_BYTES)}},
        {"labels": {"a": "", "b": "x" * 63, "c": "a.B_c-1"}},
        {"annotations": {"a": PLANTED}},
        {"type": "kubernetes.io/basic-auth", "data": {"password": Sensitive("x")}},
        {"type": "kubernetes.io/tls", "data": {"tls.crt": Sensitive(""), "tls.key": Sensitive("")}},
        {"type": "example.org/own"},
    ],
)
def test_what_a_cluster_takes(fit: dict[str, Any]) -> None:
    assert refusal_of(TARGET, secret(**fit)) is None


@pytest.mark.parametrize(
    ("unfit", "told"),
    [
        ({"data": {"a": Sensitive(b"x" * (MAX_DATA_BYTES + 1))}}, "its values have 1048577 bytes"),
        ({"annotations": {"a": "x" * MAX_ANNOTATION_BYTES}}, "its annotations have 262145 bytes"),
        ({"labels": {"team": PLANTED}}, "error: team: the label's value is none"),
        ({"labels": {"team": "x" * 64}}, "error: team: the label's value is none"),
        ({"labels": {"team": "x\n"}}, "error: team: the label's value is none"),
        ({"type": "kubernetes.io/tls", "data": {"tls.crt": Sensitive("x")}}, "must have tls.key"),
        ({"type": "kubernetes.io/basic-auth", "data": {"x": Sensitive("x")}}, "must have username or password"),
    ],
)
def test_what_none_takes(unfit: dict[str, Any], told: str) -> None:
    refusal = refusal_of(TARGET, secret(**unfit))
    assert told in str(refusal)
    assert "ExternalSecret ns/s: spec.target" in str(refusal)
    assert PLANTED not in str(refusal)


def test_it_is_not_sent_and_may_mend_itself() -> None:
    decision = decide(TARGET, None, Bundle({"a": b"1"}, labels={"user": PLANTED}))
    assert (decision.action, decision.secret, decision.condition) == (Action.LEAVE, None, report.NOT_WRITTEN)
    assert not decision.is_permanent
