from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path

import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.models.backends.kubernetes import KubernetesProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.kubernetes.login import RENEWAL_MARGIN, HeldToken, access_of
from virtrigaud_secrets.testing import ManualClock
from virtrigaud_secrets.testing.clock import START

PLANTED = "planted-value-7f3a"
TOKEN_AUTH = {"token": {"bearerToken": {"name": "t", "key": "k"}}}


def spec(**fields: object) -> KubernetesProvider:
    return KubernetesProvider.model_validate(fields)


def web_token(ends_in: timedelta | None, *, name: str = "x") -> str:
    claims = {"name": name} | ({} if ends_in is None else {"exp": int((START + ends_in).timestamp())})
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{middle}.signature"


def kubeconfig(**user: object) -> bytes:
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://remote.example:6443/"}}],
        "users": [{"name": "u", "user": user}],
    }
    return json.dumps(document).encode()


@pytest.fixture
def pod(tmp_path: Path) -> Settings:
    (tmp_path / "token").write_text("pod-token")
    (tmp_path / "ca.crt").write_text("pod authority")
    return Settings(service_account_directory=tmp_path, kubernetes_api="https://10.0.0.1:443")


@pytest.fixture
def alone(tmp_path: Path) -> Settings:
    return Settings(service_account_directory=tmp_path / "none")


def test_a_kubeconfig_in_a_secret(make_context, references):
    references.secrets["team", "kc", "config"] = kubeconfig(token=PLANTED)
    context = make_context(settings=Settings(endpoints={"https://remote.example:6443": "https://127.0.0.1:1"}))
    access = access_of(spec(authRef={"name": "kc", "key": "config"}), context)
    assert access.server == "https://127.0.0.1:1"
    assert access.token is not None
    assert access.token().reveal_text() == PLANTED
    assert PLANTED not in repr(access)


@pytest.mark.parametrize(
    "user",
    [
        {"tokenFile": "/etc/passwd"},
        {"client-certificate": "/etc/passwd", "client-key": "/etc/passwd"},
        {"exec": {"command": "id", "apiVersion": "client.authentication.k8s.io/v1"}},
    ],
)
def test_a_kubeconfig_in_a_secret_reads_and_runs_nothing_here(make_context, references, user):
    references.secrets["team", "kc", "config"] = kubeconfig(**user)
    with pytest.raises(ConfigurationError, match="of this machine"):
        access_of(spec(authRef={"name": "kc", "key": "config"}), make_context())


def test_a_token(make_context, references):
    references.secrets["team", "t", "k"] = b"the-token\n"
    access = access_of(spec(auth=TOKEN_AUTH, server={"url": "remote.example:6443"}), make_context())
    assert access.server == "https://remote.example:6443"
    assert access.token is not None
    assert access.token().reveal() == b"the-token"


def test_a_token_no_header_can_carry_is_refused_unseen(make_context, references):
    references.secrets["team", "t", "k"] = f"{PLANTED}\nX-Other: 1".encode()
    with pytest.raises(ConfigurationError, match=r"bearerToken names is no token") as caught:
        access_of(spec(auth=TOKEN_AUTH, server={"url": "remote.example"}), make_context())
    assert PLANTED not in str(caught.value)


def test_a_certificate(make_context, references):
    references.secrets.update({("team", "c", "crt"): b"certificate", ("team", "c", "key"): PLANTED.encode()})
    auth = {"cert": {"clientCert": {"name": "c", "key": "crt"}, "clientKey": {"name": "c", "key": "key"}}}
    access = access_of(spec(auth=auth, server={"url": "https://remote.example"}), make_context())
    assert (access.client_certificate, access.client_key.reveal_text()) == (b"certificate", PLANTED)
    assert access.token is None


def test_a_service_account_is_asked_for_when_a_token_is_needed(make_context, references):
    references.tokens[:] = [web_token(timedelta(hours=1))]
    auth = {"serviceAccount": {"name": "reader", "namespace": "other", "audiences": ["api"]}}
    provider = spec(auth=auth, server={"url": "https://remote.example"})
    access = access_of(provider, make_context(kind="ClusterSecretStore"))
    assert references.asked == []
    assert access.token is not None
    assert access.token() == access.token()
    assert references.asked == [("token", "other", "reader", "api", "1:00:00")]


