"""The judgement of `kubectl rollout status`, row by row."""

from __future__ import annotations

import pytest

from virtrigaud_secrets.operations.rollout import RolloutState, is_paused, judge_rollout

DONE = {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}


def deployment(*, generation=2, wanted=3, **status):
    return {
        "metadata": {"name": "d", "generation": generation},
        "spec": {"replicas": wanted},
        "status": DONE | status,
    }


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({}, RolloutState.COMPLETE, "3 of 3 replicas"),
        # The numbers of `status` are those of the last rollout as long as the controller has not seen this one.
        ({"generation": 3}, RolloutState.UNDER_WAY, "not seen the change"),
        ({"observedGeneration": 1}, RolloutState.UNDER_WAY, "not seen the change"),
        ({"updatedReplicas": 1}, RolloutState.UNDER_WAY, "1 of 3 new replicas"),
        ({"replicas": 4}, RolloutState.UNDER_WAY, "1 old replicas are pending termination"),
        ({"availableReplicas": 2}, RolloutState.UNDER_WAY, "2 of 3 updated replicas are available"),
        ({"updatedReplicas": 0, "availableReplicas": 0}, RolloutState.UNDER_WAY, "0 of 3 new"),
    ],
)
def test_each_row(changes, state, words):
    found = judge_rollout(deployment(**changes))
    assert found.state is state
    assert words in found.message


def test_a_deadline_counts_once_the_change_was_seen():
    gave_up = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    assert judge_rollout(deployment(conditions=gave_up, updatedReplicas=1)).state is RolloutState.FAILED
    # It may be of the rollout before: kubectl looks at the generation first.
    assert judge_rollout(deployment(conditions=gave_up, generation=3)).state is RolloutState.UNDER_WAY
    fine = [{"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}, {"type": "Available"}, None]
    assert judge_rollout(deployment(conditions=fine)).state is RolloutState.COMPLETE


def test_what_is_scaled_to_nothing_is_complete():
    assert judge_rollout(deployment(wanted=0) | {"status": {"observedGeneration": 2}}).state is RolloutState.COMPLETE


def test_a_new_deployment_has_no_status_yet():
    assert judge_rollout({"metadata": {"generation": 1}, "spec": {}}).state is RolloutState.UNDER_WAY
    assert judge_rollout({"metadata": {"generation": 1}, "status": {"observedGeneration": 1}}).message.startswith(
        "0 of 1 new replicas"
    )


def test_paused():
    assert is_paused({"spec": {"paused": True}})
    assert not is_paused({"spec": {"paused": False}})
    assert not is_paused({})
