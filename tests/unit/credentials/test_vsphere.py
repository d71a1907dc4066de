import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from virtrigaud_secrets import Resolver, Settings
from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.credentials import VSphereCredentials
from virtrigaud_secrets.errors import ValidationError
from virtrigaud_secrets.testing import CertificateAuthority

DATA = {"server": b"https://vc.example.com/sdk", "username": b"svc@vsphere.local\n", "password": b" pass word\n"}


def bundle(**changes: bytes) -> Bundle:
    return Bundle(DATA | changes, name="vc", namespace="ns", manifest="ExternalSecret ns/vc")


def test_the_guides_keys() -> None:
    ca = CertificateAuthority().chain[0]
    found = VSphereCredentials.from_bundle(bundle(session_ttl=b"3600", **{"ca.crt": ca.encode()}))
    assert (found.server, found.username, found.password.reveal_text()) == (
        "https://vc.example.com/sdk",
        "svc@vsphere.local",
        "pass word",
    )
    assert found.ca == ca
    assert found.session_ttl == timedelta(hours=1)
    assert found.source == "ExternalSecret ns/vc"


def test_every_missing_key_is_told() -> None:
    with pytest.raises(ValidationError, match="ExternalSecret ns/vc") as caught:
        VSphereCredentials.from_bundle(Bundle({}, manifest="ExternalSecret ns/vc"))
    assert [finding.field for finding in caught.value.findings] == ["server", "username", "password"]


def test_the_guides_b64dec_on_a_store_that_holds_pem_is_told_at_its_key() -> None:
    with pytest.raises(ValidationError, match=r"ca\.crt: the value holds the message of b64dec"):
        VSphereCredentials.from_bundle(bundle(**{"ca.crt": b"illegal base64 data at input byte 0"}))


def test_a_resolved_manifest_is_named_by_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "manifests.yaml").write_text("""
{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: s, namespace: ns},
 spec: {provider: {fake: {data: [{key: vc, value: '{"username": "svc"}'}]}}}}
---
{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: vc, namespace: ns},
 spec: {secretStoreRef: {name: s}, target: {name: other}, dataFrom: [{extract: {key: vc}}]}}
""")
    with Resolver.from_path(tmp_path, settings=Settings()) as resolver:
        found = resolver.resolve("vc", namespace="ns")
    with pytest.raises(ValidationError, match=r"^ExternalSecret ns/vc: ") as caught:
        VSphereCredentials.from_bundle(found)
    assert [finding.field for finding in caught.value.findings] == ["server", "password"]


def test_the_server_may_come_from_the_providers_endpoint() -> None:
    data = {key: value for key, value in DATA.items() if key != "server"}
    found = VSphereCredentials.from_bundle(Bundle(data), server="vc2:8443")
    assert (found.endpoint.host, found.endpoint.port) == ("vc2", 8443)


def test_arguments_of_smart_connect_are_those_it_takes() -> None:
    connect = pytest.importorskip("pyVim.connect", reason="pyvmomi is in the dependency group `tests`")
    import inspect

    arguments = VSphereCredentials.from_bundle(bundle()).smart_connect_arguments()
    inspect.signature(connect.SmartConnect).bind(**arguments)
    context = arguments.pop("sslContext")
    assert arguments == {
        "host": "vc.example.com",
        "port": 443,
        "path": "/sdk",
        "user": "svc@vsphere.local",
        "pwd": "pass word",
    }
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_ca_of_the_manifest_is_the_only_one_trusted() -> None:
    ca = CertificateAuthority("Own CA").chain[0]
    context = VSphereCredentials.from_bundle(bundle(**{"ca.crt": ca.encode()})).ssl_context()
    assert len(context.get_ca_certs()) == 1


def test_the_rest_session_verifies_by_the_same_context() -> None:
    pytest.importorskip("requests")
    arguments = VSphereCredentials.from_bundle(bundle()).rest_client_arguments()
    session = arguments["session"]
    assert (arguments["server"], arguments["username"]) == ("vc.example.com:443", "svc@vsphere.local")
    assert session.trust_env is False  # type: ignore[attr-defined]
    adapter = session.get_adapter("https://vc.example.com")  # type: ignore[attr-defined]
    context = adapter.poolmanager.connection_pool_kw["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_the_rest_session_verifies_so_whatever_is_mounted_on_it() -> None:
    requests = pytest.importorskip("requests")
    ca = CertificateAuthority("Own CA").chain[0]
    arguments = VSphereCredentials.from_bundle(bundle(**{"ca.crt": ca.encode()})).rest_client_arguments()
    session = arguments["session"]
    session.mount("https://", requests.adapters.HTTPAdapter())  # type: ignore[attr-defined]  # as the SDK does
    adapter = session.get_adapter("https://vc.example.com")  # type: ignore[attr-defined]
    assert len(adapter.poolmanager.connection_pool_kw["ssl_context"].get_ca_certs()) == 1
