"""The application as a whole: exit codes, where things are printed, and that nothing leaks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from virtrigaud_secrets.cli.exit_codes import ExitCode


def test_resolve_hides_values_unless_asked(run, path, canary):
    for words in ([], ["--format", "json"], ["--format", "env"]):
        code, out, err = run("resolve", path, "good", "-n", "ns", *words)
        assert (code, err) == (ExitCode.OK, "")
        assert out
        assert canary not in out
    for words in ([], ["--format", "json"], ["--format", "env"]):
        _, out, _ = run("resolve", path, "good", "-n", "ns", "--reveal", *words)
        assert canary in out


def test_resolve_to_a_directory(run, path, tmp_path, canary):
    code, out, err = run("resolve", path, "good", "--format", "dir", "--output", str(tmp_path / "out"))
    assert (code, out) == (ExitCode.OK, "")
    assert "wrote 1 file" in err
    assert (tmp_path / "out" / "a").read_text() == canary


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
def test_each_failure_is_one_block_and_its_code(run, path, name, code, word, canary):
    found, out, err = run("resolve", path, name, "-n", "ns")
    assert (found, out) == (code, "")
    assert err.startswith(f"error[{word}]: ")
    assert "Traceback" not in err
    assert canary not in err


def test_debug_shows_frames_and_no_value(run, path, canary):
    code, _, err = run("--debug", "resolve", path, "undecodable", "-n", "ns")
    assert code == ExitCode.CONTENT
    assert "line " in err
    assert canary not in err


def test_a_defect_is_told_without_its_text(run, path, monkeypatch, canary):
    from virtrigaud_secrets.runtime.resolver import Resolver

    def broken(*_args, **_options):
        raise RuntimeError(canary)

    monkeypatch.setattr(Resolver, "resolve", broken)
    code, _, err = run("resolve", path, "good")
    assert code == ExitCode.INTERNAL
    assert "RuntimeError" in err
    code, _, debugged = run("--debug", "resolve", path, "good")
    assert code == ExitCode.INTERNAL
    assert "in broken" in debugged
    assert canary not in err + debugged


def test_interruption_has_its_code(run, path, monkeypatch):
    from virtrigaud_secrets.runtime.resolver import Resolver

    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Resolver, "resolve", interrupted)
    assert run("resolve", path, "good")[0] == ExitCode.INTERRUPTED


def test_files_that_are_not_there(run, tmp_path):
    missing = str(tmp_path / "nope")
    assert run("render", missing, "--data", missing)[0] == ExitCode.CONFIGURATION
    assert run("check", missing)[0] != ExitCode.OK
    assert run("resolve", missing, "x")[0] != ExitCode.OK


def test_the_program_runs_as_a_module(path, canary):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "virtrigaud_secrets.cli", "resolve", path, "good", "--reveal"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert canary in done.stdout


def test_without_its_packages_the_program_says_which_extra_brings_them(path):
    program = "import sys; sys.modules['typer'] = None; from virtrigaud_secrets.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "virtrigaud-secrets[cli]" in done.stderr
    assert "Traceback" not in done.stderr


def run_program(*words, **options):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "virtrigaud_secrets.cli", *words],
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
        **options,
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_is_not_utf_8(path, tmp_path, encoding):
    (tmp_path / "all.yaml").write_text((tmp_path / "all.yaml").read_text().replace("canary-value-7", "é→"))
    environment = {"PYTHONIOENCODING": encoding}
    for words in (["plan", path], ["resolve", path, "good"], ["resolve", path, "good", "--reveal"]):
        done = run_program(*words, env=environment, stdout=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (0, b"")
    for form in ("json", "env"):
        words = ["resolve", path, "good", "--reveal", "--format", form]
        done = run_program(*words, env=environment, stdout=subprocess.PIPE)
        assert (done.returncode, done.stderr) == (0, b"")
        assert "é→" in done.stdout.decode()


@pytest.mark.parametrize("words", [["plan"], ["plan", "--format", "json"], ["check"]])
def test_output_that_nobody_reads_or_nothing_takes(path, words):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as broken:
        done = run_program(words[0], path, *words[1:], stdout=broken)
    assert (done.returncode, done.stderr) == (ExitCode.UNREAD, b"")
    with Path("/dev/full").open("wb") as full:
        done = run_program(words[0], path, *words[1:], stdout=full)
    assert done.returncode == ExitCode.CONFIGURATION
    assert done.stderr == b"error[configuration]: cannot write to standard output: No space left on device\n"
