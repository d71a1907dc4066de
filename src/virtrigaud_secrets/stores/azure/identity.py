"""Who a store is towards Azure: managed identity, service principal or workload identity (ESO §3.4).

azure-identity logs in; what it is given comes from the manifest and the settings, never from the environment. Tokens
are kept here, so that one login serves all clients of a store. No vault is asked anything here.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from virtrigaud_secrets.errors import AuthenticationError, ConfigurationError, SecretsError, StoreError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores import selectors
from virtrigaud_secrets.stores.azure import silence
from virtrigaud_secrets.stores.azure.clouds import METADATA_SERVICE, Cloud, cloud_of
from virtrigaud_secrets.stores.azure.errors import Refusal, of_login
from virtrigaud_secrets.stores.base import StoreContext, at_store
from virtrigaud_secrets.stores.cluster_access import read_token

if TYPE_CHECKING:
    import requests
    from azure.core.credentials import AccessToken
    from azure.identity import CertificateCredential, ClientAssertionCredential, ClientSecretCredential

    from virtrigaud_secrets.models.backends.azurekv import AzureKVProvider
    from virtrigaud_secrets.models.references import SecretKeySelector, ServiceAccountSelector
    from virtrigaud_secrets.stores.azure.transport import Transport

    Credential = CertificateCredential | ClientAssertionCredential | ClientSecretCredential

AUDIENCE: Final = "api://AzureADTokenExchange"
"""What a service account's token must be meant for."""
REFRESH_BEFORE: Final = 600.0
"""Seconds before its end at which a token is replaced: the SDK asks at every request during the last 300."""
USABLE_BEFORE: Final = 30.0
"""Seconds before its end at which a token is no longer sent: it might end on the way."""
METADATA_TIMEOUT: Final = 2.0
"""Seconds to wait for a connection to the metadata service. It is one hop away, or not there at all."""
CLIENT_ANNOTATION: Final = "azure.workload.identity/client-id"
"""Where a service account says which application of Azure it acts for."""
TENANT_ANNOTATION: Final = "azure.workload.identity/tenant-id"
"""Where it says which tenant that is in."""
_TENANT: Final = re.compile(r"[0-9A-Za-z.-]+")


@runtime_checkable
class _KnowsAccounts(Protocol):
    """References that can tell a service account's annotations."""

    def service_account_annotations(self, name: str, *, namespace: str) -> Mapping[str, str]:
        """The annotations, empty where nobody knows the account."""
        ...


@dataclass(frozen=True, slots=True)
class _Held:
    token: AccessToken = field(repr=False)
    scope: str
    refresh_at: float

    def serves(self, scope: str, now: float) -> bool:
        return self.scope == scope and now < self.token.expires_on - USABLE_BEFORE


