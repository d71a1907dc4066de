import ssl
from datetime import UTC, datetime

import pytest
import urllib3.exceptions as u3

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    InvalidRequestError,
    MountNotFoundError,
    SecretNotFoundError,
    SecretVersionDeletedError,
    StoreSealedError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.stores.vault.errors import of_answer, of_exception, of_login, retry_after

POLICY = "1 error occurred:\n\t* permission denied\n\n"
NEVER = "s3cret-in-the-body"


def answer(status, *words, capability="read", **body):
    return of_answer(status, {"errors": list(words), **body}, path="secret/data/x", capability=capability)


@pytest.mark.parametrize(
    ("status", "words", "error", "acted", "transient"),
    [
        (400, ["unknown role: x"], InvalidRequestError, False, False),
        (400, ["Upgrading from non-versioned to versioned data."], StoreUnavailableError, False, True),
        (403, [POLICY], AccessDeniedError, False, False),
        (404, [], SecretNotFoundError, False, False),
        (404, ['no handler for route "nope/x". route entry not found.'], MountNotFoundError, False, False),
        (405, ["1 error occurred:\n\t* unsupported operation\n\n"], InvalidRequestError, False, False),
        (408, [], StoreUnavailableError, True, True),
        (412, [], StoreUnavailableError, False, True),
        (413, [], InvalidRequestError, False, False),
        (429, ["rate limit quota exceeded"], ThrottledError, False, True),
        (500, ["internal error"], StoreUnavailableError, True, True),
        (501, ["not initialized"], StoreUnavailableError, False, False),
        (502, [], StoreUnavailableError, True, True),
        (503, ["Vault is sealed"], StoreSealedError, False, False),
        (503, [], StoreUnavailableError, True, True),
        (504, [], StoreUnavailableError, True, True),
        (507, [], StoreUnavailableError, True, True),
        (302, [], StoreUnavailableError, False, False),
    ],
)
def test_statuses(status, words, error, acted, transient):
    fault = answer(status, *words)
    assert type(fault.error) is error
    assert (fault.acted, fault.transient, fault.token_refused) == (acted, transient, False)
    assert fault.error.status == status
    assert fault.error.path == "secret/data/x"


@pytest.mark.parametrize("words", [["permission denied"], ["invalid token"], ["permission denied", "invalid token"]])
def test_a_bare_403_is_about_the_token(words):
    assert answer(403, *words).token_refused


@pytest.mark.parametrize("words", [[POLICY], [], ["something else"], ["permission denied", POLICY]])
def test_any_other_403_is_about_the_path(words):
    assert not answer(403, *words).token_refused


def test_a_refusal_names_path_and_capability():
    fault = answer(403, POLICY, capability="update")
    assert isinstance(fault.error, AccessDeniedError)
    assert fault.error.capability == "update"
    assert '"update"' in str(fault.error)
    assert "secret/data/x" in str(fault.error)


def test_the_four_kinds_of_404_differ():
    deleted = answer(404, data={"data": None, "metadata": {"deletion_time": "2030", "destroyed": False}})
    destroyed = answer(404, data={"data": None, "metadata": {"destroyed": True}}, request_id="id-1")
    form = answer(404, warnings=["Invalid path for a versioned K/V secrets engine. See the API docs"])
    missing = answer(404)
    mount = answer(404, "no handler for route")
    assert type(deleted.error) is type(destroyed.error) is SecretVersionDeletedError
    assert "deleted" in deleted.error.reason
    assert "destroyed" in destroyed.error.reason
    assert destroyed.error.request_id == "id-1"
    assert type(form.error) is type(missing.error) is SecretNotFoundError
    assert "v2" in form.error.reason
    assert type(mount.error) is MountNotFoundError
    assert len({fault.error.reason for fault in (deleted, destroyed, form, missing, mount)}) == 5


def test_known_words_are_said_in_ours():
    assert answer(400, "unknown role: secret-role").error.reason == "the engine has no such role"
    assert "name" in answer(400, "common name x.y not allowed by this role").error.reason
    assert "ttl" in answer(400, "cannot satisfy request, as TTL would result in notAfter of a that is beyond the "
                                "expiration of the CA certificate at b").error.reason  # fmt: skip


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ('role "r" could not be found', "no such role"),
        ("invalid username or password", "user name or password is wrong"),
        ("ldap operation failed: failed to bind as user", "the directory cannot be asked"),
        ("error validating token: invalid subject (sub) claim", "another subject"),
        ("error validating token: error verifying token signature: no known key", "signed by nobody"),
        ("no client certificate found", "fits no role"),
    ],
)
def test_refused_logins_say_why(words, said):
    assert said in of_login(answer(400, words), method="ldap").error.reason


