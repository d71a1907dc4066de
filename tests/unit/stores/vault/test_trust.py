import base64
import os
import ssl

import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.stores.vault import trust
from virtrigaud_secrets.testing.servers.certificates import Authority


@pytest.fixture(autouse=True)
def _nothing_is_shared_with_other_tests():
    trust._contexts.clear()


@pytest.fixture(scope="module")
def authority():
    return Authority.create("unit test CA")


def encoded(data, times=1):
    for _ in range(times):
        data = base64.b64encode(data)
    return data.decode()


def names(context):
    return [subject[0][1] for entry in context.get_ca_certs() for subject in entry["subject"]]


@pytest.mark.parametrize("times", [1, 2])
def test_a_bundle_is_base64_once_or_twice(make_spec, make_context, authority, times):
    spec = make_spec(caBundle=encoded(authority.pem, times))
    trust.check_bundle(spec, make_context())
    assert names(trust.tls_context(spec, make_context())) == ["unit test CA"]
    assert trust.source(spec, make_context()) == "the store's caBundle"


@pytest.mark.parametrize(
    "content",
    [b"nonsense", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b"-----BEGIN \xff"],
)
def test_a_bundle_that_is_no_certificate_is_refused(make_spec, make_context, content):
    with pytest.raises(ConfigurationError, match="caBundle"):
        trust.check_bundle(make_spec(caBundle=encoded(content)), make_context())


def test_a_provider_is_read_where_the_store_says(make_spec, make_context, authority, cluster):
    cluster.config_maps = {("team", "ca", "ca.crt"): authority.pem.decode()}
    spec = make_spec(caProvider={"type": "ConfigMap", "name": "ca", "key": "ca.crt"})
    assert names(trust.tls_context(spec, make_context())) == ["unit test CA"]
    assert trust.source(spec, make_context()) == "the store's caProvider"


def test_a_file_serves_stores_that_name_nothing(make_spec, make_context, authority, tmp_path):
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.pem)
    context = make_context(ca_file=path)
    assert names(trust.tls_context(make_spec(), context)) == ["unit test CA"]
    assert str(path) in trust.source(make_spec(), context)


def test_the_manifest_goes_before_the_file(make_spec, make_context, authority, tmp_path):
    context = make_context(ca_file=tmp_path / "absent.pem")
    assert names(trust.tls_context(make_spec(caBundle=encoded(authority.pem)), context)) == ["unit test CA"]


def test_a_file_that_cannot_be_used_is_named(make_spec, make_context, tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read"):
        trust.tls_context(make_spec(), make_context(ca_file=tmp_path / "absent.pem"))
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(ConfigurationError, match="no PEM certificate"):
        trust.tls_context(make_spec(), make_context(ca_file=tmp_path / "empty.pem"))


def test_otherwise_the_system_is_trusted_or_else_certifi(make_spec, make_context, monkeypatch):
    assert "the system" in trust.source(make_spec(), make_context())
    paths = ssl.get_default_verify_paths()
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths._replace(cafile=None, capath=None))
    assert len(trust.tls_context(make_spec(), make_context()).get_ca_certs()) > 50


def test_verification_is_on_and_session_keys_are_not_written(make_spec, make_context, monkeypatch, tmp_path):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    made = trust.tls_context(make_spec(), make_context())
    assert made.verify_mode is ssl.CERT_REQUIRED
    assert made.check_hostname
    assert made.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert made.keylog_filename is None


