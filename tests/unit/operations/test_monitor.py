from __future__ import annotations

import logging
import threading
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from virtrigaud_secrets.errors import AccessDeniedError, ConfigurationError, StoreUnavailableError
from virtrigaud_secrets.operations.managed_secrets import DATA_HASH, ObjectName, ProviderRule
from virtrigaud_secrets.operations.monitor import LABELS, Monitor
from virtrigaud_secrets.stores.cluster_objects import EXTERNAL_SECRETS, SECRETS, Listing
from virtrigaud_secrets.testing import ManualClock

CANARY = "canary-31aa"
NAME = ObjectName("ns", "vc")


def stamp(clock: ManualClock) -> str:
    return clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")


class Cluster:
    """What a monitor asks of `ClusterObjects`."""

    def __init__(self) -> None:
        self.secrets: dict[str, dict[str, Any]] = {}
        self.syncs: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str, str, str, bool]] = []
        self.broken: dict[str, Exception] = {}

    def write(self, clock: ManualClock, data_hash: str, **labels: str) -> None:
        self.secrets["vc"] = {
            "metadata": {
                "name": "vc",
                "namespace": "ns",
                "labels": labels,
                "annotations": {DATA_HASH: data_hash},
                "managedFields": [{"time": stamp(clock), "fieldsV1": {"f:data": {}}}],
            }
        }

    def list(self, resource, *, namespace="", labels="", fields="", metadata_only=False):
        self.asked.append((resource.plural, namespace, labels, fields, metadata_only))
        if resource.plural in self.broken:
            raise self.broken[resource.plural]
        if resource is EXTERNAL_SECRETS:
            return Listing(tuple(self.syncs), "1")
        assert resource is SECRETS
        return Listing(() if fields else tuple(self.secrets.values()), "1")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def cluster(clock) -> Cluster:
    made = Cluster()
    made.write(clock, "h1", provider="vsphere")
    return made


def monitor(cluster: Cluster, clock: ManualClock, **options: Any) -> Monitor:
    return Monitor(cluster, clock=clock, **options)  # type: ignore[arg-type]


def values(watching: Monitor, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels.values()): sample.value
        for metric in watching.collect()
        for sample in metric.samples
        if sample.name == name
    }


def age(watching: Monitor) -> dict[tuple[str, ...], float]:
    return values(watching, "virtrigaud_secret_age_seconds")


def test_it_asks_for_both_labels_and_for_data_of_certificates_only(cluster, clock):
    monitor(cluster, clock, namespaces=("a", "b")).look()
    expected = [("externalsecrets", one, "", "", False) for one in ("a", "b")]
    expected += [("secrets", one, label, "", True) for one in ("a", "b") for label in LABELS]
    expected += [("secrets", one, label, "type=kubernetes.io/tls", False) for one in ("a", "b") for label in LABELS]
    assert cluster.asked == expected


def test_age_counts_from_the_last_change_of_data(cluster, clock):
    watching = monitor(cluster, clock)
    clock.advance(30)
    watching.look()
    labels = ("vc", "ns", "vsphere")
    assert age(watching) == {labels: 30}
    clock.advance(60)
    assert age(watching) == {labels: 90}
    cluster.write(clock, "h1", provider="vsphere")  # metadata only
    clock.advance(10)
    watching.look()
    assert age(watching) == {labels: 100}
    cluster.write(clock, "h2", provider="vsphere")
    clock.advance(5)
    watching.look()
    assert age(watching) == {labels: 5}
    assert values(watching, "virtrigaud_secret_rotations_total") == {labels: 1}


def test_a_new_monitor_finds_the_ages_of_the_former(cluster, clock):
    first = monitor(cluster, clock)
    first.look()
    clock.advance(timedelta(days=3))
    first.look()
    second = monitor(cluster, clock)
    second.look()
    assert age(second) == age(first)


def test_what_is_gone_has_no_series(cluster, clock):
    watching = monitor(cluster, clock)
    watching.look()
    cluster.secrets.clear()
    watching.look()
    assert age(watching) == {}


