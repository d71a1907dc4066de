import ssl

import pytest
from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    SecretNotFoundError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.stores.aws.errors import (
    Asked,
    Refusal,
    of_exception,
    of_refusal,
    of_role,
    refusal_in,
    request_id_in,
    text_in,
)

PLANTED = "planted-7f3a"
READ = Asked(service="secretsmanager", operation="GetSecretValue", path="a/b")
PARAMETER = Asked(service="ssm", operation="GetParameter", path="/a:9")
DESCRIBE = Asked(service="secretsmanager", operation="DescribeSecret", path="a/b")
ASSUME = Asked(service="sts", operation="AssumeRole", path="arn:r", trust="nobody")


def of(failure, asked=READ):
    return of_exception(failure, asked, timeout=3)


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        ("AccessDeniedException", AccessDeniedError, False),
        ("AccessDenied", AccessDeniedError, False),
        ("ResourceNotFoundException", SecretNotFoundError, False),
        ("ParameterNotFound", SecretNotFoundError, False),
        ("ThrottlingException", ThrottledError, True),
        ("Throttling", ThrottledError, True),
        ("RequestLimitExceeded", ThrottledError, True),
        ("InternalServiceError", StoreUnavailableError, True),
        ("InternalServerError", StoreUnavailableError, True),
        ("ExpiredTokenException", AuthenticationError, False),
        ("UnrecognizedClientException", AuthenticationError, False),
        ("InvalidSignatureException", AuthenticationError, False),
        ("ValidationException", InvalidRequestError, False),
        (PLANTED, InvalidRequestError, False),
    ],
)
def test_codes(code, kind, retryable):
    error = of_refusal(Refusal(code=code, words=PLANTED, status=400, request_id="r-1"), READ)
    assert type(error) is kind
    assert (error.path, error.request_id, error.retryable) == ("a/b", "r-1", retryable)
    assert PLANTED not in str(error)


@pytest.mark.parametrize(
    ("status", "kind"), [(429, ThrottledError), (503, StoreUnavailableError), (418, InvalidRequestError)]
)
def test_the_status_counts_where_the_code_says_nothing(status, kind):
    assert type(of_refusal(Refusal(code="", status=status), READ)) is kind


def test_denied_names_the_action_that_a_policy_lacks():
    denied = of_refusal(Refusal(code="AccessDeniedException"), READ)
    assert isinstance(denied, AccessDeniedError)
    assert denied.capability == "secretsmanager:GetSecretValue"
    by_key = of_refusal(Refusal(code="AccessDeniedException", words="Access to KMS is not allowed"), READ)
    assert isinstance(by_key, AccessDeniedError)
    assert by_key.capability == "kms:Decrypt"


@pytest.mark.parametrize(
    ("refusal", "asked", "said", "missing"),
    [
        (Refusal(code="ResourceNotFoundException"), READ, "no such secret", True),
        (Refusal(code="ResourceNotFoundException"), DESCRIBE, "no such secret", False),
        (
            Refusal(code="ResourceNotFoundException", words="… for staging label: X"),
            READ,
            "secret has no such version",
            True,
        ),
        (Refusal(code="InvalidRequestException", words="was marked for deletion."), READ, "marked for deletion", True),
        (Refusal(code="InvalidParameterException", words="was marked for deletion"), READ, "marked for deletion", True),
        (Refusal(code="ParameterNotFound"), PARAMETER, "no such parameter", True),
        (Refusal(code="ParameterVersionNotFound"), PARAMETER, "parameter has no such version", False),
        (
            Refusal(code="InvalidResourceId"),
            Asked(service="ssm", operation="ListTagsForResource", path="/a"),
            "no such parameter",
            False,
        ),
    ],
)
def test_what_is_not_there(refusal, asked, said, missing):
    error = of_refusal(refusal, asked)
    assert isinstance(error, SecretNotFoundError)
    assert said in str(error)
    assert error.missing is missing


