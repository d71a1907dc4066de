import dataclasses
import threading
import time
from datetime import timedelta
from http import HTTPStatus
from types import SimpleNamespace

import pytest

from virtrigaud_secrets.errors import (
    AuthenticationError,
    ConfigurationError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.stores.azure.identity import AUDIENCE, CLIENT_ANNOTATION, TENANT_ANNOTATION, Identity
from virtrigaud_secrets.stores.azure.transport import Transport
from virtrigaud_secrets.testing.certificates import CertificateAuthority
from virtrigaud_secrets.testing.clock import ManualClock
from virtrigaud_secrets.testing.servers.service_account_tokens import ServiceAccount, TokenSigner

SCOPE = "https://vault.azure.net/.default"
TENANT = "tenant-id-here"
PRINCIPAL = {"authType": "ServicePrincipal", "tenantId": TENANT}
ACCOUNT = ServiceAccount("provider", "team")
SECRET = "hunter2~secret"


def selector(key, name="azure-secret", **fields):
    return {"name": name, "key": key, **fields}


SECRET_REF = {"clientId": selector("client-id"), "clientSecret": selector("client-secret")}
CERTIFICATE_REF = {"clientId": selector("client-id"), "clientCertificate": selector("pem")}


@pytest.fixture
def make_identity(wire, make_spec, make_context):
    def make(context=None, **fields):
        context = context or make_context()
        return Identity(make_spec(**fields), context, Transport(context))

    return make


@pytest.fixture
def credentials(cluster, vault):
    """An application with a secret, as the manifests refer to it."""
    vault.entra.add_secret("app", SECRET)
    cluster.secrets = {
        ("team", "azure-secret", "client-id"): b"app\n",
        ("team", "azure-secret", "client-secret"): SECRET.encode() + b"\n",
    }
    return cluster


def logins(vault):
    return [request.path for request in vault.requests if request.method == "POST" or "metadata" in request.path]


def test_a_managed_identity(make_identity, vault):
    identity = make_identity(tenantId="ignored")
    token = identity.get_token(SCOPE)
    assert vault.entra.holder(token.token) == "system-assigned"


def test_a_managed_identity_by_its_client_id(make_identity, vault):
    vault.entra.add_identity("second")
    assert vault.entra.holder(make_identity(identityId="second").get_token(SCOPE).token) == "second"


def test_an_identity_the_machine_does_not_have(make_identity):
    with pytest.raises(AuthenticationError, match="login was refused: the machine has no such identity"):
        make_identity(identityId="nobody").get_token(SCOPE)


def test_the_metadata_service_gets_little_time(make_identity, wire):
    make_identity().get_token(SCOPE)
    assert wire.timeouts == [2.0]


def test_no_metadata_service(make_identity, wire):
    wire.faults = [ConnectionRefusedError()]
    with pytest.raises(StoreUnavailableError, match="ManagedIdentity login: the server refuses connections"):
        make_identity().get_token(SCOPE)


def test_a_client_secret(make_identity, vault, credentials):
    identity = make_identity(**PRINCIPAL, authSecretRef=SECRET_REF)
    assert vault.entra.holder(identity.get_token(SCOPE).token) == "app"
    assert [request.host for request in vault.requests] == ["login.microsoftonline.com"] * 2


def test_a_client_certificate(make_identity, vault, credentials):
    issued = CertificateAuthority(now=ManualClock().now()).issue("app", algorithm="rsa")
    vault.entra.add_certificate("with-certificate", issued.certificate)
    credentials.secrets["team", "azure-secret", "client-id"] = b"with-certificate"
    pem = (issued.private_key + issued.certificate).encode()
    credentials.secrets["team", "azure-secret", "pem"] = pem
    vault.entra._clock = _RealTime()
    identity = make_identity(**PRINCIPAL, authSecretRef=CERTIFICATE_REF)
    assert vault.entra.holder(identity.get_token(SCOPE).token) == "with-certificate"


class _RealTime:
    """The SDK signs with the machine's time."""

    def now(self):
        return __import__("datetime").datetime.fromtimestamp(time.time(), __import__("datetime").UTC)


@pytest.mark.parametrize("pem", [b"no pem", b"-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n"])
def test_a_certificate_that_is_none(make_identity, credentials, pem):
    credentials.secrets["team", "azure-secret", "pem"] = pem
    identity = make_identity(**PRINCIPAL, authSecretRef=CERTIFICATE_REF)
    with pytest.raises(ConfigurationError, match="clientCertificate names is no PEM") as caught:
        identity.get_token(SCOPE)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("algorithm", ["ecdsa"])
def test_a_certificate_with_another_kind_of_key(make_identity, credentials, algorithm):
    issued = CertificateAuthority().issue("app", algorithm=algorithm)
    credentials.secrets["team", "azure-secret", "pem"] = (issued.private_key + issued.certificate).encode()
    with pytest.raises(ConfigurationError, match="RSA"):
        make_identity(**PRINCIPAL, authSecretRef=CERTIFICATE_REF).get_token(SCOPE)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"authSecretRef": SECRET_REF, "tenantId": None}, "needs tenantId"),
        ({}, "needs authSecretRef.clientId"),
        ({"authSecretRef": {"clientSecret": selector("x")}}, "needs authSecretRef.clientId"),
        ({"authSecretRef": {"clientId": selector("x")}}, "exactly one of"),
        ({"authSecretRef": {**SECRET_REF, **CERTIFICATE_REF}}, "exactly one of"),
    ],
)
def test_an_incomplete_principal_is_told_before_anything_is_sent(make_identity, fields, words):
    with pytest.raises(ConfigurationError, match=words):
        make_identity(**{**PRINCIPAL, **fields})


