"""The models cost little more than pydantic does by itself, measured."""

from __future__ import annotations

import os
import sys

import pytest

ROUNDS = 8
"""Of each program; the least time counts, since nothing makes a program faster than it is."""
EXTRA = 1.3
"""Times pydantic's own cost, at most."""
PYDANTIC = """
from pydantic import BaseModel, Field, model_validator

class Secret(BaseModel):
    name: str = Field(min_length=1, pattern="^[a-z]+$")

    @model_validator(mode="after")
    def check(self):
        return self
"""
"""What any program with one model pays: a good part of pydantic is loaded when the first model is made."""


def processor_time(program: str) -> float:
    """Seconds of a fresh interpreter: of its own work, not of waiting for a busy machine."""
    process = os.posix_spawn(sys.executable, [sys.executable, "-c", program], os.environ)
    _, status, usage = os.wait4(process, 0)
    assert status == 0
    return usage.ru_utime + usage.ru_stime


def least_times(*programs: str) -> list[float]:
    """Of each, in turns, so that what slows the machine down slows all of them."""
    rounds = [[processor_time(program) for program in programs] for _ in range(ROUNDS)]
    return [min(times) for times in zip(*rounds, strict=True)]


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="times of a child are had on POSIX only")
def test_the_models_cost_little_more_than_pydantic() -> None:
    models = "import virtrigaud_secrets.models.external_secret, virtrigaud_secrets.models.secret_store"
    nothing, pydantic, ours = least_times("pass", PYDANTIC, models)

    assert (ours - nothing) / (pydantic - nothing) <= EXTRA


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="times of a child are had on POSIX only")
def test_the_root_costs_less_than_pydantic() -> None:
    nothing, pydantic, ours = least_times("pass", "import pydantic", "import virtrigaud_secrets")

    assert ours - nothing <= pydantic - nothing
