"""`dataFrom.find` at a real server, KV versions 1 and 2."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import AccessDeniedError, LocalServerError, SecretNotFoundError
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Query
from virtrigaud_secrets.stores.vault import FACTORY
from virtrigaud_secrets.testing.contract import STORE, store_context

pytestmark = pytest.mark.integration

NAMES = ("top", "team/a", "team/b", "team/b/below", "team/deep/c#%?d e")


@pytest.fixture(scope="module")
def engines(openbao):
    """An engine of each version with the same secrets; `team/a` and `top` are tagged."""
    for version in ("1", "2"):
        openbao.ask("POST", f"sys/mounts/find{version}", {"type": "kv", "options": {"version": version}})
    openbao.process.wait_until(lambda: ready(openbao), timeout=timedelta(seconds=15))
    for name in NAMES:
        quoted = name.replace("%", "%25").replace("#", "%23").replace("?", "%3F").replace(" ", "%20")
        openbao.ask("POST", f"find1/{quoted}", {"name": name})
        openbao.ask("POST", f"find2/data/{quoted}", {"data": {"name": name}})
    for name, tier in (("top", "gold"), ("team/a", "gold"), ("team/b", "silver")):
        openbao.ask("POST", f"find2/metadata/{name}", {"custom_metadata": {"tier": tier}})
    return openbao


def ready(openbao):
    try:
        return bool(openbao.ask("GET", "find2/config"))
    except LocalServerError:
        return False


@pytest.fixture
def find(engines):
    def search(version="2", token=None, **query):
        spec = VaultProvider.model_validate(
            {"server": engines.address, "path": f"find{version}", "version": f"v{version}"}
        )
        settings = Settings(vault_token=token or engines.root_token, ca_file=engines.ca_file)
        with FACTORY.connect(spec, store_context(settings=settings, clock=SystemClock())) as client:
            found = client.find(Query(store=STORE, **query))
            return {name: answer.payload.property("name").decode() for name, answer in found.items()}

    return search


@pytest.mark.parametrize("version", ["1", "2"])
def test_all_names_are_found_with_their_values(find, version):
    assert find(version, name=".*") == {name: name for name in NAMES}


@pytest.mark.parametrize("version", ["1", "2"])
def test_by_name_and_path(find, version):
    assert list(find(version, name="b", path="team")) == ["team/b", "team/b/below"]
    with pytest.raises(SecretNotFoundError) as caught:
        find(version, name="b", path="nowhere")
    assert caught.value.missing


def test_by_tags(find):
    assert list(find(tags=(("tier", "gold"),))) == ["team/a", "top"]
    assert list(find(tags=(("tier", "gold"),), path="team")) == ["team/a"]


def test_a_deleted_secret_is_left_out(engines, find):
    engines.ask("POST", "find2/data/gone", {"data": {"name": "gone"}})
    engines.ask("DELETE", "find2/data/gone")
    assert "gone" not in find(name=".")


def test_who_may_not_list_is_told(engines, find):
    engines.ask("PUT", "sys/policies/acl/read-only", {"policy": 'path "find2/data/*" { capabilities = ["read"] }'})
    made = engines.ask("POST", "auth/token/create", {"policies": ["read-only"]})
    with pytest.raises(AccessDeniedError) as caught:
        find(token=Sensitive(made["auth"]["client_token"]), name=".")
    assert caught.value.capability == "list"


def test_each_match_is_read_once(engines, find):
    start = len(engines.audit_entries())
    find(name="^team/a$")
    counts = engines.request_counts(after=start)
    assert {path: number for (kind, path), number in counts.items() if kind == "read"} == {"find2/data/team/a": 1}
    assert sorted(path for kind, path in counts if kind == "list") == [
        "find2/metadata/",
        "find2/metadata/team/",
        "find2/metadata/team/b/",
        "find2/metadata/team/deep/",
    ]


@pytest.mark.parametrize("provider", ["vault", "openBao"])
def test_from_manifest_to_bundle(engines, tmp_path, provider):
    spec = {"server": engines.address, "path": "find1", "version": "v1"}
    store = {"kind": "SecretStore", "metadata": {"name": "s", "namespace": "n"}, "spec": {"provider": {provider: spec}}}
    search = {"path": "team", "name": {"regexp": "[ab]$"}}
    secret = {
        "kind": "ExternalSecret",
        "metadata": {"name": "e", "namespace": "n"},
        "spec": {"secretStoreRef": {"name": "s"}, "dataFrom": [{"find": search}]},
    }
    documents = [json.dumps({"apiVersion": "external-secrets.io/v1", **one}) for one in (store, secret)]
    (tmp_path / "all.yaml").write_text("\n---\n".join(documents))
    settings = Settings(vault_token=engines.root_token, ca_file=engines.ca_file)
    with Resolver.from_path(tmp_path, settings=settings) as resolver:
        bundle = resolver.resolve("e", namespace="n")
        assert {name: bundle.text(name) for name in bundle} == {
            "team_a": '{"name":"team/a"}',
            "team_b": '{"name":"team/b"}',
        }