def test_a_wrong_secret_is_told_and_not_shown(make_identity, credentials, vault):
    credentials.secrets["team", "azure-secret", "client-secret"] = b"wrong-hunter2"
    with pytest.raises(AuthenticationError, match="the client secret is wrong") as caught:
        make_identity(**PRINCIPAL, authSecretRef=SECRET_REF).get_token(SCOPE)
    assert "hunter2" not in str(caught.value)
    assert "team/azure-key-vault" in str(caught.value)
    assert caught.value.status == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("tenant", ["a/b", "a?b", "x y", "../c"])
def test_a_tenant_is_no_path(make_identity, credentials, tenant):
    with pytest.raises(ConfigurationError, match="a tenant is an id or a domain name"):
        make_identity(**{**PRINCIPAL, "tenantId": tenant}, authSecretRef=SECRET_REF).get_token(SCOPE)


def test_another_tenant(make_identity, credentials):
    with pytest.raises(AuthenticationError, match="no such tenant"):
        make_identity(**{**PRINCIPAL, "tenantId": "other"}, authSecretRef=SECRET_REF).get_token(SCOPE)


def test_the_environment_does_not_change_where_it_logs_in(make_identity, credentials, vault, monkeypatch):
    monkeypatch.setenv("AZURE_REGIONAL_AUTHORITY_NAME", "westeurope")
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://login.example")
    monkeypatch.setenv("AZURE_CLIENT_ID", "somebody")
    monkeypatch.setenv("IDENTITY_ENDPOINT", "https://app-service.example")
    monkeypatch.setenv("IDENTITY_HEADER", "x")
    identity = make_identity(**PRINCIPAL, authSecretRef=SECRET_REF)
    assert vault.entra.holder(identity.get_token(SCOPE).token) == "app"
    assert vault.entra.holder(make_identity().get_token(SCOPE).token) == "system-assigned"
    assert {request.host for request in vault.requests} == {"login.microsoftonline.com", "169.254.169.254"}


@pytest.mark.parametrize(
    ("environment", "host", "resource"),
    [
        ("USGovernmentCloud", "login.microsoftonline.us", "https://vault.usgovcloudapi.net"),
        ("ChinaCloud", "login.chinacloudapi.cn", "https://vault.azure.cn"),
        ("GermanCloud", "login.microsoftonline.de", "https://vault.microsoftazure.de"),
    ],
)
def test_each_cloud_logs_in_at_its_own_server(make_identity, credentials, vault, environment, host, resource):
    identity = make_identity(**PRINCIPAL, authSecretRef=SECRET_REF, environmentType=environment)
    with pytest.raises(AuthenticationError, match="no such resource"):
        identity.get_token(f"{resource}/.default")
    assert {request.host for request in vault.requests} == {host}


