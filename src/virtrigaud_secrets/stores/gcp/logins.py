"""Who asks: which way to an access token a spec means (ESO §3.5). The ways themselves are in `exchange`.

References are read at every login, as keys and tokens rotate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import AuthenticationError, ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores import selectors
from virtrigaud_secrets.stores.base import StoreContext
from virtrigaud_secrets.stores.gcp import exchange
from virtrigaud_secrets.stores.gcp.errors import Fault
from virtrigaud_secrets.stores.gcp.identity import AccessToken, Login
from virtrigaud_secrets.stores.gcp.metadata_server import MetadataServer
from virtrigaud_secrets.stores.gcp.names import METADATA_SERVER
from virtrigaud_secrets.stores.gcp.wire import Wire

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.gcpsm import (
        AwsCredentialsConfig,
        GCPSMProvider,
        GCPWorkloadIdentity,
        GCPWorkloadIdentityFederation,
    )
    from virtrigaud_secrets.models.references import ServiceAccountSelector

ANNOTATION: Final = "iam.gke.io/gcp-service-account"
"""Annotation of a Kubernetes service account: the Google service account that it may act for."""


class Logins:
    """The ways to log in to one store."""

    def __init__(self, spec: GCPSMProvider, context: StoreContext, wire: Wire, metadata: MetadataServer) -> None:
        self._spec = spec
        self._context = context
        self._wire = wire
        self._metadata = metadata

    def chosen(self) -> Login:
        """The one that the spec means: the first of ESO's order that is set.

        Raises:
            ConfigurationError: it says too little or too much.
        """
        auth = self._spec.auth
        if auth.secret_ref is not None:
            return self._secret_ref
        if auth.workload_identity is not None:
            return self._with(auth.workload_identity, self._workload_identity)
        if auth.workload_identity_federation is not None:
            return self._federation(auth.workload_identity_federation)
        return self._default

    @staticmethod
    def _with(part: GCPWorkloadIdentity, login: Callable[[GCPWorkloadIdentity], AccessToken | Fault]) -> Login:
        return lambda: login(part)

    def _secret_ref(self) -> AccessToken | Fault:
        part = self._spec.auth.secret_ref
        selector = part.secret_access_key_secret_ref if part is not None else None
        field = "auth.secretRef.secretAccessKeySecretRef"
        if selector is None:
            raise ConfigurationError(f"{self._context.store}: {field} is missing")
        key = selectors.secret(selector, self._context, field=field)
        place = f"{self._context.store}: what {field} names"
        return exchange.exchanged(exchange.service_account(key, place), self._wire)

    def _default(self) -> AccessToken | Fault:
        """As Google's libraries do: the file that GOOGLE_APPLICATION_CREDENTIALS names, else the machine's own."""
        file = self._context.settings.google_application_credentials
        if file is None:
            token = self._metadata.token()
            return self._explained(token) if isinstance(token, Fault) else token
        try:
            text = Sensitive(file.read_bytes())
        except OSError as error:
            why = error.strerror
        else:
            place = f"Settings.google_application_credentials ({file})"
            return exchange.exchanged(exchange.by_type(text, place), self._wire)
        raise ConfigurationError(f"Settings.google_application_credentials ({file}) cannot be read: {why}")

    def _workload_identity(self, part: GCPWorkloadIdentity) -> AccessToken | Fault:
        """The named account's, by TokenRequest; the process's own where it is a pod or there is no cluster to ask."""
        if self._is_pod():
            return self._default()
        pool = self._pool(part)
        if isinstance(pool, Fault):
            return pool
        audience, identity_pool = pool
        tokens = _ServiceAccountTokens(self._context, part.service_account_ref, identity_pool)
        try:
            tokens.check()
        except ConfigurationError as error:
            missing = str(error)
        else:
            email = self._email(part.service_account_ref)
            return exchange.exchanged(exchange.federated(audience, tokens, email=email), self._wire)
        own = self._default()
        if isinstance(own, Fault) and isinstance(own.error, AuthenticationError):
            own.error.reason += f"; and {missing}"
        return own

    def _is_pod(self) -> bool:
        """Whether this process is a pod that acts as itself; its metadata server then knows who that is."""
        settings = self._context.settings
        source = settings.service_account_tokens
        return source == "projected" or (source == "auto" and (settings.service_account_directory / "token").exists())

    def _pool(self, part: GCPWorkloadIdentity) -> tuple[str, str] | Fault:
        """The audience of the token exchange, and the identity pool that service account tokens are for."""
        project = part.cluster_project_id or self._metadata.project()
        if isinstance(project, Fault) and not self._context.settings.strict:
            # Off Google's cloud nobody knows the cluster's project; most often it is the secrets' own.
            project = self._spec.project_id or project
        location = part.cluster_location or self._metadata.attribute("cluster-location")
        name = part.cluster_name or self._metadata.attribute("cluster-name")
        for field, value in (("ProjectID", project), ("Location", location), ("Name", name)):
            if isinstance(value, Fault):
                value.error.reason = (
                    f"auth.workloadIdentity names no cluster{field}, and the metadata server {METADATA_SERVER} does "
                    f"not tell it: {value.error.reason}"
                )
                return value
        pool = f"{project}.svc.id.goog"
        cluster = f"https://container.googleapis.com/v1/projects/{project}/locations/{location}/clusters/{name}"
        return f"identitynamespace:{pool}:{cluster}", pool

    def _federation(self, part: GCPWorkloadIdentityFederation) -> Login:
        store, field = self._context.store, "auth.workloadIdentityFederation"
        given = (part.cred_config, part.service_account_ref, part.aws_security_credentials)
        if sum(one is not None for one in given) != 1:
            raise ConfigurationError(
                f"{store}: {field} must have exactly one of credConfig, serviceAccountRef and awsSecurityCredentials"
            )
        if part.cred_config is not None:
            return lambda: self._cred_config(part)
        if not part.audience:
            chosen = "serviceAccountRef" if part.service_account_ref is not None else "awsSecurityCredentials"
            raise ConfigurationError(f"{store}: {field}.{chosen} needs {field}.audience")
        if part.aws_security_credentials is not None:
            return lambda: self._from_aws(part)
        return lambda: self._federated(part)

    def _from_aws(self, part: GCPWorkloadIdentityFederation) -> AccessToken | Fault:
        given, audience = part.aws_security_credentials, part.audience
        if given is None or not audience:
            raise ConfigurationError(f"{self._context.store}: awsSecurityCredentials or audience is missing")
        email = part.gcp_service_account_email or ""
        credentials = exchange.federated_from_aws(audience, _AwsKeys(self._context, given), email=email)
        return exchange.exchanged(credentials, self._wire)

    def _cred_config(self, part: GCPWorkloadIdentityFederation) -> AccessToken | Fault:
        reference = part.cred_config
        if reference is None:
            raise ConfigurationError(f"{self._context.store}: credConfig is missing")
        namespace = selectors.namespace_of(reference.namespace, self._context)
        text = self._context.references.config_map_value(reference.name, reference.key, namespace=namespace)
        place = f"{self._context.store}: what auth.workloadIdentityFederation.credConfig names"
        credentials = exchange.external_account(
            Sensitive(text), place, audience=part.audience or "", url=part.external_token_endpoint or ""
        )
        return exchange.exchanged(credentials, self._wire)

    def _federated(self, part: GCPWorkloadIdentityFederation) -> AccessToken | Fault:
        selector, audience = part.service_account_ref, part.audience
        if selector is None or not audience:
            raise ConfigurationError(f"{self._context.store}: serviceAccountRef or audience is missing")
        tokens = _ServiceAccountTokens(self._context, selector, audience)
        email = part.gcp_service_account_email or self._email(selector)
        return exchange.exchanged(exchange.federated(audience, tokens, email=email), self._wire)

    def _email(self, selector: ServiceAccountSelector) -> str:
        """The Google account that a Kubernetes account says it acts for."""
        return selectors.annotations_of(selector, self._context).get(ANNOTATION, "")

    @staticmethod
    def _explained(fault: Fault) -> Fault:
        """The fault of a process that nobody vouches for; a metadata server in trouble keeps its own."""
        if fault.error.retryable and fault.error.status is not None:
            return fault
        reason = (
            "no Google identity: Settings.google_application_credentials (GOOGLE_APPLICATION_CREDENTIALS) is not set, "
            f"and the metadata server {METADATA_SERVER} gives none: {fault.error.reason}. In a pod on GKE, give the "
            "pod's service account workload identity; elsewhere, set the file"
        )
        return Fault(AuthenticationError(reason, path=fault.error.path, status=fault.error.status))


class _AwsKeys:
    """Supplies the AWS keys of a Secret for google-auth to sign with, under ESO's names (ESO §3.5)."""

    def __init__(self, context: StoreContext, given: AwsCredentialsConfig) -> None:
        self._context = context
        self._given = given

    def get_aws_region(self, context: object, request: object) -> str:  # noqa: ARG002  # google-auth's interface
        """The region."""
        return self._given.region

    def get_aws_security_credentials(self, context: object, request: object) -> object:  # noqa: ARG002  # as above
        """The keys, read anew."""
        from google.auth.aws import AwsSecurityCredentials

        token = self._value("aws_session_token", needed=False)
        return AwsSecurityCredentials(
            self._value("aws_access_key_id").reveal_text(),
            self._value("aws_secret_access_key").reveal_text(),
            token.reveal_text() or None,
        )

    def _value(self, key: str, *, needed: bool = True) -> Sensitive:
        reference = self._given.aws_credentials_secret_ref
        namespace = selectors.namespace_of(reference.namespace, self._context)
        try:
            found = self._context.references.secret_value(reference.name, key, namespace=namespace)
        except ConfigurationError:
            if needed:
                raise
            return Sensitive(b"")
        return Sensitive(found.reveal().strip())


class _ServiceAccountTokens:
    """Supplies a Kubernetes service account's tokens for google-auth to exchange."""

    def __init__(self, context: StoreContext, selector: ServiceAccountSelector, audience: str) -> None:
        self._references = context.references
        self._selector = selector
        self._namespace = selectors.namespace_of(selector.namespace, context)
        self._audiences = (audience, *selector.audiences)
        self._first: Sensitive | None = None

    def check(self) -> None:
        """Get the first token now.

        Raises:
            ConfigurationError: there is none to be had.
        """
        self._first = self._token()

    def get_subject_token(self, context: object, request: object) -> str:  # noqa: ARG002  # google-auth's interface
        """A token to exchange."""
        token, self._first = self._first or self._token(), None
        return token.reveal_text()

    def _token(self) -> Sensitive:
        return self._references.service_account_token(
            self._selector.name, namespace=self._namespace, audiences=self._audiences
        )
