from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.operations.managed_secrets import (
    DATA_HASH,
    CertificateEnd,
    ObjectName,
    Picture,
    ProviderRule,
    follow,
    moment,
    read_certificate,
    read_secret,
    read_sync,
)

CREATED = datetime(2030, 1, 1, tzinfo=UTC)
WRITTEN = datetime(2030, 1, 5, tzinfo=UTC)
REFRESHED = datetime(2030, 1, 7, tzinfo=UTC)
NOW = datetime(2030, 1, 8, tzinfo=UTC)
CANARY = "canary-8c1d"


def text(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def entry(when: datetime | None, *, fields: str = "f:data", **more: object) -> dict[str, object]:
    return {"manager": "m", "fieldsV1": {fields: {"f:a": {}}}, **({"time": text(when)} if when else {}), **more}


def secret(*, data_hash: str = "h1", managed: object = None, labels: dict[str, str] | None = None) -> dict[str, object]:
    return {
        "metadata": {
            "name": "vc",
            "namespace": "vsphere-providers",
            "creationTimestamp": text(CREATED),
            "labels": labels or {},
            "annotations": {DATA_HASH: data_hash} if data_hash else {},
            "managedFields": managed if managed is not None else [entry(WRITTEN)],
        }
    }


def seen(**options):
    return read_secret(secret(**options))


def test_a_first_sighting_is_dated_by_the_best_evidence():
    assert follow(None, seen(), refreshed_at=REFRESHED, now=NOW).changed_at == WRITTEN
    assert follow(None, seen(managed=[]), refreshed_at=REFRESHED, now=NOW).changed_at == REFRESHED
    assert follow(None, seen(managed=[]), refreshed_at=None, now=NOW).changed_at == CREATED
    bare = read_secret({"metadata": {"name": "vc", "namespace": "ns"}})
    assert follow(None, bare, refreshed_at=None, now=NOW).changed_at == NOW


def test_a_cluster_whose_clock_is_ahead_makes_nothing_younger_than_now():
    assert follow(None, seen(managed=[entry(NOW + timedelta(days=1))]), refreshed_at=None, now=NOW).changed_at == NOW


def test_only_who_owns_data_dates_it_and_the_last_of_them():
    managed = [
        entry(WRITTEN - timedelta(days=1)),
        entry(WRITTEN),
        entry(NOW, fields="f:metadata"),
        entry(NOW, subresource="status"),
        entry(None),
        "nonsense",
        {"time": 7, "fieldsV1": []},
    ]
    assert seen(managed=managed).written_at == WRITTEN


def test_the_hash_decides_whether_data_changed():
    history = follow(None, seen(), refreshed_at=None, now=NOW)
    later = NOW + timedelta(hours=1)
    relabelled = follow(history, seen(managed=[entry(later)]), refreshed_at=later, now=later)
    assert (relabelled.rotations, relabelled.changed_at) == (0, WRITTEN)
    changed = follow(relabelled, seen(data_hash="h2", managed=[entry(later)]), refreshed_at=later, now=later)
    assert (changed.rotations, changed.changed_at) == (1, later)
    again = follow(changed, seen(data_hash="h2", managed=[entry(later)]), refreshed_at=later, now=later)
    assert (again.rotations, again.changed_at) == (1, later)


def test_a_change_that_no_book_dates_is_dated_when_it_is_noticed():
    history = follow(None, seen(), refreshed_at=None, now=NOW)
    for managed in ([], [entry(WRITTEN)], [entry(WRITTEN - timedelta(days=9))]):
        changed = follow(history, seen(data_hash="h2", managed=managed), refreshed_at=None, now=NOW)
        assert (changed.rotations, changed.changed_at) == (1, NOW)


def test_without_a_hash_the_writer_decides():
    history = follow(None, seen(data_hash=""), refreshed_at=None, now=NOW)
    same = follow(history, seen(data_hash=""), refreshed_at=NOW, now=NOW)
    assert same.rotations == 0
    changed = follow(same, seen(data_hash="", managed=[entry(NOW)]), refreshed_at=None, now=NOW)
    assert (changed.rotations, changed.changed_at) == (1, NOW)


def test_the_provider_is_the_label_else_the_first_rule():
    rules = [ProviderRule.parse("vsphere-*/*=vsphere"), ProviderRule.parse("*/vc=other")]
    assert read_secret(secret(labels={"provider": "esx"}), rules).provider == "esx"
    assert read_secret(secret(), rules).provider == "vsphere"
    assert read_secret(secret(), rules[1:]).provider == "other"
    assert read_secret(secret(), [ProviderRule.parse("VSPHERE-*/*=x")]).provider == "unknown"


@pytest.mark.parametrize("rule", ["", "a=b", "a/b", "a/b=", "/b=c", "a/=c", "a/b/c=d", "=x"])
def test_what_is_no_rule(rule):
    with pytest.raises(ConfigurationError, match="is no rule for providers"):
        ProviderRule.parse(rule)


def certificate(*validities: timedelta) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding

    found = b""
    for validity in validities:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vc")])
        builder = x509.CertificateBuilder(name, name, key.public_key(), 7, CREATED, CREATED + validity)
        found += builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    return found


def tls(content: bytes) -> dict[str, object]:
    return {**secret(), "data": {"tls.crt": base64.b64encode(content).decode(), "tls.key": CANARY}}


def test_of_a_chain_the_certificate_that_ends_first_counts():
    content = certificate(timedelta(days=9), timedelta(days=3), timedelta(days=5))
    expected = CertificateEnd(at=CREATED + timedelta(days=3), lifetime=timedelta(days=3))
    assert read_certificate(tls(content)) == expected


@pytest.mark.parametrize("data", [None, {}, {"tls.crt": 7}, {"tls.crt": "%"}, {"tls.crt": "YQ=="}, {"tls.crt": ""}])
def test_what_is_no_certificate_has_no_end(data):
    assert read_certificate({**secret(), "data": data}) is None


def external(spec: object = None, status: object = None) -> dict[str, object]:
    return {"metadata": {"name": "es", "namespace": "ns"}, "spec": spec or {}, "status": status or {}}


def test_an_external_secret_before_its_first_synchronisation():
    sync = read_sync(external())
    assert sync.name == ObjectName("ns", "es")
    assert (sync.target, sync.ready, sync.refreshed_at, sync.interval) == ("es", None, None, timedelta(hours=1))


def test_an_external_secret_that_is_synchronised():
    conditions = [{"type": "Deleted", "status": "False"}, {"type": "Ready", "status": "True"}]
    spec = {"target": {"name": "vc"}, "refreshInterval": "1h30m"}
    sync = read_sync(external(spec, {"conditions": conditions, "refreshTime": text(REFRESHED)}))
    assert (sync.target, sync.ready, sync.refreshed_at) == ("vc", True, REFRESHED)
    assert sync.interval == timedelta(minutes=90)


@pytest.mark.parametrize(
    ("spec", "interval"),
    [
        ({"refreshInterval": "0"}, 0),
        ({"refreshInterval": "-5m"}, 0),
        ({"refreshInterval": "1d"}, 3600),
        ({"refreshInterval": 7}, 3600),
        ({"refreshInterval": "15m", "refreshPolicy": "CreatedOnce"}, 0),
        ({"refreshInterval": "15m", "refreshPolicy": "OnChange"}, 0),
        ({"refreshInterval": "15m", "refreshPolicy": "Periodic"}, 900),
    ],
)
def test_intervals(spec, interval):
    assert read_sync(external(spec)).interval == timedelta(seconds=interval)


@pytest.mark.parametrize("body", [{}, {"metadata": 7, "spec": [], "status": "x"}, {"status": {"conditions": [7]}}])
def test_objects_of_any_shape_are_read(body):
    assert read_sync(body).ready is None
    assert read_secret(body).written_at is None


def test_times():
    assert moment("2030-01-01T00:00:00Z") == CREATED
    assert moment("2030-01-01T01:00:00+01:00") == CREATED
    assert moment("2030-01-01T00:00:00") == CREATED
    assert (moment("yesterday"), moment(None), moment(7)) == (None, None, None)


def test_a_secret_s_synchronisation_is_its_owner_s_else_by_target():
    owner, other = read_sync(external()), read_sync(external({"target": {"name": "vc"}}))
    named = ObjectName("ns", "vc")
    picture = Picture(syncs={owner.name: owner}, targets={named: other})
    references = [{"kind": "ExternalSecret", "apiVersion": "external-secrets.io/v1", "name": "es"}]
    owned = read_secret({"metadata": {"name": "vc", "namespace": "ns", "ownerReferences": references}})
    assert picture.sync_of(owned) is owner
    assert picture.sync_of(read_secret({"metadata": {"name": "vc", "namespace": "ns"}})) is other
    assert picture.sync_of(read_secret({"metadata": {"name": "x", "namespace": "ns"}})) is None


def test_nothing_of_a_body_but_metadata_is_kept():
    body = {**secret(), "data": {"password": CANARY}}
    assert CANARY not in repr(follow(None, read_secret(body), refreshed_at=None, now=NOW))
    assert CANARY not in repr(read_certificate(tls(certificate(timedelta(days=1)))))