class Identity:
    """The credential that the SDK's clients are given. One login at a time; safe to use from several threads."""

    def __init__(
        self, spec: AzureKVProvider, context: StoreContext, transport: Transport, *, cloud: Cloud | None = None
    ) -> None:
        """Nothing is read or sent yet.

        Args:
            spec: how to log in.
            context: the store's.
            transport: the way to the login servers.
            cloud: where to log in and what for; by default the spec's cloud, for a vault.

        Raises:
            ConfigurationError: the spec names no identity, or an address that is none.
        """
        self._spec = spec
        self._context = context
        self._transport = transport
        self._cloud = cloud_of(spec, context) if cloud is None else cloud
        _check(spec, context)
        self._lock = threading.Lock()
        self._held: _Held | None = None

    def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,  # noqa: ARG002  # as the manifest says, whatever the vault says (ESO)
        enable_cae: bool = False,
        **_options: object,
    ) -> AccessToken:
        """A token for the vault. This is what the SDK calls.

        Raises:
            StoreError: the login failed.
            ConfigurationError: what it needs cannot be found.
        """
        scope = self._checked(*scopes)
        now = self._context.clock.now().timestamp()
        held = self._held if claims is None else None
        if held is not None and held.serves(scope, now):
            # While one thread renews a token, the others go on with it. Without one, nobody can do anything but wait.
            if now < held.refresh_at or not self._lock.acquire(blocking=False):
                return held.token
        else:
            held = None
            self._lock.acquire()
        try:
            return self._renewed(scope, claims, held, enable_cae=enable_cae)
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Log in anew for the next token: the vault refuses this one."""
        self._held = None

    def see(self, response: requests.Response) -> None:
        """Look at a vault's answer: a token that it refuses is not handed out again, so that the SDK gets another."""
        held = self._held
        if held is None or response.status_code != HTTPStatus.UNAUTHORIZED:
            return
        if response.request.headers.get("Authorization") == f"Bearer {held.token.token}":
            self.forget()

    def _renewed(self, scope: str, claims: str | None, old: _Held | None, *, enable_cae: bool) -> AccessToken:
        now = self._context.clock.now().timestamp()
        current = self._held
        if claims is None and current is not None and current is not old and current.serves(scope, now):
            return current.token
        outcome = self._log_in(scope, claims, enable_cae=enable_cae)
        if not isinstance(outcome, StoreError):
            life = max(outcome.expires_on - now, 0.0)
            self._held = _Held(outcome, scope, outcome.expires_on - min(REFRESH_BEFORE, life / 2))
            return outcome
        if old is not None:
            return old.token
        raise outcome

    def _log_in(self, scope: str, claims: str | None, *, enable_cae: bool) -> AccessToken | StoreError:
        refusals: list[Refusal] = []
        clock, limit = self._context.clock, self._context.settings.request_timeout.total_seconds()

        def watch(response: requests.Response) -> None:
            refusal = Refusal.of(response, clock.now)
            if refusal is not None:
                refusals.append(refusal)

        session = self._transport.session(watch)
        try:
            token = self._acquire(scope, claims, session, enable_cae=enable_cae)
        except SecretsError:
            raise
        except Exception as failure:  # noqa: BLE001  # the SDK's, MSAL's or the HTTP library's
            error = of_login(refusals[-1] if refusals else None, failure, method=self._spec.auth_type, timeout=limit)
        else:
            if token is not None:
                return token
            error = of_login(refusals[-1] if refusals else None, None, method=self._spec.auth_type, timeout=limit)
        return at_store(error, self._context.store)

    def _acquire(
        self, scope: str, claims: str | None, session: requests.Session, *, enable_cae: bool
    ) -> AccessToken | None:
        if self._spec.auth_type == "ManagedIdentity":
            return _managed_identity_token(session, scope, self._spec.identity_id, self._context)
        from azure.core.pipeline.transport import RequestsTransport

        transport = RequestsTransport(session=session, session_owner=False, use_env_settings=False)
        # A new one for each login: secrets rotate, and MSAL would remember a login server's refusals.
        credential = _credential(self._spec, self._context, self._cloud, transport)
        silence.cover()
        return credential.get_token(scope, claims=claims, enable_cae=enable_cae)

    def _checked(self, *scopes: str) -> str:
        scope = scopes[0]
        wanted = f"{self._cloud.resource}/.default"
        if self._cloud.resource and scope != wanted:
            raise AuthenticationError(
                f"the vault wants a token for {scope.removesuffix('/.default')}, and the store's environmentType has "
                f"vaults of {self._cloud.resource}",
                store=str(self._context.store),
            )
        return scope


def _check(spec: AzureKVProvider, context: StoreContext) -> None:
    """Refuse what cannot log in, before anything is sent."""
    if spec.auth_type != "ServicePrincipal":
        return
    auth = spec.auth_secret_ref
    if not spec.tenant_id:
        raise ConfigurationError(f"{context.store}: authType ServicePrincipal needs tenantId")
    if auth is None or auth.client_id is None:
        raise ConfigurationError(f"{context.store}: authType ServicePrincipal needs authSecretRef.clientId")
    if (auth.client_secret is None) == (auth.client_certificate is None):
        raise ConfigurationError(
            f"{context.store}: authSecretRef needs exactly one of clientSecret and clientCertificate"
        )


