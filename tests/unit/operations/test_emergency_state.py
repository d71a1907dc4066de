"""What is kept of an emergency run, and that nothing else is taken for it."""

from __future__ import annotations

import os
import signal
import stat
from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.operations.emergency_state import EmergencyState, Revocation, StateFile
from virtrigaud_secrets.operations.rotation import Scope

STATE = EmergencyState(
    store="SecretStore ns/vault",
    prefix="vsphere/creds/",
    scope=Scope(namespace="ns", external_secrets="a=b", deployments="c=d"),
    revocation=Revocation.DONE,
    revoked_at=datetime(2026, 11, 26, 12, tzinfo=UTC),
    seen=("0a", "0b"),
    marked_at=datetime(2026, 11, 26, 12, 0, 1, 5, UTC),
    finished=True,
)


@pytest.mark.parametrize("state", [STATE, EmergencyState(store="s", prefix="p/", scope=Scope())])
def test_it_is_read_as_it_was_written(state, tmp_path):
    file = StateFile(tmp_path / "state.json")
    assert file.read() is None
    file.write(state)
    file.write(state)
    assert file.read() == state
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "no json",
        STATE.as_json().replace('"format": 1', '"format": 2'),
        STATE.as_json().replace('"done"', '"perhaps"'),
        STATE.as_json().replace("+00:00", ""),
        STATE.as_json().replace('"vsphere/creds/"', "7"),
        "[" * 100_000,
    ],
)
def test_anything_else_is_refused_and_left_alone(text, tmp_path):
    file = StateFile(tmp_path / "state.json")
    file.path.write_text(text)
    with pytest.raises(ConfigurationError, match="no state of an emergency run"):
        file.read()
    assert file.path.read_text() == text


def test_where_it_cannot_be_kept(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot write"):
        StateFile(tmp_path / "no" / "such").write(STATE)
    with pytest.raises(ConfigurationError, match="cannot read"):
        StateFile(tmp_path).read()


def test_one_claim_at_a_time(tmp_path):
    mine, theirs = StateFile(tmp_path / "state.json"), StateFile(tmp_path / "state.json")
    mine.claim()
    mine.claim()
    with pytest.raises(ConfigurationError, match=r"state\.json: another run is under way"):
        theirs.claim()
    mine.release()
    theirs.claim()
    theirs.release()
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600]


def test_a_claim_ends_with_a_process_that_is_killed(tmp_path):
    file = StateFile(tmp_path / "state.json")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        file.claim()
        os.write(writer, b"!")
        signal.pause()
    try:
        assert os.read(reader, 1)
        with pytest.raises(ConfigurationError, match="another run is under way"):
            file.claim()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)
    file.claim()
    file.release()


def test_which_runs_are_the_same():
    other = EmergencyState(store=STATE.store, prefix=STATE.prefix, scope=STATE.scope)
    assert STATE.same_run(other)
    assert not STATE.same_run(EmergencyState(store=STATE.store, prefix="a/", scope=STATE.scope))
