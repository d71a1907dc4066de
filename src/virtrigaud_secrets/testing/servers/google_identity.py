"""Whom Google knows: service accounts and their keys, identity pools, machines, access tokens. No server, no secrets.

`SecretManager` asks it for the endpoints of login, and for whose an access token is. Signatures, audiences and bindings
are checked as Google checks them; keys and tokens are its own.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import parse_qs

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers.service_account_tokens import InvalidTokenError, ServiceAccount, TokenSigner

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

TOKEN_LIFE: Final = timedelta(hours=1)
"""How long Google's access tokens hold."""
TOKEN_URI: Final = "https://oauth2.googleapis.com/token"  # noqa: S105  # an address
"""Where a service account's key is exchanged, and whom its signed claims are for."""
JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
"""OAuth's name for that exchange."""
EXCHANGE_GRANT: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
"""OAuth's name for the exchange of another issuer's token."""

_IMPERSONATION: Final = ("/v1/projects/-/serviceAccounts/", ":generateAccessToken")
_METADATA: Final = "/computeMetadata/v1/"

Answer = tuple[HTTPStatus, Mapping[str, object] | str]
"""Status and body of an answer: JSON, or text for the metadata server."""

Verifier = Callable[[Sensitive, str], str]
"""Whose a service account token is, as `namespace/name`, if it is good for that audience. Raises InvalidTokenError."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine or pod that the metadata server speaks of."""

    project: str
    """Its project."""
    email: str
    """The Google account it acts as."""
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    """Such as `cluster-name` and `cluster-location`."""


