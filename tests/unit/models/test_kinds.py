from __future__ import annotations

from typing import get_args

import pytest

from virtrigaud_secrets.models.kinds import GENERATORS_GROUP, GROUP, KINDS, Kind, names_of


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_kind_agrees_with_its_model(kind: Kind) -> None:
    fields = kind.model.model_fields

    assert kind.name in get_args(fields["kind"].annotation)
    assert set(get_args(fields["api_version"].annotation)) == set(kind.api_versions)


def test_scopes() -> None:
    cluster = {name for (_, name), kind in KINDS.items() if not kind.namespaced}

    assert cluster == {"ClusterExternalSecret", "ClusterGenerator", "ClusterPushSecret", "ClusterSecretStore"}


def test_both_groups() -> None:
    assert names_of(GROUP)[0] == "ClusterExternalSecret"
    assert "Webhook" in names_of(GENERATORS_GROUP)
    assert len(names_of(GROUP)) + len(names_of(GENERATORS_GROUP)) == len(KINDS) == 25