def _credential(spec: AzureKVProvider, context: StoreContext, cloud: Cloud, transport: object) -> Credential:
    if spec.auth_type == "WorkloadIdentity":
        from azure.identity import ClientAssertionCredential

        client, tenant = _workload(spec, context)
        return ClientAssertionCredential(
            tenant,
            client,
            lambda: _assertion(spec, context).reveal_text(),
            authority=cloud.authority,
            transport=transport,
            **_PLAIN,
        )
    auth = spec.auth_secret_ref
    if auth is None:
        raise ConfigurationError(f"{context.store}: authSecretRef is missing")
    client = _text(auth.client_id, context, "authSecretRef.clientId")
    tenant = _tenant(spec.tenant_id or "", context)
    credential = _with_certificate if auth.client_certificate is not None else _with_secret
    made = credential(tenant, client, spec, context, cloud, transport)
    if made is None:
        raise ConfigurationError(
            f"{context.store}: what authSecretRef.clientCertificate names is no PEM certificate with its RSA key"
        )
    # Not from the environment: MSAL would go to a regional login server.
    vars(made)["_regional_authority"] = None
    return made


def _with_secret(
    tenant: str,
    client: str,
    spec: AzureKVProvider,
    context: StoreContext,
    cloud: Cloud,
    transport: object,
) -> ClientSecretCredential | None:
    from azure.identity import ClientSecretCredential

    selector = None if spec.auth_secret_ref is None else spec.auth_secret_ref.client_secret
    return ClientSecretCredential(
        tenant,
        client,
        _text(selector, context, "authSecretRef.clientSecret"),
        authority=cloud.authority,
        disable_instance_discovery=True,
        transport=transport,
        **_PLAIN,
    )


def _with_certificate(
    tenant: str,
    client: str,
    spec: AzureKVProvider,
    context: StoreContext,
    cloud: Cloud,
    transport: object,
) -> CertificateCredential | None:
    from azure.identity import CertificateCredential

    selector = None if spec.auth_secret_ref is None else spec.auth_secret_ref.client_certificate
    certificate = _value(selector, context, "authSecretRef.clientCertificate")
    try:
        return CertificateCredential(
            tenant,
            client,
            certificate_data=certificate.reveal(),
            authority=cloud.authority,
            disable_instance_discovery=True,
            transport=transport,
            **_PLAIN,
        )
    except (ValueError, TypeError):
        return None


_PLAIN: Final[Mapping[str, Any]] = {"retry_total": 0, "user_agent_use_env": False}
"""What every credential is told: to leave retries to us, and the environment alone."""


def _workload(spec: AzureKVProvider, context: StoreContext) -> tuple[str, str]:
    """Client id and tenant of a workload identity: the manifest's, the account's, the pod's."""
    settings, account = context.settings, spec.service_account_ref
    client, tenant = ("", "") if account is None else _written(spec, context)
    if account is not None and not (client and tenant) and _pods_token_file(spec, context) is None:
        annotations = _annotations(account, context)
        for written, annotation in ((client, CLIENT_ANNOTATION), (tenant, TENANT_ANNOTATION)):
            if written and annotations.get(annotation):
                raise ConfigurationError(
                    f"{context.store}: service account {account.name} has the annotation {annotation}, and the store "
                    "says the same of its own: leave one of them out"
                )
        client = client or annotations.get(CLIENT_ANNOTATION, "")
        tenant = tenant or annotations.get(TENANT_ANNOTATION, "")
    client, tenant = client or settings.azure_client_id, tenant or settings.azure_tenant_id
    if not client:
        raise ConfigurationError(
            f"{context.store}: authType WorkloadIdentity finds no client id: set authSecretRef.clientId next to "
            f"serviceAccountRef, or the annotation {CLIENT_ANNOTATION} of that account, or AZURE_CLIENT_ID as Azure's "
            "webhook does"
        )
    if not tenant:
        raise ConfigurationError(
            f"{context.store}: authType WorkloadIdentity finds no tenant: set tenantId, or AZURE_TENANT_ID as Azure's "
            "webhook does"
        )
    return client, _tenant(tenant, context)