class GoogleIdentity:
    """Accounts and tokens of one pretended Google."""

    def __init__(self, *, clock: Clock | None = None, verify: Verifier | None = None) -> None:
        self._clock: Final = clock or SystemClock()
        self._signer: Final = TokenSigner(clock=self._clock)
        self._verify: Final = verify or self._own
        self._lock: Final = threading.Lock()
        self._keys: dict[str, RSAPrivateKey] = {}
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._bindings: set[tuple[str, str]] = set()
        self.machine: Machine | None = None
        """What the metadata server says; None where there is none."""
        self.token_life = TOKEN_LIFE
        """How long new access tokens hold."""

    def service_account_key(self, email: str, *, project: str = "test-project") -> Sensitive:
        """A new JSON key of a service account; an older one stops working."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        with self._lock:
            self._keys[email] = key
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        document = {
            "type": "service_account",
            "project_id": project,
            "private_key_id": secrets.token_hex(20),
            "private_key": pem.decode(),
            "client_email": email,
            "client_id": "1",
            "token_uri": TOKEN_URI,
        }
        return Sensitive(json.dumps(document))

    def kubernetes_token(self, name: str, namespace: str, *audiences: str) -> Sensitive:
        """A token of a Kubernetes service account, from a cluster that this Google trusts."""
        return self._signer.sign(ServiceAccount(name, namespace), audiences=audiences)

    def bind(self, principal: str, email: str) -> None:
        """Let a principal act for a service account. `pool[namespace/name]` is that of a cluster's identity pool."""
        with self._lock:
            self._bindings.add((principal, email))

    def caller(self, authorization: str) -> str | None:
        """Whose access token it is; None where it is nobody's or no longer good."""
        scheme, _, token = authorization.partition(" ")
        with self._lock:
            principal, ends = self._tokens.get(token, ("", self._clock.now()))
        return principal if scheme == "Bearer" and self._clock.now() < ends else None

    def revoke_tokens(self) -> None:
        """All access tokens stop working at once."""
        with self._lock:
            self._tokens.clear()

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """The answer of a login endpoint; None for a path that is none."""
        if path.startswith(_METADATA):
            return self._metadata(path.removeprefix(_METADATA), headers)
        if method != "POST":
            return None
        if path == "/token":
            return self._signed(_form(body))
        if path == "/v1/token":
            return self._exchanged(_form(body))
        if path.startswith(_IMPERSONATION[0]) and path.endswith(_IMPERSONATION[1]):
            email = path.removeprefix(_IMPERSONATION[0]).removesuffix(_IMPERSONATION[1])
            return self._impersonated(email, headers.get("Authorization") or "")
        return None

    def _issue(self, principal: str) -> tuple[str, datetime]:
        token, ends = f"ya29.{secrets.token_urlsafe(32)}", self._clock.now() + self.token_life
        with self._lock:
            self._tokens[token] = (principal, ends)
        return token, ends

    def _granted(self, principal: str) -> Answer:
        token, _ = self._issue(principal)
        seconds = int(self.token_life.total_seconds())
        return HTTPStatus.OK, {"access_token": token, "expires_in": seconds, "token_type": "Bearer"}

    def _signed(self, form: Mapping[str, str]) -> Answer:
        if form.get("grant_type") != JWT_GRANT:
            return _oauth_error("unsupported_grant_type", "Invalid grant_type")
        email = self._signer_of(form.get("assertion", ""))
        return self._granted(email) if email else _oauth_error("invalid_grant", "Invalid JWT Signature.")

    def _signer_of(self, assertion: str) -> str:
        """Who signed it, empty unless signature, audience and time are right."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        try:
            signed, _, signature = assertion.rpartition(".")
            claims = cast("dict[str, object]", json.loads(_decoded(signed.split(".")[1])))
            email = str(claims.get("iss"))
            key = self._keys[email].public_key()
            key.verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except (ValueError, KeyError, IndexError, AttributeError, InvalidSignature):
            return ""
        expires = claims.get("exp")
        good = isinstance(expires, int) and self._clock.now() < datetime.fromtimestamp(expires, UTC)
        return email if good and claims.get("aud") == TOKEN_URI else ""

    def _exchanged(self, form: Mapping[str, str]) -> Answer:
        if form.get("grant_type") != EXCHANGE_GRANT:
            return _oauth_error("unsupported_grant_type", "Invalid grant_type")
        audience = form.get("audience", "")
        kind, _, rest = audience.partition(":")
        pool = rest.partition(":")[0] if kind == "identitynamespace" else audience
        try:
            account = self._verify(Sensitive(form.get("subject_token", "")), pool)
        except InvalidTokenError:
            return _oauth_error("invalid_grant", "The subject token is not valid for this audience.")
        return self._granted(f"{pool}[{account}]")

    def _own(self, token: Sensitive, audience: str) -> str:
        account, _ = self._signer.check(token, audiences=(audience,))
        return f"{account.namespace}/{account.name}"

    def _impersonated(self, email: str, authorization: str) -> Answer:
        principal = self.caller(authorization)
        if principal is None:
            return error(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED", "Invalid authentication credentials.")
        if (principal, email) not in self._bindings:
            message = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist)."
            return error(HTTPStatus.FORBIDDEN, "PERMISSION_DENIED", message)
        token, ends = self._issue(email)
        return HTTPStatus.OK, {"accessToken": token, "expireTime": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def _metadata(self, path: str, headers: Mapping[str, str]) -> Answer:
        if headers.get("Metadata-Flavor") != "Google":
            return HTTPStatus.FORBIDDEN, "Missing Metadata-Flavor:Google header."
        machine = self.machine
        if machine is None:
            return HTTPStatus.NOT_FOUND, "not found"
        if path == "project/project-id":
            return HTTPStatus.OK, machine.project
        if path == "instance/service-accounts/default/token":
            return self._granted(machine.email)
        attribute = machine.attributes.get(path.removeprefix("instance/attributes/"))
        return (HTTPStatus.NOT_FOUND, "not found") if attribute is None else (HTTPStatus.OK, attribute)


def error(status: HTTPStatus, code: str, message: str, *, reason: str = "") -> Answer:
    """An error as Google's APIs write it."""
    told: dict[str, object] = {"code": int(status), "message": message, "status": code}
    if reason:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
        told["details"] = [info]
    return status, {"error": told}


def _oauth_error(code: str, description: str) -> Answer:
    return HTTPStatus.BAD_REQUEST, {"error": code, "error_description": description}


def _form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
