"""Order, limits and faults of a rotation, on a cluster in memory and a clock that is only counted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from virtrigaud_secrets.errors import AccessDeniedError, StoreUnavailableError
from virtrigaud_secrets.operations.forced_refresh import Revoked
from virtrigaud_secrets.operations.outcomes import Outcome
from virtrigaud_secrets.operations.rotation import (
    PROVIDER_DEPLOYMENTS,
    RESTARTED_AT,
    Mark,
    Rotation,
    Scope,
    rotate,
)
from virtrigaud_secrets.stores.cluster_objects import DEPLOYMENTS, EXTERNAL_SECRETS
from virtrigaud_secrets.testing import ManualClock

SCOPE = Scope(namespace="ns", external_secrets="team=a")


@pytest.fixture
def clock():
    return ManualClock()


def lost():
    error = StoreUnavailableError("the connection broke")
    error.retryable = True
    return error


def test_all_is_refreshed_then_restarted(fake_cluster, clock):
    fake_cluster.add_external_secret("ns", "a")
    fake_cluster.add_external_secret("ns", "b")
    fake_cluster.add_external_secret("other", "c")
    fake_cluster.add_deployment("ns", "d")
    told = []
    report = rotate(fake_cluster, SCOPE, clock=clock, say=told.append)

    assert report.ok
    assert [step.outcome for step in report.steps] == [Outcome.DONE] * 3
    assert fake_cluster.patches == [
        ("externalsecrets", "ns", "a"),
        ("externalsecrets", "ns", "b"),
        ("deployments", "ns", "d"),
    ]
    assert set(fake_cluster.listed) == {
        ("externalsecrets", "ns", "team=a"),
        ("deployments", "ns", PROVIDER_DEPLOYMENTS),
    }
    annotations = fake_cluster.objects[EXTERNAL_SECRETS]["ns", "a"]["metadata"]["annotations"]
    assert annotations == {"force-sync": f"{clock.now().timestamp():.6f}"}
    template = fake_cluster.objects[DEPLOYMENTS]["ns", "d"]["spec"]["template"]
    assert template["metadata"]["annotations"] == {RESTARTED_AT: "2030-01-01T12:00:00Z"}
    assert "2 of 2 ExternalSecrets" in told[0]
    assert clock.sleeps == []


def test_a_second_run_overwrites_the_annotation(fake_cluster, clock):
    body = fake_cluster.add_external_secret("ns", "a")
    rotate(fake_cluster, SCOPE, clock=clock)
    first = body["metadata"]["annotations"]["force-sync"]
    clock.advance(0.001)
    rotate(fake_cluster, SCOPE, clock=clock)
    assert body["metadata"]["annotations"]["force-sync"] != first


def test_a_dry_run_writes_nothing(fake_cluster, clock):
    fake_cluster.add_external_secret("ns", "a")
    fake_cluster.add_external_secret("ns", "once", refreshPolicy="CreatedOnce")
    fake_cluster.add_deployment("ns", "d")
    fake_cluster.add_deployment("ns", "p", paused=True)
    report = rotate(fake_cluster, SCOPE, clock=clock, dry_run=True)

    assert fake_cluster.patches == []
    assert [(item.name, item.outcome) for step in report.steps for item in step.items] == [
        ("a", Outcome.PLANNED),
        ("once", Outcome.SKIPPED),
        ("d", Outcome.PLANNED),
        ("p", Outcome.FAILED),
    ]


def test_a_refresh_that_does_not_come_holds_the_restart_back(fake_cluster, clock):
    fake_cluster.add_external_secret("ns", "a")
    fake_cluster.add_deployment("ns", "d")
    fake_cluster.after_patch = lambda resource, body: None
    report = rotate(fake_cluster, SCOPE, clock=clock, refresh_limit=timedelta(seconds=10))

    assert [step.outcome for step in report.steps] == [Outcome.TIMED_OUT, Outcome.NOT_DONE, Outcome.NOT_DONE]
    assert ("deployments", "ns", "d") not in fake_cluster.patches
    assert sum(clock.sleeps) == 10


def test_a_failing_refresh_may_still_succeed_within_the_limit(fake_cluster, clock):
    body = fake_cluster.add_external_secret("ns", "a")
    body["status"]["conditions"][0]["status"] = "False"

    def succeed_at_last():
        if clock.elapsed() >= 6:
            body["status"]["conditions"][0]["status"] = "True"

    fake_cluster.on_list = succeed_at_last
    assert rotate(fake_cluster, SCOPE, clock=clock).steps[0].outcome is Outcome.DONE
    assert clock.elapsed() == 6


@pytest.mark.parametrize("anyway", [True, False])
def test_restart_after_a_failed_refresh_only_where_asked(fake_cluster, clock, anyway):
    fake_cluster.add_external_secret("ns", "a")["status"]["conditions"][0]["status"] = "False"
    fake_cluster.add_deployment("ns", "d")
    report = rotate(fake_cluster, SCOPE, clock=clock, restart_anyway=anyway)

    assert not report.ok
    assert report.steps[0].outcome is Outcome.FAILED
    assert (("deployments", "ns", "d") in fake_cluster.patches) is anyway


def test_a_rollout_that_fails_or_takes_too_long(fake_cluster, clock):
    fake_cluster.add_external_secret("ns", "a")
    fake_cluster.add_deployment("ns", "fails")
    fake_cluster.add_deployment("ns", "hangs")
    fake_cluster.add_deployment("ns", "paused", paused=True)
    gave_up = {"type": "Progressing", "reason": "ProgressDeadlineExceeded"}

    def controllers(resource, body):
        if resource is EXTERNAL_SECRETS:
            body["status"]["syncedResourceVersion"] = "1-b"
            return
        body["status"]["observedGeneration"] = 2
        if body["metadata"]["name"] == "fails":
            body["status"]["conditions"] = [gave_up]
        body["status"]["updatedReplicas"] = 0

    fake_cluster.after_patch = controllers
    report = rotate(fake_cluster, SCOPE, clock=clock, rollout_limit=timedelta(seconds=30))
    restart, rollout = report.steps[1:]

    assert {item.name: item.outcome for item in restart.items} == {
        "fails": Outcome.DONE,
        "hangs": Outcome.DONE,
        "paused": Outcome.FAILED,
    }
    assert {item.name: item.outcome for item in rollout.items} == {
        "fails": Outcome.FAILED,
        "hangs": Outcome.TIMED_OUT,
    }
    assert clock.elapsed() == 30


def test_a_lost_answer_is_looked_up_and_nothing_is_sent_twice(fake_cluster, clock):
    fake_cluster.add_external_secret("ns", "a")
    fake_cluster.add_deployment("ns", "d")
    fake_cluster.faults["lose"] = [lost(), lost()]
    report = rotate(fake_cluster, SCOPE, clock=clock)

    assert report.ok
    assert len(fake_cluster.patches) == 2


def test_a_request_that_never_arrived_is_told_and_not_repeated(fake_cluster, clock):
    fake_cluster.add_external_secret("ns", "a")
    fake_cluster.add_deployment("ns", "d")
    fake_cluster.faults["patch"] = [lost(), lost()]
    report = rotate(fake_cluster, SCOPE, clock=clock, restart_anyway=True, refresh_limit=timedelta(seconds=4))

    assert [step.outcome for step in report.steps] == [Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.SKIPPED]
    assert len(fake_cluster.patches) == 2


def test_a_refusal_is_told_with_verb_and_resource(fake_cluster, clock):
    fake_cluster.add_external_secret("ns", "a")
    fake_cluster.faults["patch"] = [AccessDeniedError("refuses `patch externalsecrets`", capability="patch")]
    report = rotate(fake_cluster, SCOPE, clock=clock)

    assert report.steps[0].items[0].outcome is Outcome.FAILED
    assert "patch externalsecrets" in report.as_text()
    fake_cluster.faults["list"] = [AccessDeniedError("refuses `list externalsecrets`")]
    with pytest.raises(AccessDeniedError):
        rotate(fake_cluster, SCOPE, clock=clock)


def test_what_was_refreshed_is_told_where_the_restart_is_refused(fake_cluster, clock):
    fake_cluster.add_external_secret("ns", "a")
    fake_cluster.faults["list"] = [None, None, AccessDeniedError("refuses `list deployments`")]
    report = rotate(fake_cluster, SCOPE, clock=clock)
    assert [step.outcome for step in report.steps] == [Outcome.DONE, Outcome.FAILED, Outcome.SKIPPED]
    assert "list deployments" in report.as_text()


def test_an_outage_while_waiting_is_waited_out(fake_cluster, clock):
    fake_cluster.add_external_secret("ns", "a")
    told = []
    fake_cluster.faults["list"] = [None, lost(), lost()]
    assert rotate(fake_cluster, SCOPE, clock=clock, say=told.append).steps[0].outcome is Outcome.DONE
    assert "the connection broke" in told

    fake_cluster.faults["list"] = [None, *[lost() for _ in range(40)]]
    found = rotate(fake_cluster, SCOPE, clock=clock).steps[0].items[0]
    assert (found.outcome, found.detail) == (Outcome.TIMED_OUT, "the cluster gave no answer")


def test_an_outage_that_waiting_does_not_mend_ends_it(fake_cluster, clock):
    fake_cluster.add_external_secret("ns", "a")
    final = lost()
    final.retryable = False
    fake_cluster.faults["list"] = [None, final]
    with pytest.raises(StoreUnavailableError):
        rotate(fake_cluster, SCOPE, clock=clock)


def test_what_was_deleted_meanwhile(fake_cluster, clock):
    fake_cluster.add_external_secret("ns", "a")
    fake_cluster.add_deployment("ns", "d")

    def vanish(resource, body):
        fake_cluster.objects[resource].clear()

    fake_cluster.after_patch = vanish
    report = rotate(fake_cluster, SCOPE, clock=clock)
    assert [step.outcome for step in report.steps] == [Outcome.SKIPPED, Outcome.DONE, Outcome.FAILED]


def test_where_nothing_matches_nothing_was_rotated(fake_cluster, clock):
    report = rotate(fake_cluster, SCOPE, clock=clock)
    assert not report.ok
    assert "no ExternalSecret matches" in report.as_text()


def test_the_same_mark_writes_nothing_twice(fake_cluster, clock):
    fake_cluster.add_external_secret("ns", "a")
    fake_cluster.add_deployment("ns", "d")
    for _ in range(2):
        run = Rotation(cluster=fake_cluster, scope=SCOPE, mark=Mark(clock.now()), clock=clock)
        fake_cluster.objects[EXTERNAL_SECRETS]["ns", "a"]["status"]["refreshTime"] = run.mark.restarted_at
        assert run.refresh().outcome is Outcome.DONE
        assert run.restart().outcome is Outcome.DONE
    assert len(fake_cluster.patches) == 2


@pytest.mark.parametrize(
    ("written", "again"),
    [("2030-01-01T12:00:00Z", False), ("2030-01-01T11:00:00Z", True), ("2031-01-01T12:00:00Z", True), (7, True)],
)
def test_only_what_this_run_restarted_is_left_alone(fake_cluster, clock, written, again):
    """A later time may be of a machine whose clock is ahead."""
    fake_cluster.add_deployment("ns", "d", template={"metadata": {"annotations": {RESTARTED_AT: written}}})
    Rotation(cluster=fake_cluster, scope=SCOPE, mark=Mark(clock.now()), clock=clock).restart()
    assert bool(fake_cluster.patches) is again


V1 = {"SecretStore ns/v1": "vsphere", "ClusterSecretStore v1": "vsphere/creds"}


@pytest.mark.parametrize(
    ("revoked", "outcome"), [("", Outcome.SKIPPED), ("vsphere/creds/", Outcome.FAILED), ("aws/", Outcome.SKIPPED)]
)
@pytest.mark.parametrize(
    "spec",
    [
        {"data": [{"remoteRef": {"key": "other"}}, {"remoteRef": {"key": "vsphere/creds/role"}}]},
        {"dataFrom": [{"find": {}}, {"extract": {"key": "/vsphere/creds/role"}}]},
        {"secretStoreRef": {"name": "v1"}, "data": [{"remoteRef": {"key": "creds/role"}}]},
        {"secretStoreRef": {"name": "v1"}, "data": [{"remoteRef": {"key": "vsphere/creds/role"}}]},
        {
            "secretStoreRef": {"name": "other"},
            "dataFrom": [
                {
                    "sourceRef": {"storeRef": {"name": "v1", "kind": "ClusterSecretStore"}},
                    "extract": {"key": "role"},
                }
            ],
        },
    ],
)
def test_what_keeps_a_revoked_credential_for_ever_is_told(fake_cluster, clock, spec, revoked, outcome):
    fake_cluster.add_external_secret("ns", "a", refreshPolicy="CreatedOnce", **spec)
    known = Revoked(prefix=revoked, mounts=V1) if revoked else None
    run = Rotation(cluster=fake_cluster, scope=SCOPE, mark=Mark(clock.now()), clock=clock, revoked=known)
    for step in (run.planned()[0], run.refresh()):
        assert step.outcome is outcome
        assert ("delete its Secret" in step.items[0].detail) is (outcome is Outcome.FAILED)


@pytest.mark.parametrize(
    ("spec", "outcome"),
    [
        ({"dataFrom": [{"sourceRef": {"generatorRef": {"kind": "VaultDynamicSecret", "name": "g"}}}]}, Outcome.FAILED),
        ({"dataFrom": [{"sourceRef": {"generatorRef": {"kind": "Password", "name": "g"}}}]}, Outcome.SKIPPED),
        ({"secretStoreRef": {"name": "other"}, "data": [{"remoteRef": {"key": "creds/role"}}]}, Outcome.SKIPPED),
        ({"secretStoreRef": {"name": "v1"}, "dataFrom": [{"find": {"path": "creds"}}]}, Outcome.SKIPPED),
    ],
)
def test_what_may_keep_it_and_what_does_not(fake_cluster, clock, spec, outcome):
    fake_cluster.add_external_secret("ns", "a", refreshInterval="0", **spec)
    known = Revoked(prefix="vsphere/creds/", mounts=V1)
    run = Rotation(cluster=fake_cluster, scope=SCOPE, mark=Mark(clock.now()), clock=clock, revoked=known)
    assert run.refresh().outcome is outcome


def test_what_was_written_anew_keeps_nothing_that_was_revoked(fake_cluster, clock):
    """Its Secret was deleted, as was said, and the run goes on."""
    spec = {"data": [{"remoteRef": {"key": "vsphere/creds/role"}}]}
    body = fake_cluster.add_external_secret("ns", "a", refreshPolicy="CreatedOnce", **spec)
    mark = Mark(clock.now())
    run = Rotation(cluster=fake_cluster, scope=SCOPE, mark=mark, clock=clock, revoked=Revoked(prefix="vsphere/creds/"))
    assert run.refresh().outcome is Outcome.FAILED
    body["status"]["refreshTime"] = (mark.at + timedelta(seconds=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert run.refresh().outcome is Outcome.DONE
    assert fake_cluster.patches == []
