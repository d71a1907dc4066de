"""Everything that is set outside the manifests, and the only place that reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.findings import Severity
from virtrigaud_secrets.sensitive import Sensitive

DEFAULT_STORE_NAMESPACES: Final = ("virtrigaud-system",)
"""Where a store is sought after the ExternalSecret's own namespace: the guide keeps its stores there."""

SERVICE_ACCOUNT_DIRECTORY: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet mounts a pod's own identity."""

DEFAULT_KUBERNETES_API: Final = "https://kubernetes.default.svc"
"""The name that every cluster gives its own API."""

_FILES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "ca_file": ("VIRTRIGAUD_SECRETS_CA_FILE", "VAULT_CACERT", "BAO_CACERT"),
        "aws_container_authorization_token_file": ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",),
        "azure_federated_token_file": ("AZURE_FEDERATED_TOKEN_FILE",),
        "google_application_credentials": ("GOOGLE_APPLICATION_CREDENTIALS",),
        "service_account_directory": ("VIRTRIGAUD_SECRETS_SERVICE_ACCOUNT_DIRECTORY",),
        "ssh_agent_socket": ("SSH_AUTH_SOCK",),
        "vault_token_file": ("VAULT_TOKEN_FILE", "BAO_TOKEN_FILE"),
    }
)
"""Setting that is a path → the variables that name it, the first that is set counts."""

_AWS_SERVICES: Final = ("secretsmanager", "ssm", "acm", "sts")
"""Services whose address a variable may replace."""

ParameterValue = str | int | bool | list[str]
"""A parameter of an issuing endpoint."""


def _no_mapping() -> Mapping[str, str]:
    return MappingProxyType({})


