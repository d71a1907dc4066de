"""The guide's Vault manifests, as written, through the public face, against a real OpenBao and PostgreSQL.

The server's audit log says what was asked: one read for the secret of four properties, two for the dynamic one, one
POST for the certificate.
"""

import dataclasses
import ssl
import subprocess
import sys
import textwrap
import time

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import AccessDeniedError, InvalidRequestError, SecretsError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers import OpenBao

pytestmark = pytest.mark.integration

SYSTEM_PATHS = ("auth/", "sys/")


@pytest.fixture
def resolver(guide_world):
    with Resolver.from_path(guide_world.manifests, settings=guide_world.settings()) as made:
        yield made


def asked(openbao: OpenBao, since: int) -> list[tuple[str, str]]:
    """Operation and path of each request for a secret after the first `since` entries."""
    return [
        (entry.operation, entry.path)
        for entry in openbao.audit_entries()[since:]
        if entry.kind == "request" and not entry.path.startswith(SYSTEM_PATHS)
    ]


def test_four_properties_cost_one_read(guide_world, resolver):
    since = len(guide_world.openbao.audit_entries())
    bundle = resolver.resolve("vsphere-credentials", namespace="vsphere-providers")
    assert asked(guide_world.openbao, since) == [("read", "secret/data/providers/vsphere")]
    assert sorted(bundle) == ["ca.crt", "password", "server", "username"]
    assert bundle["ca.crt"].startswith(b"-----BEGIN CERTIFICATE-----")
    assert (bundle.name, bundle.type) == ("vsphere-credentials", "Opaque")


def test_dynamic_credentials_cost_two_reads_and_belong_together(guide_world, resolver):
    since = len(guide_world.openbao.audit_entries())
    bundle = resolver.resolve("vsphere-dynamic-credentials", namespace="vsphere-providers")
    assert sorted(asked(guide_world.openbao, since)) == [
        ("read", "secret/data/vsphere/static"),
        ("read", "vsphere/creds/dynamic-role"),
    ]
    assert int(bundle.text("session_ttl")) == bundle.lease("password").duration
    assert bundle.lease("username") == bundle.lease("password")
    assert bundle.lease("server") is None
    assert bundle.expires_at == bundle.leases[0].expires_at
    user, password = bundle.text("username"), Sensitive(bundle["password"])
    assert guide_world.postgres.query("SELECT current_user", user=user, password=password) == [[user]]
    assert not guide_world.postgres.accepts(user, Sensitive("wrong"))


def test_the_ssh_key_costs_one_read_and_passes_validation(guide_world, resolver):
    since = len(guide_world.openbao.audit_entries())
    bundle = resolver.resolve("libvirt-ssh-keys", namespace="libvirt-providers")
    assert asked(guide_world.openbao, since) == [("read", "secret/data/libvirt/ssh")]
    assert bundle.type == "kubernetes.io/ssh-auth"
    assert bundle.findings == ()


def test_the_certificate_costs_one_post_and_key_and_certificate_fit(guide_world, resolver, tmp_path):
    since = len(guide_world.openbao.audit_entries())
    bundle = resolver.resolve("provider-tls-certs", namespace="provider-namespace")
    assert asked(guide_world.openbao, since) == [("update", "pki/issue/virtrigaud")]
    assert bundle.type == "kubernetes.io/tls"
    for name in ("tls.crt", "tls.key"):
        (tmp_path / name).write_bytes(bundle[name])
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")


def test_one_login_serves_all_manifests(guide_world):
    since = len(guide_world.openbao.audit_entries())
    with Resolver.from_path(guide_world.manifests, settings=guide_world.settings()) as resolver:
        for document in resolver.catalog.external_secrets:
            resolver.resolve(document.name, namespace=document.namespace)
    logins = [
        entry
        for entry in guide_world.openbao.audit_entries()[since:]
        if entry.kind == "request" and entry.path == "auth/kubernetes/login"
    ]
    assert len(logins) == 1