def _written(spec: AzureKVProvider, context: StoreContext) -> tuple[str, str]:
    """Client id and tenant as the manifest writes them, empty where it does not."""
    auth = spec.auth_secret_ref
    client = "" if auth is None else _text(auth.client_id, context, "authSecretRef.clientId")
    if auth is not None and auth.tenant_id is not None:
        return client, _text(auth.tenant_id, context, "authSecretRef.tenantId")
    return client, spec.tenant_id or ""


def _annotations(account: ServiceAccountSelector, context: StoreContext) -> Mapping[str, str]:
    references = context.references
    if not isinstance(references, _KnowsAccounts):
        return {}
    namespace = selectors.namespace_of(account.namespace, context)
    return references.service_account_annotations(account.name, namespace=namespace)


def _pods_token_file(spec: AzureKVProvider, context: StoreContext) -> Path | None:
    """The pod's own token for Azure, where that is what logs in."""
    # Inside a pod we are the pod, and this file has the audience that the pod's ordinary token lacks.
    asks_cluster = spec.service_account_ref is not None and context.settings.service_account_tokens == "token-request"
    return None if asks_cluster else context.settings.azure_federated_token_file


def _assertion(spec: AzureKVProvider, context: StoreContext) -> Sensitive:
    """The service account's token that Azure trusts. Read anew at each login: it rotates."""
    account, file = spec.service_account_ref, _pods_token_file(spec, context)
    if file is not None:
        return read_token(file)
    if account is None:
        raise ConfigurationError(
            f"{context.store}: authType WorkloadIdentity without serviceAccountRef needs AZURE_FEDERATED_TOKEN_FILE, "
            "which Azure's webhook sets in pods labelled azure.workload.identity/use"
        )
    return context.references.service_account_token(
        account.name,
        namespace=selectors.namespace_of(account.namespace, context),
        audiences=(AUDIENCE, *account.audiences),
    )


def _managed_identity_token(
    session: requests.Session, scope: str, client_id: str | None, context: StoreContext
) -> AccessToken | None:
    from azure.core.credentials import AccessToken

    parameters = {"api-version": "2018-02-01", "resource": scope.removesuffix("/.default")}
    if client_id:
        # The name of an Azure resource has slashes, an id has none.
        parameters["msi_res_id" if "/" in client_id else "client_id"] = client_id
    sent = context.clock.now().timestamp()
    response = session.get(
        f"{METADATA_SERVICE}/metadata/identity/oauth2/token",
        params=parameters,
        headers={"Metadata": "true"},
        timeout=METADATA_TIMEOUT,
        allow_redirects=False,
    )
    if response.status_code != HTTPStatus.OK:
        return None
    body = response.json()
    return AccessToken(str(body["access_token"]), int(sent) + int(body["expires_in"]))


def _tenant(written: str, context: StoreContext) -> str:
    if not _TENANT.fullmatch(written):
        raise ConfigurationError(f"{context.store}: a tenant is an id or a domain name")
    return written


def _text(selector: SecretKeySelector | None, context: StoreContext, field: str) -> str:
    return _value(selector, context, field).reveal_text()


def _value(selector: SecretKeySelector | None, context: StoreContext, field: str) -> Sensitive:
    """What a selector names, without blanks around it: ids and secrets have none, files end in a newline."""
    if selector is None:
        raise ConfigurationError(f"{context.store}: {field} is missing")
    return Sensitive(selectors.secret(selector, context, field=field).reveal().strip())
