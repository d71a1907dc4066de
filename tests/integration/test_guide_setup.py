from __future__ import annotations

import base64
from datetime import timedelta
from http import HTTPStatus
from typing import Any, cast

import pytest
from cryptography import x509

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.guide_setup import (
    COMMON_NAME,
    DATABASE_OWNER,
    ROLES,
    SERVICE_ACCOUNT,
    STORE_NAMESPACE,
    GuideWorld,
)

pytestmark = pytest.mark.integration


def ask(world: GuideWorld, method: str, path: str, body: object = None, token: Sensitive | None = None) -> Any:
    return world.openbao.ask(method, path, cast("dict[str, object]", body), token=token)


def login(world: GuideWorld, jwt: Sensitive, role: str = "virtrigaud-role") -> Sensitive:
    body = {"role": role, "jwt": jwt.reveal_text()}
    answer = ask(world, "POST", "auth/kubernetes/login", body, Sensitive(b""))
    return Sensitive(answer["auth"]["client_token"])


@pytest.fixture
def token(guide_world: GuideWorld) -> Sensitive:
    return login(guide_world, Sensitive((guide_world.service_account_directory / "token").read_bytes()))


@pytest.mark.parametrize("role", ROLES)
def test_the_projected_token_logs_in_with_least_privilege(guide_world: GuideWorld, role: str) -> None:
    jwt = Sensitive((guide_world.service_account_directory / "token").read_bytes())
    assert (guide_world.service_account_directory / "token").stat().st_mode & 0o777 == 0o600
    token = login(guide_world, jwt, role)
    answer = ask(guide_world, "GET", "auth/token/lookup-self", token=token)
    assert sorted(answer["data"]["policies"]) == ["default", "virtrigaud"]
    for path in ("secret/data/other", "sys/mounts", "vsphere/config/inventory", "secret/metadata/providers"):
        with pytest.raises(LocalServerError, match="403"):
            ask(guide_world, "GET", path, token=token)


def test_only_a_good_token_of_the_bound_account_logs_in(guide_world: GuideWorld) -> None:
    cluster = guide_world.cluster
    good = cluster.token(SERVICE_ACCOUNT, STORE_NAMESPACE)
    login(guide_world, good)
    head, claims, signature = good.reveal_text().split(".")
    refused = {
        "another account": cluster.token("default", STORE_NAMESPACE),
        "another namespace": cluster.token(SERVICE_ACCOUNT, "vsphere-providers"),
        "expired": cluster.token(SERVICE_ACCOUNT, STORE_NAMESPACE, life=timedelta(minutes=-5)),
        "another audience": cluster.token(SERVICE_ACCOUNT, STORE_NAMESPACE, audiences=["elsewhere"]),
        "another signature": Sensitive(f"{head}.{claims}.{signature[::-1]}"),
    }
    for reason, jwt in refused.items():
        with pytest.raises(LocalServerError, match=r"40[03]"):
            pytest.fail(f"{reason}: {login(guide_world, jwt)}")


def test_a_cluster_in_trouble_refuses_everybody(guide_world: GuideWorld) -> None:
    jwt = guide_world.cluster.token(SERVICE_ACCOUNT, STORE_NAMESPACE)
    guide_world.cluster.fail_with(HTTPStatus.INTERNAL_SERVER_ERROR)
    try:
        with pytest.raises(LocalServerError, match="403"):
            login(guide_world, jwt)
    finally:
        guide_world.cluster.fail_with(None)
    login(guide_world, jwt)


def test_static_data_is_what_the_manifests_read(guide_world: GuideWorld, token: Sensitive) -> None:
    def read(path: str) -> dict[str, str]:
        return cast("dict[str, str]", ask(guide_world, "GET", path, token=token)["data"]["data"])

    vsphere = read("secret/data/providers/vsphere")
    assert sorted(vsphere) == ["ca_cert", "password", "server", "username"]
    x509.load_pem_x509_certificate(base64.b64decode(vsphere["ca_cert"], validate=True))
    assert read("secret/data/vsphere/static") == {"server": vsphere["server"]}
    ssh = read("secret/data/libvirt/ssh")
    assert ssh["private_key"].startswith("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    assert ssh["public_key"].startswith("ssh-ed25519 ")
    assert ssh["known_hosts"].startswith("kvm.virtrigaud.local ssh-ed25519 ")
    assert ssh["known_hosts"].split()[2] != ssh["public_key"].split()[1]


def test_a_dynamic_login_works_until_its_token_is_revoked(guide_world: GuideWorld, token: Sensitive) -> None:
    answer = ask(guide_world, "GET", "vsphere/creds/dynamic-role", token=token)
    assert answer["lease_duration"] == 3600
    user, password = answer["data"]["username"], Sensitive(answer["data"]["password"])
    assert guide_world.postgres.accepts(user, password)
    assert not guide_world.postgres.accepts(user, Sensitive("wrong"))
    ask(guide_world, "POST", "auth/token/revoke-self", token=token)
    assert not guide_world.postgres.accepts(user, password)


def test_the_owner_of_the_logins_is_no_superuser(guide_world: GuideWorld) -> None:
    rows = guide_world.postgres.query("SELECT rolname, rolsuper FROM pg_roles WHERE rolcreaterole AND NOT rolsuper")
    assert rows == [[DATABASE_OWNER, False]]


def test_certificates_are_issued_for_the_guides_names_only(guide_world: GuideWorld, token: Sensitive) -> None:
    def issue(name: str) -> Any:
        return ask(guide_world, "POST", "pki/issue/virtrigaud", {"common_name": name}, token)

    answer = issue(COMMON_NAME)
    assert answer["lease_id"]
    assert answer["renewable"] is False
    for name in ("provider-service", "provider.example.com"):
        with pytest.raises(LocalServerError, match="400"):
            issue(name)


def test_an_approle_reads_the_same(guide_world: GuideWorld) -> None:
    body = {"role_id": guide_world.approle_id, "secret_id": guide_world.approle_secret_id.reveal_text()}
    answer = ask(guide_world, "POST", "auth/approle/login", body, token=Sensitive(b""))
    ask(guide_world, "GET", "secret/data/vsphere/static", token=Sensitive(answer["auth"]["client_token"]))


def test_settings_lead_to_the_real_server_and_nothing_shows_a_secret(guide_world: GuideWorld) -> None:
    settings = guide_world.settings()
    assert settings.address("https://vault.example.com:8200") == guide_world.openbao.address
    assert settings.ca_file == guide_world.openbao.ca_file
    assert settings.service_account_directory == guide_world.service_account_directory
    assert guide_world.approle_secret_id.reveal_text() not in repr(guide_world)
    assert sorted(path.suffix for path in guide_world.manifests.iterdir()).count(".yaml") >= 5


def test_the_audit_log_starts_after_the_set_up(guide_world: GuideWorld, token: Sensitive) -> None:
    counts = guide_world.openbao.request_counts(after=guide_world.audit_start)
    assert counts["update", "auth/kubernetes/login"] >= 1
    assert not [path for _, path in counts if path.startswith("sys/mounts/secret")]
