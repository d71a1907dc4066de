"""Turns what botocore raises, and the codes AWS answers with, into this library's errors.

AWS's messages are looked at for a few known words and never passed on. Nothing is raised or retried here.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, cast

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    SecretNotFoundError,
    SecretsError,
    StoreError,
    StoreUnavailableError,
    ThrottledError,
)

_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"})
_THROTTLED: Final = frozenset({
    "PriorRequestNotComplete", "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "SlowDown",
    "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequestsException",
})  # fmt: skip
_CREDENTIALS: Final[Mapping[str, str]] = {
    "ExpiredToken": "the credentials have expired",
    "ExpiredTokenException": "the credentials have expired",
    "IDPCommunicationError": "AWS cannot reach the issuer of the web identity token",
    "IDPRejectedClaim": "the issuer of the web identity token is not trusted, or the token has expired",
    "IncompleteSignature": "the credentials do not sign as they should",
    "InvalidAccessKeyId": "there is no such access key",
    "InvalidClientTokenId": "there is no such access key, or the session token is not valid",
    "InvalidIdentityToken": "the web identity token is not one that the role's identity provider accepts",
    "InvalidSignatureException": "the signature is wrong: the secret access key is, or the clock",
    "MissingAuthenticationToken": "the request carries no credentials",
    "MissingAuthenticationTokenException": "the request carries no credentials",
    "RequestExpired": "the request came too late: the clock is wrong",
    "SignatureDoesNotMatch": "the signature is wrong: the secret access key is, or the clock",
    "UnrecognizedClientException": "the access key or the session token is not valid",
}
"""Codes that mean the identity and not the request."""
_ABSENT: Final[Mapping[str, bool]] = {
    "ResourceNotFoundException": True,
    "ParameterNotFound": True,
    "ParameterVersionNotFound": False,
    "InvalidResourceId": False,
}
"""Codes for what is not there → whether ESO counts it as missing."""
_UNAVAILABLE: Final = frozenset({
    "InternalFailure", "InternalServerError", "InternalServiceError", "RequestTimeout", "RequestTimeoutException",
    "ServiceUnavailable", "ServiceUnavailableException",
})  # fmt: skip
_MARKED: Final = re.compile("marked (for deletion|deleted)")
_NO_VERSION: Final = re.compile("staging label|VersionId")
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,63}")
_REQUEST_ID: Final = re.compile(r"[-A-Za-z0-9]{1,80}")
_MILLISECONDS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked, for errors."""

    service: str
    """`secretsmanager`, `ssm` or `sts`: the name of the service in IAM actions too."""
    operation: str
    """As AWS calls it: `GetSecretValue`."""
    path: str
    """The secret, parameter or role."""
    trust: str = "the system"
    """Which setting says whom to trust, for TLS."""

    @property
    def action(self) -> str:
        """What an IAM policy has to allow for it."""
        return f"{self.service}:{self.operation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is an error."""

    code: str
    """AWS's error code."""
    words: str = ""
    """Its message: looked at, never shown."""
    status: int | None = None
    """The HTTP status."""
    request_id: str = ""
    """AWS's identifier of the request."""
    retry_after: float | None = None
    """Seconds that the service asks to wait."""

    def __repr__(self) -> str:
        """The code only."""
        return f"<Refusal {self.code}>"


def of_refusal(refusal: Refusal, asked: Asked) -> StoreError:
    """The error that an answer means."""
    status, request_id, path = refusal.status, refusal.request_id, asked.path
    if refusal.code in _DENIED:
        action = "kms:Decrypt" if "KMS" in refusal.words and asked.service != "sts" else asked.action
        return AccessDeniedError(
            f"the identity's policies do not allow {action} on it",
            capability=action,
            path=path,
            status=status,
            request_id=request_id,
        )
    if refusal.code in _ABSENT or _MARKED.search(refusal.words):
        return _absent(refusal, asked)
    if refusal.code in _CREDENTIALS:
        return AuthenticationError(_CREDENTIALS[refusal.code], path=path, status=status, request_id=request_id)
    if refusal.code in _THROTTLED or status == HTTPStatus.TOO_MANY_REQUESTS:
        return ThrottledError(
            "AWS asks to slow down", path=path, status=status, request_id=request_id, retry_after=refusal.retry_after
        )
    if refusal.code in _UNAVAILABLE or (status or 0) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return StoreUnavailableError(
            f"{asked.service} failed to answer {asked.operation}",
            path=path,
            status=status,
            request_id=request_id,
            retry_after=refusal.retry_after,
        )
    code = refusal.code if _CODE.fullmatch(refusal.code) else "an unknown error"
    return InvalidRequestError(
        f"{asked.action} is refused with {code}", path=path, status=status, request_id=request_id
    )


def _absent(refusal: Refusal, asked: Asked) -> SecretNotFoundError:
    thing = {"ssm": "parameter", "acm": "certificate"}.get(asked.service, "secret")
    reason, missing = f"there is no such {thing}", _ABSENT.get(refusal.code, True)
    if _MARKED.search(refusal.words):
        reason = "the secret was marked for deletion"
    elif _NO_VERSION.search(refusal.words) or refusal.code == "ParameterVersionNotFound":
        reason = f"the {thing} has no such version"
    error = SecretNotFoundError(reason, path=asked.path, status=refusal.status, request_id=refusal.request_id)
    # ESO's own code for metadata does not look for its "Secret does not exist" (ESO §3.3).
    error.missing = missing and asked.operation not in {"DescribeSecret", "ListTagsForResource"}
    return error


