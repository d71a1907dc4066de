"""The guide's three kinds of requests, counted by the server's own audit log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    InvalidRequestError,
    PropertyNotFoundError,
    SecretNotFoundError,
    SecretVersionDeletedError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.vault.routes import MOUNT_LOOKUP

pytestmark = pytest.mark.integration

LOGIN = ("update", "auth/kubernetes/login")
STATIC = "secret/data/providers/vsphere"
DYNAMIC = "vsphere/creds/dynamic-role"
ISSUE = "pki/issue/virtrigaud"


def test_four_properties_of_a_static_secret_cost_one_read(connect, fetch, counted):
    answer = connect().get(fetch(STATIC))
    values = [answer.payload.property(name) for name in ("username", "password", "server", "ca_cert")]
    assert values[0] == b"virtrigaud@vsphere.local"
    assert counted() == {LOGIN: 1, ("read", STATIC): 1}


def test_a_dynamic_login_costs_one_read_and_works(guide_world, connect, fetch, counted):
    answer = connect().get(fetch(DYNAMIC))
    user, password = (answer.payload.property(name).decode() for name in ("username", "password"))
    assert counted() == {LOGIN: 1, ("read", f"sys/internal/ui/mounts/{DYNAMIC}"): 1, ("read", DYNAMIC): 1}
    assert guide_world.postgres.accepts(user, Sensitive(password))
    assert not guide_world.postgres.accepts(user, Sensitive("wrong"))
    assert answer.payload.property("lease_duration") == b"3600"
    assert answer.payload.property("renewable") == b"true"
    assert answer.lease is not None
    assert answer.lease.lease_id.startswith(f"{DYNAMIC}/")
    assert timedelta(minutes=55) < answer.lease.expires_at - datetime.now(UTC) <= timedelta(hours=1)
    assert answer.repairs == (MOUNT_LOOKUP,)


def test_a_certificate_costs_one_post(guide_world, connect, fetch, counted):
    parameters = dict(guide_world.parameters[ISSUE]) | {"alt_names": ["a.virtrigaud.local", "b.virtrigaud.local"]}
    answer = connect().get(fetch(ISSUE, **parameters))
    assert counted() == {LOGIN: 1, ("read", f"sys/internal/ui/mounts/{ISSUE}"): 1, ("update", ISSUE): 1}
    certificate = x509.load_pem_x509_certificate(answer.payload.property("certificate"))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {
        "provider.virtrigaud.local",
        "a.virtrigaud.local",
        "b.virtrigaud.local",
    }
    assert answer.expires_at == certificate.not_valid_after_utc
    assert answer.payload.property("issuing_ca").startswith(b"-----BEGIN CERTIFICATE-----")


def test_a_certificate_without_a_name_is_not_asked_for(connect, fetch, counted):
    with pytest.raises(InvalidRequestError, match="common_name"):
        connect().get(fetch(ISSUE, ttl="1h"))
    assert ("update", ISSUE) not in counted()


def test_a_name_that_the_role_does_not_allow(connect, fetch):
    with pytest.raises(InvalidRequestError, match="does not allow a name") as caught:
        connect().get(fetch(ISSUE, common_name="provider.example.com"))
    assert "example.com" not in str(caught.value)


def test_a_plain_key_costs_one_question_ever(connect, fetch, counted):
    client = connect()
    for _ in range(3):
        assert client.get(fetch("providers/vsphere")).path == STATIC
    assert counted() == {LOGIN: 1, ("read", "sys/internal/ui/mounts/providers/vsphere"): 1, ("read", STATIC): 3}


def test_kv_only_is_eso_s_meaning(connect, fetch, counted):
    with pytest.raises(AccessDeniedError):
        connect(strict=True).get(fetch(DYNAMIC))
    assert counted() == {LOGIN: 1, ("read", f"secret/data/{DYNAMIC}"): 1}


def test_a_policy_s_refusal_names_path_and_capability_and_costs_no_login(connect, fetch, counted):
    client = connect()
    for _ in range(3):
        with pytest.raises(AccessDeniedError, match=r'"read".*secret/data/finance') as caught:
            client.get(fetch("secret/data/finance"))
    assert caught.value.capability == "read"
    assert counted()[LOGIN] == 1
    with pytest.raises(AccessDeniedError, match="update"):
        client.get(fetch("pki/sign/virtrigaud", csr="x"))


def test_a_property_that_is_not_there(connect, fetch):
    answer = connect().get(fetch(STATIC))
    for name in ("lease_duration", "nope"):
        with pytest.raises(PropertyNotFoundError):
            answer.payload.property(name)


def test_deleted_destroyed_missing_and_mistaken_are_told_apart(guide_world, connect, fetch):
    path = "providers/versions"
    for number in (1, 2, 3):
        guide_world.openbao.ask("POST", f"secret/data/{path}", {"data": {"number": str(number)}})
    guide_world.openbao.ask("POST", f"secret/delete/{path}", {"versions": [2]})
    guide_world.openbao.ask("POST", f"secret/destroy/{path}", {"versions": [3]})
    client = connect()
    first = client.get(fetch(f"secret/{path}", version="1"))
    assert (first.payload.property("number"), first.version) == (b"1", "1")
    reasons = set()
    for key, version, kind in (
        (f"secret/{path}", "2", SecretVersionDeletedError),
        (f"secret/{path}", "3", SecretVersionDeletedError),
        (f"secret/{path}", "", SecretVersionDeletedError),
        (f"secret/{path}", "9", SecretNotFoundError),
        ("secret/providers/never", "", SecretNotFoundError),
    ):
        with pytest.raises(SecretNotFoundError) as caught:
            client.get(fetch(key, version=version))
        assert type(caught.value) is kind
        reasons.add(caught.value.reason)
    assert reasons == {
        "version 2 of the secret was deleted",
        "version 3 of the secret was destroyed",
        "there is no such secret",
    }


def test_a_v1_store_pointed_at_a_v2_engine_says_so(guide_world, connect, fetch):
    client = connect({}, spec={"version": "v1"}, vault_token=guide_world.openbao.root_token)
    with pytest.raises(SecretNotFoundError, match="set version to v2"):
        client.get(fetch("secret/providers/vsphere"))


def test_a_large_secret(guide_world, connect, fetch):
    value = "x" * 700_000
    guide_world.openbao.ask("POST", "secret/data/providers/large", {"data": {"value": value}})
    assert connect().get(fetch("secret/providers/large")).payload.property("value").decode() == value


def test_tokens_can_be_made_too(guide_world, connect, fetch):
    client = connect({}, vault_token=guide_world.openbao.root_token)
    answer = client.get(fetch("auth/token/create", policies=["default"], ttl="60s"))
    token = Sensitive(answer.payload.property("client_token"))
    assert guide_world.openbao.ask("GET", "auth/token/lookup-self", token=token)["data"]["policies"] == ["default"]
    assert answer.expires_at is not None


def test_namespaces(guide_world, connect, fetch):
    server = guide_world.openbao
    server.ask("POST", "sys/namespaces/team")
    server.ask("POST", "team/sys/mounts/own", {"type": "kv", "options": {"version": "1"}})
    server.ask("POST", "team/own/app", {"user": "u"})
    client = connect({}, spec={"namespace": "team", "path": "other"}, vault_token=server.root_token)
    answer = client.get(fetch("own/app"))
    assert (answer.path, answer.payload.property("user")) == ("own/app", b"u")
