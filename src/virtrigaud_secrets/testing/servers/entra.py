"""Applications and managed identities as Microsoft Entra knows them, and the tokens they are given. No server.

`key_vault` serves it. What it answers is real: a secret must be equal, an assertion signed by the certificate or the
cluster that was registered, and a token is good until it ends or is revoked.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol, cast

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers.service_account_tokens import InvalidTokenError, ServiceAccount

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

Answer = tuple[HTTPStatus, Mapping[str, object]]
"""Status and JSON of an answer."""

EXCHANGE_AUDIENCE: Final = "api://AzureADTokenExchange"
"""What a cluster's token must be meant for."""
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
"""How a client says that it proves itself by a signed token (RFC 7523)."""

_WRONG_SECRET: Final = 7000215
_WRONG_CERTIFICATE: Final = 700027
_NO_FEDERATION: Final = 70021
_WRONG_AUDIENCE: Final = 700212
_NO_APPLICATION: Final = 700016
_NO_TENANT: Final = 90002
_NO_RESOURCE: Final = 500011


class TokenCheck(Protocol):
    """Tells the tokens of a cluster's service accounts from others. `TokenSigner` does."""

    def check(self, token: Sensitive, *, audiences: Sequence[str] = ()) -> tuple[ServiceAccount, tuple[str, ...]]:
        """Whose token it is, and for which of `audiences` it is good.

        Raises:
            InvalidTokenError: it is nobody's, or for others.
        """
        ...


@dataclass(slots=True)
class _Application:
    secret: Sensitive | None = None
    certificate: RSAPublicKey | None = None
    federated: list[tuple[TokenCheck, ServiceAccount]] = field(default_factory=list[tuple[TokenCheck, ServiceAccount]])


@dataclass(frozen=True, slots=True)
class _Grant:
    client_id: str
    resource: str
    ends: float


class Entra:
    """One tenant. Safe to use from several threads."""

    def __init__(self, tenant: str, resource: str, *, clock: Clock, life: timedelta) -> None:
        self.tenant: Final = tenant
        """Its id."""
        self.resource: Final = resource
        """What tokens can be had for."""
        self._clock = clock
        self._life = life
        self._lock = threading.Lock()
        self._applications: dict[str, _Application] = {}
        self._identities: list[str] = []
        self._grants: dict[str, _Grant] = {}

    def add_secret(self, client_id: str, secret: str) -> None:
        """Let an application log in by a client secret."""
        self._application(client_id).secret = Sensitive(secret)

    def add_certificate(self, client_id: str, pem: str) -> None:
        """Let an application log in by the key of an RSA certificate."""
        from cryptography import x509

        certificate = x509.load_pem_x509_certificate(pem.encode())
        self._application(client_id).certificate = cast("RSAPublicKey", certificate.public_key())

    def federate(self, client_id: str, issuer: TokenCheck, account: ServiceAccount) -> None:
        """Let an application log in by a service account's token."""
        self._application(client_id).federated.append((issuer, account))

    def add_identity(self, client_id: str = "system-assigned") -> None:
        """Give the machine a managed identity; the first is the one for requests that name none."""
        self._identities.append(client_id)

    def revoke(self) -> None:
        """Refuse all tokens given so far, as if their time were up."""
        with self._lock:
            self._grants.clear()

    def holder(self, token: str) -> str:
        """Whose token it is; empty if it is none, or no longer good."""
        with self._lock:
            grant = self._grants.get(token)
        good = grant is not None and grant.resource == self.resource and self._clock.now().timestamp() < grant.ends
        return grant.client_id if grant is not None and good else ""

    def discovery(self, tenant: str, base: str) -> Answer:
        """The document that tells clients where tokens are issued."""
        return HTTPStatus.OK, {
            "issuer": f"{base}/{tenant}/v2.0",
            "authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/{tenant}/oauth2/v2.0/token",
        }

    def login(self, tenant: str, form: Mapping[str, str]) -> Answer:
        """A request for a token, by the client credentials grant."""
        if tenant != self.tenant:
            return _refused(_NO_TENANT)
        application = self._applications.get(form.get("client_id", ""))
        if form.get("grant_type") != "client_credentials" or application is None:
            return _refused(_NO_APPLICATION)
        refusal = self._proof(application, form)
        if refusal:
            return _refused(refusal, HTTPStatus.UNAUTHORIZED)
        if form.get("scope", "") != f"{self.resource}/.default":
            return _refused(_NO_RESOURCE)
        return HTTPStatus.OK, {
            "token_type": "Bearer",
            "expires_in": int(self._life.total_seconds()),
            "access_token": self._issue(form["client_id"], self.resource),
        }

    def managed_identity(self, query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """A request to the metadata service of the machine."""
        wanted = query.get("client_id") or (self._identities[0] if self._identities else "")
        if headers.get("Metadata") != "true" or not query.get("resource"):
            return HTTPStatus.BAD_REQUEST, {"error": "invalid_request", "error_description": "Required header missing"}
        if wanted not in self._identities:
            return HTTPStatus.BAD_REQUEST, {"error": "invalid_request", "error_description": "Identity not found"}
        life = int(self._life.total_seconds())
        return HTTPStatus.OK, {
            "access_token": self._issue(wanted, query["resource"]),
            "client_id": wanted,
            "expires_in": str(life),
            "expires_on": str(int(self._clock.now().timestamp()) + life),
            "resource": query["resource"],
            "token_type": "Bearer",
        }

    def _application(self, client_id: str) -> _Application:
        return self._applications.setdefault(client_id, _Application())

    def _issue(self, client_id: str, resource: str) -> str:
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._grants[token] = _Grant(client_id, resource, (self._clock.now() + self._life).timestamp())
        return token

    def _proof(self, application: _Application, form: Mapping[str, str]) -> int:
        """The code of what is wrong with a client's proof, 0 if nothing is."""
        if "client_secret" in form:
            return 0 if application.secret == Sensitive(form["client_secret"]) else _WRONG_SECRET
        assertion = form.get("client_assertion", "")
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            return _WRONG_SECRET
        if application.certificate is not None:
            signed = _is_signed(assertion, application.certificate, form["client_id"], self._clock.now().timestamp())
            return 0 if signed else _WRONG_CERTIFICATE
        return _federation(application, Sensitive(assertion))


def _federation(application: _Application, assertion: Sensitive) -> int:
    for issuer, account in application.federated:
        try:
            found, _ = issuer.check(assertion, audiences=[EXCHANGE_AUDIENCE])
        except InvalidTokenError as error:
            if "audiences" in str(error):
                return _WRONG_AUDIENCE
            continue
        if found == account:
            return 0
    return _NO_FEDERATION


def _is_signed(assertion: str, key: RSAPublicKey, client_id: str, now: float) -> bool:
    """Whether the client signed the assertion itself, and it has not ended."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    signed, _, signature = assertion.rpartition(".")
    try:
        header, claims = (cast("dict[str, object]", json.loads(_decoded(part))) for part in signed.split("."))
        scheme = (
            padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
            if header.get("alg") == "PS256"
            else padding.PKCS1v15()
        )
        key.verify(_decoded(signature), signed.encode(), scheme, hashes.SHA256())
    except (ValueError, InvalidSignature):
        return False
    ends = claims.get("exp")
    return claims.get("iss") == claims.get("sub") == client_id and isinstance(ends, int | float) and now < ends


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _refused(code: int, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> Answer:
    error = "invalid_client" if status is HTTPStatus.UNAUTHORIZED else "invalid_request"
    return status, {"error": error, "error_description": f"AADSTS{code}: refused", "error_codes": [code]}
