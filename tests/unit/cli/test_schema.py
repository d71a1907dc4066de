"""`schema`: JSON Schema for editors."""

import json

from virtrigaud_secrets.cli.exit_codes import ExitCode


def test_all_kinds(run):
    code, out, err = run("schema")

    assert (code, err) == (ExitCode.OK, "")
    assert len(json.loads(out)["allOf"]) == 25


def test_one_kind(run):
    code, out, _ = run("schema", "SSHKey")

    assert code == ExitCode.OK
    assert json.loads(out)["title"] == "SSHKey"


def test_no_kind_of_eso(run):
    code, out, err = run("schema", "SecretStor")

    assert (code, out) == (ExitCode.USAGE, "")
    assert "did you mean SecretStore?" in err