def of_role(error: StoreError, role: str) -> StoreError:
    """The error of a login, where the role or the identity that asks for it is at fault."""
    if not isinstance(error, (AccessDeniedError, InvalidRequestError, SecretNotFoundError, AuthenticationError)):
        return error
    reason = error.reason
    if isinstance(error, AccessDeniedError):
        reason = f"{error.capability} is refused: the role does not exist, or does not trust who asks"
    return AuthenticationError(reason, path=role, status=error.status, request_id=error.request_id)


def refusal_in(response: Mapping[str, object]) -> Refusal:
    """The refusal that botocore has taken apart."""
    error, about = _mapping(response.get("Error")), _mapping(response.get("ResponseMetadata"))
    status = about.get("HTTPStatusCode")
    return Refusal(
        code=text_in(error, "Code"),
        words=text_in(error, "Message"),
        status=status if isinstance(status, int) else None,
        request_id=request_id_in(response),
        retry_after=_retry_after(_mapping(about.get("HTTPHeaders"))),
    )


def request_id_in(response: Mapping[str, object]) -> str:
    """AWS's identifier of the request, empty where there is none that looks like one."""
    found = text_in(_mapping(response.get("ResponseMetadata")), "RequestId")
    return found if _REQUEST_ID.fullmatch(found) else ""


def of_exception(failure: Exception, asked: Asked, *, timeout: float) -> SecretsError | None:
    """The error that an exception of botocore means; None for one of ours and for what is no fault of the request.

    Args:
        failure: what was raised.
        asked: what was asked.
        timeout: seconds that were allowed.
    """
    from botocore import exceptions as sdk
    from botocore.parsers import ResponseParserError

    broken = (sdk.HTTPClientError, sdk.ConnectionError, ResponseParserError, sdk.IncompleteReadError, OSError)
    if isinstance(failure, sdk.ClientError):
        return of_refusal(refusal_in(cast("Mapping[str, object]", failure.response)), asked)
    if isinstance(failure, broken):
        return _of_connection(failure, asked, timeout)
    return _of_sdk(failure, asked) if isinstance(failure, sdk.BotoCoreError) else None


def _of_sdk(failure: Exception, asked: Asked) -> SecretsError:
    """The error for what the SDK finds wrong before it sends anything."""
    from botocore import exceptions as sdk

    kind = type(failure).__name__
    if isinstance(failure, (sdk.NoCredentialsError, sdk.PartialCredentialsError)):
        return AuthenticationError(NO_CREDENTIALS, path=asked.path)
    if isinstance(failure, (sdk.CredentialRetrievalError, sdk.MetadataRetrievalError)):
        return AuthenticationError(f"the SDK's default chain cannot get credentials ({kind})", path=asked.path)
    if isinstance(failure, sdk.ParamValidationError):
        return InvalidRequestError(f"the SDK calls the parameters of {asked.operation} wrong", path=asked.path)
    return ConfigurationError(f"the AWS SDK cannot be used as it is set up ({kind})")


NO_CREDENTIALS: Final = (
    "there are no AWS credentials: the store has neither auth.jwt nor auth.secretRef, and the SDK's default chain "
    "gives none: no access key in the environment, no web identity (AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE), no pod "
    "identity (AWS_CONTAINER_CREDENTIALS_FULL_URI), no shared files, no instance metadata"
)
"""What is said where nothing gives an identity."""


def _of_connection(failure: Exception, asked: Asked, timeout: float) -> StoreUnavailableError:
    from botocore import exceptions as sdk
    from botocore.parsers import ResponseParserError

    if isinstance(failure, sdk.SSLError):
        why = next(
            (cause.verify_message for cause in _causes(failure) if isinstance(cause, ssl.SSLCertVerificationError)), ""
        )
        error = StoreUnavailableError(
            f"the certificate is not trusted{f' ({why})' if why else ', or TLS failed'}; certificates to trust come "
            f"from {asked.trust}",
            path=asked.path,
        )
        error.retryable = False
        return error
    # The special before the general: they inherit from each other.
    reasons: tuple[tuple[type[Exception], str], ...] = (
        (sdk.ConnectTimeoutError, f"no connection within {timeout:g} s"),
        (sdk.ReadTimeoutError, f"no answer within {timeout:g} s"),
        (ResponseParserError, "the answer cannot be read: is the address that of an AWS service?"),
        (sdk.EndpointConnectionError, "the service cannot be reached"),
    )
    text = next((text for kind, text in reasons if isinstance(failure, kind)), "the connection broke")
    return StoreUnavailableError(f"{asked.service}: {text}", path=asked.path)


def _causes(failure: BaseException) -> Iterator[BaseException]:
    """`failure` and all it was made of: these libraries nest in arguments as well as in causes."""
    seen: set[int] = set()
    waiting: list[object] = [failure]
    while waiting:
        item = waiting.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        known = cast("Mapping[str, object]", getattr(item, "kwargs", {}))
        waiting += [*item.args, *known.values(), item.__cause__, item.__context__, getattr(item, "reason", None)]


def _retry_after(headers: Mapping[str, object]) -> float | None:
    milliseconds, seconds = text_in(headers, "x-amz-retry-after"), text_in(headers, "retry-after")
    if milliseconds.isascii() and milliseconds.isdigit():
        return int(milliseconds) / _MILLISECONDS
    return float(seconds) if seconds.isascii() and seconds.isdigit() else None


def text_in(answer: Mapping[str, object], name: str) -> str:
    """A text of an answer, empty where it has none of that name."""
    found = answer.get(name)
    return found if isinstance(found, str) else ""


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}