def test_a_vault_of_another_cloud_is_told_before_the_login(make_identity, vault):
    with pytest.raises(AuthenticationError, match=r"wants a token for https://vault\.azure\.cn, and the store's"):
        make_identity().get_token("https://vault.azure.cn/.default")
    assert vault.requests == ()


def test_references_are_read_in_esos_namespaces(make_identity, credentials, make_context):
    reference = {
        "clientId": selector("client-id", namespace="elsewhere"),
        "clientSecret": selector("client-secret", namespace="elsewhere"),
    }
    credentials.secrets |= {("elsewhere", *key[1:]): value for key, value in credentials.secrets.items()}
    make_identity(**PRINCIPAL, authSecretRef=reference).get_token(SCOPE)
    assert {asked[1] for asked in credentials.asked} == {"team"}
    credentials.asked.clear()
    make_identity(make_context(kind="ClusterSecretStore"), **PRINCIPAL, authSecretRef=reference).get_token(SCOPE)
    assert {asked[1] for asked in credentials.asked} == {"elsewhere"}


WORKLOAD = {"authType": "WorkloadIdentity"}
POD = {"azure_client_id": "app", "azure_tenant_id": TENANT}


@pytest.fixture
def signer(vault, clock):
    made = TokenSigner(clock=clock)
    vault.entra.federate("app", made, ACCOUNT)
    return made


def test_the_pods_workload_identity(make_identity, make_context, signer, vault, tmp_path):
    file = tmp_path / "token"
    file.write_text("an old token that nobody reads")
    identity = make_identity(make_context(**POD, azure_federated_token_file=file), **WORKLOAD)
    file.write_bytes(signer.sign(ACCOUNT, audiences=[AUDIENCE]).reveal())
    assert vault.entra.holder(identity.get_token(SCOPE).token) == "app"
    assert logins(vault) == [f"/{TENANT}/oauth2/v2.0/token"]


def test_a_named_service_account(make_identity, make_context, signer, vault, credentials):
    credentials.token = signer.sign(ACCOUNT, audiences=[AUDIENCE, "more"]).reveal_text()
    identity = make_identity(
        **WORKLOAD,
        tenantId=TENANT,
        serviceAccountRef={"name": "provider", "audiences": ["more"]},
        authSecretRef={"clientId": selector("client-id")},
    )
    assert vault.entra.holder(identity.get_token(SCOPE).token) == "app"
    assert ("token", "team", "provider", AUDIENCE, "more") in credentials.asked


def test_the_tenant_of_a_named_account_may_be_in_a_secret(make_identity, signer, vault, credentials):
    credentials.token = signer.sign(ACCOUNT, audiences=[AUDIENCE]).reveal_text()
    credentials.secrets["team", "azure-secret", "tenant"] = TENANT.encode()
    identity = make_identity(
        **WORKLOAD,
        tenantId="not-this-one",
        serviceAccountRef={"name": "provider"},
        authSecretRef={"clientId": selector("client-id"), "tenantId": selector("tenant")},
    )
    assert vault.entra.holder(identity.get_token(SCOPE).token) == "app"


def test_an_account_that_says_itself_whom_it_acts_for(make_identity, signer, vault, credentials):
    credentials.token = signer.sign(ACCOUNT, audiences=[AUDIENCE]).reveal_text()
    credentials.annotations = {CLIENT_ANNOTATION: "app", TENANT_ANNOTATION: TENANT}
    identity = make_identity(**WORKLOAD, serviceAccountRef={"name": "provider", "namespace": "ignored"})
    assert vault.entra.holder(identity.get_token(SCOPE).token) == "app"
    assert credentials.asked == [("annotations", "team", "provider"), ("token", "team", "provider", AUDIENCE)]