def _no_parameters() -> Mapping[str, Mapping[str, ParameterValue]]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a process decides about resolving, as opposed to what a manifest says. Immutable.

    `Settings()` reads nothing from outside; `Settings.from_environment()` does.
    """

    strict: bool = False
    """Behave as ESO does, refuse what it refuses: no store of another namespace, no repair of the guide's manifests."""
    store_namespaces: tuple[str, ...] = DEFAULT_STORE_NAMESPACES
    """Namespaces in which a SecretStore is sought when the ExternalSecret's own has none. Unused in strict mode."""
    controller_class: str = "default"
    """Stores whose `spec.controller` names another class are not ours: ESO's flag of that name."""
    endpoints: Mapping[str, str] = field(default_factory=_no_mapping)
    """Server address as a manifest writes it → address to talk to instead (a port-forward, a local server)."""
    ca_file: Path | None = None
    """PEM file of certificate authorities to trust for stores whose manifest names none."""
    parameters: Mapping[str, Mapping[str, ParameterValue]] = field(default_factory=_no_parameters)
    """Store path → request parameters for endpoints that issue something, such as
    `{"pki/issue/virtrigaud": {"common_name": "provider.virtrigaud.local", "ttl": "24h"}}`.
    The annotation `secrets.virtrigaud.io/parameters` of an ExternalSecret goes before."""
    template_delimiters: tuple[str, str] = ("{{", "}}")
    """Left and right delimiter of templates, as ESO's controller flags set them."""
    request_timeout: timedelta = timedelta(seconds=30)
    """The longest one request to a store may take."""
    concurrency: int = 4
    """How many requests one resolve sends at the same time."""
    certificate_margin: timedelta = timedelta(hours=24)
    """A certificate that ends within this time is reported."""
    certificate_margin_severity: Severity = Severity.WARNING
    """How badly: the guide's own validation refuses such a certificate (ERROR)."""
    validation: Literal["refuse", "report", "off"] = "refuse"
    """What faults of a finished bundle do: `refuse` makes them an error where the Secret's type promises something,
    as `kubernetes.io/tls` does; `report` only lists them in `Bundle.findings`; `off` checks nothing."""
    service_account_tokens: Literal["auto", "projected", "token-request"] = "auto"
    """Where a service account's token comes from: the pod's projected file, the cluster's TokenRequest API, or the
    file if there is one and else the API."""
    service_account_directory: Path = SERVICE_ACCOUNT_DIRECTORY
    """Directory with the pod's `token`, `namespace` and `ca.crt`."""
    kubeconfig: Path | None = None
    """kubeconfig file for the cluster's API; None for in-cluster."""
    kubernetes_api: str = DEFAULT_KUBERNETES_API
    """Address of the cluster's API for a pod; used with the service account directory, not with a kubeconfig."""
    vault_token: Sensitive | None = None
    """Token for Vault stores without `auth`, as VAULT_TOKEN or BAO_TOKEN holds it."""
    vault_token_file: Path | None = None
    """File with such a token; read anew at every login."""
    vault_kv_only: frozenset[str] = frozenset()
    """Stores (`namespace/name`, a ClusterSecretStore by `name`) whose keys always mean the KV engine at the store's
    path, as ESO reads them: no mount lookup, no dynamic engines."""
    vault_leases_on_limited_tokens: bool = False
    """Read dynamic credentials with login tokens of a limited number of uses. The last use ends them all."""
    max_stale: timedelta = timedelta(minutes=15)
    """How long past its refresh interval a value without a lease is given out while its store cannot be asked; zero for
    never. What hangs on a lease is never given out past the lease's end."""
    pin_limit: timedelta = timedelta(hours=1)
    """How long a credential that was rotated is kept alive for somebody who holds on to it (`Subscription.use`)."""
    max_secrets: int = 10_000
    """How many ExternalSecrets are kept in memory. The one that was not asked for longest goes first."""
    aws_role_arn: str = ""
    """ARN of the role that the pod's web identity stands for, as AWS_ROLE_ARN holds it (IRSA)."""
    aws_web_identity_token_file: Path | None = None
    """File with the pod's web identity token; read anew at every login, as it rotates."""
    aws_endpoints: Mapping[str, str] = field(default_factory=_no_mapping)
    """`secretsmanager`, `ssm`, `acm` or `sts` → address to talk to instead of that service's own, in every region."""
    aws_container_credentials_uri: str = ""
    """Where the pod's credentials are handed out (EKS Pod Identity), as AWS_CONTAINER_CREDENTIALS_FULL_URI holds it."""
    aws_container_authorization_token_file: Path | None = None
    """File with the token to ask there with; read anew each time, as it rotates."""
    azure_client_id: str = ""
    """Client id of the pod's workload identity at Azure, as AZURE_CLIENT_ID holds it."""
    azure_tenant_id: str = ""
    """Tenant of that identity, as AZURE_TENANT_ID holds it."""
    azure_federated_token_file: Path | None = None
    """File with the service account token that Azure trusts; read anew at every login, as it rotates."""
    google_application_credentials: Path | None = None
    """File with Google credentials for `gcpsm` stores without `auth`; read anew at every login."""
    ssh_agent_socket: Path | None = None
    """Socket of the ssh-agent that keys are handed to."""
    allow_loose_files: bool = False
    """Read secret files that others on the machine may read too."""

    def __post_init__(self) -> None:
        """Refuse what cannot work.

        Raises:
            ConfigurationError: a setting is out of its range.
        """
        if self.request_timeout <= timedelta(0):
            raise ConfigurationError("request_timeout must be longer than zero")
        if self.max_stale < timedelta(0) or self.pin_limit < timedelta(0):
            raise ConfigurationError("max_stale and pin_limit cannot be negative")
        if self.max_secrets < 1:
            raise ConfigurationError("max_secrets must be at least 1")
        if self.concurrency < 1:
            raise ConfigurationError("concurrency must be at least 1")
        if not isinstance(self.vault_token, Sensitive | None):  # pyright: ignore[reportUnnecessaryIsInstance]  # untyped overrides
            raise ConfigurationError("vault_token must be a Sensitive: any other type would show in the repr")

    def address(self, server: str) -> str:
        """The address to talk to for `server` as a manifest writes it."""
        wanted = server.rstrip("/")
        for written, instead in self.endpoints.items():
            if written.rstrip("/") == wanted:
                return instead.rstrip("/")
        return wanted

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, /, **overrides: object) -> Settings:
        """Settings from the process environment.

        | variable | setting |
        |---|---|
        | `VIRTRIGAUD_SECRETS_STRICT` | `strict` (`true` or `false`) |
        | `VIRTRIGAUD_SECRETS_STORE_NAMESPACES` | `store_namespaces`, separated by commas |
        | `VIRTRIGAUD_SECRETS_ENDPOINTS` | `endpoints`: `written=instead`, separated by commas |
        | `VIRTRIGAUD_SECRETS_CA_FILE`, else `VAULT_CACERT`, `BAO_CACERT` | `ca_file` |
        | `VAULT_TOKEN`, else `BAO_TOKEN` | `vault_token` |
        | `VAULT_TOKEN_FILE`, else `BAO_TOKEN_FILE` | `vault_token_file` |
        | `GOOGLE_APPLICATION_CREDENTIALS` | `google_application_credentials` |
        | `KUBECONFIG` | `kubeconfig`, its first file |
        | `VIRTRIGAUD_SECRETS_SERVICE_ACCOUNT_DIRECTORY` | `service_account_directory` |
        | `KUBERNETES_SERVICE_HOST` with `KUBERNETES_SERVICE_PORT` | `kubernetes_api`; the kubelet sets them |
        | `SSH_AUTH_SOCK` | `ssh_agent_socket` |
        | `AWS_ROLE_ARN` | `aws_role_arn` |
        | `AWS_WEB_IDENTITY_TOKEN_FILE` | `aws_web_identity_token_file` |
        | `AWS_SECRETSMANAGER_ENDPOINT`, `AWS_SSM_ENDPOINT`, `AWS_ACM_ENDPOINT`, `AWS_STS_ENDPOINT` | `aws_endpoints` |
        | `AWS_CONTAINER_CREDENTIALS_FULL_URI` | `aws_container_credentials_uri`; EKS Pod Identity sets it |
        | `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` | `aws_container_authorization_token_file`; likewise |
        | `AZURE_CLIENT_ID`, `AZURE_TENANT_ID` | `azure_client_id`, `azure_tenant_id` |
        | `AZURE_FEDERATED_TOKEN_FILE` | `azure_federated_token_file` |

        Args:
            environment: read this instead of the process's own.
            overrides: settings by name that go before the environment's.

        Raises:
            ConfigurationError: a variable does not have the form above. Its value is not shown.
        """
        source = _Environment(os.environ if environment is None else environment)
        found: dict[str, object] = {}
        if strict := source.get("VIRTRIGAUD_SECRETS_STRICT"):
            found["strict"] = _boolean("VIRTRIGAUD_SECRETS_STRICT", strict)
        if namespaces := source.get("VIRTRIGAUD_SECRETS_STORE_NAMESPACES"):
            found["store_namespaces"] = tuple(part.strip() for part in namespaces.split(",") if part.strip())
        if endpoints := source.get("VIRTRIGAUD_SECRETS_ENDPOINTS"):
            found["endpoints"] = _pairs("VIRTRIGAUD_SECRETS_ENDPOINTS", endpoints)
        for setting, variables in _FILES.items():
            if file := _first(source, *variables):
                found[setting] = Path(file)
        if token := Sensitive((_first(source, "VAULT_TOKEN", "BAO_TOKEN") or "").strip()):
            found["vault_token"] = token
        if kubeconfig := source.get("KUBECONFIG"):
            found["kubeconfig"] = Path(kubeconfig.split(os.pathsep)[0])
        if host := source.get("KUBERNETES_SERVICE_HOST"):
            bracketed = f"[{host}]" if ":" in host else host
            found["kubernetes_api"] = f"https://{bracketed}:{source.get('KUBERNETES_SERVICE_PORT') or '443'}"
        found |= _aws(source) | _azure(source)
        return cls(**(found | overrides))  # type: ignore[arg-type]  # names and types are those of the fields


