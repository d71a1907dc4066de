"""Which credentials each auth method of Vault and OpenBao is sent, and where they come from (ESO §3.1, "Auth order").

Nothing is sent to the server here, and nothing is read before a login is made: such things rotate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import AuthenticationError, ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import StoreContext
from virtrigaud_secrets.stores.vault import references

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.vault import (
        VaultAppRole,
        VaultCertAuth,
        VaultGCPAuth,
        VaultIamAuth,
        VaultJwtAuth,
        VaultKubernetesAuth,
        VaultLdapAuth,
        VaultProvider,
        VaultUserPassAuth,
    )
    from virtrigaud_secrets.models.references import SecretKeySelector

METHODS: Final = ("token_secret_ref", "app_role", "kubernetes", "ldap", "user_pass", "jwt", "cert", "iam", "gcp")
"""Fields of `auth` in ESO's order: the first that is set counts."""
DEFAULT_IAM_PATH: Final = "aws"
"""Where the `iam` login's method is mounted unless the spec says so: Vault calls it by the cloud's name."""
DEFAULT_AUDIENCE: Final = "vault"
"""Audience of a service account's token for a JWT login that names none."""


@dataclass(frozen=True, slots=True)
class GivenToken:
    """A token that somebody else made and will end."""

    read: Callable[[], Sensitive]
    """Reads it from its source."""
    place: str
    """The source, for errors."""
    file: Path | None = None
    """The file it is in, if it is in one: a changed file holds another token."""


@dataclass(frozen=True, slots=True)
class LoginRequest:
    """A login by request."""

    method: str
    """The method's name, for errors."""
    path: str
    """Path of the request."""
    credentials: Callable[[], Mapping[str, object]] = field(repr=False)
    """Reads what to log in with from its source: such things rotate."""
    by_connection: bool = False
    """Whether it is the connection's client certificate that logs in, so that a login needs a new connection."""


Login = GivenToken | LoginRequest
"""How to come by a token."""


def chosen_method(spec: VaultProvider) -> str | None:
    """The field of `auth` that counts, None where there is none."""
    auth = spec.auth
    return None if auth is None else next((name for name in METHODS if getattr(auth, name) is not None), None)


def login_of(spec: VaultProvider, context: StoreContext) -> Login:
    """How the spec says to log in. Reads nothing yet.

    Raises:
        ConfigurationError: the method is not complete.
    """
    auth, chosen = spec.auth, chosen_method(spec)
    if auth is None or chosen is None:
        return _from_settings(context)
    if auth.token_secret_ref is not None:
        selector = auth.token_secret_ref
        return GivenToken(lambda: references.secret(selector, context, field="tokenSecretRef"), "tokenSecretRef")
    return _MAKERS[chosen](getattr(auth, chosen), context)


def _from_settings(context: StoreContext) -> GivenToken:
    settings = context.settings
    if settings.vault_token is not None:
        token = settings.vault_token
        return GivenToken(lambda: token, "Settings.vault_token")
    if settings.vault_token_file is not None:
        path = settings.vault_token_file

        def read() -> Sensitive:
            try:
                return Sensitive(path.read_bytes().strip())
            except OSError as error:
                raise ConfigurationError(f"the token file {path} cannot be read: {error.strerror}") from None

        return GivenToken(read, f"the token file {path}", path)

    def nothing() -> Sensitive:
        raise AuthenticationError(
            "the store has no auth, and neither Settings.vault_token nor vault_token_file (VAULT_TOKEN, "
            "VAULT_TOKEN_FILE) is set",
            store=str(context.store),
        )

    return GivenToken(nothing, "nowhere")


def _app_role(spec: VaultAppRole, context: StoreContext) -> LoginRequest:
    if not (spec.role_id or "").strip() and spec.role_ref is None:
        raise ConfigurationError(f"{context.store}: auth.appRole needs roleId or roleRef")

    def credentials() -> Mapping[str, object]:
        role_id = Sensitive((spec.role_id or "").strip())
        if not role_id and spec.role_ref is not None:
            role_id = references.secret(spec.role_ref, context, field="auth.appRole.roleRef")
        secret_id = references.secret(spec.secret_ref, context, field="auth.appRole.secretRef")
        return {"role_id": role_id, "secret_id": secret_id}

    return LoginRequest("appRole", _login_path(spec.path), credentials)


