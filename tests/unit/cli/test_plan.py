"""`plan`: what would be read."""

import json

from virtrigaud_secrets.cli.exit_codes import ExitCode


def test_plan_of_one_and_of_all(run, path, canary):
    code, out, err = run("plan", path, "good", "-n", "ns")
    assert (code, err) == (ExitCode.OK, "")
    assert "ExternalSecret ns/good" in out
    code, out, _ = run("plan", path, "--format", "json")
    plans = json.loads(out)["plans"]
    assert [plan["name"] for plan in plans] == ["good", "missing", "undecodable"]
    assert plans[0]["requests"][0]["store"] == "SecretStore ns/dev"
    assert canary not in out


def test_plan_of_a_namespace_without_any_is_no_success(run, path):
    code, out, err = run("plan", path, "-n", "typo")
    assert (code, out) == (ExitCode.MANIFEST, "")
    assert "typo" in err


def test_plan_shows_what_can_be_planned_and_complains_about_the_rest(run, path, tmp_path):
    (tmp_path / "aws.yaml").write_text(
        "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: z, namespace: ns},"
        " spec: {secretStoreRef: {name: nope}, data: [{secretKey: a, remoteRef: {key: a}}]}}"
    )
    code, out, err = run("plan", path)
    assert code == ExitCode.MANIFEST
    assert "ExternalSecret ns/good" in out
    assert "ExternalSecret ns/z" in err
