"""`check`: judging manifests."""

import json

from virtrigaud_secrets.cli.exit_codes import ExitCode


def test_check_counts_and_judges(run, path, tmp_path):
    code, out, err = run("check", path)
    assert (code, err) == (ExitCode.OK, "")
    assert out.endswith("4 valid, 0 invalid, 1 skipped\n")
    (tmp_path / "bad.yaml").write_text("apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nspec: {data: 7}\n")
    code, out, _ = run("check", path, "--format", "json")
    assert code == ExitCode.INVALID
    verdicts = [(entry["kind"], entry["verdict"]) for entry in json.loads(out)]
    assert verdicts.count(("ExternalSecret", "invalid")) == 1
