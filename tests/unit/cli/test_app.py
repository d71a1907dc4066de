"""The application as a whole: exit codes, where things are printed, and that nothing leaks."""

import json
import subprocess
import sys

import pytest

from virtrigaud_secrets.cli import app
from virtrigaud_secrets.cli.exit_codes import ExitCode

CANARY = "canary-value-7"

MANIFESTS = f"""
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: dev, namespace: ns}}
spec: {{provider: {{fake: {{data: [{{key: a, value: {CANARY}}}]}}}}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: good, namespace: ns}}
spec: {{secretStoreRef: {{name: dev}}, data: [{{secretKey: a, remoteRef: {{key: a}}}}]}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: missing, namespace: ns}}
spec: {{secretStoreRef: {{name: dev}}, data: [{{secretKey: a, remoteRef: {{key: b}}}}]}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: undecodable, namespace: ns}}
spec: {{secretStoreRef: {{name: dev}}, data: [{{secretKey: a, remoteRef: {{key: a, decodingStrategy: Base64}}}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: other}}
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "all.yaml").write_text(MANIFESTS)
    return str(tmp_path)


@pytest.fixture
def run(capsys):
    def call(*words):
        code = app.run(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_resolve_hides_values_unless_asked(run, path):
    for words in ([], ["--format", "json"], ["--format", "env"]):
        code, out, err = run("resolve", path, "good", "-n", "ns", *words)
        assert (code, err) == (ExitCode.OK, "")
        assert out
        assert CANARY not in out
    for words in ([], ["--format", "json"], ["--format", "env"]):
        _, out, _ = run("resolve", path, "good", "-n", "ns", "--reveal", *words)
        assert CANARY in out


def test_resolve_to_a_directory(run, path, tmp_path):
    code, out, err = run("resolve", path, "good", "--format", "dir", "--output", str(tmp_path / "out"))
    assert (code, out) == (ExitCode.OK, "")
    assert "wrote 1 file" in err
    assert (tmp_path / "out" / "a").read_text() == CANARY


@pytest.mark.parametrize("words", [["--format", "dir"], ["--output", "x"], ["--format", "yaml"], ["--no-such-option"]])
def test_a_wrong_command_line_is_a_usage_error(run, path, words):
    code, out, err = run("resolve", path, "good", *words)
    assert (code, out) == (ExitCode.USAGE, "")
    assert err


@pytest.mark.parametrize(
    ("name", "code", "word"),
    [
        ("nowhere", ExitCode.MANIFEST, "manifest-not-found"),
        ("missing", ExitCode.STORE, "not-found"),
        ("undecodable", ExitCode.CONTENT, "decoding"),
    ],
)
def test_each_failure_is_one_block_and_its_code(run, path, name, code, word):
    found, out, err = run("resolve", path, name, "-n", "ns")
    assert (found, out) == (code, "")
    assert err.startswith(f"error[{word}]: ")
    assert "Traceback" not in err
    assert CANARY not in err


def test_debug_shows_frames_and_no_value(run, path):
    code, _, err = run("--debug", "resolve", path, "undecodable", "-n", "ns")
    assert code == ExitCode.CONTENT
    assert "line " in err
    assert CANARY not in err


def test_a_defect_is_told_without_its_text(run, path, monkeypatch):
    from virtrigaud_secrets.runtime.resolver import Resolver

    def broken(*_args, **_options):
        raise RuntimeError(CANARY)

    monkeypatch.setattr(Resolver, "resolve", broken)
    code, _, err = run("resolve", path, "good")
    assert code == ExitCode.INTERNAL
    assert "RuntimeError" in err
    code, _, debugged = run("--debug", "resolve", path, "good")
    assert code == ExitCode.INTERNAL
    assert "in broken" in debugged
    assert CANARY not in err + debugged


def test_interruption_has_its_code(run, path, monkeypatch):
    from virtrigaud_secrets.runtime.resolver import Resolver

    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Resolver, "resolve", interrupted)
    assert run("resolve", path, "good")[0] == ExitCode.INTERRUPTED


def test_check_counts_and_judges(run, path, tmp_path):
    code, out, err = run("check", path)
    assert (code, err) == (ExitCode.OK, "")
    assert out.endswith("4 valid, 0 invalid, 1 skipped\n")
    (tmp_path / "bad.yaml").write_text("apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nspec: {data: 7}\n")
    code, out, _ = run("check", path, "--format", "json")
    assert code == ExitCode.INVALID
    verdicts = [(entry["kind"], entry["verdict"]) for entry in json.loads(out)]
    assert verdicts.count(("ExternalSecret", "invalid")) == 1


def test_plan_of_one_and_of_all(run, path):
    code, out, err = run("plan", path, "good", "-n", "ns")
    assert (code, err) == (ExitCode.OK, "")
    assert "ExternalSecret ns/good" in out
    code, out, _ = run("plan", path, "--format", "json")
    plans = json.loads(out)["plans"]
    assert [plan["name"] for plan in plans] == ["good", "missing", "undecodable"]
    assert plans[0]["requests"][0]["store"] == "SecretStore ns/dev"
    assert CANARY not in out


def test_plan_shows_what_can_be_planned_and_complains_about_the_rest(run, path, tmp_path):
    (tmp_path / "aws.yaml").write_text(
        "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: z, namespace: ns},"
        " spec: {secretStoreRef: {name: nope}, data: [{secretKey: a, remoteRef: {key: a}}]}}"
    )
    code, out, err = run("plan", path)
    assert code == ExitCode.MANIFEST
    assert "ExternalSecret ns/good" in out
    assert "ExternalSecret ns/z" in err


def test_render(run, tmp_path):
    (tmp_path / "t.tpl").write_text("{{ .user | upper }}\n")
    (tmp_path / "data.yaml").write_text("user: yes\n")
    code, out, _ = run("render", str(tmp_path / "t.tpl"), "--data", str(tmp_path / "data.yaml"))
    assert (code, out) == (ExitCode.OK, "YES\n")


def test_render_shows_where_a_template_is_wrong(run, tmp_path):
    (tmp_path / "t.tpl").write_text("ok\n{{ .user | nope }}\n")
    (tmp_path / "data.yaml").write_text("user: u\n")
    code, _, err = run("render", str(tmp_path / "t.tpl"), "--data", str(tmp_path / "data.yaml"))
    assert code == ExitCode.CONTENT
    assert "t.tpl:2:" in err
    assert "^" in err


@pytest.mark.parametrize("content", [": :", "[1]", "a: {b: c}", "\x00"])
def test_render_refuses_data_that_is_no_mapping_of_text(run, tmp_path, content):
    (tmp_path / "t.tpl").write_text("x")
    (tmp_path / "data.yaml").write_text(content)
    assert run("render", str(tmp_path / "t.tpl"), "--data", str(tmp_path / "data.yaml"))[0] == ExitCode.CONFIGURATION


def test_files_that_are_not_there(run, tmp_path):
    missing = str(tmp_path / "nope")
    assert run("render", missing, "--data", missing)[0] == ExitCode.CONFIGURATION
    assert run("check", missing)[0] != ExitCode.OK
    assert run("resolve", missing, "x")[0] != ExitCode.OK


def test_the_program_runs_as_a_module(path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "virtrigaud_secrets.cli", "resolve", path, "good", "--reveal"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert CANARY in done.stdout


def test_without_its_packages_the_program_says_which_extra_brings_them(path):
    program = "import sys; sys.modules['typer'] = None; from virtrigaud_secrets.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "virtrigaud-secrets[cli]" in done.stderr
    assert "Traceback" not in done.stderr