def test_a_namespace_counts_in_a_cluster_store_only(make_context, references):
    references.secrets.update({("team", "t", "k"): b"own", ("other", "t", "k"): b"other"})
    auth = {"token": {"bearerToken": {"name": "t", "key": "k", "namespace": "other"}}}
    provider = spec(auth=auth, server={"url": "https://remote.example"})
    found = [access_of(provider, make_context(kind=kind)).token for kind in ("SecretStore", "ClusterSecretStore")]
    assert [token().reveal() for token in found if token is not None] == [b"own", b"other"]


def test_own_names_mean_the_cluster_this_process_is_in(make_context, references, pod):
    references.secrets["team", "t", "k"] = b"the-token"
    for url in ("kubernetes.default", "https://kubernetes.default.svc/", "https://kubernetes.default.svc:443"):
        access = access_of(spec(auth=TOKEN_AUTH, server={"url": url}), make_context(settings=pod))
        assert (access.server, access.authorities) == ("https://10.0.0.1:443", "pod authority")
        assert access.token is not None
        assert access.token().reveal() == b"the-token"


def test_without_a_cluster_own_names_are_names(make_context, references, alone):
    references.secrets["team", "t", "k"] = b"the-token"
    access = access_of(spec(auth=TOKEN_AUTH), make_context(settings=alone))
    assert (access.server, access.authorities) == ("https://kubernetes.default", "")


def test_an_override_of_the_address_goes_first(make_context, references, pod):
    references.secrets["team", "t", "k"] = b"the-token"
    settings = Settings(
        service_account_directory=pod.service_account_directory,
        endpoints={"kubernetes.default": "https://127.0.0.1:6443"},
    )
    access = access_of(spec(auth=TOKEN_AUTH), make_context(settings=settings))
    assert (access.server, access.authorities) == ("https://127.0.0.1:6443", "")


def test_the_specs_authority_goes_before_the_clusters(make_context, references, pod):
    references.secrets["team", "t", "k"] = b"the-token"
    bundle = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").decode()
    access = access_of(spec(auth=TOKEN_AUTH, server={"caBundle": bundle}), make_context(settings=pod))
    assert "BEGIN CERTIFICATE" in access.authorities


def test_plain_http_to_another_machine_is_refused(make_context, references):
    references.secrets["team", "t", "k"] = b"the-token"
    with pytest.raises(ConfigurationError, match="plain HTTP"):
        access_of(spec(auth=TOKEN_AUTH, server={"url": "http://remote.example"}), make_context())


def test_without_auth_we_are_ourselves_in_our_own_cluster(make_context, pod):
    for url in ("kubernetes.default", "https://10.0.0.1:443"):
        access = access_of(spec(server={"url": url}), make_context(settings=pod))
        assert access.server == "https://10.0.0.1:443"
        assert access.token is not None
        assert access.token().reveal() == b"pod-token"


def test_our_own_token_is_never_shown_to_another_server(make_context, pod):
    with pytest.raises(ConfigurationError, match=r"only to our own cluster .* not to https://remote\.example"):
        access_of(spec(server={"url": "https://remote.example"}), make_context(settings=pod))


def test_without_auth_and_without_a_cluster(make_context, alone):
    with pytest.raises(ConfigurationError, match="no cluster API is configured"):
        access_of(spec(), make_context(settings=alone))


def test_strict_mode_wants_an_auth(make_context):
    with pytest.raises(ConfigurationError, match="which ESO refuses"):
        access_of(spec(), make_context(settings=Settings(strict=True)))


def test_a_held_token_is_asked_for_before_it_ends():
    clock, tokens = ManualClock(), [web_token(timedelta(hours=1), name=name) for name in "ab"]
    left = list(tokens)
    held = HeldToken(lambda: Sensitive(left.pop(0)), clock)
    assert [held().reveal_text() for _ in range(3)] == [tokens[0]] * 3
    clock.advance(timedelta(hours=1) - RENEWAL_MARGIN)
    assert held().reveal_text() == tokens[1]


@pytest.mark.parametrize("token", ["opaque", "a.!!.c", "a.e30.c", "a.W10.c", "a.eyJleHAiOjFlOTk5fQ.c", web_token(None)])
def test_a_token_that_does_not_say_when_it_ends_is_not_kept(token):
    left = [token, token]
    held = HeldToken(lambda: Sensitive(left.pop(0)), ManualClock())
    assert held().reveal_text() == held().reveal_text() == token
    assert left == []
