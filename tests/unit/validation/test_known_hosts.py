from __future__ import annotations

from itertools import count

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.findings import Finding
from virtrigaud_secrets.testing.clock import START
from virtrigaud_secrets.testing.keys import known_hosts_line, ssh_key
from virtrigaud_secrets.validation import validate
from virtrigaud_secrets.validation.known_hosts import MAX_REPORTED

KEYS = {"ed25519": ssh_key("ed25519"), "rsa": ssh_key("rsa"), "ecdsa": ssh_key("ecdsa")}
KEY = KEYS["ed25519"]
BLOB = KEY.public.split()[1]


def check(text: str, *, kind: str | None = None) -> tuple[Finding, ...]:
    return validate(Bundle({"known_hosts": text.encode()}), now=START, kind=kind)


def found(text: str) -> list[tuple[str, str]]:
    return [(finding.severity.value, finding.code) for finding in check(text)]


@pytest.mark.parametrize(
    "line",
    [
        known_hosts_line(KEYS["rsa"], "host"),
        known_hosts_line(KEYS["ecdsa"], "host,10.0.0.1"),
        known_hosts_line(KEY, "fe80::1%eth0", "2001:db8::1"),
        known_hosts_line(KEY, "[host.example.org]:2222", "[2001:db8::1]:22"),
        known_hosts_line(KEY, "*.example.org", "!bad.example.org", "?"),
        known_hosts_line(KEY, "host", hashed=True),
        known_hosts_line(KEY, "[host]:2222", hashed=True),
        known_hosts_line(KEY, "*.example.org", marker="@cert-authority"),
        known_hosts_line(KEY, "*", marker="@revoked"),
        known_hosts_line(KEY, "host") + " a comment # of words",
        "  " + known_hosts_line(KEY, "host") + "\t",
        known_hosts_line(KEY, "host").replace(" ", "\t"),
        known_hosts_line(KEY, "host") + "\r",
    ],
    ids=count(),  # a key is another one in each process
)
def test_a_good_line(line: str) -> None:
    assert found(f"{line}\n") == []


def test_comments_and_blank_lines() -> None:
    assert found(f"# comment\n\n   \n  # indented\n{known_hosts_line(KEY, 'host')}\n\n") == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("host", "expected hosts, key type and key"),
        (f"host {BLOB}", "expected hosts, key type and key"),
        (f"@trusted host ssh-ed25519 {BLOB}", "neither @cert-authority nor @revoked"),
        (f"@revoked ssh-ed25519 {BLOB}", "expected hosts, key type and key"),
        (f"host ssh-rsa {BLOB}", "not base64 of a key of the type"),
        ("host ssh-ed25519 AAAA", "not base64 of a key of the type"),
        (f"host ssh-ed25519 {BLOB[:-4]}!", "not base64 of a key of the type"),
        ("host 1024 35 12345", "SSH version 1"),
        (f"|1|salt|hash ssh-ed25519 {BLOB}", "|1|salt|hash"),
        (f"|1|A|A ssh-ed25519 {BLOB}", "|1|salt|hash"),
        (f"|2|AAAA|AAAA ssh-ed25519 {BLOB}", "|1|salt|hash"),
        (f"|1|AAAA ssh-ed25519 {BLOB}", "|1|salt|hash"),
        (f"[host]:99999 ssh-ed25519 {BLOB}", "[host]:port"),
        (f"[host]:0 ssh-ed25519 {BLOB}", "[host]:port"),
        (f"[host] ssh-ed25519 {BLOB}", "[host]:port"),
        (f"host,,other ssh-ed25519 {BLOB}", "host,host"),
        (f"host, ssh-ed25519 {BLOB}", "host,host"),
    ],
    ids=count(),  # as above
)
def test_a_bad_line_is_told_by_number(line: str, fault: str) -> None:
    (finding,) = check(f"# one\n{known_hosts_line(KEY, 'host')}\n{line}\n", kind="ssh")[:1]
    assert (finding.code, finding.field, finding.severity.value) == ("bad-line", "known_hosts", "error")
    assert finding.message.startswith("line 3: ")
    assert fault in finding.message


def test_many_bad_lines_are_cut_short() -> None:
    findings = check("bad\n" * 100)
    assert len(findings) == MAX_REPORTED + 1
    assert findings[-1].message == f"and {100 - MAX_REPORTED} more lines"


@pytest.mark.parametrize("text", ["", "\n", "# comment\n"])
def test_no_host_key(text: str) -> None:
    assert found(text) == [("warning", "no-host-key")]


def test_no_final_newline() -> None:
    assert found(known_hosts_line(KEY, "host")) == [("warning", "no-final-newline")]


def test_hosts_do_not_show() -> None:
    findings = check(f"canary.example.org ssh-rsa {BLOB}\n[canary ssh-rsa canary\n")
    assert len(findings) == 2
    assert "canary" not in str([str(finding) for finding in findings])