def test_a_refused_role_is_a_fault_of_the_login():
    for code in ("AccessDenied", "ValidationError", "InvalidIdentityToken"):
        error = of_role(of_refusal(Refusal(code=code, status=403, request_id="r"), ASSUME), "arn:r")
        assert type(error) is AuthenticationError
        assert (error.path, error.status, error.request_id) == ("arn:r", 403, "r")
    throttled = of_refusal(Refusal(code="Throttling"), ASSUME)
    assert of_role(throttled, "arn:r") is throttled


def test_an_answers_refusal_is_taken_apart():
    response = {
        "Error": {"Code": "Throttling", "Message": PLANTED},
        "ResponseMetadata": {"RequestId": "r-1", "HTTPStatusCode": 400, "HTTPHeaders": {"retry-after": "4"}},
    }
    refusal = refusal_in(response)
    assert (refusal.code, refusal.status, refusal.request_id, refusal.retry_after) == ("Throttling", 400, "r-1", 4)
    assert PLANTED not in repr(refusal)
    error = of(sdk.ClientError(response, "GetSecretValue"))
    assert isinstance(error, ThrottledError)
    assert error.retry_after == 4


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"x-amz-retry-after": "1500"}, 1.5), ({"retry-after": "soon"}, None), ({}, None), (None, None)],
)
def test_seconds_to_wait(headers, seconds):
    assert refusal_in({"ResponseMetadata": {"HTTPHeaders": headers}}).retry_after == seconds


def test_a_request_id_that_looks_like_none_is_left_out():
    assert request_id_in({"ResponseMetadata": {"RequestId": f"{PLANTED} \n"}}) == ""
    assert request_id_in({}) == ""
    assert text_in({"a": 1}, "a") == ""


@pytest.mark.parametrize(
    ("failure", "kind", "said"),
    [
        (sdk.EndpointConnectionError(endpoint_url=PLANTED), StoreUnavailableError, "cannot be reached"),
        (sdk.ConnectTimeoutError(endpoint_url=PLANTED), StoreUnavailableError, "no connection within 3 s"),
        (sdk.ReadTimeoutError(endpoint_url=PLANTED), StoreUnavailableError, "no answer within 3 s"),
        (sdk.ConnectionClosedError(endpoint_url=PLANTED), StoreUnavailableError, "the connection broke"),
        (sdk.HTTPClientError(error=PLANTED), StoreUnavailableError, "the connection broke"),
        (ConnectionResetError(PLANTED), StoreUnavailableError, "the connection broke"),
        (ResponseParserError(PLANTED), StoreUnavailableError, "cannot be read"),
        (sdk.NoCredentialsError(), AuthenticationError, "there are no AWS credentials"),
        (
            sdk.PartialCredentialsError(provider="env", cred_var=PLANTED),
            AuthenticationError,
            "there are no AWS credentials",
        ),
        (
            sdk.CredentialRetrievalError(provider="p", error_msg=PLANTED),
            AuthenticationError,
            "CredentialRetrievalError",
        ),
        (sdk.ParamValidationError(report=PLANTED), InvalidRequestError, "parameters of GetSecretValue"),
        (sdk.ProfileNotFound(profile=PLANTED), ConfigurationError, "ProfileNotFound"),
    ],
)
def test_exceptions_of_the_sdk(failure, kind, said):
    error = of(failure)
    assert type(error) is kind
    assert said in str(error)
    assert PLANTED not in str(error)


def test_a_certificate_that_is_not_trusted_says_who_decides():
    cause = ssl.SSLCertVerificationError(1, PLANTED)
    cause.verify_message = "self-signed certificate"
    error = of(sdk.SSLError(endpoint_url=PLANTED, error=cause), ASSUME)
    assert isinstance(error, StoreUnavailableError)
    assert not error.retryable
    assert "(self-signed certificate); certificates to trust come from nobody" in str(error)
    assert "or TLS failed" in str(of(sdk.SSLError(endpoint_url="x", error="y")))


def test_others_exceptions_are_not_ours_to_explain():
    assert of(KeyError("x")) is None
    assert of(ConfigurationError("x")) is None
