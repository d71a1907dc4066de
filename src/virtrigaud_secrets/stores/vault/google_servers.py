"""What Google's servers say for Vault's `gcp` login of those who hold no key: who the machine or the pod is (ESO §3.1).

A machine's identity token comes from its metadata server. A workload identity is a service account that signs at
Google: its access token comes from the pod's metadata server, or in exchange for a Kubernetes service account's token.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlencode

from virtrigaud_secrets.errors import AuthenticationError, ConfigurationError, StoreError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores import selectors
from virtrigaud_secrets.stores.base import StoreContext
from virtrigaud_secrets.stores.vault import references
from virtrigaud_secrets.stores.vault.cloud_requests import Question, asked

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.gcpsm import GCPWorkloadIdentity
    from virtrigaud_secrets.models.backends.vault import VaultGCPAuth

METADATA_SERVER: Final = "http://metadata.google.internal"
"""Where a machine or pod on Google's cloud learns who it is."""
METADATA_PATIENCE: Final = 5.0
"""Seconds to wait for it: it is on the same machine, and off Google's cloud nobody answers."""
STS: Final = "https://sts.googleapis.com/v1/token"
"""Where a cluster's token is exchanged for Google's."""
ACCOUNTS: Final = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
"""Where service accounts give out tokens and sign."""
SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
"""What the access token is for."""
ANNOTATION: Final = "iam.gke.io/gcp-service-account"
"""Annotation of a Kubernetes service account: the Google service account that it acts for."""

_IDENTITY: Final = "instance/service-accounts/default/"
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"


def machine_token(audience: str, context: StoreContext) -> Sensitive:
    """An identity token of the machine or pod, for `audience`.

    Raises:
        AuthenticationError: there is no metadata server that gives one.
    """
    query = urlencode({"audience": audience, "format": "full"})
    return _metadata(f"{_IDENTITY}identity?{query}", context)


def signed_by_workload(
    spec: VaultGCPAuth, part: GCPWorkloadIdentity, claims: Mapping[str, object], context: StoreContext
) -> Sensitive:
    """A JWT of `claims` and of who the workload identity is, signed at Google.

    Raises:
        ConfigurationError: nobody says which Google service account is meant.
        StoreError: Google refuses or does not answer.
    """
    if _is_pod(context):
        email = _metadata(f"{_IDENTITY}email", context).reveal_text()
        access = _from_json(_metadata(f"{_IDENTITY}token", context), "access_token")
        if access is None:
            raise AuthenticationError(
                f"the metadata server {METADATA_SERVER} gives no access token", store=str(context.store)
            )
    else:
        email = _email(part, context)
        access = _impersonated(email, _exchanged(spec, part, context), context)
    body = json.dumps({"payload": json.dumps({**claims, "sub": email})})
    return _account(email, "signJwt", access, Sensitive(body), "signedJwt", context)


def _is_pod(context: StoreContext) -> bool:
    """Whether this process is a pod that acts as itself; its metadata server then knows who that is."""
    settings = context.settings
    source = settings.service_account_tokens
    return source == "projected" or (source == "auto" and (settings.service_account_directory / "token").exists())


def _email(part: GCPWorkloadIdentity, context: StoreContext) -> str:
    email = selectors.annotations_of(part.service_account_ref, context).get(ANNOTATION, "")
    if not email:
        raise ConfigurationError(
            f"{context.store}: auth.gcp.workloadIdentity names the service account "
            f'"{part.service_account_ref.name}", and no annotation {ANNOTATION} says which Google service account it '
            "acts for"
        )
    return email


def _exchanged(spec: VaultGCPAuth, part: GCPWorkloadIdentity, context: StoreContext) -> Sensitive:
    """Google's token in exchange for the Kubernetes account's."""
    audience, pool = _pool(spec, part, context)
    token = references.service_account_token(part.service_account_ref, context, audiences=(pool,))
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "audience": audience,
        "scope": SCOPE,
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "subject_token": token.reveal_text(),
    }
    question = Question(
        method="POST", url=STS, headers={"Content-Type": _FORM}, body=Sensitive(urlencode(form).encode())
    )
    form.clear()

    def read(status: int, body: Sensitive) -> Sensitive | StoreError:
        found = _from_json(body, "access_token") if status == HTTPStatus.OK else None
        reason = "Google's token exchange refuses the service account's token: it is of no cluster that the pool knows"
        return found or AuthenticationError(reason, status=status)

    return asked(question, context, path=STS, read=read)