def _kubernetes(spec: VaultKubernetesAuth, context: StoreContext) -> LoginRequest:
    def credentials() -> Mapping[str, object]:
        if spec.service_account_ref is None and spec.secret_ref is not None:
            field = "auth.kubernetes.secretRef"
            token = references.secret(spec.secret_ref, context, field=field, default_key="token")
        else:
            token = references.service_account_token(spec.service_account_ref, context)
        return {"role": spec.role, "jwt": token}

    return LoginRequest("kubernetes", _login_path(spec.mount_path), credentials)


def _ldap(spec: VaultLdapAuth, context: StoreContext) -> LoginRequest:
    return _by_password("ldap", spec.path, spec.username, spec.secret_ref, context)


def _user_pass(spec: VaultUserPassAuth, context: StoreContext) -> LoginRequest:
    return _by_password("userPass", spec.path, spec.username, spec.secret_ref, context)


def _by_password(
    method: str, mount: str, username: str, secret_ref: SecretKeySelector | None, context: StoreContext
) -> LoginRequest:
    user = username.strip()
    if not user or "/" in user:
        # A slash would name another endpoint of the auth method.
        raise ConfigurationError(f"{context.store}: auth.{method}.username is no user name")
    if secret_ref is None:
        raise ConfigurationError(f"{context.store}: auth.{method} needs secretRef, the password's place")

    def credentials() -> Mapping[str, object]:
        return {"password": references.password(secret_ref, context, field=f"auth.{method}.secretRef")}

    return LoginRequest(method, f"{_login_path(mount)}/{user}", credentials)


def _jwt(spec: VaultJwtAuth, context: StoreContext) -> LoginRequest:
    account = spec.kubernetes_service_account_token
    if spec.secret_ref is None and account is None:
        raise ConfigurationError(f"{context.store}: auth.jwt needs secretRef or kubernetesServiceAccountToken")

    def token() -> Sensitive:
        if spec.secret_ref is not None or account is None:
            return references.secret(spec.secret_ref, context, field="auth.jwt.secretRef")
        more = (DEFAULT_AUDIENCE,) if account.audiences is None else account.audiences
        return references.service_account_token(account.service_account_ref, context, audiences=more)

    def credentials() -> Mapping[str, object]:
        role = (spec.role or "").strip()
        return {"jwt": token()} | ({"role": role} if role else {})

    return LoginRequest("jwt", _login_path(spec.path), credentials)


def _cert(spec: VaultCertAuth, context: StoreContext) -> LoginRequest:
    if spec.client_cert is None or spec.secret_ref is None:
        raise ConfigurationError(f"{context.store}: auth.cert needs clientCert and secretRef, the certificate's key")

    def credentials() -> Mapping[str, object]:
        return {"name": spec.vault_role} if spec.vault_role else {}

    return LoginRequest("cert", _login_path(spec.path), credentials, by_connection=True)


def _iam(spec: VaultIamAuth, context: StoreContext) -> LoginRequest:
    def credentials() -> Mapping[str, object]:
        from virtrigaud_secrets.stores.vault import aws_identity

        return aws_identity.login_body(spec, context)

    return LoginRequest("iam", _login_path(spec.path or DEFAULT_IAM_PATH), credentials)


def _gcp(spec: VaultGCPAuth, context: StoreContext) -> LoginRequest:
    def credentials() -> Mapping[str, object]:
        from virtrigaud_secrets.stores.vault import gcp_identity

        return gcp_identity.login_body(spec, context)

    return LoginRequest("gcp", _login_path(spec.path), credentials)


def _login_path(mount: str) -> str:
    return f"auth/{mount.strip('/')}/login"


_MAKERS: Final[Mapping[str, Callable[..., LoginRequest]]] = {
    "app_role": _app_role,
    "kubernetes": _kubernetes,
    "ldap": _ldap,
    "user_pass": _user_pass,
    "jwt": _jwt,
    "cert": _cert,
    "iam": _iam,
    "gcp": _gcp,
}
"""Field of `auth` → what makes its login."""
