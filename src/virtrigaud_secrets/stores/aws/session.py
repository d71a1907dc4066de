"""Who we are at AWS: credentials as the spec wants them, and the SDK's clients that sign with them (ESO §3.3).

Requests for secrets are the matter of `secrets_manager` and `parameter_store`. Nothing is read before the first one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

from virtrigaud_secrets.errors import (
    AuthenticationError,
    ConfigurationError,
    StoreError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores import container_credentials, selectors
from virtrigaud_secrets.stores.aws.bounded import bounded_session
from virtrigaud_secrets.stores.aws.errors import NO_CREDENTIALS, Asked, of_role
from virtrigaud_secrets.stores.aws.transport import Connection, Credentials, SdkClient, patient, send
from virtrigaud_secrets.stores.base import StoreContext, at_store

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.aws import AWSAuthSecretRef, AWSProvider
    from virtrigaud_secrets.models.references import ServiceAccountSelector

SESSION_NAME: Final = "virtrigaud-secrets"
"""Name of the sessions of assumed roles, as CloudTrail shows it."""
AUDIENCE: Final = "sts.amazonaws.com"
"""Whom a web identity token is for."""
ROLE_ANNOTATION: Final = "eks.amazonaws.com/role-arn"
"""Annotation of a service account: the role that it stands for."""
AUDIENCE_ANNOTATION: Final = "eks.amazonaws.com/audience"
"""Annotation of a service account: whom its tokens are for, instead of STS's usual name."""

Renewal = Callable[[], Mapping[str, object]]
"""Fetches temporary credentials, in the form in which the SDK keeps them."""


class _Session(Protocol):
    """The parts of `botocore.session.Session` that are used."""

    def get_component(self, name: str) -> object: ...

    def register_component(self, name: str, component: object) -> None: ...

    def get_credentials(self) -> Credentials | None: ...

    def get_partition_for_region(self, region_name: str) -> str: ...


class _Maker(Protocol):
    """The part of `boto3.Session` that is used."""

    def client(
        self, service_name: str, *, endpoint_url: str | None, verify: bool | str, config: object
    ) -> SdkClient: ...


class _Given:
    """Stands where the SDK keeps its chain of sources: gives these credentials, or none."""

    def __init__(self, credentials: Credentials | None) -> None:
        self._credentials = credentials

    def load_credentials(self) -> Credentials | None:
        return self._credentials


