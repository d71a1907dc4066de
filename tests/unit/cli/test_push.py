"""What `push` prints, and the file by which the next one knows what is gone."""

import json

import pytest

from virtrigaud_secrets.cli.exit_codes import ExitCode
from virtrigaud_secrets.cli.push import describe, read_state, write_state
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.resolver.push_report import PushedEntry, PushReport
from virtrigaud_secrets.stores.base import PushOutcome, PushTarget, StoreKey

CANARY = "canary-value-8"
MANIFESTS = """
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: dev, namespace: ns}}
spec: {{provider: {{fake: {{data: [{{key: theirs, value: {canary}}}]}}}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: source, namespace: ns}}
stringData: {{a: {canary}, b: {canary}}}
---
apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: {{name: p, namespace: ns}}
spec:
  secretStoreRefs: [{{name: dev}}]
  selector: {{secret: {{name: source}}}}
  deletionPolicy: Delete
  data: {data}
"""
STORE = StoreKey("SecretStore", "ns", "dev")


def entry(remote, **match):
    return {"match": {"secretKey": "a", "remoteRef": {"remoteKey": remote, **match}}}


@pytest.fixture
def manifests(tmp_path):
    def write(*data):
        (tmp_path / "push.yaml").write_text(MANIFESTS.format(canary=CANARY, data=json.dumps(data)))
        return str(tmp_path)

    return write


def report(*targets):
    entries = tuple(PushedEntry(target=target, outcome=PushOutcome.CREATED, field="spec.data[0]") for target in targets)
    return PushReport(name="p", namespace="ns", entries=entries)


def test_a_push_tells_a_line_a_secret(run, manifests):
    code, out, err = run("push", manifests(entry("x"), entry("y", property="z")), "p", "-n", "ns")

    assert code == ExitCode.OK
    assert out.splitlines() == [
        "PushSecret ns/p",
        "  created: x [store SecretStore ns/dev]",
        "  created: y, property z [store SecretStore ns/dev]",
    ]
    assert CANARY not in out + err


def test_a_dry_run_says_so_and_leaves_the_state_alone(run, manifests, tmp_path):
    state = tmp_path / "state.json"
    code, out, _ = run("push", manifests(entry("x")), "p", "--dry-run", "--state", str(state))

    assert code == ExitCode.OK
    assert "dry run: nothing was written" in out
    assert not state.exists()


def test_json(run, manifests):
    code, out, _ = run("push", manifests(entry("x")), "p", "--format", "json")

    assert code == ExitCode.OK
    assert json.loads(out) == {
        "name": "p",
        "namespace": "ns",
        "dryRun": False,
        "entries": [
            {
                "store": "SecretStore ns/dev",
                "remoteKey": "x",
                "property": "",
                "outcome": "created",
                "field": "spec.data[0]",
            }
        ],
    }


def test_the_state_tells_the_next_push_what_is_gone(run, manifests, tmp_path):
    state = tmp_path / "state.json"
    run("push", manifests(entry("x"), entry("y")), "p", "--state", str(state))
    assert CANARY not in state.read_text()
    # Another process: what a fake store held is gone with the first.
    code, out, _ = run("push", manifests(entry("x")), "p", "--state", str(state))

    assert code == ExitCode.OK
    assert "absent: y" in out
    assert [target.key for target in read_state(state).pushed] == ["x"]


def test_a_push_that_fails_in_part_tells_what_was_written_and_keeps_it(run, manifests, tmp_path):
    state = tmp_path / "state.json"
    code, out, err = run("push", manifests(entry("theirs"), entry("x")), "p", "--state", str(state))

    assert code == ExitCode.STORE
    assert "created: x" in out
    assert "not ours to overwrite" in err
    assert "spec.data[0]" in err
    assert CANARY not in out + err
    assert [target.key for target in read_state(state).pushed] == ["x"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 2}', "no json"])
def test_a_state_that_is_none_is_refused(run, manifests, tmp_path, text):
    state = tmp_path / "state.json"
    state.write_text(text)
    code, _, err = run("push", manifests(entry("x")), "p", "--state", str(state))

    assert code == ExitCode.CONFIGURATION
    assert str(state) in err
    assert state.read_text() == text


def test_a_state_is_read_as_it_was_written(tmp_path):
    kept = report(PushTarget(store=STORE, key="x"), PushTarget(store=STORE, key="y", property="z"))
    write_state(tmp_path / "s", kept)

    assert read_state(tmp_path / "s") == kept
    assert read_state(tmp_path / "absent") is None
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_a_state_that_cannot_be_kept_is_told(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot write"):
        write_state(tmp_path / "no" / "such", report())
    with pytest.raises(ConfigurationError, match="cannot read"):
        read_state(tmp_path)


def test_describe_names_no_value():
    assert set(describe(report(PushTarget(store=STORE, key="x")))["entries"][0]) == {
        "store",
        "remoteKey",
        "property",
        "outcome",
        "field",
    }
