"""Generators on a real OpenBao and PostgreSQL, from manifest to a login that works and ends."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from virtrigaud_secrets.errors import AccessDeniedError, SecretNotFoundError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.guide_setup import GUIDE_SERVER, GuideWorld

pytestmark = pytest.mark.integration

DYNAMIC = "vsphere/creds/dynamic-role"
KIND = "VaultDynamicSecret"


@pytest.fixture
def settings(guide_world: GuideWorld):
    return guide_world.settings()


@pytest.fixture
def provider(guide_world: GuideWorld):
    """`provider` of a generator: as the guide's provider role, or as root."""

    def made(*, root: bool = False):
        guide = {"kubernetes": {"role": "virtrigaud-role", "serviceAccountRef": {"name": "external-secrets"}}}
        token = {"tokenSecretRef": {"name": "root", "key": "token"}}
        return {"server": GUIDE_SERVER, "auth": token if root else guide}

    return made


@pytest.fixture
def root(guide_world: GuideWorld):
    return {"root": {"token": guide_world.openbao.root_token.reveal_text()}}


@pytest.fixture
def counted(guide_world: GuideWorld):
    start = len(guide_world.openbao.audit_entries())
    return lambda: guide_world.openbao.request_counts(after=start)


def test_a_login_works_and_its_lease_is_held_until_the_resolver_is_closed(
    guide_world, provider, settings, open_resolver, counted
):
    with open_resolver((KIND, {"path": DYNAMIC, "provider": provider()}), settings=settings) as resolver:
        (preview,) = resolver.plan("es").requests
        assert (preview.method, preview.path, preview.side_effect) == ("GET", DYNAMIC, True)
        assert counted()["read", DYNAMIC] == 0
        bundle = resolver.resolve("es")
        user, password = bundle.text("username"), bundle.text("password")
        assert guide_world.postgres.accepts(user, Sensitive(password))
        assert counted()["read", DYNAMIC] == 1
        assert counted()["read", f"sys/internal/ui/mounts/{DYNAMIC}"] == 0  # the path is used as it is
        lease = bundle.lease("password")
        assert lease is bundle.lease("username")
        assert lease.lease_id.startswith(f"{DYNAMIC}/")
        assert timedelta(minutes=55) < lease.expires_at - datetime.now(UTC) <= timedelta(hours=1)
        assert bundle.provenance["username"][0].store == "VaultDynamicSecret virtrigaud-system/g0"
        assert password not in repr(bundle)
    assert not guide_world.postgres.accepts(user, Sensitive(password))


def test_each_entry_gets_a_login_of_its_own(guide_world, provider, settings, open_resolver, counted):
    rewrite = [{"transform": {"template": "{{ .value }}"}}]
    generator = (KIND, {"path": DYNAMIC, "provider": provider()})
    with open_resolver(generator, generator, settings=settings, rewrite=rewrite) as resolver:
        assert len(resolver.plan("es").requests) == 2
        bundle = resolver.resolve("es")
        assert counted()["read", DYNAMIC] == 2
        assert len(bundle.leases) == 1  # the later entry's keys replace the earlier one's


def test_raw_shows_the_lease_as_text(provider, settings, open_resolver):
    spec = {"path": DYNAMIC, "provider": provider(), "resultType": "Raw"}
    with open_resolver((KIND, spec), settings=settings) as resolver:
        bundle = resolver.resolve("es")
    assert set(bundle) >= {"request_id", "lease_id", "lease_duration", "renewable", "data", "warnings"}
    assert bundle.text("lease_duration") == "3600"
    assert bundle.text("renewable") == "true"
    assert bundle.text("lease_id") == bundle.lease("data").lease_id


def test_a_certificate_by_a_write(guide_world, provider, settings, open_resolver):
    parameters = {"common_name": "provider.virtrigaud.local", "ttl": "1h"}
    spec = {"path": "pki/issue/virtrigaud", "method": "POST", "parameters": parameters, "provider": provider()}
    with open_resolver((KIND, spec), settings=settings) as resolver:
        bundle = resolver.resolve("es")
    certificate = x509.load_pem_x509_certificate(bundle["certificate"])
    assert bundle.expires_at <= certificate.not_valid_after_utc


def test_lists_deletes_and_tokens(provider, root, settings, open_resolver, guide_world):
    as_root = provider(root=True)

    def made(**spec):
        with open_resolver((KIND, {"provider": as_root, **spec}), settings=settings, secrets=root) as resolver:
            return dict(resolver.resolve("es"))

    assert b"dynamic-role" in made(path="vsphere/roles", method="LIST")["keys"]
    auth = made(path="auth/token/create", method="POST", parameters={"ttl": "10m"}, resultType="Auth")
    assert auth["lease_duration"] == b"600"
    assert auth["client_token"]
    guide_world.openbao.ask("POST", "secret/data/gone", {"data": {"a": "b"}})
    # A delete answers nothing, and there is nothing left then for the ExternalSecret to hold.
    with pytest.raises(SecretNotFoundError, match="empty response"):
        made(path="secret/data/gone", method="DELETE")
    with pytest.raises(SecretNotFoundError, match="g0"):
        made(path="vsphere/roles/none")
    with pytest.raises(SecretNotFoundError, match="nothing it asks for exists"):
        made(path="vsphere/roles/none", allowEmptyResponse=True)


def test_a_policy_that_refuses_is_an_error_whatever_the_deletion_policy(provider, settings, open_resolver):
    spec = {"path": "sys/policies/acl/root", "provider": provider()}
    generator = open_resolver((KIND, spec), settings=settings, target={"deletionPolicy": "Merge"})
    with generator as resolver, pytest.raises(AccessDeniedError, match="VaultDynamicSecret virtrigaud-system/g0"):
        resolver.resolve("es")


def test_nothing_is_taken_where_another_entry_fails(provider, settings, open_resolver, counted):
    data = [{"secretKey": "k", "remoteRef": {"key": "nope"}}]
    store = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "empty", "namespace": "virtrigaud-system"},
        "spec": {"provider": {"fake": {"data": []}}},
    }
    generator = (KIND, {"path": DYNAMIC, "provider": provider()})
    opened = open_resolver(generator, settings=settings, data=data, secretStoreRef={"name": "empty"}, objects=[store])
    with opened as resolver, pytest.raises(SecretNotFoundError):
        resolver.resolve("es")
    assert counted()["read", DYNAMIC] == 0


def test_a_cluster_generator_works_in_the_namespace_of_who_refers_to_it(provider, settings, open_resolver, guide_world):
    cluster = {
        "apiVersion": "generators.external-secrets.io/v1alpha1",
        "kind": "ClusterGenerator",
        "metadata": {"name": "vault"},
        "spec": {
            "kind": KIND,
            "generator": {"vaultDynamicSecretSpec": {"path": DYNAMIC, "provider": provider()}},
        },
    }
    entries = [{"sourceRef": {"generatorRef": {"kind": "ClusterGenerator", "name": "vault"}}}]
    opened = open_resolver(settings=dataclasses.replace(settings), objects=[cluster], dataFrom=entries)
    with opened as resolver:
        bundle = resolver.resolve("es")
        assert guide_world.postgres.accepts(bundle.text("username"), Sensitive(bundle.text("password")))
        assert bundle.provenance["username"][0].store == "ClusterGenerator virtrigaud-system/vault"
