"""What `emergency` takes, and whom it asks; what it does is told by the tests of the operation."""

import sys

import pytest

from virtrigaud_secrets.cli import emergency
from virtrigaud_secrets.cli.exit_codes import ExitCode
from virtrigaud_secrets.operations import LostRevocation, OperationReport, Outcome, Step

BASE = ("emergency", "--store", "ns/vault", "--prefix", "vsphere/creds/")


class Run:
    """As much of a run as is asked before it begins."""

    prefix = "vsphere/creds/"
    store = "SecretStore ns/vault"

    def __init__(self, *, lost=False, done=False):
        self.revocation_is_lost = lost
        self.revocation_is_done = done

        self.ran = []
        self.closed = False

    def begin(self):
        pass

    resume = begin

    def run(self, *, lost, **_):
        self.ran.append(lost)
        return OperationReport(operation="emergency", steps=(Step(name="revoke", outcome=Outcome.DONE),))

    def close(self):
        self.closed = True

    def planned(self):
        step = Step(name="revoke", outcome=Outcome.PLANNED, detail="12 leases")
        return OperationReport(operation="emergency", dry_run=True, steps=(step,))

    def evidence(self):
        return "it was sent, and no answer was seen"


@pytest.mark.parametrize(
    "words",
    [
        ("emergency",),
        ("emergency", "--store", "ns/vault"),
        ("emergency", "--prefix", "a/b"),
        (*BASE, "--lost", "maybe"),
        (*BASE, "--timeout", "-1"),
    ],
)
def test_store_and_prefix_have_no_default(run, words):
    code, out, err = run(*words)
    assert (code, out) == (ExitCode.USAGE, "")
    assert err


def test_a_prefix_that_means_all_is_refused_before_anything_else(run):
    code, _, err = run("emergency", "--store", "ns/vault", "--prefix", "/")
    assert code == ExitCode.CONFIGURATION
    assert "no prefix of leases" in err


def test_no_cluster(run, monkeypatch, tmp_path):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("VIRTRIGAUD_SECRETS_SERVICE_ACCOUNT_DIRECTORY", str(tmp_path))
    assert run(*BASE)[0] == ExitCode.CONFIGURATION


@pytest.fixture
def terminal(monkeypatch):
    """Somebody sits there and types this."""

    def types(answer):
        monkeypatch.setattr(sys, "stdin", type("Terminal", (), {"isatty": lambda _: True})())
        monkeypatch.setattr(emergency.typer, "confirm", lambda *_, **__: answer == "y")
        monkeypatch.setattr(emergency.typer, "prompt", lambda *_, **__: answer)

    return types


def test_somebody_sees_what_will_be_hit_and_says_so(terminal, capsys):
    terminal("y")
    assert emergency._confirmed(Run())
    assert "revoke: planned: 12 leases" in capsys.readouterr().err
    terminal("n")
    assert not emergency._confirmed(Run())


def test_what_is_done_needs_no_word(terminal):
    terminal("n")
    assert emergency._confirmed(Run(done=True))


@pytest.mark.parametrize("said", ["again", "done"])
@pytest.mark.parametrize("words", [(), ("--resume",), ("--yes",)])
def test_what_is_said_of_a_lost_revocation_is_no_yes_to_another(run, monkeypatch, said, words):
    fresh = Run()
    monkeypatch.setattr(emergency, "_opened", lambda *_, **__: fresh)
    code, _, err = run(*BASE, "--lost", said, *words)
    assert code == ExitCode.USAGE
    assert "here none was" in err
    assert fresh.ran == []
    assert fresh.closed


def test_what_is_said_of_a_lost_revocation_is_enough(run, monkeypatch):
    for known, words in ((Run(lost=True), ()), (Run(done=True), ("--resume",))):
        monkeypatch.setattr(emergency, "_opened", lambda *_, known=known, **__: known)
        assert run(*BASE, "--lost", "done", *words)[0] == ExitCode.OK
        assert known.ran == [LostRevocation.DONE]


def test_without_a_word_nothing_is_done(run, monkeypatch, terminal):
    fresh = Run()
    monkeypatch.setattr(emergency, "_opened", lambda *_, **__: fresh)
    terminal("n")
    assert run(*BASE)[0] == ExitCode.INCOMPLETE
    assert fresh.ran == []
    terminal("y")
    assert run(*BASE)[0] == ExitCode.OK
    assert fresh.ran == [None]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("again", LostRevocation.REVOKE_AGAIN), ("done", LostRevocation.DONE), ("stop", None), ("yes", None)],
)
def test_a_lost_revocation_is_asked_about(terminal, capsys, typed, meant):
    terminal(typed)
    assert emergency._answer(Run(lost=True), None) is meant
    assert "no answer was seen" in capsys.readouterr().err
    assert emergency._answer(Run(lost=True), LostRevocation.DONE) is LostRevocation.DONE
    assert emergency._answer(Run(), None) is None


@pytest.mark.parametrize(
    ("outcome", "code"),
    [(Outcome.DONE, ExitCode.OK), (Outcome.FAILED, ExitCode.INCOMPLETE), (Outcome.UNKNOWN, ExitCode.UNKNOWN)],
)
def test_codes(outcome, code):
    report = OperationReport(operation="emergency", steps=(Step(name="revoke", outcome=outcome),))
    assert emergency._code(report) is code
