import pytest

from virtrigaud_secrets.models.backends.aws import AWSProvider
from virtrigaud_secrets.stores.aws import names
from virtrigaud_secrets.stores.base import Fetch
from virtrigaud_secrets.testing.contract import STORE


def spec(service, prefix=None):
    return AWSProvider.model_validate({"service": service, "region": "us-west-2", "prefix": prefix})


def fetch(**options):
    return Fetch(store=STORE, **{"key": "k", **options})


@pytest.mark.parametrize(
    ("service", "given", "version"),
    [
        ("SecretsManager", {"version": "AWSCURRENT"}, ""),
        ("SecretsManager", {"version": "AWSPREVIOUS"}, "AWSPREVIOUS"),
        ("SecretsManager", {"version": "uuid/1"}, "uuid/1"),
        ("SecretsManager", {"version": "uuid/1", "metadata": True}, ""),
        ("ParameterStore", {"version": "AWSCURRENT"}, "AWSCURRENT"),
        ("ParameterStore", {"version": "3", "metadata": True}, ""),
    ],
)
def test_equal_fetches_have_one_spelling(service, given, version):
    canonical = names.canonical(fetch(**given), spec(service))
    assert canonical.version == version
    assert names.canonical(canonical, spec(service)) == canonical


def test_a_prefix_goes_before_every_key():
    assert names.path(fetch(), spec("SecretsManager", "app/")) == "app/k"
    assert names.path(fetch(), spec("SecretsManager")) == "k"
    assert names.path(fetch(version="uuid/1"), spec("SecretsManager")) == "k"
    assert names.path(fetch(version="2"), spec("ParameterStore", "/app/")) == "/app/k:2"


@pytest.mark.parametrize(
    ("service", "metadata", "operation"),
    [
        ("SecretsManager", False, "GetSecretValue"),
        ("SecretsManager", True, "DescribeSecret"),
        ("ParameterStore", False, "GetParameter"),
        ("ParameterStore", True, "ListTagsForResource"),
    ],
)
def test_operations(service, metadata, operation):
    assert names.operation(fetch(metadata=metadata), spec(service)) == operation