@pytest.mark.parametrize("status", [400, 403, 404, 405, 412, 429, 500, 503])
def test_the_server_is_never_quoted(status):
    fault = answer(status, f"{NEVER} sealed", data={"password": NEVER}, warnings=[NEVER])
    assert NEVER not in f"{fault!r} {fault.error} {fault.error!r} {fault.error.__dict__}"


def test_a_wait_that_was_asked_for_is_kept():
    fault = of_answer(429, {}, path="x", capability="read", retry_after=7.0)
    assert fault.error.retry_after == 7.0


@pytest.mark.parametrize(
    ("header", "wait"),
    [(None, None), ("3", 3.0), ("Tue, 01 Jan 2030 12:00:10 GMT", 10.0), ("Tue, 01 Jan 2030 11:00:00 GMT", 0.0),
     ("soon", None), ("-1", None)],
)  # fmt: skip
def test_retry_after_by_number_or_date(header, wait):
    assert retry_after(header, lambda: datetime(2030, 1, 1, 12, tzinfo=UTC)) == wait


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (answer(400, "invalid role or secret ID"), AuthenticationError, "role id or secret id"),
        (answer(400, "anything else"), AuthenticationError, "login was refused"),
        (answer(403, "permission denied"), AuthenticationError, "identity"),
        (answer(404, "no handler for route"), AuthenticationError, "no appRole auth method"),
        (answer(500), StoreUnavailableError, "failed"),
        (answer(503, "Vault is sealed"), StoreSealedError, "sealed"),
        (answer(429), ThrottledError, "slow down"),
    ],
)
def test_faults_of_a_login(fault, error, words):
    found = of_login(fault, method="appRole").error
    assert type(found) is error
    assert words in found.reason
    assert found.path == "secret/data/x"


def certificate_error():
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate in certificate chain"
    return u3.SSLError(error)


def nested(cause):
    return u3.MaxRetryError(None, f"/v1/{NEVER}", cause)


def refused():
    cause = u3.NewConnectionError(None, NEVER)
    cause.__cause__ = ConnectionRefusedError(111, NEVER)
    return nested(cause)


@pytest.mark.parametrize(
    ("failure", "words", "acted", "transient", "retryable"),
    [
        (certificate_error(), "self-signed certificate", False, False, False),
        (u3.SSLError(NEVER), "TLS handshake", False, False, False),
        (u3.ConnectTimeoutError(NEVER), "no connection within 30 s", False, True, True),
        (u3.ReadTimeoutError(None, "x", NEVER), "no complete answer within 30 s", True, True, True),
        (TimeoutError(), "no complete answer within 30 s", True, True, True),
        (u3.ProtocolError(TimeoutError(NEVER)), "no complete", True, True, True),
        (refused(), "refuses connections", False, True, True),
        (nested(u3.NewConnectionError(None, NEVER)), "cannot be reached", False, True, True),
        (nested(u3.NameResolutionError("h", None, OSError(NEVER))), "cannot be resolved", False, True, True),
        (u3.ProtocolError(NEVER), "broke", True, True, True),
        (u3.SSLError(ssl.SSLEOFError(8, NEVER)), "broke", True, True, True),
        (ConnectionResetError(104, NEVER), "broke", True, True, True),
    ],
)
def test_exceptions_of_the_http_library(failure, words, acted, transient, retryable):
    fault = of_exception(failure, path="secret/data/x", timeout=30.0, trust="the store's caBundle")
    assert type(fault.error) is StoreUnavailableError
    assert words in fault.error.reason
    assert (fault.acted, fault.transient, fault.error.retryable) == (acted, transient, retryable)
    assert NEVER not in f"{fault.error} {fault.error!r}"


def test_an_untrusted_certificate_tells_which_setting_to_look_at():
    fault = of_exception(certificate_error(), path="x", timeout=30.0, trust="Settings.ca_file (/etc/ca.pem)")
    assert "Settings.ca_file (/etc/ca.pem)" in fault.error.reason
