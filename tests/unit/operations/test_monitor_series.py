from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry, generate_latest

from virtrigaud_secrets.operations.managed_secrets import (
    CertificateEnd,
    ObjectName,
    Picture,
    SecretHistory,
    SecretSighting,
    SyncSighting,
    Watched,
)
from virtrigaud_secrets.operations.monitor_series import series

NOW = datetime(2030, 1, 8, tzinfo=UTC)
OF_SECRET = '{namespace="ns",provider="vsphere",secret_name="vc"}'
EXPECTED = f"""\
virtrigaud_secret_age_seconds{OF_SECRET} 60.0
virtrigaud_secret_rotations_total{OF_SECRET} 2.0
virtrigaud_secret_last_success_timestamp_seconds{OF_SECRET} 1.89405e+09
virtrigaud_secret_certificate_expiry_timestamp_seconds{OF_SECRET} 1.894147199e+09
virtrigaud_secret_certificate_lifetime_seconds{OF_SECRET} 86400.0
externalsecret_status_condition{{condition="Ready",name="es",namespace="ns",status="True"}} 0.0
externalsecret_status_condition{{condition="Ready",name="es",namespace="ns",status="False"}} 1.0
externalsecret_last_success_timestamp_seconds{{name="es",namespace="ns"}} 1.89405e+09
externalsecret_refresh_interval_seconds{{name="es",namespace="ns"}} 900.0
externalsecret_refresh_interval_seconds{{name="new",namespace="ns"}} 0.0
virtrigaud_secret_monitor_failures_total{{resource="secrets"}} 0.0
virtrigaud_secret_monitor_failures_total{{resource="externalsecrets"}} 3.0
virtrigaud_secret_monitor_last_success_timestamp_seconds{{resource="secrets"}} 1.8940608e+09
"""


def picture() -> Picture:
    name, target = ObjectName("ns", "es"), ObjectName("ns", "vc")
    refreshed = NOW - timedelta(seconds=10800)
    seen = SecretSighting(name=target, provider="vsphere", data_hash="h", written_at=None, created_at=None, owner="es")
    certificate = CertificateEnd(at=NOW + timedelta(seconds=86399), lifetime=timedelta(days=1))
    history = SecretHistory(seen=seen, changed_at=NOW - timedelta(minutes=1), rotations=2, certificate=certificate)
    sync = SyncSighting(name=name, target="vc", ready=False, refreshed_at=refreshed, interval=timedelta(minutes=15))
    new = SyncSighting(name=ObjectName("ns", "new"), target="new", ready=None, refreshed_at=None, interval=timedelta(0))
    return Picture(
        secrets={target: history},
        syncs={name: sync, new.name: new},
        targets={target: sync},
        about_secrets=Watched(succeeded_at=NOW),
        about_syncs=Watched(failures=3, reason="x"),
    )


class Collected:
    def __init__(self, seen: Picture, now: datetime) -> None:
        self.seen, self.now = seen, now

    def describe(self):
        return []

    def collect(self):
        return series(self.seen, self.now)


def lines(seen: Picture, now: datetime = NOW) -> list[str]:
    registry = CollectorRegistry()
    registry.register(Collected(seen, now))
    return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]


def test_all_series():
    assert lines(picture()) == EXPECTED.splitlines()


def test_no_age_is_negative():
    assert 'virtrigaud_secret_age_seconds{namespace="ns",provider="vsphere",secret_name="vc"} 0.0' in lines(
        picture(), NOW - timedelta(hours=1)
    )


def test_a_cluster_that_was_not_seen():
    assert lines(Picture()) == [
        'virtrigaud_secret_monitor_failures_total{resource="secrets"} 0.0',
        'virtrigaud_secret_monitor_failures_total{resource="externalsecrets"} 0.0',
    ]
