from __future__ import annotations

from types import SimpleNamespace

import pytest
import urllib3
from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError

from virtrigaud_secrets.stores.aws.bounded import MAX_ANSWER_BYTES, BoundedSession, bounded_session
from virtrigaud_secrets.testing import ManualClock


class Body:
    def __init__(self, *parts, clock=None):
        self.parts, self.clock, self.closed = list(parts), clock, False

    def read1(self, amount):
        if self.clock is not None:
            self.clock.advance(0.4)
        part = self.parts.pop(0) if self.parts else b""
        if isinstance(part, Exception):
            raise part
        return part

    def close(self):
        self.closed = True


class Session:
    def __init__(self, body):
        self.body, self.sent, self.closed = body, [], 0

    def send(self, request):
        self.sent.append(request)
        return SimpleNamespace(raw=self.body, _content=None)

    def close(self):
        self.closed += 1


def send(body, clock=None):
    session = Session(body)
    made = BoundedSession(session, seconds=1.0, clock=clock or ManualClock())
    request = SimpleNamespace(url="https://aws", stream_output=False)
    return made.send(request), request


def test_the_whole_answer_is_read_here():
    answer, request = send(Body(b"a", b"b"))
    assert answer._content == b"ab"
    assert request.stream_output


def test_an_answer_that_dribbles_ends_in_time():
    clock = ManualClock()
    body = Body(*[b"x"] * 100, clock=clock)
    with pytest.raises(ReadTimeoutError):
        send(body, clock)
    assert body.closed
    assert len(body.parts) == 97


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (urllib3.exceptions.ReadTimeoutError(None, None, "canary"), ReadTimeoutError),
        (urllib3.exceptions.ProtocolError("canary"), ConnectionClosedError),
        (OSError("canary"), ConnectionClosedError),
    ],
)
def test_what_breaks_is_told_in_the_sdks_terms(fault, kind):
    body = Body(b"canary", fault)
    with pytest.raises(kind) as caught:
        send(body)
    assert body.closed
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


def test_an_answer_that_is_too_long():
    body = Body(*[b"x" * 1024 * 1024] * (MAX_ANSWER_BYTES // 1024 // 1024 + 1))
    with pytest.raises(HTTPClientError, match="too long"):
        send(body)
    assert body.closed


def test_closing_closes_the_sdks():
    session = Session(Body())
    BoundedSession(session, seconds=1, clock=ManualClock()).close()
    assert session.closed == 1


def test_the_sdks_own_session_takes_no_proxy(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    made = bounded_session(verify=True, seconds=2, clock=ManualClock())
    assert made._session._proxy_config.proxy_url_for("https://x") is None
    made.close()