def test_a_store_that_says_all_asks_for_no_annotations(make_identity, signer, credentials):
    credentials.token = signer.sign(ACCOUNT, audiences=[AUDIENCE]).reveal_text()
    reference = {"clientId": selector("client-id")}
    fields = {**WORKLOAD, "tenantId": TENANT, "serviceAccountRef": {"name": "provider"}, "authSecretRef": reference}
    make_identity(**fields).get_token(SCOPE)
    assert [asked[0] for asked in credentials.asked] == ["secret", "token"]


@pytest.mark.parametrize(
    ("fields", "annotation"),
    [
        ({"tenantId": TENANT}, TENANT_ANNOTATION),
        ({"authSecretRef": {"clientId": selector("client-id")}}, CLIENT_ANNOTATION),
    ],
)
def test_store_and_account_do_not_both_say_it(make_identity, credentials, fields, annotation):
    credentials.annotations = {annotation: "x"}
    with pytest.raises(ConfigurationError, match=f"annotation {annotation}"):
        make_identity(**WORKLOAD, serviceAccountRef={"name": "provider"}, **fields).get_token(SCOPE)


def test_references_that_know_no_annotations(make_identity, make_context, clock, signer, vault):
    class Plain:
        def service_account_token(self, name, *, namespace, audiences=()):
            return signer.sign(ACCOUNT, audiences=audiences)

    context = dataclasses.replace(make_context(**POD), references=Plain())
    identity = make_identity(context, **WORKLOAD, serviceAccountRef={"name": "provider"})
    assert vault.entra.holder(identity.get_token(SCOPE).token) == "app"


def test_inside_a_pod_the_federated_file_goes_first(make_identity, make_context, signer, vault, cluster, tmp_path):
    file = tmp_path / "token"
    file.write_bytes(signer.sign(ACCOUNT, audiences=[AUDIENCE]).reveal())
    cluster.token = signer.sign(ACCOUNT, audiences=[AUDIENCE]).reveal_text()
    fields = {**WORKLOAD, "serviceAccountRef": {"name": "provider"}}
    make_identity(make_context(**POD, azure_federated_token_file=file), **fields).get_token(SCOPE)
    assert cluster.asked == []
    asking = make_context(**POD, azure_federated_token_file=file, service_account_tokens="token-request")
    make_identity(asking, **fields).get_token(SCOPE)
    assert cluster.asked == [("annotations", "team", "provider"), ("token", "team", "provider", AUDIENCE)]


@pytest.mark.parametrize(
    ("settings", "fields", "words"),
    [
        ({"azure_tenant_id": TENANT}, {}, "finds no client id"),
        ({"azure_client_id": "app"}, {}, "finds no tenant"),
        (POD, {}, "needs AZURE_FEDERATED_TOKEN_FILE"),
        ({}, {"serviceAccountRef": {"name": "provider"}}, "finds no client id"),
        (POD, {"serviceAccountRef": {"name": "provider"}, "authSecretRef": {}}, "authSecretRef.clientId is missing"),
    ],
)
def test_a_workload_identity_that_lacks_something(make_identity, make_context, settings, fields, words):
    with pytest.raises(ConfigurationError, match=words):
        make_identity(make_context(**settings), **WORKLOAD, **fields).get_token(SCOPE)


def test_a_token_for_another_audience_is_told(make_identity, make_context, signer, tmp_path):
    file = tmp_path / "token"
    file.write_bytes(signer.sign(ACCOUNT).reveal())
    with pytest.raises(AuthenticationError, match="for this audience"):
        make_identity(make_context(**POD, azure_federated_token_file=file), **WORKLOAD).get_token(SCOPE)


def test_a_token_is_kept_until_ten_minutes_before_its_end(make_identity, vault, clock):
    identity = make_identity()
    first = identity.get_token(SCOPE)
    clock.advance(timedelta(minutes=49))
    assert identity.get_token(SCOPE).token == first.token
    clock.advance(timedelta(minutes=2))
    assert identity.get_token(SCOPE).token != first.token
    assert len(logins(vault)) == 2


