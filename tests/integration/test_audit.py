"""Our audit beside the real OpenBao's: joined by request id, each read of a secret is in both exactly once."""

import json
import stat
from collections import Counter
from datetime import timedelta

import pytest

from virtrigaud_secrets import Resolver, Sensitive
from virtrigaud_secrets.errors import AccessDeniedError
from virtrigaud_secrets.observability import AuditLog, acting_as

pytestmark = pytest.mark.integration

SALT = Sensitive(b"a salt of our own, kept like a secret")
SYSTEM_PATHS = ("auth/", "sys/")


def lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def reads(found):
    return [line for line in found if line["request"]["operation"] == "read"]


def vault_reads(openbao, since):
    """The server's own answers to requests for secrets, by request id."""
    return {
        entry.raw["request"]["id"]: entry
        for entry in openbao.audit_entries(after=since)
        if entry.kind == "response" and not entry.path.startswith(SYSTEM_PATHS)
    }


def test_joined_by_request_id_each_read_is_in_both_logs_once(guide_world, tmp_path):
    file = tmp_path / "audit.log"
    since = len(guide_world.openbao.audit_entries())
    with (
        AuditLog(file, salt=SALT) as audit,
        Resolver.from_path(guide_world.manifests, settings=guide_world.settings(), auditor=audit) as resolver,
    ):
        with acting_as("vsphere-provider"):
            subscription = resolver.subscribe("vsphere-dynamic-credentials", namespace="vsphere-providers")
        resolver.wait_ready(timeout=timedelta(seconds=30))
        with acting_as("reconcile"):
            outcomes = resolver.resolve_all()
            resolver.resolve("vsphere-credentials", namespace="vsphere-providers")
        with subscription.use() as bundle:
            password = bundle.text("password")
        resolver.refresh("vsphere-credentials", namespace="vsphere-providers")
    found = lines(file)
    theirs = vault_reads(guide_world.openbao, since)
    ours = Counter(line["request"]["id"] for line in reads(found))
    assert set(ours) == set(theirs)
    assert set(ours.values()) == {1}
    for line in reads(found):
        assert line["request"]["path"] == theirs[line["request"]["id"]].path
        assert line["type"] == theirs[line["request"]["id"]].kind
    _every_handing_over_leads_to_the_server(found, theirs)
    _no_value_is_there(file, [*outcomes.values(), bundle])
    assert password not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert audit.dropped == 0


def _every_handing_over_leads_to_the_server(found, theirs):
    handed = [line for line in found if line["request"]["operation"] != "read"]
    for line in handed:
        assert line["response"]["sources"]
        assert {source["request_id"] for source in line["response"]["sources"]} <= set(theirs)
    told = Counter((line["request"]["operation"], line["auth"]["display_name"]) for line in handed)
    assert told == {
        ("change", "vsphere-provider"): 1,
        ("resolve", "reconcile"): 5,
        ("use", ""): 1,
        ("refresh", ""): 1,
    }
    # One value has one hash, however often it is handed over.
    hashes = {
        line["response"]["data"]["password"]
        for line in handed
        if line["request"]["path"] == "ExternalSecret vsphere-providers/vsphere-credentials"
    }
    assert len(hashes) == 1


def _no_value_is_there(file, bundles):
    text = file.read_text()
    for bundle in bundles:
        for lease in bundle.leases:
            assert lease.lease_id not in text
        for key in bundle:
            if key != "session_ttl":
                # As JSON would write it.
                assert json.dumps(bundle.text(key))[1:-1] not in text, key


def test_a_refusal_is_found_in_the_servers_log(guide_world, tmp_path):
    (tmp_path / "store.yaml").write_text((guide_world.manifests / "vault-stores.yaml").read_text())
    (tmp_path / "es.yaml").write_text("""
        {apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: x, namespace: virtrigaud-system},
         spec: {secretStoreRef: {name: vault-secret-store},
                data: [{secretKey: a, remoteRef: {key: secret/data/other/x}}]}}
    """)
    file = tmp_path / "audit.log"
    since = len(guide_world.openbao.audit_entries())
    with (
        AuditLog(file, salt=SALT) as audit,
        Resolver.from_path(tmp_path, settings=guide_world.settings(), auditor=audit) as resolver,
        pytest.raises(AccessDeniedError),
    ):
        resolver.resolve("x")
    read, asked = lines(file)
    assert (read["error_class"], asked["error_class"]) == ("AccessDeniedError", "AccessDeniedError")
    assert asked["request"]["path"] == "ExternalSecret x"
    # An answer that refuses has no request id in it: the join is by path and time.
    assert read["request"]["id"] == ""
    assert [entry.path for entry in vault_reads(guide_world.openbao, since).values()] == [read["request"]["path"]]


def test_a_full_disk_fails_no_resolve(guide_world, caplog):
    """`/dev/full` is a disk without room."""
    from pathlib import Path

    with (
        AuditLog(Path("/dev/full"), salt=SALT) as audit,
        Resolver.from_path(guide_world.manifests, settings=guide_world.settings(), auditor=audit) as resolver,
    ):
        assert resolver.resolve("vsphere-credentials", namespace="vsphere-providers")["password"]
        assert resolver.resolve("vsphere-credentials", namespace="vsphere-providers")["password"]
    assert (audit.written, audit.dropped) == (0, 3)
    assert "No space left" in caplog.text
