"""`explain`: where every key comes from."""

import json

from virtrigaud_secrets.cli.exit_codes import ExitCode


def test_text_and_json_show_no_value(run, path, canary):
    code, out, err = run("explain", path, "good", "-n", "ns")
    assert (code, err) == (ExitCode.OK, "")
    assert out.startswith("ExternalSecret ns/good → Secret ")
    code, out, _ = run("explain", path, "good", "-n", "ns", "--resolve", "--format", "json")
    told = json.loads(out)
    assert told["resolved"]
    assert all(output["origins"] for output in told["outputs"])
    assert canary not in out


def test_a_failure_is_explained_and_is_one(run, path, canary):
    code, out, err = run("explain", path, "missing", "-n", "ns", "--resolve")
    assert code == ExitCode.STORE
    assert "fault at spec.data[0]" in out
    assert "error[" in err
    assert canary not in out + err


def test_an_unknown_name_is_an_error(run, path):
    assert run("explain", path, "nope")[0] == ExitCode.MANIFEST