def test_the_cluster_store_is_one_login_for_all_namespaces(guide_world, tmp_path):
    """Its one reference names its namespace, so whoever asks is the same to Vault."""
    secret = """
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: shared, namespace: {namespace}}}
spec:
  secretStoreRef: {{name: vault-cluster-store, kind: ClusterSecretStore}}
  data: [{{secretKey: username, remoteRef: {{key: providers/vsphere, property: username}}}}]
"""
    documents = (secret.format(namespace=name) for name in ("vsphere-providers", "libvirt-providers"))
    (tmp_path / "shared.yaml").write_text("---".join(documents))
    since = len(guide_world.openbao.audit_entries())
    with Resolver.from_path([guide_world.manifests, tmp_path], settings=guide_world.settings()) as resolver:
        values = {
            resolver.resolve("shared", namespace=name).text("username")
            for name in ("vsphere-providers", "libvirt-providers")
        }
    assert len(values) == 1
    logins = [
        entry
        for entry in guide_world.openbao.audit_entries()[since:]
        if entry.kind == "request" and entry.path == "auth/kubernetes/login"
    ]
    assert len(logins) == 1


def test_without_a_common_name_nothing_is_asked(guide_world):
    since = len(guide_world.openbao.audit_entries())
    settings = dataclasses.replace(guide_world.settings(), parameters={})
    with (
        Resolver.from_path(guide_world.manifests, settings=settings) as resolver,
        pytest.raises(InvalidRequestError, match="common_name"),
    ):
        resolver.resolve("provider-tls-certs", namespace="provider-namespace")
    assert len(guide_world.openbao.audit_entries()) == since


def test_strict_mode_gives_esos_error(guide_world):
    settings = dataclasses.replace(guide_world.settings(), strict=True)
    with (
        Resolver.from_path(guide_world.manifests, settings=settings) as resolver,
        pytest.raises(SecretsError, match='could not get SecretStore "vault-secret-store"'),
    ):
        resolver.resolve("vsphere-credentials", namespace="vsphere-providers")


def test_close_ends_the_login_that_was_made(guide_world):
    with Resolver.from_path(guide_world.manifests, settings=guide_world.settings()) as resolver:
        bundle = resolver.resolve("vsphere-dynamic-credentials", namespace="vsphere-providers")
    assert role_is_gone(guide_world.postgres, bundle.text("username"))


def test_exit_without_close_ends_the_login_as_well(guide_world, tmp_path):
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from virtrigaud_secrets import Resolver, Settings
        manifests, directory, written, instead, ca, out = sys.argv[1:]
        settings = Settings(endpoints={written: instead}, ca_file=Path(ca), service_account_directory=Path(directory))
        resolver = Resolver.from_path(manifests, settings=settings)
        bundle = resolver.resolve("vsphere-dynamic-credentials", namespace="vsphere-providers")
        Path(out).write_text(bundle.text("username"))
    """)
    ((written, instead),) = guide_world.settings().endpoints.items()
    out = tmp_path / "username"
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            program,
            guide_world.manifests,
            guide_world.service_account_directory,
            written,
            instead,
            guide_world.settings().ca_file,
            out,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert role_is_gone(guide_world.postgres, out.read_text())


def test_a_path_that_the_policy_refuses_names_path_and_capability(guide_world, tmp_path):
    store = (guide_world.manifests / "vault-stores.yaml").read_text()
    (tmp_path / "store.yaml").write_text(store)
    (tmp_path / "es.yaml").write_text("""
        {apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: x, namespace: virtrigaud-system},
         spec: {secretStoreRef: {name: vault-secret-store},
                data: [{secretKey: a, remoteRef: {key: secret/data/other/x}}]}}
    """)
    with (
        Resolver.from_path(tmp_path, settings=guide_world.settings()) as resolver,
        pytest.raises(AccessDeniedError) as caught,
    ):
        resolver.resolve("x")
    assert caught.value.path == "secret/data/other/x"
    assert caught.value.capability == "read"
    assert caught.value.manifest == "ExternalSecret virtrigaud-system/x"


def role_is_gone(postgres, username, *, patience=10.0):
    """Whether the database forgets the role: a revocation through renewal takes a second."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if username not in {name for (name,) in postgres.query("SELECT rolname FROM pg_roles")}:
            return True
        time.sleep(0.1)
    return False
