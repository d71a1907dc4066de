from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime, timedelta

import pytest
import requests
import urllib3.exceptions

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    InvalidRequestError,
    SecretNotFoundError,
    SecretVersionDeletedError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.stores.gcp import errors
from virtrigaud_secrets.stores.gcp.errors import Refusal

CANARY = "canary-" + "31ab"


def of_answer(status, body=b"{}", **options):
    return errors.of_answer(Refusal.read(status, body), path="projects/p/secrets/k", capability="x.access", **options)


def google(status, code, reason=""):
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}, "odd", {"reason": 1}]
    return json.dumps({"error": {"code": status, "status": code, "message": CANARY, "details": details}}).encode()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "FAILED_PRECONDITION", SecretVersionDeletedError),
        (400, "INVALID_ARGUMENT", InvalidRequestError),
        (401, "UNAUTHENTICATED", AuthenticationError),
        (403, "PERMISSION_DENIED", AccessDeniedError),
        (404, "NOT_FOUND", SecretNotFoundError),
        (408, "", StoreUnavailableError),
        (429, "RESOURCE_EXHAUSTED", ThrottledError),
        (302, "", StoreUnavailableError),
        (500, "INTERNAL", StoreUnavailableError),
        (501, "UNIMPLEMENTED", StoreUnavailableError),
        (503, "UNAVAILABLE", StoreUnavailableError),
        (504, "DEADLINE_EXCEEDED", StoreUnavailableError),
    ],
)
def test_each_answer_has_its_error(status, code, kind):
    fault = of_answer(status, google(status, code))
    assert type(fault.error) is kind
    assert fault.error.status == status
    assert fault.error.retryable is (status in {408, 429, 500, 503, 504})
    assert fault.token_refused is (status == 401)
    assert CANARY not in str(fault.error)


def test_only_what_is_not_there_counts_as_missing():
    assert of_answer(404).error.missing
    assert not of_answer(400, google(400, "FAILED_PRECONDITION")).error.missing


def test_a_denial_names_the_permission_and_known_reasons():
    assert of_answer(403).error.capability == "x.access"
    assert "x.access" in str(of_answer(403).error)
    assert "not enabled" in str(of_answer(403, google(403, "PERMISSION_DENIED", "SERVICE_DISABLED")).error)
    assert CANARY not in str(of_answer(403, google(403, "PERMISSION_DENIED", CANARY)).error)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 1}', b'{"error": {"status": []}}', b"[" * 100000])
def test_any_body_is_read(body):
    assert Refusal.read(400, body) == Refusal(400)


def test_only_known_codes_are_repeated():
    assert Refusal.read(400, b'{"error": "invalid_grant"}').code == "invalid_grant"
    assert Refusal.read(400, json.dumps({"error": CANARY}).encode()).code == ""


def test_a_quota_says_how_long_to_wait():
    assert of_answer(429, retry_after=7.0).error.retry_after == 7.0
    now = datetime(2030, 1, 1, tzinfo=UTC)
    assert errors.retry_after("3", lambda: now) == 3.0
    assert errors.retry_after("Tue, 01 Jan 2030 00:00:09 GMT", lambda: now) == timedelta(seconds=9).total_seconds()
    assert errors.retry_after("soon", lambda: now) is None
    assert errors.retry_after(None, lambda: now) is None


def distrusted():
    cause = ssl.SSLCertVerificationError(1, "x")
    cause.verify_message = "self-signed certificate"
    return requests.exceptions.SSLError(cause)


def unreachable(cause):
    failure = urllib3.exceptions.NewConnectionError(None, "x")  # type: ignore[arg-type]
    failure.__cause__ = cause
    return requests.exceptions.ConnectionError(failure)


@pytest.mark.parametrize(
    ("failure", "words", "retryable"),
    [
        (distrusted(), "not trusted (self-signed certificate); certificates to trust come from HERE", False),
        (requests.exceptions.SSLError("x"), "TLS handshake", False),
        (requests.exceptions.ReadTimeout(CANARY), "within 2 s", True),
        (unreachable(ConnectionRefusedError()), "refuses connections", True),
        (unreachable(None), "cannot be reached", True),
        (
            requests.exceptions.ConnectionError(urllib3.exceptions.NameResolutionError("h", None, OSError())),  # type: ignore[arg-type]
            "name cannot be resolved",
            True,
        ),
        (requests.exceptions.ChunkedEncodingError(CANARY), "connection broke", True),
    ],
)
def test_each_failure_of_the_way_has_its_words(failure, words, retryable):
    fault = errors.of_exception(failure, path="p", timeout=2, trust="HERE")
    assert isinstance(fault.error, StoreUnavailableError)
    assert words in str(fault.error)
    assert fault.error.retryable is retryable
    assert CANARY not in str(fault.error)


def test_what_is_no_failure_of_the_way_is_left_alone():
    assert errors.of_exception(KeyError("x"), path="p", timeout=2, trust="t") is None
    assert "not what Secret Manager answers" in str(errors.unreadable("p").error)
