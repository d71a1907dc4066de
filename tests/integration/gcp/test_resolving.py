"""Searches, metadata and whole secrets of Google, from manifest to bundle."""

from __future__ import annotations

import json

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing.servers import SecretManager
from virtrigaud_secrets.testing.servers.google_identity import Machine

pytestmark = pytest.mark.integration

STORE = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "SecretStore",
    "metadata": {"name": "google", "namespace": "ns"},
    "spec": {"provider": {"gcpsm": {"projectID": "p", "secretVersionSelectionPolicy": "LatestOrFetch"}}},
}


@pytest.fixture
def google():
    with SecretManager() as server:
        server.identity.machine = Machine("p", "me@p")
        server.secrets.add("p", "app-db", '{"user": "u", "deep": {"a.b": 1.50}}', labels={"team": "vm"})
        server.secrets.add("p", "app-web", "web", labels={"team": "vm"}, annotations={"example.com/owner": "me"})
        server.secrets.add("p", "other", "x")
        yield server


@pytest.fixture
def resolve(google, tmp_path):
    def run(**spec):
        document = {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": "es", "namespace": "ns"},
            "spec": {"secretStoreRef": {"name": "google"}, **spec},
        }
        (tmp_path / "all.yaml").write_text("\n---\n".join(map(json.dumps, (STORE, document))))
        settings = Settings(endpoints=google.endpoints(), ca_file=google.write_ca(tmp_path))
        with Resolver.from_path(tmp_path / "all.yaml", settings=settings) as resolver:
            return {name: value.decode() for name, value in resolver.resolve("es", namespace="ns").items()}

    return run


@pytest.mark.parametrize("find", [{"name": {"regexp": "^app-"}}, {"tags": {"team": "vm"}, "path": "app"}])
def test_a_search_costs_a_listing_and_a_read_for_each_match(google, resolve, find):
    assert set(resolve(dataFrom=[{"find": find}])) == {"app-db", "app-web"}
    assert len(google.asked_for_secrets()) == 3


def test_all_entries_and_a_property_of_a_secret_are_one_read(google, resolve):
    data = [{"secretKey": "number", "remoteRef": {"key": "app-db", "property": "deep.a\\.b", "version": "1"}}]
    found = resolve(dataFrom=[{"extract": {"key": "app-db", "version": "1"}}], data=data)
    assert found == {"user": "u", "deep": '{"a.b": 1.50}', "number": "1.5"}
    assert len(google.asked_for_secrets()) == 1


def test_metadata(google, resolve):
    reference = {"key": "app-web", "metadataPolicy": "Fetch"}
    data = [
        {"secretKey": "team", "remoteRef": {**reference, "property": "labels.team"}},
        {"secretKey": "owner", "remoteRef": {**reference, "property": "annotations.example.com/owner"}},
    ]
    assert resolve(data=data) == {"team": "vm", "owner": "me"}
    assert google.asked_for_secrets() == ["/v1/projects/p/secrets/app-web"]


def test_what_was_switched_off_is_passed_over_by_policy_only(google, resolve):
    google.secrets.add("p", "other", "bad")
    google.secrets.set_state("p", "other", "2", "DISABLED")
    assert resolve(data=[{"secretKey": "x", "remoteRef": {"key": "other"}}]) == {"x": "x"}
    assert len(google.asked_for_secrets()) == 3


def test_a_regional_secret_is_asked_for_at_its_regions_own_address(google, tmp_path):
    google.secrets.add("p", "db", "global")
    google.secrets.add("p", "db", "regional", location="europe-west3")
    store = {**STORE, "spec": {"provider": {"gcpsm": {"projectID": "p", "location": "europe-west3"}}}}
    data = [{"secretKey": "db", "remoteRef": {"key": "db"}}]
    document = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "es", "namespace": "ns"},
        "spec": {"secretStoreRef": {"name": "google"}, "data": data},
    }
    (tmp_path / "all.yaml").write_text("\n---\n".join(map(json.dumps, (store, document))))
    # Only the regional address leads here, besides the metadata server: the global one is not asked.
    regional = google.endpoints("europe-west3")
    del regional["https://secretmanager.googleapis.com"]
    settings = Settings(endpoints=regional, ca_file=google.write_ca(tmp_path))
    with Resolver.from_path(tmp_path / "all.yaml", settings=settings) as resolver:
        assert resolver.resolve("es", namespace="ns").text("db") == "regional"
    assert google.asked_for_secrets() == ["/v1/projects/p/locations/europe-west3/secrets/db/versions/latest:access"]
