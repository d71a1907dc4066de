from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import ConfigurationError, InvalidRequestError
from virtrigaud_secrets.models.backends.gcpsm import GCPSMProvider
from virtrigaud_secrets.stores.base import Fetch
from virtrigaud_secrets.stores.gcp import names
from virtrigaud_secrets.testing.contract import STORE, store_context


def spec(**parts: object) -> GCPSMProvider:
    return GCPSMProvider.model_validate({"projectID": "p", **parts})


def fetch(key: str = "k", **parts: object) -> Fetch:
    return Fetch(store=STORE, key=key, **parts)  # type: ignore[arg-type]


def preview(made: GCPSMProvider, asked: Fetch):
    return names.preview(made, asked, store_context())


def test_a_preview_shows_the_resource_and_the_call():
    shown = preview(spec(), fetch("database", version="3"))
    assert (shown.method, shown.path) == ("AccessSecretVersion", "projects/p/secrets/database/versions/3")
    assert not shown.side_effect


def test_metadata_is_another_call_and_has_no_version():
    shown = preview(spec(), fetch(version="3", metadata=True))
    assert (shown.method, shown.path, shown.fetch.version) == ("GetSecret", "projects/p/secrets/k", "")


def test_a_location_is_in_names_and_in_the_endpoint():
    made = spec(location="europe-west3")
    assert preview(made, fetch()).path == "projects/p/locations/europe-west3/secrets/k/versions/latest"
    assert names.endpoint(made) == "https://secretmanager.europe-west3.rep.googleapis.com"
    assert names.endpoint(spec()) == "https://secretmanager.googleapis.com"


def test_latest_and_no_version_are_one_request_unless_the_policy_tells_them_apart():
    assert names.canonical(spec(), fetch(version="latest")) == names.canonical(spec(), fetch())
    fetching = spec(secretVersionSelectionPolicy="LatestOrFetch")
    assert names.canonical(fetching, fetch(version="latest")).version == "latest"
    assert "newest enabled" in preview(fetching, fetch()).note
    assert preview(fetching, fetch(version="latest")).note == ""


def test_parameters_for_issuing_endpoints_mean_nothing_here():
    assert names.canonical(spec(), fetch(parameters=(("ttl", "1"),))) == fetch()


@pytest.mark.parametrize("key", ["a/b", "../x", "projects/p/secrets/k", "a?b", "a:access", "ä", "", "k" * 256])
def test_a_key_that_is_no_name_is_refused_before_anything_is_sent(key):
    with pytest.raises(InvalidRequestError, match="letters, digits"):
        preview(spec(), fetch(key))


@pytest.mark.parametrize("version", ["1/2", "a b", "..", "1:destroy"])
def test_so_is_a_version_that_is_none(version):
    with pytest.raises(InvalidRequestError, match="a version is"):
        preview(spec(), fetch(version=version))


def test_the_project_of_the_store_goes_before_the_clusters():
    workload = {"serviceAccountRef": {"name": "a"}, "clusterProjectID": "cluster-project"}
    both = spec(auth={"workloadIdentity": workload})
    one = GCPSMProvider.model_validate({"auth": {"workloadIdentity": workload}})
    assert names.written_project(both) == "p"
    assert names.written_project(one) == "cluster-project"


def test_without_a_project_the_preview_says_who_is_asked():
    shown = preview(GCPSMProvider(), fetch())
    assert "metadata server" in shown.note
    assert names.UNKNOWN_PROJECT in shown.path


@pytest.mark.parametrize(
    ("parts", "match"),
    [
        ({"projectID": "p/../q"}, "projectID"),
        ({"projectID": "p", "location": "x.example.com/"}, "location"),
        ({"auth": {"secretRef": {"secretAccessKeySecretRef": {"name": "n", "key": "k"}}}}, "projectID must be set"),
    ],
)
def test_a_spec_that_would_lead_elsewhere_is_refused(parts, match):
    with pytest.raises(ConfigurationError, match=match):
        names.check_spec(GCPSMProvider.model_validate(parts), store_context())


@pytest.mark.parametrize(
    ("full", "expected"),
    [
        ("projects/1/secrets/k", "k"),
        ("projects/1/locations/l/secrets/k", "k"),
        ("projects/1/secrets/k/versions/2", "k"),
    ],
)
def test_the_short_name_is_what_manifests_write(full, expected):
    assert names.short(full) == expected