class Sessions:
    """Makes clients for one store's spec."""

    def __init__(self, spec: AWSProvider, context: StoreContext) -> None:
        """Nothing is read yet.

        Raises:
            ConfigurationError: the spec cannot be used.
        """
        self._spec = spec
        self._context = context
        self._settings = context.settings
        self._loader: object = None
        secret_ref = spec.auth.secret_ref
        if secret_ref and not (secret_ref.access_key_id_secret_ref and secret_ref.secret_access_key_secret_ref):
            raise ConfigurationError(
                f"{context.store}: auth.secretRef needs accessKeyIDSecretRef and secretAccessKeySecretRef"
            )

    @property
    def trust(self) -> str:
        """Which setting says whom to trust, for people."""
        if self._settings.ca_file is not None:
            return f"Settings.ca_file ({self._settings.ca_file})"
        return "the AWS SDK, as Settings.ca_file names none"

    def connect(self, service: str) -> Connection:
        """A client of `service` that signs with credentials read anew.

        Raises:
            AuthenticationError: there are none.
            ConfigurationError: what the spec refers to is not there.
        """
        session = self._session()
        credentials = self._identity(session)
        for role in self._spec.additional_roles:
            credentials = self._assumed(credentials, role, {})
        if self._spec.role:
            credentials = self._assumed(credentials, self._spec.role, self._role_options())
        return Connection(self._client(session, service, credentials), credentials)

    def _identity(self, session: _Session) -> Credentials:
        """The identity before any role is assumed, in ESO's order: jwt, secretRef, the default chain."""
        auth = self._spec.auth
        if auth.jwt is not None and auth.jwt.service_account_ref is not None:
            selector = auth.jwt.service_account_ref
            return _renewed(lambda: self._by_web_identity(selector), "web identity", self._context)
        if auth.secret_ref is not None:
            return _static(auth.secret_ref, self._context)
        found = _from_environment(session, ours=self._has_web_identity() or self._has_pod_identity())
        if found is None and self._has_web_identity():
            return _renewed(lambda: self._by_web_identity(None), "web identity", self._context)
        if found is None and self._has_pod_identity():
            return _renewed(
                lambda: container_credentials.fetched(patient(self._context)), "pod identity", self._context
            )
        if found is None:
            raise AuthenticationError(NO_CREDENTIALS, store=str(self._context.store))
        return found

    def _has_web_identity(self) -> bool:
        return bool(self._settings.aws_role_arn and self._settings.aws_web_identity_token_file)

    def _has_pod_identity(self) -> bool:
        return bool(self._settings.aws_container_credentials_uri)

    def _by_web_identity(self, selector: ServiceAccountSelector | None) -> Mapping[str, object]:
        """Credentials for the pod's own token where it has one: inside a pod we are the pod (ESO §5 row 3)."""
        path, wanted = self._settings.aws_web_identity_token_file, self._settings.service_account_tokens
        role = self._settings.aws_role_arn
        if selector is None or wanted == "projected" or (wanted == "auto" and path is not None):
            token = self._pod_token(path)
            role = role or self._annotations(selector).get(ROLE_ANNOTATION, "")
        else:
            annotations = self._annotations(selector)
            # The account's own role: that of the settings is the pod's.
            role = annotations.get(ROLE_ANNOTATION) or role
            token = self._context.references.service_account_token(
                selector.name,
                namespace=selectors.namespace_of(selector.namespace, self._context),
                audiences=(annotations.get(AUDIENCE_ANNOTATION) or AUDIENCE, *selector.audiences),
            )
        if not role:
            raise ConfigurationError(
                f"{self._context.store}: auth.jwt names a service account, and the role that it stands for is not "
                f"known: annotate the account with {ROLE_ANNOTATION}, or set AWS_ROLE_ARN (Settings.aws_role_arn), as "
                "EKS does in a pod with IRSA"
            )
        parameters = {"RoleArn": role, "RoleSessionName": SESSION_NAME, "WebIdentityToken": token}
        return self._sts("AssumeRoleWithWebIdentity", role, parameters, None)

    def _pod_token(self, path: Path | None) -> Sensitive:
        if path is None:
            return self._no_token("AWS_WEB_IDENTITY_TOKEN_FILE (Settings.aws_web_identity_token_file) is not set")
        return _file_token(path.read_bytes) or self._no_token(f"{path} is empty or cannot be read")

    def _annotations(self, selector: ServiceAccountSelector | None) -> Mapping[str, str]:
        if selector is None:
            return {}
        try:
            return selectors.annotations_of(selector, self._context)
        except StoreError:
            # Not every identity may read service accounts; the settings can say the same.
            if self._settings.aws_role_arn:
                return {}
            raise

    def _no_token(self, why: str) -> Sensitive:
        raise ConfigurationError(f"{self._context.store}: there is no web identity token: {why}")

    def _assumed(self, source: Credentials, role: str, options: Mapping[str, object]) -> Credentials:
        parameters = {"RoleArn": role, "RoleSessionName": SESSION_NAME, **options}
        return _renewed(lambda: self._sts("AssumeRole", role, parameters, source), "assumed role", self._context)

    def _role_options(self) -> dict[str, object]:
        spec = self._spec
        options: dict[str, object] = {}
        if spec.external_id:
            options["ExternalId"] = spec.external_id
        if tags := session_tags(spec, self._context):
            options["Tags"] = [{"Key": key, "Value": value} for key, value in tags]
        if spec.transitive_tag_keys:
            options["TransitiveTagKeys"] = list(spec.transitive_tag_keys)
        return options

    def _sts(
        self, operation: str, role: str, parameters: Mapping[str, object], source: Credentials | None
    ) -> Mapping[str, object]:
        """Temporary credentials, in the form in which the SDK keeps them."""
        asked = Asked(service="sts", operation=operation, path=role, trust=self.trust)
        connection = Connection(self._client(self._session(), "sts", source), source)
        try:
            answer = send(connection, asked, parameters, self._context)
        except StoreError as error:
            failure = error if error.path != role else of_role(error, role)
        else:
            failure = AuthenticationError("the answer holds no credentials", path=role)
            if (kept := _kept(answer)) is not None:
                return kept
        finally:
            connection.client.close()
        raise at_store(failure, self._context.store)

    def _session(self) -> _Session:
        import botocore.session

        session = cast("_Session", botocore.session.Session())
        # The service descriptions are half a megabyte of JSON: read once, not for every client.
        if self._loader is None:
            self._loader = session.get_component("data_loader")
        session.register_component("data_loader", self._loader)
        return session

    def _client(self, session: _Session, service: str, credentials: Credentials | None) -> SdkClient:
        session.register_component("credential_provider", _Given(credentials))
        instead = self._settings.aws_endpoints.get(service)
        if instead:
            return self._made(session, service, instead)
        made = self._made(session, service, None)
        written = made.meta.endpoint_url
        instead = self._settings.address(written)
        if instead != written:
            made.close()
            return self._made(session, service, instead)
        self._check_region(session)
        return made

    def _made(self, session: _Session, service: str, address: str | None) -> SdkClient:
        import boto3
        from botocore.config import Config

        seconds = self._settings.request_timeout.total_seconds()
        config = Config(
            connect_timeout=seconds,
            read_timeout=seconds,
            # Retries are made in one place, `transport.send`.
            retries={"total_max_attempts": 1, "mode": "standard"},
            # Neither proxies nor endpoints come from the environment.
            proxies={},
            ignore_configured_endpoint_urls=True,
            use_fips_endpoint=None if address is None else False,
            use_dualstack_endpoint=None if address is None else False,
            user_agent_extra=SESSION_NAME,
        )
        maker = cast("_Maker", boto3.Session(botocore_session=session, region_name=self._spec.region))
        verify = True if self._settings.ca_file is None else str(self._settings.ca_file)
        made = maker.client(service, endpoint_url=address, verify=verify, config=config)
        # The SDK has no option for its session; what it made has opened nothing yet.
        made._endpoint.http_session = bounded_session(  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            verify=verify, seconds=seconds, clock=self._context.clock
        )
        if service != "sts":
            made.meta.events.register("before-parse", refuse_broken)
        return made

    def _check_region(self, session: _Session) -> None:
        from botocore.exceptions import UnknownRegionError

        try:
            session.get_partition_for_region(self._spec.region)
        except UnknownRegionError:
            raise ConfigurationError(f"{self._context.store}: {self._spec.region!r} is no region of AWS") from None


