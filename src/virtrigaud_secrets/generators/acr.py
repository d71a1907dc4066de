"""`ACRAccessToken`: a login of Azure Container Registry, in exchange for a token of Azure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    StoreError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.generators.base import Generator, GeneratorFactory
from virtrigaud_secrets.models.backends.azurekv import AzureKVAuth, AzureKVProvider
from virtrigaud_secrets.models.generators.acr import ACRAccessTokenSpec
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.azure.clouds import CLOUDS, Cloud
from virtrigaud_secrets.stores.azure.errors import of_connection, retry_after
from virtrigaud_secrets.stores.azure.identity import Identity
from virtrigaud_secrets.stores.azure.transport import Transport
from virtrigaud_secrets.stores.base import Answer, StoreContext

if TYPE_CHECKING:
    import requests

USERNAME: Final = b"00000000-0000-0000-0000-000000000000"
"""The user name that a registry wants with a token."""

MANAGEMENT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "PublicCloud": "https://management.azure.com",
        "USGovernmentCloud": "https://management.usgovcloudapi.net",
        "ChinaCloud": "https://management.chinacloudapi.cn",
        "GermanCloud": "https://management.microsoftazure.de",
    }
)
"""`environmentType` → what a token is for that a registry exchanges: the cloud's own management."""

_HOST: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?")


class ACRTokenGenerator(Generator):
    """Exchanges a token of Azure for a registry's refresh token; where there is a scope, that for an access token."""

    def __init__(self, spec: ACRAccessTokenSpec, context: StoreContext) -> None:
        """Nothing is sent yet.

        Raises:
            ConfigurationError: the spec cannot be used.
        """
        super().__init__(context)
        management = MANAGEMENT.get(spec.environment_type)
        if management is None:
            raise ConfigurationError(f"{context.store}: environmentType {spec.environment_type} has no registries")
        if not _HOST.fullmatch(spec.registry):
            raise ConfigurationError(f"{context.store}: registry must be a host name such as example.azurecr.io")
        self._spec = spec
        self._transport = Transport(context)
        self._resource = management
        self._identity = Identity(
            _provider(spec, context),
            context,
            self._transport,
            cloud=Cloud(CLOUDS[spec.environment_type].authority, management),
        )

    def generate(self) -> Answer:
        """User name and token."""
        # A login of its own each time: what is made must not end with a token of an earlier one.
        self._identity.forget()
        azure = Sensitive(self._identity.get_token(f"{self._resource}/.default").token)
        token = self._exchanged("exchange", "refresh_token", {"grant_type": "access_token", "access_token": azure})
        if self._spec.scope:
            token = self._exchanged(
                "token",
                "access_token",
                {"grant_type": "refresh_token", "scope": self._spec.scope, "refresh_token": token},
            )
        values = {"username": USERNAME, "password": token.reveal()}
        return self.answer(values, path=self._spec.registry, expires_at=_end(token))

    def disconnect(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _exchanged(self, endpoint: str, wanted: str, form: Mapping[str, str | Sensitive]) -> Sensitive:
        fields: dict[str, str | Sensitive] = {"service": self._spec.registry, **form}
        if endpoint == "exchange":
            fields["tenant"] = self._spec.tenant_id or ""
        outcome = self._asked(f"https://{self._spec.registry}/oauth2/{endpoint}", fields, wanted)
        if isinstance(outcome, StoreError):
            raise outcome
        return outcome

    def _asked(self, url: str, form: Mapping[str, str | Sensitive], wanted: str) -> Sensitive | StoreError:
        limit = self.context.settings.request_timeout.total_seconds()
        try:
            response = self._transport.session().post(
                url,
                data={name: _plain(value) for name, value in form.items()},
                timeout=limit,
                allow_redirects=False,
            )
        except Exception as failure:  # noqa: BLE001  # the HTTP library's, whose texts may show the form
            return of_connection(failure, url, limit)
        if response.status_code != HTTPStatus.OK:
            return self._refusal(response, url)
        return _member(response.content, wanted) or StoreUnavailableError(
            f"the answer holds no {wanted}: is that the address of a registry?", path=url
        )

    def _refusal(self, response: requests.Response, url: str) -> StoreError:
        status = response.status_code
        wait = retry_after(response.headers.get("Retry-After"), self.context.clock.now)
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            reason = "the registry refuses the login: it needs a role such as AcrPull there"
            return AuthenticationError(reason, path=url, status=status)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return ThrottledError("the registry asks to slow down", path=url, status=status, retry_after=wait)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return StoreUnavailableError("the registry failed", path=url, status=status, retry_after=wait)
        return InvalidRequestError("the registry calls the request wrong", path=url, status=status)


def _plain(value: str | Sensitive) -> str:
    return value.reveal_text() if isinstance(value, Sensitive) else value


def _provider(spec: ACRAccessTokenSpec, context: StoreContext) -> AzureKVProvider:
    """The same login as a store's spec has it, the first of ESO's order that is set."""
    auth = spec.auth
    vault = "https://none.invalid"  # no vault is asked; the field has to say something
    if auth.service_principal is not None:
        references = auth.service_principal.secret_ref
        return AzureKVProvider(
            vault_url=vault,
            auth_type="ServicePrincipal",
            tenant_id=spec.tenant_id,
            auth_secret_ref=AzureKVAuth(client_id=references.client_id, client_secret=references.client_secret),
        )
    if auth.managed_identity is not None:
        return AzureKVProvider(
            vault_url=vault, auth_type="ManagedIdentity", identity_id=auth.managed_identity.identity_id
        )
    if auth.workload_identity is not None:
        return AzureKVProvider(
            vault_url=vault,
            auth_type="WorkloadIdentity",
            service_account_ref=auth.workload_identity.service_account_ref,
        )
    raise ConfigurationError(
        f"{context.store}: auth needs one of servicePrincipal, managedIdentity and workloadIdentity"
    )


def _member(body: bytes, name: str) -> Sensitive | None:
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    value = cast("dict[str, object]", found).get(name) if isinstance(found, dict) else None
    return Sensitive(value) if isinstance(value, str) and value else None


def _end(token: Sensitive) -> datetime | None:
    """When a token ends by its own account; None for one that does not say so."""
    try:
        claims = token.reveal().split(b".")[1]
        said = json.loads(base64.urlsafe_b64decode(claims + b"=" * (-len(claims) % 4)))["exp"]
        return datetime.fromtimestamp(said, UTC)
    except (ValueError, LookupError, TypeError, OverflowError, OSError, RecursionError):
        return None


FACTORY: Final = GeneratorFactory(
    ACRAccessTokenSpec,
    connect=ACRTokenGenerator,
    asked=lambda spec: ("exchange", spec.registry),
    needs=("azure.identity", "requests"),
    extra="azure",
)
"""The kind, as the registry finds it."""
