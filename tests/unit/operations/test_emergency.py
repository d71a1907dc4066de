"""Which step is taken when, what is never sent twice, and what a run that was cut off goes on with."""

from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import AccessDeniedError, ConfigurationError, StoreUnavailableError
from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.operations.emergency import Emergency, mounts_of
from virtrigaud_secrets.operations.emergency_state import LostRevocation, Revocation, StateFile
from virtrigaud_secrets.operations.outcomes import Outcome
from virtrigaud_secrets.stores.vault.operator import LeasesBelow
from virtrigaud_secrets.testing import ManualClock

BEFORE = {"vsphere/creds/r": ("h1", "h2")}


class Killed(BaseException):
    """The process ends here."""


class FakeVault:
    def __init__(self):
        self.below = dict(BEFORE)
        self.revoked = []
        self.fault = None
        self.list_fault = None

    def leases(self, prefix):
        if self.list_fault:
            raise self.list_fault
        return LeasesBelow(paths=dict(self.below))

    def revoke(self, prefix):
        self.revoked.append(prefix)
        if self.fault is not None:
            raise self.fault
        self.below.clear()


@pytest.fixture
def vault():
    return FakeVault()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def world(fake_cluster):
    fake_cluster.add_external_secret("ns", "a")
    fake_cluster.add_deployment("ns", "d")
    return fake_cluster


@pytest.fixture
def make(vault, world, clock, tmp_path):
    def new(*, prefix="vsphere/creds", **options):
        return Emergency(
            vault=vault,
            store="SecretStore ns/vault",
            prefix=prefix,
            cluster=world,
            clock=clock,
            file=StateFile(tmp_path / "state.json"),
            **options,
        )

    return new


def lost_answer():
    error = StoreUnavailableError("no complete answer within 30 s")
    error.acted = True
    return error


def outcomes(report):
    return [step.outcome for step in report.steps]


def resumed(make, **options):
    run = make()
    run.resume()
    return run.run(**options)


def test_all_steps_in_their_order(make, vault, world):
    run = make()
    run.begin()
    report = run.run()
    assert report.ok
    assert outcomes(report) == [Outcome.DONE] * 4
    assert vault.revoked == ["vsphere/creds/"]
    assert "done: Leases vsphere/creds/r: 2 leases" in report.as_text()
    assert run.state.finished
    # A finished run does not hold the next one up.
    make().begin()


def test_a_dry_run_only_lists(make, vault, world):
    report = make().planned()
    assert report.ok
    assert outcomes(report) == [Outcome.PLANNED] * 3
    assert vault.revoked == []
    assert world.patches == []


def test_a_refused_revocation_stops_and_is_tried_again_by_the_next_run(make, vault, world):
    vault.fault = AccessDeniedError('policies do not grant "update"', capability="update")
    report = make().run()
    assert outcomes(report) == [Outcome.FAILED, Outcome.NOT_DONE, Outcome.NOT_DONE, Outcome.NOT_DONE]
    assert world.patches == []
    with pytest.raises(ConfigurationError, match="--resume"):
        make().begin()

    vault.fault = None
    assert resumed(make).ok
    assert len(vault.revoked) == 2


def test_where_there_is_nothing_to_log_in_with_nothing_was_sent(make, vault):
    vault.fault = ConfigurationError("the token file cannot be read")
    run = make()
    assert outcomes(run.run())[0] is Outcome.FAILED
    assert not run.revocation_is_lost


def test_a_lost_answer_is_unknown_until_somebody_says(make, vault, world):
    vault.fault = lost_answer()
    report = make().run()
    assert outcomes(report) == [Outcome.UNKNOWN, Outcome.NOT_DONE, Outcome.NOT_DONE, Outcome.NOT_DONE]

    vault.fault = None
    vault.below = {"vsphere/creds/r": ("h2", "h3")}
    report = resumed(make)
    assert outcomes(report)[0] is Outcome.UNKNOWN
    assert "1 of the 2 leases that were there before are still there" in report.as_text()
    assert len(vault.revoked) == 1
    assert world.patches == []


@pytest.mark.parametrize(("said", "requests"), [(LostRevocation.DONE, 1), (LostRevocation.REVOKE_AGAIN, 2)])
def test_what_somebody_says_of_a_lost_answer(make, vault, said, requests):
    vault.fault = lost_answer()
    make().run()
    vault.fault = None
    report = resumed(make, lost=said)
    assert report.ok
    assert len(vault.revoked) == requests


