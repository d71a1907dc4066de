"""Logins at a real server: which, how many, and what is left of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from virtrigaud_secrets.errors import AuthenticationError, LocalServerError
from virtrigaud_secrets.sensitive import Sensitive

pytestmark = pytest.mark.integration

STATIC = "secret/data/providers/vsphere"
DYNAMIC = "vsphere/creds/dynamic-role"
KUBERNETES = ("update", "auth/kubernetes/login")
APP_ROLE = ("update", "auth/approle/login")
THREADS = 50
SOON = timedelta(seconds=10)


def own_token(client):
    return client._tokens.current().value


def test_app_role(connect, fetch, app_role, counted):
    assert connect(app_role).get(fetch(STATIC)).payload.property("username") == b"virtrigaud@vsphere.local"
    assert counted()[APP_ROLE] == 1


def test_a_wrong_secret_id(connect, fetch, app_role, secrets):
    secrets.values["approle", "secret-id"] = Sensitive("wrong")
    with pytest.raises(AuthenticationError, match="role id or secret id is wrong"):
        connect(app_role).get(fetch(STATIC))


def test_a_role_that_is_not_there(connect, fetch):
    with pytest.raises(AuthenticationError, match="no such role"):
        connect({"kubernetes": {"role": "nobody"}}).get(fetch(STATIC))


def test_an_auth_method_that_is_not_there(connect, fetch):
    with pytest.raises(AuthenticationError, match="auth/k8s/login"):
        connect({"kubernetes": {"mountPath": "k8s", "role": "virtrigaud-role"}}).get(fetch(STATIC))


def test_a_token_from_a_secret_and_from_settings(guide_world, connect, fetch, secrets, counted):
    made = guide_world.openbao.ask("POST", "auth/token/create", {"policies": ["virtrigaud"]})
    token = Sensitive(made["auth"]["client_token"])
    secrets.values["vault", "token"] = token
    for client in (
        connect({"tokenSecretRef": {"name": "vault", "key": "token"}}),
        connect({}, vault_token=token),
    ):
        client.get(fetch(STATIC))
        client.close()
    assert counted() == {("update", "auth/token/create"): 1, ("read", STATIC): 2}
    guide_world.openbao.ask("GET", "auth/token/lookup-self", token=token)  # not revoked


def test_a_dead_given_token_is_an_authentication_error(connect, fetch):
    with pytest.raises(AuthenticationError, match="refused"):
        connect({}, vault_token=Sensitive("s.nonsense")).get(fetch(STATIC))


def test_fifty_threads_log_in_once(connect, fetch, counted):
    client = connect()
    with ThreadPoolExecutor(THREADS) as pool:
        assert len(list(pool.map(client.get, [fetch(STATIC)] * THREADS))) == THREADS
    assert counted() == {KUBERNETES: 1, ("read", STATIC): THREADS}


def test_fifty_threads_with_a_revoked_token_log_in_once_more(guide_world, connect, fetch, counted):
    client = connect()
    client.get(fetch(STATIC))
    guide_world.openbao.ask("POST", "auth/token/revoke-self", token=own_token(client))
    with ThreadPoolExecutor(THREADS) as pool:
        assert len(list(pool.map(client.get, [fetch(STATIC)] * THREADS))) == THREADS
    counts = counted()
    assert counts[KUBERNETES] == 2
    # Every thread was refused at most once and sent its request once more.
    assert THREADS + 1 < counts["read", STATIC] <= 2 * THREADS + 1


def test_closing_ends_login_and_lease(guide_world, connect, fetch, counted):
    client = connect()
    answer = client.get(fetch(DYNAMIC))
    user, password = answer.payload.property("username").decode(), Sensitive(answer.payload.property("password"))
    assert guide_world.postgres.accepts(user, password)
    token = own_token(client)
    client.close()
    client.close()
    assert counted()["update", "auth/token/revoke-self"] == 1
    with pytest.raises(LocalServerError, match="403"):
        guide_world.openbao.ask("GET", "auth/token/lookup-self", token=token)
    guide_world.openbao.process.wait_until(lambda: not guide_world.postgres.accepts(user, password), timeout=SOON)


def test_closing_without_revoking_leaves_both(guide_world, connect, fetch):
    client = connect()
    answer = client.get(fetch(DYNAMIC))
    token = own_token(client)
    client.close(revoke=False)
    guide_world.openbao.ask("GET", "auth/token/lookup-self", token=token)
    user, password = answer.payload.property("username").decode(), Sensitive(answer.payload.property("password"))
    assert guide_world.postgres.accepts(user, password)
    guide_world.openbao.ask("POST", "auth/token/revoke-self", token=token)


def test_a_login_with_a_certificate_is_left_to_its_end(guide_world, connect, fetch):
    client = connect()
    parameters = guide_world.parameters["pki/issue/virtrigaud"]
    serial = client.get(fetch("pki/issue/virtrigaud", **parameters)).payload.property("serial_number").decode()
    dynamic = client.get(fetch(DYNAMIC))
    client.close()
    certificate = guide_world.openbao.ask("GET", f"pki/cert/{serial}")["data"]
    assert certificate["revocation_time"] == 0
    # The lease beside it could not be revoked under the guide's policy, and was cut to a second.
    user, password = dynamic.payload.property("username").decode(), Sensitive(dynamic.payload.property("password"))
    guide_world.openbao.process.wait_until(lambda: not guide_world.postgres.accepts(user, password), timeout=SOON)