def _pool(spec: VaultGCPAuth, part: GCPWorkloadIdentity, context: StoreContext) -> tuple[str, str]:
    """Audience of the exchange, and the identity pool that service account tokens are for."""
    project = part.cluster_project_id or (None if context.settings.strict else spec.project_id)
    found = project or _metadata("project/project-id", context).reveal_text()
    location = part.cluster_location or _metadata("instance/attributes/cluster-location", context).reveal_text()
    name = part.cluster_name or _metadata("instance/attributes/cluster-name", context).reveal_text()
    pool = f"{found}.svc.id.goog"
    cluster = f"https://container.googleapis.com/v1/projects/{found}/locations/{location}/clusters/{name}"
    return f"identitynamespace:{pool}:{cluster}", pool


def _impersonated(email: str, federated: Sensitive, context: StoreContext) -> Sensitive:
    body = Sensitive(json.dumps({"scope": [SCOPE], "lifetime": "600s"}))
    return _account(email, "generateAccessToken", federated, body, "accessToken", context)


def _account(
    email: str, action: str, access: Sensitive, body: Sensitive, member: str, context: StoreContext
) -> Sensitive:
    """What a service account gives out or signs."""
    url = f"{ACCOUNTS}{email}:{action}"
    bearer = Sensitive(b"Bearer " + access.reveal())
    question = Question(method="POST", url=url, headers={"Content-Type": _JSON, "Authorization": bearer}, body=body)

    def read(status: int, answer: Sensitive) -> Sensitive | StoreError:
        found = _from_json(answer, member) if status == HTTPStatus.OK else None
        role = "roles/iam.serviceAccountTokenCreator" if action == "signJwt" else "roles/iam.workloadIdentityUser"
        reason = f"Google refuses {action} for {email}: the identity needs {role} there"
        return found or AuthenticationError(reason, status=status)

    return asked(question, context, path=url, read=read)


def _metadata(path: str, context: StoreContext) -> Sensitive:
    """What the metadata server says.

    Raises:
        AuthenticationError: there is none, or it does not know.
    """
    question = Question(
        method="GET",
        url=f"{METADATA_SERVER}/computeMetadata/v1/{path}",
        headers={"Metadata-Flavor": "Google"},
        limit=METADATA_PATIENCE,
    )

    def read(status: int, body: Sensitive) -> Sensitive | StoreError:
        found = Sensitive(body.reveal().strip())
        if status == HTTPStatus.OK and found:
            return found
        return AuthenticationError(_nobody("it does not know"), status=status)

    try:
        return asked(question, context, path=path.partition("?")[0], read=read)
    except StoreError as error:
        if isinstance(error, AuthenticationError) or error.status is not None:
            raise
        reason = error.reason
    raise AuthenticationError(_nobody(reason), store=str(context.store), path=path.partition("?")[0])


def _nobody(why: str) -> str:
    return (
        "no Google identity for auth.gcp: it names no secretRef, GOOGLE_APPLICATION_CREDENTIALS "
        "(Settings.google_application_credentials) is not set to a service account's key, and the metadata server "
        f"{METADATA_SERVER} gives none: {why}. On Google's cloud, give the machine or the pod's service account an "
        "identity; elsewhere, name a key"
    )


def _from_json(text: Sensitive, member: str) -> Sensitive | None:
    """A text in a JSON object."""
    try:
        found: object = json.loads(text.reveal())
    except (ValueError, RecursionError):
        return None
    value = cast("dict[str, object]", found).get(member) if isinstance(found, dict) else None
    return Sensitive(value) if isinstance(value, str) and value else None
