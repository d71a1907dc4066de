"""What the AWS generators share."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from virtrigaud_secrets.errors import ConfigurationError, StoreUnavailableError
from virtrigaud_secrets.generators import aws
from virtrigaud_secrets.models.generators.ecr import ECRAuthorizationTokenSpec
from virtrigaud_secrets.stores.base import StoreKey
from virtrigaud_secrets.testing.contract import store_context

KEY = StoreKey("ECRAuthorizationToken", "team", "g")


def test_half_a_static_key_is_refused_before_anything_is_asked():
    spec = ECRAuthorizationTokenSpec.model_validate(
        {"region": "eu-central-1", "auth": {"secretRef": {"accessKeyIDSecretRef": {"name": "s", "key": "k"}}}}
    )
    with pytest.raises(ConfigurationError, match="needs accessKeyIDSecretRef and secretAccessKeySecretRef"):
        aws.service("ecr", spec, store_context(store=KEY))


def test_parts_of_an_answer():
    moment = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    answer = {"a": {"b": moment}, "n": "x"}
    assert aws.moment(aws.part(answer, "a"), "b") == datetime(2026, 1, 1, tzinfo=UTC)
    assert aws.part(answer, "n") == aws.part(answer, "nope") == {}
    assert aws.moment(answer, "n") is None
    assert aws.seconds(moment) == b"1767225600"
    assert isinstance(aws.unreadable("sts GetSessionToken"), StoreUnavailableError)