TLS = {
    "certSecretRef": {"name": "client"},
    "keySecretRef": {"name": "client"},
}


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_client_certificate_leaves_no_file(
    make_spec, make_context, authority, cluster, in_memory, monkeypatch, tmp_path
):
    if in_memory and not hasattr(os, "memfd_create"):
        pytest.skip("no memfd on this system")
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(trust.tempfile, "tempdir", str(tmp_path))
    issued = authority.issue()
    cluster.secrets = {
        ("team", "client", "tls.crt"): issued.certificate.decode(),
        ("team", "client", "tls.key"): issued.key.reveal_text(),
    }
    loaded = []
    original = ssl.SSLContext.load_cert_chain
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", lambda *a, **k: (loaded.append(a[1]), original(*a, **k))[1])
    trust.tls_context(make_spec(tls=TLS), make_context())
    assert len(loaded) == 1
    assert loaded[0].startswith("/proc/self/fd/") is in_memory
    assert list(tmp_path.iterdir()) == []


def test_a_client_certificate_needs_its_own_key(make_spec, make_context, authority, cluster):
    cluster.secrets = {
        ("team", "client", "tls.crt"): authority.issue().certificate.decode(),
        ("team", "client", "tls.key"): authority.issue().key.reveal_text(),
    }
    with pytest.raises(ConfigurationError, match="no pair"):
        trust.tls_context(make_spec(tls=TLS), make_context())


def test_half_a_client_certificate_is_refused(make_spec, make_context):
    with pytest.raises(ConfigurationError, match="both"):
        trust.tls_context(make_spec(tls={"certSecretRef": {"name": "client"}}), make_context())


def test_the_certificate_that_logs_in_goes_before_that_of_the_connection(make_spec, make_context, authority, cluster):
    issued = authority.issue()
    cluster.secrets = {
        ("team", "login", "crt"): issued.certificate.decode(),
        ("team", "login", "key"): issued.key.reveal_text(),
    }
    auth = {"cert": {"clientCert": {"name": "login", "key": "crt"}, "secretRef": {"name": "login", "key": "key"}}}
    trust.tls_context(make_spec(auth=auth, tls=TLS), make_context())
    assert {asked[2] for asked in cluster.asked} == {"login"}
    cluster.secrets["team", "login", "key"] = authority.issue().key.reveal_text()
    with pytest.raises(ConfigurationError, match=r"auth\.cert\.clientCert and secretRef are no pair"):
        trust.tls_context(make_spec(auth=auth), make_context())


def test_a_certificate_of_a_method_that_does_not_count_is_not_read(make_spec, make_context, cluster):
    auth = {
        "cert": {"clientCert": {"name": "login", "key": "crt"}, "secretRef": {"name": "login", "key": "key"}},
        "tokenSecretRef": {"name": "token", "key": "token"},
    }
    trust.tls_context(make_spec(auth=auth), make_context())
    assert cluster.asked == []


def test_stores_of_the_same_trust_share_a_context(make_spec, make_context, authority, tmp_path):
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.pem)
    by_bundle = trust.tls_context(make_spec(caBundle=encoded(authority.pem)), make_context())
    assert trust.tls_context(make_spec(), make_context(ca_file=path)) is by_bundle
    assert trust.tls_context(make_spec(), make_context()) is not by_bundle
    assert trust.tls_context(make_spec(), make_context()) is trust.tls_context(make_spec(), make_context())
    path.write_bytes(Authority.create("next CA").pem)
    assert names(trust.tls_context(make_spec(), make_context(ca_file=path))) == ["next CA"]


def test_a_context_with_a_client_certificate_is_not_shared(make_spec, make_context, authority, cluster):
    issued = authority.issue()
    cluster.secrets = {
        ("team", "client", "tls.crt"): issued.certificate.decode(),
        ("team", "client", "tls.key"): issued.key.reveal_text(),
    }
    spec = make_spec(caBundle=encoded(authority.pem), tls=TLS)
    made = trust.tls_context(spec, make_context())
    assert made is not trust.tls_context(spec, make_context())
    assert made not in trust._contexts.values()


def test_few_contexts_are_kept(make_spec, make_context, authority, monkeypatch):
    monkeypatch.setattr(trust, "MAX_SHARED", 2)
    for number in range(4):
        trust.tls_context(make_spec(caBundle=encoded(authority.pem + b"\n" * number)), make_context())
    assert len(trust._contexts) == 2
