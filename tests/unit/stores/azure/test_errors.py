import json
import socket
import ssl
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
import requests
import urllib3
from azure.core.exceptions import DecodeError, HttpResponseError, ServiceRequestError

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    SecretNotFoundError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.stores.azure import errors
from virtrigaud_secrets.stores.azure.errors import AnswerTooLongError, Asked, Refusal, of_failure, of_login

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ASKED = Asked("secrets/db", "secrets/get", 30, lambda: NOW)
WORDS = "the server's own words: hunter2"


def body(code="", *inner):
    error = {"code": code, "message": WORDS}
    for name in reversed(inner):
        error = {**error, "innererror": {"code": name, "message": WORDS}}
    return json.dumps({"error": error}).encode()


def answered(status, content=b"", **headers):
    response = requests.Response()
    response.status_code = status
    response.headers.update({"x-ms-request-id": "r-1", **{key.replace("_", "-"): one for key, one in headers.items()}})
    response._content = content
    return response


def failure(status, content=b"", **headers):
    error = HttpResponseError(WORDS)
    error.response = answered(status, content, **headers)
    return error


@pytest.mark.parametrize(
    ("status", "content", "kind", "words"),
    [
        (401, body("Unauthorized"), AuthenticationError, "refuses the login's token"),
        (403, body("Forbidden"), AccessDeniedError, "no access policy grants the login secrets/get"),
        (403, body("Forbidden", "AccessDenied"), AccessDeniedError, "no access policy grants the login secrets/get"),
        (403, body("Forbidden", "ForbiddenByRbac"), AccessDeniedError, "no role of the login grants secrets/get"),
        (403, body("Forbidden", "ForbiddenByFirewall"), AccessDeniedError, "firewall"),
        (403, body("Forbidden", "ForbiddenByConnection"), AccessDeniedError, "private endpoint"),
        (403, b"<html>", AccessDeniedError, "no access policy"),
        (404, body("SecretNotFound"), SecretNotFoundError, "no such object"),
        (429, body("Throttled"), ThrottledError, "slow down"),
        (400, body("BadParameter"), InvalidRequestError, "calls the request wrong"),
        (409, body("Conflict"), InvalidRequestError, "calls the request wrong"),
        (408, b"", StoreUnavailableError, "the vault failed"),
        (500, b"[]", StoreUnavailableError, "the vault failed"),
        (503, b'{"error": "text"}', StoreUnavailableError, "the vault failed"),
    ],
)
def test_a_status_has_its_error(status, content, kind, words):
    error = of_failure(failure(status, content), ASKED).error
    assert type(error) is kind
    assert words in str(error)
    assert (error.path, error.status, error.request_id) == ("secrets/db", status, "r-1")
    assert "hunter2" not in str(error)


def test_a_denial_names_what_is_missing():
    error = of_failure(failure(403, body("Forbidden", "ForbiddenByPolicy")), ASKED).error
    assert isinstance(error, AccessDeniedError)
    assert error.capability == "secrets/get"


@pytest.mark.parametrize("code", ["SecretDisabled", "KeyDisabled", "CertificateDisabled"])
def test_a_disabled_object_lacks_no_permission(code):
    error = of_failure(failure(403, body("Forbidden", code)), ASKED).error
    assert isinstance(error, AccessDeniedError)
    assert (error.capability, "is disabled" in str(error)) == ("", True)


def test_only_a_401_is_about_the_token():
    assert of_failure(failure(401), ASKED).token_refused
    assert not any(of_failure(failure(status), ASKED).token_refused for status in (400, 403, 404, 429, 500))


@pytest.mark.parametrize("status", [200, 302, 307])
def test_an_answer_of_somebody_else_does_not_pass(status):
    error = of_failure(failure(status, b"<html>"), ASKED).error
    assert isinstance(error, StoreUnavailableError)
    assert not error.retryable
    assert "is vaultUrl the address of one?" in str(error)


def test_a_broken_json_is_not_quoted():
    broken = DecodeError(f"JSON is invalid: {WORDS}", response=answered(200, WORDS.encode()))
    assert "hunter2" not in str(of_failure(broken, ASKED).error)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 12 ", 12.0),
        ("Tue, 01 Jan 2030 00:01:00 GMT", 60.0),
        ("Mon, 31 Dec 2029 23:00:00 GMT", 0.0),
        ("soon", None),
        ("²", None),
    ],
)
def test_retry_after(header, seconds):
    error = of_failure(failure(429, Retry_After=header), ASKED).error
    assert isinstance(error, ThrottledError)
    assert error.retry_after == seconds
    unavailable = of_failure(failure(503, Retry_After=header), ASKED).error
    assert isinstance(unavailable, StoreUnavailableError)
    assert unavailable.retry_after == seconds


def test_without_retry_after():
    assert errors.retry_after(None, lambda: NOW) is None