def test_without_a_listing_the_revocation_goes_on_and_there_is_no_evidence(make, vault):
    vault.list_fault = AccessDeniedError('policies do not grant "list"', capability="list")
    vault.fault = lost_answer()
    run = make()
    assert 'do not grant "list"' in run.planned().as_text()
    run.run()
    vault.fault = None
    report = resumed(make)
    assert outcomes(report)[0] is Outcome.UNKNOWN
    assert 'do not grant "list"' in report.steps[0].detail
    vault.list_fault = None
    assert "which leases there were before is not known" in resumed(make).steps[0].detail


class Killer:
    """Ends the process right before or right after its n-th request or write."""

    def __init__(self, moment):
        self.left = moment

    def around(self, call):
        def killed(*words, **options):
            self.tick()
            result = call(*words, **options)
            self.tick()
            return result

        return killed

    def tick(self):
        self.left -= 1
        if self.left == 0:
            raise Killed


@pytest.mark.parametrize("moment", range(1, 35))
def test_killed_at_any_moment_the_next_run_ends_right(make, vault, world, monkeypatch, moment):
    killer = Killer(moment)
    with monkeypatch.context() as patches:
        patches.setattr(vault, "leases", killer.around(vault.leases))
        patches.setattr(vault, "revoke", killer.around(vault.revoke))
        patches.setattr(world, "patch", killer.around(world.patch))
        patches.setattr(world, "list", killer.around(world.list))
        patches.setattr(StateFile, "write", killer.around(StateFile.write))
        try:
            make().run()
        except Killed:
            pass
        else:
            assert killer.left > 0, "it was killed and went on"
    state = StateFile(make().file.path).read()
    if state is None or state.finished:
        # Before anything was sent, or after all was.
        assert vault.revoked == ([] if state is None else ["vsphere/creds/"])
        return
    sent = len(vault.revoked)
    # What a provider was given since.
    vault.below = {"vsphere/creds/r": ("issued-since",)}
    report = resumed(make)
    if state.revocation is Revocation.SENT:
        assert outcomes(report)[0] is Outcome.UNKNOWN
        report = resumed(make, lost=LostRevocation.DONE)
    assert report.ok
    assert len(vault.revoked) == sent
    assert vault.below
    assert sorted(world.patches) == [("deployments", "ns", "d"), ("externalsecrets", "ns", "a")]


def test_all_moments_are_tried(make, vault, world, monkeypatch):
    """The numbers above reach beyond the end of a run."""
    killer = Killer(1_000)
    for place, name in ((vault, "leases"), (vault, "revoke"), (world, "patch"), (world, "list")):
        monkeypatch.setattr(place, name, killer.around(getattr(place, name)))
    monkeypatch.setattr(StateFile, "write", killer.around(StateFile.write))
    make().run()
    assert 1_000 - killer.left < 34


def test_a_revocation_that_is_done_is_never_sent_again(make, vault, world):
    world.faults["patch"] = [AccessDeniedError("refuses `patch externalsecrets`")]
    report = make().run()
    assert outcomes(report) == [Outcome.DONE, Outcome.FAILED, Outcome.DONE, Outcome.DONE]
    report = resumed(make)
    assert report.ok
    assert "2030-01-01T12:00:00Z and is not repeated" in report.steps[0].detail
    assert len(vault.revoked) == 1


def test_a_refresh_before_the_revocation_does_not_count(make, vault, world, clock):
    """Killed right after the annotation was written: an earlier refresh must not be taken for the one asked for."""
    original = world.patch

    def patch(resource, *words, **options):
        original(resource, *words, **options)
        raise Killed

    world.after_patch = lambda resource, body: None
    world.patch = patch
    body = world.objects[next(iter(world.objects))]["ns", "a"]
    body["status"]["refreshTime"] = "2030-01-01T12:00:00Z"
    clock.advance(5)
    with pytest.raises(Killed):
        make().run()
    world.patch = original
    assert resumed(make).steps[1].outcome is Outcome.TIMED_OUT


