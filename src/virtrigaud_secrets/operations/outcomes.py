"""What became of an operation: one outcome for each object and each step, as text and as JSON. Never holds a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from virtrigaud_secrets.errors import SecretsError


class Outcome(StrEnum):
    """What became of one object or step."""

    DONE = "done"
    """It is as it should be now."""
    PLANNED = "planned"
    """It would be changed; this was a dry run."""
    SKIPPED = "skipped"
    """There was nothing to do, or nothing that can be done; the detail says why."""
    TIMED_OUT = "timed-out"
    """It was asked for, and was not seen to be done within the limit."""
    FAILED = "failed"
    """It was refused, or went wrong."""
    NOT_DONE = "not-done"
    """It was not tried, as something before it went wrong."""
    UNKNOWN = "unknown"
    """It was sent, and whether it was carried out is not known."""


_GOOD: Final = frozenset({Outcome.DONE, Outcome.PLANNED, Outcome.SKIPPED})
_BADNESS: Final = tuple(Outcome)
"""From good to bad: of several, the last counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One object of a cluster, or one path of a store."""

    kind: str
    """Its kind, as in manifests."""
    name: str
    """Its name."""
    namespace: str = ""
    """Its namespace; empty for what lives in none."""
    outcome: Outcome
    """What became of it."""
    detail: str = ""
    """Why, or what was seen last."""

    @property
    def subject(self) -> str:
        """`Kind namespace/name`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    def __str__(self) -> str:
        """One line."""
        return f"{self.outcome}: {self.subject}" + (f": {self.detail}" if self.detail else "")

    def as_json(self) -> dict[str, object]:
        """The stable form of `--format json`."""
        return {
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "outcome": self.outcome.value,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of an operation."""

    name: str
    """`revoke`, `refresh`, `restart` or `rollout`."""
    outcome: Outcome
    """What became of it."""
    detail: str = ""
    """Why."""
    items: tuple[Item, ...] = ()
    """What it was about, in the order of namespaces and names."""

    @classmethod
    def of(cls, name: str, items: Iterable[Item], *, nothing: str) -> Step:
        """A step that is as good as the worst of its items; `nothing` says what it means that there are none."""
        found = tuple(items)
        if not found:
            return cls(name=name, outcome=Outcome.SKIPPED, detail=nothing)
        worst = max((item.outcome for item in found), key=_BADNESS.index)
        # Something was done, even if some of it did not need to be.
        if worst is Outcome.SKIPPED:
            worst = min((item.outcome for item in found), key=_BADNESS.index)
        return cls(name=name, outcome=worst, items=found)

    @property
    def ok(self) -> bool:
        """Whether nothing is left to do."""
        return self.outcome in _GOOD

    def as_json(self) -> dict[str, object]:
        """The stable form of `--format json`."""
        return {
            "step": self.name,
            "outcome": self.outcome.value,
            "detail": self.detail,
            "items": [item.as_json() for item in self.items],
        }


def attempted(name: str, step: Callable[[], Step]) -> Step:
    """What became of a step that may fail as a whole: what was done before it must be told all the same."""
    try:
        return step()
    except SecretsError as error:
        return Step(name=name, outcome=Outcome.FAILED, detail=str(error))


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationReport:
    """What became of an operation, step by step."""

    operation: str
    """`rotate` or `emergency`."""
    dry_run: bool = False
    """Whether nothing was changed on purpose."""
    steps: tuple[Step, ...]
    """The steps in their order, those that were not tried too."""

    @property
    def ok(self) -> bool:
        """Whether nothing is left to do."""
        return all(step.ok for step in self.steps)

    def as_json(self) -> dict[str, object]:
        """The stable form of `--format json`."""
        return {
            "operation": self.operation,
            "dryRun": self.dry_run,
            "ok": self.ok,
            "steps": [step.as_json() for step in self.steps],
        }

    def as_text(self) -> str:
        """A line a step, a line an object."""
        lines: list[str] = []
        for step in self.steps:
            lines.append(f"{step.name}: {step.outcome}" + (f": {step.detail}" if step.detail else ""))
            lines += [f"  {item}" for item in step.items]
        if self.dry_run:
            lines.append("dry run: nothing was changed")
        return "\n".join(lines)
