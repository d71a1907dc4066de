"""Which kinds there are, and what a ClusterGenerator stands for."""

import pytest

from virtrigaud_secrets.errors import ManifestError, UnsupportedFeatureError
from virtrigaud_secrets.generators.registry import MODULES, source
from virtrigaud_secrets.models.generators import GENERATORS, generator_model
from virtrigaud_secrets.models.generators.cluster import ClusterGeneratorSpec
from virtrigaud_secrets.models.generators.uuids import UUIDSpec

NOT_HERE = sorted(set(GENERATORS) - set(MODULES) - {"ClusterGenerator"})


@pytest.mark.parametrize("kind", sorted(MODULES))
def test_each_kind_has_the_model_of_its_manifest(kind):
    wanted = generator_model(kind).model_fields["spec"].annotation
    assert source(kind, UUIDSpec()).factory.spec_model is wanted


@pytest.mark.parametrize("kind", NOT_HERE)
def test_a_kind_that_is_not_here_says_so(kind):
    with pytest.raises(UnsupportedFeatureError, match=f"{kind} are known to ESO"):
        source(kind, UUIDSpec())


def cluster(kind, **generator):
    return ClusterGeneratorSpec.model_validate({"kind": kind, "generator": generator})


def test_a_cluster_generator_stands_for_one_of_the_others():
    found = source("ClusterGenerator", cluster("Password", passwordSpec={"length": 8}))
    assert found.factory is source("Password", UUIDSpec()).factory
    assert found.spec.length == 8


def test_a_cluster_generator_of_another_kind_than_its_spec_is_refused():
    with pytest.raises(ManifestError, match="of kind UUID, and holds the spec of another"):
        source("ClusterGenerator", cluster("UUID", passwordSpec={}))


def test_a_cluster_generator_of_a_kind_that_is_not_here_says_so():
    with pytest.raises(UnsupportedFeatureError, match="MFA"):
        source("ClusterGenerator", cluster("MFA", mfaSpec={"secret": {"name": "s", "key": "k"}}))