def test_a_short_token_is_renewed_at_half_its_life(make_identity, vault, clock):
    vault.entra._life = timedelta(minutes=4)
    identity = make_identity()
    identity.get_token(SCOPE)
    clock.advance(timedelta(seconds=119))
    identity.get_token(SCOPE)
    assert len(logins(vault)) == 1
    clock.advance(timedelta(seconds=2))
    identity.get_token(SCOPE)
    assert len(logins(vault)) == 2


def test_while_the_login_fails_the_old_token_serves_to_its_end(make_identity, vault, clock):
    identity = make_identity()
    first = identity.get_token(SCOPE)
    vault.fail(HTTPStatus.INTERNAL_SERVER_ERROR, times=99, part="metadata")
    clock.advance(timedelta(minutes=55))
    assert identity.get_token(SCOPE).token == first.token
    clock.advance(timedelta(minutes=4, seconds=31))
    with pytest.raises(StoreUnavailableError, match="the login server failed"):
        identity.get_token(SCOPE)


def test_a_claim_wants_a_new_token(make_identity, vault):
    identity = make_identity()
    first = identity.get_token(SCOPE)
    assert identity.get_token(SCOPE, claims='{"access_token": {}}').token != first.token


def test_forgetting_means_logging_in_anew(make_identity, vault):
    identity = make_identity()
    first = identity.get_token(SCOPE)
    identity.forget()
    assert identity.get_token(SCOPE).token != first.token


def test_threads_that_need_a_token_cause_one_login(make_identity, vault):
    identity = make_identity()
    tokens = []
    threads = [threading.Thread(target=lambda: tokens.append(identity.get_token(SCOPE).token)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(tokens)) == 1
    assert len(logins(vault)) == 1


def test_while_one_thread_renews_the_others_go_on(make_identity, vault, clock):
    identity = make_identity()
    first = identity.get_token(SCOPE)
    clock.advance(timedelta(minutes=55))
    with identity._lock:  # as a thread that renews holds it
        assert identity.get_token(SCOPE).token == first.token


@pytest.mark.parametrize("part", ["login", "metadata"])
def test_a_throttled_login_says_how_long(make_identity, vault, credentials, part):
    vault.fail(HTTPStatus.TOO_MANY_REQUESTS, retry_after="11", part=part)
    fields = {} if part == "metadata" else {**PRINCIPAL, "authSecretRef": SECRET_REF}
    with pytest.raises(ThrottledError) as caught:
        make_identity(**fields).get_token(SCOPE)
    assert caught.value.retry_after == 11.0


def test_a_login_is_not_remembered_as_failed(make_identity, vault, credentials):
    vault.fail(HTTPStatus.TOO_MANY_REQUESTS, retry_after="600", part="login")
    identity = make_identity(**PRINCIPAL, authSecretRef=SECRET_REF)
    with pytest.raises(ThrottledError):
        identity.get_token(SCOPE)
    assert vault.entra.holder(identity.get_token(SCOPE).token) == "app"


def test_it_shows_no_token(make_identity):
    identity = make_identity()
    token = identity.get_token(SCOPE).token
    assert token not in repr(identity) + repr(identity._held)


@pytest.mark.parametrize(
    ("status", "sent", "renewed"),
    [
        (HTTPStatus.UNAUTHORIZED, "Bearer {}", True),
        (HTTPStatus.UNAUTHORIZED, "Bearer another", False),
        (HTTPStatus.UNAUTHORIZED, None, False),
        (HTTPStatus.FORBIDDEN, "Bearer {}", False),
    ],
)
def test_a_token_that_a_vault_refuses_is_not_handed_out_again(make_identity, status, sent, renewed):
    identity = make_identity()
    first = identity.get_token(SCOPE).token
    headers = {} if sent is None else {"Authorization": sent.format(first)}
    identity.see(SimpleNamespace(status_code=status, request=SimpleNamespace(headers=headers)))
    assert (identity.get_token(SCOPE).token != first) is renewed


def test_an_answer_before_any_login_is_no_matter(make_identity):
    make_identity().see(SimpleNamespace(status_code=HTTPStatus.UNAUTHORIZED))
