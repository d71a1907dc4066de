from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.generators import GENERATORS
from virtrigaud_secrets.models.generators.cluster import ClusterGeneratorKind, ClusterGeneratorSpec, GeneratorSpec
from virtrigaud_secrets.models.generators.password import PasswordSpec


def test_every_kind_but_itself_and_the_controllers_own() -> None:
    assert set(get_args(ClusterGeneratorKind)) == set(GENERATORS) - {"ClusterGenerator", "GeneratorState"}
    assert len(GeneratorSpec.model_fields) == len(get_args(ClusterGeneratorKind))


@pytest.mark.parametrize("kind", get_args(ClusterGeneratorKind))
def test_a_kind_has_its_field(kind: str) -> None:
    folded = f"{kind}spec".lower()

    assert [field.alias for field in GeneratorSpec.model_fields.values() if str(field.alias).lower() == folded]


def test_the_chosen_spec() -> None:
    spec = ClusterGeneratorSpec.model_validate({"kind": "Password", "generator": {"passwordSpec": {"length": 5}}})

    assert spec.generator.chosen == PasswordSpec(length=5)


@pytest.mark.parametrize("generator", [{}, {"uuidSpec": {}, "fakeSpec": {}}])
def test_exactly_one_spec(generator: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="exactly one of acrAccessTokenSpec"):
        ClusterGeneratorSpec.model_validate({"kind": "UUID", "generator": generator})
