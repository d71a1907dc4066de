"""The transport on a pool of connections that is a list of answers."""

from __future__ import annotations

import ssl
import traceback
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace

import pytest
import urllib3.exceptions as faults

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    SecretNotFoundError,
    StoreError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.models.backends.webhook import WebhookProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.webhook.request import Request
from virtrigaud_secrets.stores.webhook.transport import MAX_ANSWER_BYTES, MAX_REDIRECTS, Transport

PLANTED = "planted-value-7f3a"
URL = f"https://x.example/a?token={PLANTED}"


@dataclass
class Said:
    """An answer, with what became of its connection."""

    status: int = 200
    parts: tuple[bytes, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    ended: str = ""

    def read1(self, amt: int, *, decode_content: bool) -> bytes:
        part, *rest = (*self.parts, b"")
        self.parts = tuple(rest)
        return part

    def release_conn(self) -> None:
        self.ended = "released"

    def close(self) -> None:
        self.ended = "closed"


class Pool:
    def __init__(self, *answers: Said | Exception) -> None:
        self.answers = list(answers)
        self.seen: list[SimpleNamespace] = []
        self.cleared = 0

    def request(self, method: str, url: str, **options: object) -> Said:
        self.seen.append(SimpleNamespace(method=method, url=url, **options))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def clear(self) -> None:
        self.cleared += 1


def asked(url: str = URL, *, method: str = "GET", body: bytes = b"", **headers: str) -> Request:
    hidden = {name.replace("_", "-"): Sensitive(value) for name, value in headers.items()}
    return Request(
        method=method,
        url=Sensitive(url),
        headers=hidden,
        body=Sensitive(body),
        shown="https://x.example/a (k)",
        repeatable=method == "GET",
    )


@pytest.fixture
def transport_of(make_context):
    def make(*answers: Said | Exception, settings: Settings | None = None, **spec: object):
        provider = WebhookProvider.model_validate({"url": "https://x"} | spec)
        transport = Transport(provider, make_context(settings=settings))
        pool = Pool(*answers)
        transport._pools = pool
        return transport, pool

    return make


def failure(transport: Transport, request: Request) -> StoreError:
    with pytest.raises(StoreError) as caught:
        transport.send(request)
    error = caught.value
    assert PLANTED not in "".join(traceback.format_exception(error))
    assert error.__cause__ is error.__context__ is None
    assert error.path == "https://x.example/a (k)"
    return error


def test_a_request_goes_out_as_it_was_built(transport_of):
    said = Said(parts=(b"a", b"b"))
    transport, pool = transport_of(said)
    assert transport.send(asked(method="POST", body=b"body", X_Key="é")).body.reveal() == b"ab"
    seen = pool.seen[0]
    assert (seen.method, seen.url, seen.body) == ("POST", URL, b"body")
    assert seen.headers == {"User-Agent": "virtrigaud-secrets", "X-Key": "é".encode().decode("latin-1")}
    assert (seen.retries, seen.redirect, seen.preload_content) == (False, False, False)
    assert said.ended == "released"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, SecretNotFoundError),
        (401, AuthenticationError),
        (403, AccessDeniedError),
        (304, InvalidRequestError),
        (400, InvalidRequestError),
        (302, InvalidRequestError),
        (500, StoreUnavailableError),
        (503, StoreUnavailableError),
    ],
)
def test_what_a_status_means(transport_of, status, kind):
    said = Said(status, (PLANTED.encode(),))
    transport, _ = transport_of(said)
    error = failure(transport, asked())
    assert type(error) is kind
    assert (error.status, said.ended) == (status, "closed")


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None), ("²", None)])
def test_throttling_says_how_long(transport_of, header, seconds):
    transport, _ = transport_of(Said(429, headers={"Retry-After": header}))
    error = failure(transport, asked())
    assert isinstance(error, ThrottledError)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("fault", "passes"),
    [
        (faults.SSLError(ssl.SSLCertVerificationError("canary")), False),
        (ssl.SSLCertVerificationError("canary"), False),
        (faults.SSLError("handshake"), True),
        (faults.ProtocolError("canary"), True),
    ],
)
def test_waiting_does_not_mend_trust(transport_of, fault, passes):
    transport, _ = transport_of(fault)
    error = failure(transport, asked())
    assert error.retryable is passes
    assert "canary" not in str(error)


def test_an_absent_secret_is_missing(transport_of):
    transport, _ = transport_of(Said(404))
    error = failure(transport, asked())
    assert isinstance(error, SecretNotFoundError)
    assert error.missing
    assert error.missing_value


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (faults.SSLError(PLANTED), "TLS failed"),
        (faults.NewConnectionError(SimpleNamespace(host="h"), PLANTED), "cannot be reached"),
        (faults.ReadTimeoutError(SimpleNamespace(), URL, PLANTED), "took too long"),
        (faults.ConnectTimeoutError(PLANTED), "connecting took too long"),
        (faults.LocationParseError(URL), "the address cannot be used"),
        (faults.ProtocolError(PLANTED), "the connection broke"),
        (ConnectionResetError(PLANTED), "the connection broke"),
        (ValueError(PLANTED), "the connection broke"),
    ],
)
def test_no_answer_is_unavailable_with_the_reason_and_without_the_url(transport_of, error, reason):
    transport, _ = transport_of(error)
    assert reason in str(failure(transport, asked()))


def test_a_redirect_within_the_server_is_followed(transport_of):
    transport, pool = transport_of(Said(302, headers={"Location": "/b"}), Said(parts=(b"there",)))
    assert transport.send(asked(X_Key="k")).body.reveal() == b"there"
    assert [seen.url for seen in pool.seen] == [URL, "https://x.example/b"]


