"""Who we are at AWS, for Vault's `iam` login: a signed question to AWS that Vault asks in our place (ESO §3.1, "iam").

Nothing is sent to Vault here. AWS itself is only asked where a role or a web identity token has to be exchanged.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from virtrigaud_secrets.errors import AuthenticationError, ConfigurationError, StoreError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores import container_credentials
from virtrigaud_secrets.stores.base import StoreContext
from virtrigaud_secrets.stores.vault import references
from virtrigaud_secrets.stores.vault.cloud_requests import Question, asked

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.aws import AWSAuthSecretRef
    from virtrigaud_secrets.models.backends.vault import VaultIamAuth

DEFAULT_REGION: Final = "us-east-1"
"""Region where the spec names none."""
AUDIENCE: Final = "sts.amazonaws.com"
"""Whom a web identity token is for."""
SESSION_NAME: Final = "virtrigaud-secrets"
"""Name of the sessions of assumed roles, as CloudTrail shows it."""
SERVER_ID_HEADER: Final = "X-Vault-AWS-IAM-Server-ID"
"""Says which Vault the question is signed for."""
WHO_AM_I: Final = "Action=GetCallerIdentity&Version=2011-06-15"
"""The question."""
_FORM: Final = "application/x-www-form-urlencoded; charset=utf-8"
_PARTS: Final = ("AccessKeyId", "SecretAccessKey", "SessionToken")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What requests to AWS are signed with."""

    key_id: str
    """Names the key."""
    secret: Sensitive
    """The key."""
    session_token: Sensitive | None = None
    """Goes with a temporary key."""


def login_body(spec: VaultIamAuth, context: StoreContext) -> Mapping[str, object]:
    """What the login is sent: the signed question, in Vault's wrapping.

    Raises:
        ConfigurationError: what the spec refers to is not there.
        StoreError: AWS does not exchange a role or token.
    """
    region = spec.region or DEFAULT_REGION
    credentials = _credentials(spec, region, context)
    address = _address(region)
    extra = {SERVER_ID_HEADER: spec.vault_aws_iam_server_id} if spec.vault_aws_iam_server_id else {}
    headers = signed(address, WHO_AM_I, region=region, credentials=credentials, now=context.clock.now(), extra=extra)
    shown = json.dumps({name: [value] for name, value in headers.items()})
    return {
        "role": spec.vault_role,
        "iam_http_request_method": "POST",
        "iam_request_url": _encoded(address),
        "iam_request_headers": Sensitive(_encoded(shown)),
        "iam_request_body": _encoded(WHO_AM_I),
    }


def signed(
    address: str, body: str, *, region: str, credentials: Credentials, now: datetime, extra: Mapping[str, str]
) -> dict[str, str]:
    """The headers of a POST of a form to STS, with AWS's signature of version 4.

    hvac's own signer is not used: it sorts the names by their capitals, and reads the clock of the machine.
    """
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {"Content-Type": _FORM, "Host": urlsplit(address).netloc, "X-Amz-Date": moment, **extra}
    if credentials.session_token is not None:
        headers["X-Amz-Security-Token"] = credentials.session_token.reveal_text()
    lines = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
    names = ";".join(name for name, _ in lines)
    canonical = "\n".join(["POST", "/", "", *(f"{name}:{value}" for name, value in lines), "", names, _digest(body)])
    scope = f"{moment[:8]}/{region}/sts/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", moment, scope, _digest(canonical)])
    key = b"AWS4" + credentials.secret.reveal()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


def _credentials(spec: VaultIamAuth, region: str, context: StoreContext) -> Credentials:
    """Ours in ESO's order (jwt, secretRef, the pod's own), then those of the role to assume."""
    account = None if spec.jwt is None else spec.jwt.service_account_ref
    if account is not None:
        token = references.service_account_token(account, context, audiences=(AUDIENCE,))
        own = _by_web_identity(token, region, context)
    elif spec.secret_ref is not None:
        own = _static(spec.secret_ref, context)
    elif context.settings.aws_web_identity_token_file is None and context.settings.aws_container_credentials_uri:
        own = _of_pod_identity(context)
    else:
        own = _by_web_identity(_pod_token(context), region, context)
    if not spec.role:
        return own
    form: dict[str, str | Sensitive] = {
        "Action": "AssumeRole",
        "RoleArn": spec.role,
        "RoleSessionName": SESSION_NAME,
    }
    if spec.external_id:
        form["ExternalId"] = spec.external_id
    return _exchanged(form, region, context, signer=own)


