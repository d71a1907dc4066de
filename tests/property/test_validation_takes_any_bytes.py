"""Law: whatever bytes a bundle holds, validation answers with findings that do not quote them, and never raises."""

from __future__ import annotations

import base64

from hypothesis import given, settings
from hypothesis import strategies as st

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.testing.certificates import CertificateAuthority
from virtrigaud_secrets.testing.clock import START
from virtrigaud_secrets.testing.keys import known_hosts_line, ssh_key
from virtrigaud_secrets.validation import KIND_CHECKS, validate

KEY = ssh_key()
GOOD = CertificateAuthority().intermediate().issue().data() | {
    "ssh-privatekey": KEY.private.encode(),
    "ssh-publickey": KEY.public.encode(),
    "known_hosts": known_hosts_line(KEY, "host", hashed=True).encode(),
    "password": b"word",
    ".dockerconfigjson": b'{"auths":{"r":{"auth":"dTpw"}}}',
}


def inner(value: bytes) -> tuple[bytes, bytes, bytes]:
    """What is before, in and after the first PEM block; all of it in the middle where there is none."""
    head, begin, rest = value.partition(b"-----\n")
    if not begin:
        return b"", value, b""
    body, end, tail = rest.partition(b"-----END")
    return head + begin, base64.b64decode(body), b"\n" + end + tail


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, bytes]:
    key = draw(st.sampled_from(sorted(GOOD)))
    before, body, after = inner(GOOD[key])
    at = draw(st.integers(0, len(body)))
    gone = draw(st.integers(0, 4))
    changed = body[:at] + draw(st.binary(max_size=4)) + body[at + gone :]
    return GOOD | {key: before + base64.b64encode(changed) + after if before else changed}


@settings(deadline=None, max_examples=200)
@given(damaged(), st.sampled_from([None, *KIND_CHECKS]))
def test_damaged_values(data: dict[str, bytes], kind: str | None) -> None:
    validate(Bundle(data), now=START, kind=kind)


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(sorted(GOOD)), st.binary(max_size=200), st.sampled_from([None, *KIND_CHECKS]))
def test_any_values(key: str, value: bytes, kind: str | None) -> None:
    marked = b"canary" + value
    findings = validate(Bundle(GOOD | {key: marked}), now=START, kind=kind)
    assert "canary" not in str([str(finding) for finding in findings])