@pytest.mark.parametrize(
    "location",
    ["http://x.example/a", "https://other.example/a", "https://x.example:444/", "//other.example", "file:///a"],
)
def test_a_redirect_elsewhere_is_not(transport_of, location):
    transport, pool = transport_of(Said(307, headers={"Location": location}))
    assert "sends the request elsewhere" in str(failure(transport, asked()))
    assert len(pool.seen) == 1


def test_what_may_make_something_is_never_sent_twice(transport_of):
    transport, pool = transport_of(Said(307, headers={"Location": "/b"}))
    failure(transport, asked(method="POST"))
    assert len(pool.seen) == 1


def test_an_endless_redirect_ends(transport_of):
    transport, pool = transport_of(*[Said(302, headers={"Location": "/b"})] * 10)
    assert "redirects more than" in str(failure(transport, asked()))
    assert len(pool.seen) == MAX_REDIRECTS + 1


def test_an_endless_answer_is_cut_off(transport_of):
    said = Said(parts=(b" " * MAX_ANSWER_BYTES, b" "))
    transport, _ = transport_of(said)
    assert "larger than" in str(failure(transport, asked()))
    assert said.ended == "closed"


def test_a_slow_answer_is_cut_off(transport_of, clock):
    class Slow(Said):
        def read1(self, amt: int, *, decode_content: bool) -> bytes:
            clock.advance(1)
            return b" "

    transport, pool = transport_of(Slow(), timeout="5s")
    assert "it took too long" in str(failure(transport, asked()))
    assert pool.seen[0].timeout.total == 5


def test_the_shorter_limit_counts(transport_of):
    transport, pool = transport_of(Said(), settings=Settings(request_timeout=timedelta(seconds=2)), timeout="1h")
    transport.send(asked())
    assert pool.seen[0].timeout.total == 2


@pytest.mark.parametrize("url", ["", "x", "ftp://x", "https://", "https://[", "https://x:y/", "https://x/\n", "/a"])
def test_a_url_that_is_none_is_refused_unseen(transport_of, url):
    transport, pool = transport_of()
    with pytest.raises(ConfigurationError, match="no http:// or https:// address"):
        transport.send(asked(url))
    assert pool.seen == []


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://x.example/a?b", "http://127.0.0.1:1/a?b"),
        ("https://x.example", "http://127.0.0.1:1"),
        ("https://x.example?b", "http://127.0.0.1:1?b"),
        ("https://x.example:8443/a", "https://x.example:8443/a"),
    ],
)
def test_the_settings_may_have_another_address(transport_of, url, sent):
    settings = Settings(endpoints={"https://x.example": "http://127.0.0.1:1"})
    transport, pool = transport_of(Said(), settings=settings)
    transport.send(asked(url))
    assert pool.seen[0].url == sent


def test_closing_closes_connections_once(transport_of):
    transport, pool = transport_of()
    transport.close()
    transport.close()
    assert pool.cleared == 1


def test_an_authority_that_is_none_is_refused(make_context):
    provider = WebhookProvider.model_validate({"url": "https://x", "caBundle": "bm9uZQ=="})
    with pytest.raises(ConfigurationError, match="caBundle"):
        Transport(provider, make_context()).send(asked())


def test_a_broken_certificate_is_refused(make_context):
    # base64 of a PEM frame around nonsense
    bundle = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="
    provider = WebhookProvider.model_validate({"url": "https://x", "caBundle": bundle})
    with pytest.raises(ConfigurationError, match="certificate authority cannot be read"):
        Transport(provider, make_context()).send(asked())


@pytest.mark.parametrize(
    ("answer", "acted"),
    [
        (Said(500), True),
        (faults.ProtocolError("gone"), True),
        (faults.ReadTimeoutError(None, URL, "late"), True),
        (faults.NewConnectionError(None, "refused"), False),
        (faults.NameResolutionError("x.example", None, OSError()), False),
        (faults.ConnectTimeoutError("late"), False),
    ],
)
def test_a_request_that_writes_leaves_open_whether_it_did(transport_of, answer, acted):
    transport, _ = transport_of(answer)
    with pytest.raises(StoreUnavailableError) as caught:
        transport.send(asked(method="POST"))
    assert caught.value.acted is acted
    assert ("may have acted" in str(caught.value)) is acted


def test_a_request_that_reads_leaves_nothing_open(transport_of):
    transport, _ = transport_of(Said(500))
    with pytest.raises(StoreUnavailableError) as caught:
        transport.send(asked())
    assert not caught.value.acted
    assert "acted" not in str(caught.value)


@pytest.mark.parametrize("status", [409, 412])
def test_a_conflict_is_one_for_what_writes(transport_of, status):
    transport, _ = transport_of(Said(status), Said(status))
    with pytest.raises(ConflictError):
        transport.send(asked(method="PUT"))
    with pytest.raises(InvalidRequestError):
        transport.send(asked())


def test_the_status_of_an_answer_is_told(transport_of):
    transport, _ = transport_of(Said(201))
    assert transport.send(asked(method="PUT")).status == 201


def test_what_is_refused_is_named_by_what_was_asked_for(transport_of):
    import dataclasses

    transport, _ = transport_of(Said(403))
    with pytest.raises(AccessDeniedError) as caught:
        transport.send(dataclasses.replace(asked(method="DELETE"), capability="delete"))
    assert caught.value.capability == "delete"
