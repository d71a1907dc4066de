"""Whether a Deployment's rollout has come to its end, as `kubectl rollout status` judges it. Pure; asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from virtrigaud_secrets.operations.bodies import mapping, number, sequence

DEADLINE_EXCEEDED: Final = "ProgressDeadlineExceeded"
"""Reason of the condition `Progressing` by which the Deployment controller gives a rollout up."""


class RolloutState(StrEnum):
    """How far a rollout is."""

    UNDER_WAY = "under-way"
    """It goes on."""
    COMPLETE = "complete"
    """Every pod is of the new template and available, and no old one is left."""
    FAILED = "failed"
    """The Deployment controller gave up."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """A judgement and why."""

    state: RolloutState
    """How far it is."""
    message: str
    """What is waited for, or what happened."""


def judge_rollout(deployment: Mapping[str, object]) -> Rollout:
    """How far the rollout of a Deployment is.

    The order is that of kubectl: nothing in `status` counts before the controller has seen the latest `spec`.

    Args:
        deployment: the object as the API gives it.
    """
    status, wanted = mapping(deployment.get("status")), _replicas(deployment)
    if number(status.get("observedGeneration")) < number(mapping(deployment.get("metadata")).get("generation")):
        return Rollout(RolloutState.UNDER_WAY, "the Deployment controller has not seen the change yet")
    if any(_gave_up(condition) for condition in sequence(status.get("conditions"))):
        return Rollout(RolloutState.FAILED, f"it exceeded its progress deadline ({DEADLINE_EXCEEDED})")
    updated, available = number(status.get("updatedReplicas")), number(status.get("availableReplicas"))
    if updated < wanted:
        return Rollout(RolloutState.UNDER_WAY, f"{updated} of {wanted} new replicas have been updated")
    if (old := number(status.get("replicas")) - updated) > 0:
        return Rollout(RolloutState.UNDER_WAY, f"{old} old replicas are pending termination")
    if available < updated:
        return Rollout(RolloutState.UNDER_WAY, f"{available} of {updated} updated replicas are available")
    return Rollout(RolloutState.COMPLETE, f"{updated} of {wanted} replicas are new and available")


def is_paused(deployment: Mapping[str, object]) -> bool:
    """Whether `spec.paused` holds every rollout back."""
    return mapping(deployment.get("spec")).get("paused") is True


def _gave_up(condition: object) -> bool:
    found = mapping(condition)
    return found.get("type") == "Progressing" and found.get("reason") == DEADLINE_EXCEEDED


def _replicas(deployment: Mapping[str, object]) -> int:
    """`spec.replicas`; the API server fills in 1 where none is written."""
    return number(mapping(deployment.get("spec")).get("replicas"), 1)
