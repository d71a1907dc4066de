"""What a server says against what is needed."""

from dataclasses import replace

import pytest

from virtrigaud_secrets.errors import AccessDeniedError
from virtrigaud_secrets.operations.policy import kubernetes, vault
from virtrigaud_secrets.operations.policy.verification import POWERS, PROBE, verify, verify_cluster, verify_vault
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import StoreClient


class Client(StoreClient):
    def __init__(self, granted):
        self.granted = granted
        self.asked = []
        self.closed = False

    def get(self, fetch):
        raise NotImplementedError

    def capabilities(self, paths):
        self.asked += paths
        if isinstance(self.granted, Exception):
            raise self.granted
        return {path: frozenset(self.granted.get(path, ())) for path in paths}

    def close(self, *, revoke=True):
        self.closed = True


class Factory:
    def __init__(self, client):
        self.client = client

    def connect(self, spec, context):
        return self.client


@pytest.fixture
def asked(demand, write):
    def make(granted):
        store = write.store(
            "{vault: {server: 'https://v', path: s, auth: {appRole: {roleId: r, secretRef: {name: i, key: k}}}}}"
        )
        found = demand(
            store, write.read("app/one"), write.find("path: found, name: {regexp: x}").replace("es,", "two,")
        )
        client = Client(granted)
        verdict = verify_vault(replace(found, factory=Factory(client)), vault.policy_of(found))
        assert client.closed
        return verdict, client

    return make


EXACT = {
    "auth/token/revoke-self": ["update"],
    "s/data/app/one": ["read"],
    f"s/data/found/{PROBE}": ["read"],
    f"s/metadata/found/{PROBE}": ["list"],
}


def test_exactly_what_is_needed(asked):
    verdict, client = asked(EXACT)
    assert verdict.exact
    assert set(client.asked) == {*EXACT, f"s/data/app/{PROBE}", *POWERS}


def test_what_lacks_and_what_is_too_much(asked):
    verdict, _ = asked(
        {**EXACT, "s/data/app/one": ["read", "update"], "auth/token/revoke-self": [], f"s/data/app/{PROBE}": ["read"],
         "auth/token/create": ["create"]}
    )  # fmt: skip
    assert verdict.lacking == ("update on auth/token/revoke-self",)
    assert verdict.excess == (
        "create on auth/token/create",
        "update on s/data/app/one",
        "read on s/data/app/* (a wildcard)",
    )
    assert not verdict.exact


def test_root_is_too_much(asked):
    verdict, _ = asked({"s/data/app/one": ["root"]})
    assert (verdict.lacking, verdict.excess) == ((), ("root: everything",))


def test_a_server_that_does_not_say(asked):
    error = AccessDeniedError("no")
    verdict, _ = asked(error)
    assert verdict.error is error
    assert not verdict.exact


class Objects:
    def __init__(self, *allowed):
        self.allowed = set(allowed)

    def reviewed(self, verb, resource, *, namespace="", subresource="", name=""):
        plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
        return (verb, plural, namespace, name) in self.allowed


def test_a_cluster_is_asked_about_each_name_and_about_all(catalog, demands, write):
    settings = Settings(service_account_tokens="token-request")
    texts = (
        write.store("{kubernetes: {auth: {serviceAccount: {name: reader}}}}"),
        write.read("one"),
        write.push(),
    )
    policy, _ = kubernetes.policies_of(demands(*texts, settings=settings), catalog(*texts), settings)
    token = ("create", "serviceaccounts/token", "team", "reader")
    source = ("get", "secrets", "team", "source")
    assert verify_cluster(policy, Objects(token, source)).exact
    verdict = verify_cluster(policy, Objects(token, ("list", "secrets", "team", "")))
    assert verdict.lacking == ("get on secrets source in team",)
    assert verdict.excess == ("list on every one of secrets in team",)


def test_without_vault_and_cluster_nobody_is_asked(catalog, write):
    manifests = catalog(write.store("{fake: {data: [{key: a, value: b}]}}"), write.read("a"))
    assert verify(manifests, settings=Settings()) == []


def test_a_manifest_that_cannot_be_planned_is_no_success(catalog, write):
    (verdict,) = verify(catalog(write.read("a")), settings=Settings())
    assert not verdict.exact
    assert "store" in str(verdict.error)


def test_rights_in_a_cluster_that_is_not_there_are_no_success(catalog, write, tmp_path):
    store = write.store("{kubernetes: {remoteNamespace: far}}")
    settings = Settings(service_account_directory=tmp_path)
    (verdict,) = verify(catalog(store, write.read("a")), settings=settings)
    assert not verdict.exact
    assert "no cluster API is configured" in str(verdict.error)


def test_a_client_that_cannot_ask_is_no_success(demand, write):
    class Mute(StoreClient):
        def get(self, fetch):
            raise NotImplementedError

        def close(self, *, revoke=True):
            del revoke

    found = demand(write.store("{vault: {server: 'https://v', path: s}}"), write.read("a"))
    verdict = verify_vault(replace(found, factory=Factory(Mute())), vault.policy_of(found))
    assert "cannot ask" in str(verdict.error)