def _static(spec: AWSAuthSecretRef, context: StoreContext) -> Credentials:
    field = "auth.iam.secretRef"
    token = spec.session_token_secret_ref
    return Credentials(
        references.secret(spec.access_key_id_secret_ref, context, field=f"{field}.accessKeyIDSecretRef").reveal_text(),
        references.secret(spec.secret_access_key_secret_ref, context, field=f"{field}.secretAccessKeySecretRef"),
        None if token is None else references.secret(token, context, field=f"{field}.sessionTokenSecretRef"),
    )


def _of_pod_identity(context: StoreContext) -> Credentials:
    """What EKS's agent gives the pod."""
    given = container_credentials.fetched(context)
    parts = [Sensitive(str(given[name])) for name in ("access_key", "secret_key", "token")]
    return Credentials(parts[0].reveal_text(), parts[1], parts[2])


def _pod_token(context: StoreContext) -> Sensitive:
    path = context.settings.aws_web_identity_token_file
    if path is None:
        raise ConfigurationError(
            f"{context.store}: auth.iam names no credentials, and the pod has no identity: neither jwt nor secretRef "
            "is written, and neither AWS_WEB_IDENTITY_TOKEN_FILE (Settings.aws_web_identity_token_file) nor "
            "AWS_CONTAINER_CREDENTIALS_FULL_URI (Settings.aws_container_credentials_uri) is set"
        )
    try:
        return Sensitive(path.read_bytes().strip())
    except OSError as error:
        raise ConfigurationError(f"the web identity token {path} cannot be read: {error.strerror}") from None


def _by_web_identity(token: Sensitive, region: str, context: StoreContext) -> Credentials:
    role = context.settings.aws_role_arn
    if not role:
        raise ConfigurationError(
            f"{context.store}: auth.iam logs in with a web identity token, and the role that it stands for is not "
            "known: set AWS_ROLE_ARN (Settings.aws_role_arn)"
        )
    form = {"Action": "AssumeRoleWithWebIdentity", "RoleArn": role, "RoleSessionName": SESSION_NAME}
    return _exchanged(form | {"WebIdentityToken": token}, region, context)


def _exchanged(
    form: Mapping[str, str | Sensitive], region: str, context: StoreContext, *, signer: Credentials | None = None
) -> Credentials:
    """The temporary credentials that STS gives for what `form` says."""
    address = context.settings.aws_endpoints.get("sts") or context.settings.address(_address(region))
    body = Sensitive(
        urlencode(
            {
                name: value.reveal_text() if isinstance(value, Sensitive) else value
                for name, value in {"Version": "2011-06-15", **form}.items()
            }
        )
    )
    headers = _headers(address, body, region, context, signer)
    question = Question(method="POST", url=_address(region), address=address, headers=headers, body=body)
    return asked(question, context, path=f"sts:{form['Action']}", read=_given)


def _headers(
    address: str, body: Sensitive, region: str, context: StoreContext, signer: Credentials | None
) -> Mapping[str, Sensitive]:
    if signer is None:
        return {"Content-Type": Sensitive(_FORM)}
    now = context.clock.now()
    made = signed(address, body.reveal_text(), region=region, credentials=signer, now=now, extra={})
    return {name: Sensitive(value) for name, value in made.items()}


def _given(status: int, body: Sensitive) -> Credentials | StoreError:
    if status != HTTPStatus.OK:
        return AuthenticationError("AWS STS refuses the exchange: its trust policy tells why", status=status)
    # Three texts without any sign that XML would write otherwise: no parser is let near a stranger's document.
    found = [re.search(rf"<{part}>([^<]+)</{part}>".encode(), body.reveal()) for part in _PARTS]
    values = [Sensitive(match[1].strip()) for match in found if match is not None]
    if len(values) != len(_PARTS):
        return AuthenticationError("the answer of AWS STS holds no credentials")
    return Credentials(values[0].reveal_text(), values[1], values[2])


def _address(region: str) -> str:
    """Where STS is. Vault asks at the address that its own configuration names, whatever this one is."""
    if region == DEFAULT_REGION:
        return "https://sts.amazonaws.com/"
    return f"https://sts.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}/"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
