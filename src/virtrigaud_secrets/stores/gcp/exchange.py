"""Google's ways to an access token, by google-auth over our wire: service account keys, token exchange, impersonation.

Which of them a store uses is decided by `logins`. Keys stay in functions that return; what raises holds none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final, Protocol, cast
from urllib.parse import urlsplit

from virtrigaud_secrets.errors import AuthenticationError, ConfigurationError, SecretsError, UnsupportedFeatureError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.gcp.errors import Fault, Refusal, parsed
from virtrigaud_secrets.stores.gcp.identity import AccessToken
from virtrigaud_secrets.stores.gcp.wire import Wire

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
"""The one scope that Secret Manager knows."""
STS: Final = "https://sts.googleapis.com/v1/token"
"""Where another issuer's token is exchanged for Google's."""
IMPERSONATION: Final = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{email}:generateAccessToken"
"""Where one identity asks for a service account's token."""
JWT: Final = "urn:ietf:params:oauth:token-type:jwt"
"""What kind of token a Kubernetes service account's is."""
AWS_REQUEST: Final = "urn:ietf:params:aws:token-type:aws4_request"
"""What kind of token a signed question to AWS is."""
UNIVERSE: Final = "googleapis.com"
"""Google's public cloud."""

_EMAIL: Final = re.compile(r"[A-Za-z0-9._-]+@[A-Za-z0-9.-]+")
_REFUSED: Final[Mapping[str, str]] = {
    "oauth2.googleapis.com": "Google refuses the service account's key: deleted, disabled, or the clock is off",
    "sts.googleapis.com": "Google's token exchange refuses the token: issuer or audience is not that of the pool",
    "iamcredentials.googleapis.com": (
        "Google refuses to let the identity act for the service account: it needs roles/iam.workloadIdentityUser or "
        "roles/iam.serviceAccountTokenCreator there"
    ),
}
"""Server → what its refusal means."""


class GoogleCredentials(Protocol):
    """What is used of google-auth's credentials."""

    @property
    def token(self) -> str | None:
        """The access token."""
        ...

    @property
    def expiry(self) -> datetime | None:
        """Its end, UTC without saying so."""
        ...

    def refresh(self, request: Callable[..., object]) -> None:
        """Get a new one."""
        ...


class AwsKeys(Protocol):
    """Supplies AWS's keys to sign with, as google-auth asks for them."""

    def get_aws_security_credentials(self, context: object, request: object) -> object:
        """google-auth's `AwsSecurityCredentials`."""
        ...

    def get_aws_region(self, context: object, request: object) -> str:
        """The region whose STS is named."""
        ...


class SubjectTokens(Protocol):
    """Supplies tokens to be exchanged, as google-auth asks for them."""

    def get_subject_token(self, context: object, request: object) -> str:
        """A token."""
        ...


def exchanged(credentials: GoogleCredentials, wire: Wire) -> AccessToken | Fault:
    """A new access token by `credentials`. Sends each of its requests once.

    Raises:
        ConfigurationError: what the credentials need cannot be found.
    """
    request = _Request(wire)
    failure: SecretsError | None = None
    try:
        credentials.refresh(request)
    except _UndeliveredError as undelivered:
        return undelivered.fault
    except SecretsError as error:
        failure = error.with_traceback(None)
    except Exception:  # noqa: BLE001  # google-auth raises anything on an answer it does not understand
        return request.refused()
    if failure is not None:
        raise failure
    token, expiry = credentials.token, credentials.expiry
    if not token or expiry is None:
        return request.refused()
    return AccessToken(Sensitive(token), expiry.replace(tzinfo=UTC))


def service_account(key: Sensitive, place: str) -> GoogleCredentials:
    """Credentials of a service account by its JSON key.

    Raises:
        ConfigurationError: it is no such key.
    """
    made = _service_account(key)
    if made is None:
        raise ConfigurationError(f"{place} is not the JSON key of a Google service account")
    return made


def by_type(text: Sensitive, place: str) -> GoogleCredentials:
    """Credentials of a file that GOOGLE_APPLICATION_CREDENTIALS may name.

    Raises:
        ConfigurationError: it is none of Google's.
        UnsupportedFeatureError: it runs programs, asks AWS, or is of another kind.
    """
    kind = parsed(text.reveal()).get("type")
    if kind == "service_account":
        return service_account(text, place)
    if kind == "external_account":
        return external_account(text, place)
    if kind == "authorized_user":
        made = _authorized_user(text)
        if made is not None:
            return made
    if isinstance(kind, str) and kind.startswith(("external_account_", "impersonated_", "gdch_")):
        raise UnsupportedFeatureError(f"{place}: Google credentials of this type are not supported here")
    raise ConfigurationError(f"{place} holds no Google credentials")


def external_account(text: Sensitive, place: str, *, audience: str = "", url: str | None = None) -> GoogleCredentials:
    """Credentials by an `external_account` file, whose token comes from a file or a URL.

    Args:
        text: the file.
        place: what it is, for people.
        audience: goes before the file's.
        url: the one URL that tokens may come from; None allows the one that the file names.

    Raises:
        ConfigurationError: it is no such file, or names another URL.
        UnsupportedFeatureError: it runs a program, asks AWS or needs a client certificate.
    """
    config = dict(parsed(text.reveal())) | ({"audience": audience} if audience else {})
    source = config.get("credential_source")
    names = set(cast("dict[str, object]", source)) if isinstance(source, dict) else set[str]()
    if config.get("type") != "external_account" or not names or not isinstance(config.get("audience"), str):
        raise ConfigurationError(f"{place} is no external_account configuration with audience and credential_source")
    if names & {"executable", "environment_id", "certificate"} or not names & {"file", "url"}:
        raise UnsupportedFeatureError(f"{place}: of credential_source, only file and url are supported here")
    _check_servers(config, place)
    named = cast("dict[str, object]", source).get("url")
    if url is not None and named is not None and named != url:
        raise ConfigurationError(f"{place}: credential_source.url is not externalTokenEndpoint")
    made = _external_account(config)
    if made is None:
        raise ConfigurationError(f"{place} is no external_account configuration that can be used")
    return made