def refuse_broken(response_dict: Mapping[str, object], **_facts: object) -> None:
    """Refuse a successful answer that is no JSON object: the SDK would take half a body for an empty answer.

    Raises:
        ResponseParserError: it is none.
    """
    from botocore.parsers import ResponseParserError

    status, body = response_dict.get("status_code"), response_dict.get("body")
    if isinstance(status, int) and status < HTTPStatus.MULTIPLE_CHOICES and not _is_object(body):
        raise ResponseParserError


def _is_object(body: object) -> bool:
    try:
        return isinstance(body, bytes) and isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def session_tags(spec: AWSProvider, context: StoreContext) -> list[tuple[str, str]]:
    """The tags of the session that assumes `role`, as `sessionTagsPolicy` says."""
    if spec.session_tags_policy == "None":
        return [(tag.key, tag.value) for tag in spec.session_tags]
    tags = [
        ("esoNamespace", context.namespace),
        ("esoStoreName", context.store.name),
        ("esoStoreKind", context.store.kind),
    ]
    if spec.session_tags_policy == "Custom":
        tags += [(key, value) for key, value in sorted(spec.custom_session_tags.items()) if key and value]
    return tags


def _renewed(renewal: Renewal, method: str, context: StoreContext) -> Credentials:
    """Credentials that are fetched when they are first needed, and again ahead of their end."""
    from botocore.credentials import DeferredRefreshableCredentials

    return cast(
        "Credentials",
        DeferredRefreshableCredentials(refresh_using=renewal, method=method, time_fetcher=context.clock.now),
    )


def _static(spec: AWSAuthSecretRef, context: StoreContext) -> Credentials:
    from botocore.credentials import Credentials as StaticCredentials

    def read(field: str) -> str | None:
        selector = getattr(spec, field)
        if selector is None:
            return None
        alias = type(spec).model_fields[field].alias or field
        return selectors.secret(selector, context, field=f"auth.secretRef.{alias}").reveal_text().strip()

    return cast(
        "Credentials",
        StaticCredentials(
            access_key=read("access_key_id_secret_ref"),
            secret_key=read("secret_access_key_secret_ref"),
            token=read("session_token_secret_ref"),
        ),
    )


def _from_environment(session: _Session, *, ours: bool) -> Credentials | None:
    """What the SDK's default chain gives; only static keys of the environment where an identity of ours follows."""
    if not ours:
        return session.get_credentials()
    from botocore.credentials import EnvProvider

    return cast("Credentials | None", EnvProvider().load())


def _file_token(read: Callable[[], bytes]) -> Sensitive | None:
    try:
        return Sensitive(read().strip()) or None
    except OSError:
        return None


def _kept(answer: Mapping[str, object]) -> Mapping[str, object] | None:
    given = answer.get("Credentials")
    if not isinstance(given, Mapping):
        return None
    found = cast("Mapping[str, object]", given)
    ends = found.get("Expiration")
    return {
        "access_key": found.get("AccessKeyId"),
        "secret_key": found.get("SecretAccessKey"),
        "token": found.get("SessionToken"),
        "expiry_time": ends.isoformat() if isinstance(ends, datetime) else str(ends),
    }
