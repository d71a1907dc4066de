from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.generators.gitlab import GitlabDeployTokenSpec

SPEC = {"name": "n", "scopes": ["read_registry"], "auth": {"token": {"secretRef": {"name": "s", "key": "k"}}}}


@pytest.mark.parametrize("owner", [{"projectID": "p"}, {"groupID": "g"}])
def test_a_token_of_a_project_or_of_a_group(owner: dict[str, str]) -> None:
    spec = GitlabDeployTokenSpec.model_validate(SPEC | owner)

    assert [spec.project_id, spec.group_id] == [owner.get("projectID"), owner.get("groupID")]


@pytest.mark.parametrize("owner", [{}, {"projectID": "p", "groupID": "g"}])
def test_not_of_both_and_not_of_neither(owner: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="exactly one of projectID, groupID"):
        GitlabDeployTokenSpec.model_validate(SPEC | owner)


@pytest.mark.parametrize("scopes", [[], ["write_repository"]])
def test_scopes(scopes: list[str]) -> None:
    with pytest.raises(ValidationError):
        GitlabDeployTokenSpec.model_validate(SPEC | {"projectID": "p", "scopes": scopes})