@pytest.mark.parametrize("prefix", ["", "/", "auth", "auth/", "sys/", "sys/leases", "a//b", "../a", "identity/oidc"])
def test_there_is_no_prefix_that_means_all(make, prefix):
    with pytest.raises(ConfigurationError, match="no prefix of leases"):
        make(prefix=prefix)


def test_a_run_that_was_not_begun_does_not_forget_another(make, vault):
    vault.fault = lost_answer()
    make().run()
    with pytest.raises(ConfigurationError, match="did not come to its end"):
        make().run()
    assert len(vault.revoked) == 1


def test_which_stores_put_an_engine_before_their_keys(tmp_path):
    store = "{{apiVersion: external-secrets.io/v1, kind: {}, metadata: {}, spec: {{provider: {{vault: {}}}}}}}\n---\n"
    (tmp_path / "stores.yaml").write_text(
        store.format("SecretStore", "{name: a, namespace: ns}", "{server: s, path: vsphere/creds/, version: v1}")
        + store.format("ClusterSecretStore", "{name: b}", "{server: s, path: kv, version: v1}")
        + store.format("SecretStore", "{name: c, namespace: ns}", "{server: s, path: secret, version: v2}")
        + store.format("SecretStore", "{name: d, namespace: ns}", "{server: s, version: v1}")
    )
    assert mounts_of(load(tmp_path)) == {"SecretStore ns/a": "vsphere/creds", "ClusterSecretStore b": "kv"}


def test_what_a_store_puts_before_its_keys_is_minded(make, world):
    spec = {"secretStoreRef": {"name": "v1"}, "data": [{"remoteRef": {"key": "role"}}]}
    body = world.add_external_secret("ns", "z", refreshPolicy="CreatedOnce", **spec)
    run = make(mounts={"SecretStore ns/v1": "vsphere/creds"})
    assert outcomes(run.run())[1] is Outcome.FAILED
    body["status"]["refreshTime"] = "2031-01-01T12:00:00Z"
    again = make(mounts={"SecretStore ns/v1": "vsphere/creds"})
    again.resume()
    assert outcomes(again.planned())[1] is not Outcome.FAILED
    assert again.run().ok


def test_two_runs_at_once_are_one(make, vault, world):
    first, second = make(), make()
    first.begin()
    for enter in (second.begin, second.resume, second.run):
        with pytest.raises(ConfigurationError, match="another run is under way"):
            enter()
    assert first.run().ok
    assert vault.revoked == ["vsphere/creds/"]
    second.begin()
    second.close()


def test_the_file_is_let_go_where_a_run_breaks(make, monkeypatch):
    first = make()
    first.begin()
    monkeypatch.setattr(first.vault, "leases", lambda _: (_ for _ in ()).throw(Killed))
    with pytest.raises(Killed):
        first.run()
    second = make()
    second.begin()
    second.close()


def test_nothing_to_go_on_with(make, world, vault, clock):
    with pytest.raises(ConfigurationError, match="no run to go on with"):
        make().resume()
    run = Emergency(vault=vault, store="s", prefix="a/b", cluster=world, clock=clock)
    run.begin()
    with pytest.raises(ConfigurationError, match="no run to go on with"):
        run.resume()
    assert run.run().ok


def test_another_run_is_not_gone_on_with(make, vault):
    vault.fault = lost_answer()
    make().run()
    with pytest.raises(ConfigurationError, match="give the same options again"):
        make(prefix="other/creds").resume()


def test_a_revocation_that_is_done_and_cannot_be_kept_is_told(make, vault, monkeypatch):
    run, write = make(), StateFile.write

    def full(self, state):
        if state.revocation is Revocation.DONE:
            raise ConfigurationError("no space")
        write(self, state)

    monkeypatch.setattr(StateFile, "write", full)
    with pytest.raises(ConfigurationError, match=r"the revocation below vsphere/creds/ is done, .*: no space"):
        run.run()
    assert len(vault.revoked) == 1
    again = make()
    again.resume()
    assert again.revocation_is_lost


def test_where_the_state_cannot_be_kept_nothing_is_sent(vault, world, clock, tmp_path):
    run = Emergency(
        vault=vault, store="s", prefix="a/b", cluster=world, clock=clock, file=StateFile(tmp_path / "no" / "file")
    )
    with pytest.raises(ConfigurationError, match="cannot write"):
        run.run()
    assert vault.revoked == []