def test_errors_of_ours_come_out_as_they_went_in_without_the_way():
    ours = ConfigurationError("ours")
    ours.__context__ = KeyError("hunter2")
    with pytest.raises(ConfigurationError) as caught:
        raise ours
    assert caught.value.__traceback__ is not None
    fault = of_failure(ours, ASKED)
    assert fault.error is ours
    assert ours.__context__ is None
    assert ours.__traceback__ is None


def test_a_challenge_of_another_service_is_told():
    error = of_failure(ValueError("The challenge resource 'x' does not match"), ASKED).error
    assert isinstance(error, AuthenticationError)
    assert "is vaultUrl right?" in str(error)


def wrapped(inner):
    """As the SDK wraps what the libraries below it raise."""
    return ServiceRequestError(inner, error=inner)


def verification_error():
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_message = "self-signed certificate"
    return error


POOL = urllib3.HTTPConnectionPool("v.vault.azure.net")


@pytest.mark.parametrize(
    ("inner", "words", "retryable"),
    [
        (verification_error(), r"is not trusted \(self-signed certificate\): see Settings.ca_file", False),
        (ssl.SSLError(1, "alert"), "TLS handshake", True),
        (AnswerTooLongError(), "too long", False),
        (urllib3.exceptions.NameResolutionError("v", POOL, socket.gaierror(-2, "x")), "cannot be resolved", True),
        (ConnectionRefusedError(111, "x"), "refuses connections", True),
        (urllib3.exceptions.NewConnectionError(POOL, "x"), "cannot be reached", True),
        (urllib3.exceptions.ConnectTimeoutError(POOL, "x"), "no complete answer within 30 s", True),
        (urllib3.exceptions.ReadTimeoutError(POOL, "/", "x"), "no complete answer within 30 s", True),
        (TimeoutError(), "no complete answer within 30 s", True),
        (urllib3.exceptions.ProtocolError("x", ConnectionResetError(104, "x")), "connection broke", True),
        (urllib3.exceptions.IncompleteRead(3, 5), "connection broke", True),
        (AttributeError(WORDS), r"\(ServiceRequestError\)", True),
    ],
)
def test_what_breaks_below_the_sdk(inner, words, retryable):
    error = of_failure(wrapped(inner), ASKED).error
    assert isinstance(error, StoreUnavailableError)
    assert __import__("re").search(words, str(error))
    assert error.retryable is retryable
    assert "hunter2" not in str(error)


def test_a_chain_that_bites_its_tail_ends():
    one, two = OSError("one"), OSError("two")
    one.__cause__, two.__cause__ = two, one
    assert isinstance(of_failure(one, ASKED).error, StoreUnavailableError)


def login(refusal, failure=None):
    return of_login(refusal, failure, method="ServicePrincipal", timeout=30)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (7000215, "the client secret is wrong"),
        (700016, "knows no application"),
        (90002, "no such tenant"),
        (700212, "for this audience"),
        (1, "login was refused"),
    ],
)
def test_a_refused_login_says_why(code, words):
    error = login(Refusal(400, (1, code), "r-2"))
    assert isinstance(error, AuthenticationError)
    assert words in str(error)
    assert (error.status, error.request_id) == (400, "r-2")


@pytest.mark.parametrize("status", [410, 500, 503])
def test_a_login_server_that_fails_is_not_a_refusal(status):
    error = login(Refusal(status, retry_after=3.0))
    assert isinstance(error, StoreUnavailableError)
    assert (error.retryable, error.retry_after) == (True, 3.0)


def test_a_throttled_login():
    error = login(Refusal(429, retry_after=5.0))
    assert isinstance(error, ThrottledError)
    assert error.retry_after == 5.0


def test_a_login_without_an_answer():
    error = login(None, wrapped(ConnectionRefusedError()))
    assert isinstance(error, StoreUnavailableError)
    assert "ServicePrincipal login: the server refuses connections" in str(error)


@pytest.mark.parametrize("failure", [None, ValueError(WORDS)])
def test_a_login_that_brings_nothing(failure):
    error = login(None, failure)
    assert isinstance(error, AuthenticationError)
    assert "brought no token" in str(error)
    assert "hunter2" not in str(error)


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (b'{"error_codes": [7000215, "x", 3]}', (7000215, 3)),
        (b'{"error_codes": 7}', ()),
        (b"[]", ()),
        (b"<html>", ()),
        (b"[" * 100000, ()),
    ],
)
def test_what_a_login_server_says(content, codes):
    refusal = Refusal.of(answered(401, content, Retry_After="9"), lambda: NOW)
    assert refusal == Refusal(401, codes, "r-1", 9.0)


def test_a_good_answer_is_no_refusal():
    assert Refusal.of(answered(HTTPStatus.OK), lambda: NOW) is None


def test_time_limits_are_told_in_seconds():
    asked = Asked("a", "b", timedelta(seconds=1.5).total_seconds(), lambda: NOW)
    assert "within 1.5 s" in str(of_failure(TimeoutError(), asked).error)
