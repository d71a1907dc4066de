from __future__ import annotations

import http.client
import logging
import ssl
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.cluster_access import ClusterAccess
from virtrigaud_secrets.stores.cluster_client import MAX_CLIENT_PEM_BYTES, connect_client, tls_context
from virtrigaud_secrets.testing.servers.certificates import Authority, IssuedCertificate


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.create()


@pytest.fixture(scope="module")
def issued(authority: Authority) -> IssuedCertificate:
    return authority.issue(["alice"])


@pytest.fixture
def access(authority: Authority, issued: IssuedCertificate) -> ClusterAccess:
    return ClusterAccess(
        server="https://127.0.0.1:1",
        origin="kubeconfig x, context y",
        authorities=authority.pem.decode(),
        client_certificate=issued.certificate,
        client_key=issued.key,
    )


@pytest.fixture
def logger_level() -> Iterator[int]:
    logger = logging.getLogger("urllib3")
    before = logger.level
    logger.setLevel(logging.INFO)
    yield logging.INFO
    logger.setLevel(before)


def test_only_the_given_authority_is_trusted(access: ClusterAccess, authority: Authority) -> None:
    trusted = tls_context(access).get_ca_certs()
    assert [dict(pair for name in entry["subject"] for pair in name)["commonName"] for entry in trusted] == [  # type: ignore[misc]  # typeshed's shape is loose
        "virtrigaud-secrets test CA"
    ]


def test_without_an_authority_or_a_certificate_it_is_the_systems(access: ClusterAccess) -> None:
    plain = tls_context(replace(access, authorities="", client_certificate=b""))
    assert plain.verify_mode == ssl.CERT_REQUIRED
    assert plain.check_hostname
    assert "virtrigaud" not in str(plain.get_ca_certs())


def test_an_authority_that_is_none_is_refused(access: ClusterAccess) -> None:
    with pytest.raises(ConfigurationError, match="kubeconfig x, context y: the certificate authority is no PEM"):
        tls_context(replace(access, authorities="nonsense"))


def test_certificate_and_key_must_belong_together(access: ClusterAccess, authority: Authority) -> None:
    with pytest.raises(ConfigurationError, match="belonging together") as caught:
        tls_context(replace(access, client_key=authority.issue(["bob"]).key))
    assert "PRIVATE" not in str(caught.value)


def test_an_encrypted_key_is_refused_without_asking_for_its_password(
    access: ClusterAccess, issued: IssuedCertificate
) -> None:
    key = load_pem_private_key(issued.key.reveal(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))
    with pytest.raises(ConfigurationError, match="unencrypted"):
        tls_context(replace(access, client_key=Sensitive(encrypted)))


def test_a_key_larger_than_a_pipe_is_refused_and_does_not_hang(access: ClusterAccess) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used"):
        tls_context(replace(access, client_key=Sensitive(b"a" * (MAX_CLIENT_PEM_BYTES + 1))))


def test_connecting_sends_nothing_and_leaves_the_process_alone(
    access: ClusterAccess, logger_level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("kubernetes", reason="the extra [kubernetes] is not installed")
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 3)
    connection = connect_client(access)
    assert logging.getLogger("urllib3").level == logger_level
    assert http.client.HTTPConnection.debuglevel == 3
    connection.close()


def test_a_kubeconfigs_proxy_is_used_and_the_environments_is_not(
    access: ClusterAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("kubernetes", reason="the extra [kubernetes] is not installed")
    monkeypatch.setenv("HTTPS_PROXY", "http://environment:1")
    for proxy, expected in (("http://named:3128", "named"), ("", None)):
        connection = connect_client(replace(access, proxy=proxy))
        pool = connection.core.api_client.rest_client.pool_manager  # type: ignore[attr-defined]  # the official client's own attribute
        assert getattr(pool.proxy, "host", None) == expected
        connection.close()


def test_a_token_is_asked_for_at_each_request_and_not_before(access: ClusterAccess) -> None:
    pytest.importorskip("kubernetes", reason="the extra [kubernetes] is not installed")
    tokens = iter(["one", "two"])
    connection = connect_client(replace(access, token=lambda: Sensitive(next(tokens))))
    api_client = connection.core.api_client  # type: ignore[attr-defined]  # the official client's own attribute
    settings = api_client.configuration.auth_settings
    assert [settings()["BearerToken"]["value"] for _ in range(2)] == ["Bearer one", "Bearer two"]
    connection.close()
