"""Google's access tokens as a registry login."""

from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.errors import AuthenticationError
from virtrigaud_secrets.generators.gcr import _provider
from virtrigaud_secrets.models.generators.gcr import GCRAccessTokenSpec
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Fetch, StoreKey
from virtrigaud_secrets.stores.gcp.errors import Fault
from virtrigaud_secrets.stores.gcp.identity import AccessToken

FETCH = Fetch(store=StoreKey("K", "team", "g"), key="k")
END = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def generator(make):
    def made(outcome):
        found = make("GCRAccessToken", {"projectID": "p", "auth": {}})
        found._login = lambda: outcome
        return found

    return made


def test_the_token_its_user_and_its_end(generator):
    answer = generator(AccessToken(Sensitive("canary"), END)).get(FETCH)
    assert answer.payload.entries() == {
        "username": b"oauth2accesstoken",
        "password": b"canary",
        "expiry": b"1893456000",
    }
    assert (answer.expires_at, answer.path) == (END, "project p")


def test_a_refused_login_is_an_error(generator):
    with pytest.raises(AuthenticationError, match="no identity"):
        generator(Fault(AuthenticationError("no identity"))).get(FETCH)


def test_the_login_is_that_of_a_store():
    account = {"name": "sa"}
    written = {"serviceAccountRef": account, "clusterLocation": "l", "clusterName": "c", "clusterProjectID": "cp"}
    spec = GCRAccessTokenSpec.model_validate({"projectID": "p", "auth": {"workloadIdentity": written}})
    provider = _provider(spec)
    assert provider.project_id == "p"
    identity = provider.auth.workload_identity
    assert (identity.cluster_location, identity.cluster_name, identity.cluster_project_id) == ("l", "c", "cp")