@pytest.mark.parametrize("resource", ["secrets", "externalsecrets"])
def test_a_look_that_fails_keeps_what_was_and_is_counted_and_told_once(cluster, clock, resource, caplog):
    cluster.syncs = [{"metadata": {"name": "es", "namespace": "ns"}, "status": {"refreshTime": stamp(clock)}}]
    watching = monitor(cluster, clock)
    watching.look()
    before = len(list(generate_latest(registered(watching)).splitlines()))
    cluster.broken[resource] = StoreUnavailableError("it cannot be reached")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            clock.advance(60)
            watching.look()
    assert len(caplog.records) == 1
    assert age(watching)["vc", "ns", "vsphere"] == 180
    assert values(watching, "virtrigaud_secret_monitor_failures_total")[(resource,)] == 3
    assert len(list(generate_latest(registered(watching)).splitlines())) == before
    assert watching.ready()
    success = values(watching, "virtrigaud_secret_monitor_last_success_timestamp_seconds")
    assert clock.now().timestamp() - success[(resource,)] == 180
    cluster.broken.clear()
    watching.look()
    assert watching.picture.about_secrets.reason == ""
    assert watching.picture.about_syncs.reason == ""


def registered(watching: Monitor) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(watching)
    return registry


def test_it_is_ready_once_it_saw_the_secrets(cluster, clock):
    cluster.broken["secrets"] = AccessDeniedError("RBAC", capability="list secrets")
    watching = monitor(cluster, clock)
    watching.look()
    assert not watching.ready()
    assert age(watching) == {}
    cluster.broken = {"externalsecrets": StoreUnavailableError("x")}
    watching.look()
    assert watching.ready()


def test_it_looks_every_interval_until_it_is_told_to_stop(cluster, clock):
    watching, stop = monitor(cluster, clock), threading.Event()
    assert not watching.live()
    thread = threading.Thread(target=watching.run, args=(stop,))
    thread.start()
    try:
        for looks in (1, 2, 3):
            wait_for(lambda looks=looks: cluster.asked.count(("externalsecrets", "", "", "", False)) == looks)
            assert watching.live()
            clock.advance(59)
            clock.advance(1)
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()
    assert not watching.live()


def wait_for(condition) -> None:
    event = threading.Event()
    for _ in range(1000):
        if condition():
            return
        event.wait(0.01)
    raise AssertionError("it did not come to hold in time")


def test_one_that_hangs_in_a_look_does_not_live(cluster, clock):
    watching, stop, hanging = monitor(cluster, clock), threading.Event(), threading.Event()
    entered = threading.Event()

    def hang(*_args, **_options):
        entered.set()
        hanging.wait(20)
        return Listing((), "1")

    cluster.list = hang
    thread = threading.Thread(target=watching.run, args=(stop,))
    thread.start()
    assert entered.wait(20)
    assert watching.live()
    clock.advance(181)
    assert not watching.live()
    stop.set()
    hanging.set()
    thread.join(20)


def test_rules_name_providers(cluster, clock):
    cluster.write(clock, "h1")
    watching = monitor(cluster, clock, providers=[ProviderRule.parse("ns/*=libvirt")])
    watching.look()
    assert list(age(watching)) == [("vc", "ns", "libvirt")]


@pytest.mark.parametrize("options", [{"labels": ()}, {"labels": ("",)}, {"interval": timedelta(0)}])
def test_what_no_monitor_can_do(cluster, clock, options):
    with pytest.raises(ConfigurationError):
        monitor(cluster, clock, **options)


def test_nothing_of_a_secret_shows(cluster, clock, caplog):
    cluster.secrets["vc"]["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = CANARY
    watching = monitor(cluster, clock)
    with caplog.at_level(logging.DEBUG):
        watching.look()
    assert CANARY not in repr(watching.picture) + caplog.text + generate_latest(registered(watching)).decode()