def federated(audience: str, tokens: SubjectTokens, *, email: str = "") -> GoogleCredentials:
    """Credentials in exchange for tokens of another issuer, then those of service account `email` where it is given.

    Raises:
        ConfigurationError: `email` is none.
    """
    from google.auth.identity_pool import Credentials

    made = Credentials(  # type: ignore[no-untyped-call]  # untyped there
        audience=audience,
        subject_token_type=JWT,
        token_url=STS,
        subject_token_supplier=tokens,
        service_account_impersonation_url=_impersonation(email),
        scopes=[SCOPE],
    )
    return cast("GoogleCredentials", made)


def federated_from_aws(audience: str, keys: AwsKeys, *, email: str = "") -> GoogleCredentials:
    """Credentials in exchange for a question to AWS that Google asks in our place, then those of `email` where given.

    Raises:
        ConfigurationError: `email` is none.
    """
    from google.auth.aws import Credentials

    made = Credentials(  # type: ignore[no-untyped-call]  # untyped there
        audience=audience,
        subject_token_type=AWS_REQUEST,
        token_url=STS,
        aws_security_credentials_supplier=keys,
        service_account_impersonation_url=_impersonation(email),
        scopes=[SCOPE],
    )
    return cast("GoogleCredentials", made)


def _impersonation(email: str) -> str | None:
    if email and not _EMAIL.fullmatch(email):
        raise ConfigurationError(f"{email!r} is no address of a Google service account")
    return IMPERSONATION.format(email=email) if email else None


def _check_servers(config: Mapping[str, object], place: str) -> None:
    """Refuse to send a token anywhere but to Google, as ESO does."""
    impersonated = config.get("service_account_impersonation_url")
    prefix, suffix = IMPERSONATION.split("{email}")
    elsewhere = impersonated is not None and not (
        isinstance(impersonated, str) and impersonated.startswith(prefix) and impersonated.endswith(suffix)
    )
    if config.get("token_url", STS) != STS or elsewhere:
        raise ConfigurationError(f"{place}: token_url and service_account_impersonation_url must be Google's own")
    if config.get("universe_domain", UNIVERSE) != UNIVERSE:
        raise UnsupportedFeatureError(f"{place}: only universe_domain {UNIVERSE} is supported here")


def _service_account(key: Sensitive) -> GoogleCredentials | None:
    from google.oauth2.service_account import Credentials

    info = parsed(key.reveal())
    if info.get("type") != "service_account" or info.get("universe_domain", UNIVERSE) != UNIVERSE:
        return None
    try:
        made = Credentials.from_service_account_info(dict(info), scopes=[SCOPE])  # type: ignore[no-untyped-call]  # untyped there
    except Exception:  # noqa: BLE001  # cryptography and google-auth have many kinds, all of which quote the key
        return None
    return cast("GoogleCredentials", made)


def _authorized_user(text: Sensitive) -> GoogleCredentials | None:
    from google.oauth2.credentials import Credentials

    try:
        made = Credentials.from_authorized_user_info(dict(parsed(text.reveal())), scopes=[SCOPE])  # type: ignore[no-untyped-call]  # untyped there
    except Exception:  # noqa: BLE001  # as above
        return None
    return cast("GoogleCredentials", made)


def _external_account(config: dict[str, object]) -> GoogleCredentials | None:
    from google.auth.identity_pool import Credentials

    defaults: dict[str, object] = {"token_url": STS, "subject_token_type": JWT}
    try:
        made = Credentials.from_info(defaults | config, scopes=[SCOPE])  # type: ignore[no-untyped-call]  # untyped there
    except Exception:  # noqa: BLE001  # as above
        return None
    return cast("GoogleCredentials", made)


class _UndeliveredError(Exception):
    """Carries a fault through google-auth, which would otherwise wait and repeat the request."""

    def __init__(self, fault: Fault) -> None:
        super().__init__()
        self.fault = fault


@dataclass(frozen=True, slots=True)
class _Response:
    """An answer as google-auth reads it."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class _Request:
    """Sends for google-auth, and remembers what was refused."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._url = ""
        self._refusal: Refusal | None = None

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: object = None,  # noqa: ARG002  # ours is the setting's
        **_options: object,
    ) -> _Response:
        self._url = url
        reply = self._wire.send(method, url, headers=headers, body=body)
        if isinstance(reply, Fault):
            raise _UndeliveredError(reply)
        if trouble := self._wire.trouble(reply, url):
            raise _UndeliveredError(trouble)
        if reply.status >= HTTPStatus.BAD_REQUEST:
            self._refusal = self._wire.refusal(reply)
        return _Response(reply.status, reply.headers, reply.body)

    def refused(self) -> Fault:
        """The fault that google-auth's complaint means."""
        host = urlsplit(self._url).hostname or ""
        refusal = self._refusal or Refusal(0)
        reason = _REFUSED.get(host) or f"{host or 'the source of the token'} gives no token that can be used"
        if refusal.code:
            reason += f" ({refusal.code})"
        return Fault(AuthenticationError(reason, path=self._url, status=refusal.status or None))