def inherited_environment() -> Mapping[str, str]:
    """This process's variables, for a child that is to have them too. Full of secrets: never make text of it."""
    return os.environ


class _Environment:
    """Hides what it holds: a traceback may show local variables, and an environment is full of secrets."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def get(self, name: str) -> str | None:
        return self._variables.get(name)


def _azure(source: _Environment) -> dict[str, object]:
    texts = {name: (source.get(name.upper()) or "").strip() for name in ("azure_client_id", "azure_tenant_id")}
    return {name: text for name, text in texts.items() if text}


def _aws(source: _Environment) -> dict[str, object]:
    found: dict[str, object] = {}
    if role := source.get("AWS_ROLE_ARN"):
        found["aws_role_arn"] = role.strip()
    if token_file := source.get("AWS_WEB_IDENTITY_TOKEN_FILE"):
        found["aws_web_identity_token_file"] = Path(token_file)
    named = {service: source.get(f"AWS_{service.upper()}_ENDPOINT") for service in _AWS_SERVICES}
    if uri := (source.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") or "").strip():
        found["aws_container_credentials_uri"] = uri
    if endpoints := {service: address.strip() for service, address in named.items() if address}:
        found["aws_endpoints"] = MappingProxyType(endpoints)
    return found


def _first(source: _Environment, *names: str) -> str | None:
    return next(filter(None, map(source.get, names)), None)


def _boolean(name: str, text: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.strip().lower() not in words:
        raise ConfigurationError(f"{name} must be true or false")
    return words[text.strip().lower()]


def _pairs(name: str, text: str) -> Mapping[str, str]:
    pairs: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        written, separator, instead = part.partition("=")
        if not separator or not written or not instead:
            raise ConfigurationError(f"{name} must be `written=instead`, separated by commas")
        pairs[written] = instead
    return MappingProxyType(pairs)
