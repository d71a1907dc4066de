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
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qs, unquote

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
AWS_REQUEST: Final = "urn:ietf:params:aws:token-type:aws4_request"
"""OAuth's name for a signed question to AWS."""
GOOGLES_KEY: Final = "googles-own-key"
"""Id of the key that Google signs with, for accounts that hold none and for machines."""
EXCHANGE_GRANT: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
"""OAuth's name for the exchange of another issuer's token."""

_ACCOUNTS: Final = "/v1/projects/-/serviceAccounts/"
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
        self.aws: Callable[[str, Mapping[str, str]], str] | None = None
        """Tells whose AWS identity signed a question, by its URL and headers; empty for nobody's."""
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

    def signer_of(self, jwt: Sensitive, *, audience: str) -> str:
        """Whose statement a JWT is that was signed with an account's key, at Google, or by a machine's metadata server.

        As who is shown it finds out at Google: by signature, time, and an audience that ends in `audience`.

        Raises:
            InvalidTokenError: it is nobody's.
        """
        claims = self._verified(jwt.reveal_text())
        aud = claims.get("aud")
        if not isinstance(aud, str) or not aud.endswith(audience):
            raise InvalidTokenError("it is for another audience")
        return str(claims.get("email") or claims.get("sub"))

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, query: Mapping[str, str] | None = None
    ) -> Answer | None:
        """The answer of a login endpoint; None for a path that is none."""
        if path.startswith(_METADATA):
            return self._metadata(path.removeprefix(_METADATA), headers, query or {})
        if method != "POST":
            return None
        if path in {"/token", "/v1/token"}:
            return self._signed(_form(body)) if path == "/token" else self._exchanged(_form(body))
        return self._account(path, headers, body) if path.startswith(_ACCOUNTS) else None

    def _account(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        email, _, action = path.removeprefix(_ACCOUNTS).partition(":")
        authorization = headers.get("Authorization") or ""
        if action == "generateAccessToken":
            return self._impersonated(email, authorization)
        return self._signed_at_google(email, authorization, body) if action == "signJwt" else None

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
        if form.get("subject_token_type") == AWS_REQUEST:
            return self._from_aws(audience, form.get("subject_token", ""))
        kind, _, rest = audience.partition(":")
        pool = rest.partition(":")[0] if kind == "identitynamespace" else audience
        try:
            account = self._verify(Sensitive(form.get("subject_token", "")), pool)
        except InvalidTokenError:
            return _oauth_error("invalid_grant", "The subject token is not valid for this audience.")
        return self._granted(f"{pool}[{account}]")

    def _from_aws(self, audience: str, request: str) -> Answer:
        """An access token for whoever signed a question to AWS, as `aws` finds out."""
        headers: dict[str, str] = {}
        try:
            sent = cast("dict[str, Any]", json.loads(unquote(request)))
            headers = {str(item["key"]).lower(): str(item["value"]) for item in sent["headers"]}
            arn = self.aws(str(sent["url"]), headers) if self.aws is not None else ""
        except (ValueError, KeyError, TypeError):
            arn = ""
        if not arn or headers.get("x-goog-cloud-target-resource") != audience:
            return _oauth_error("invalid_grant", "Received an invalid AWS request.")
        return self._granted(f"{audience}[{arn}]")

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

    def _signed_at_google(self, email: str, authorization: str, body: bytes) -> Answer:
        """A JWT signed with the key that Google keeps for an account, for itself only."""
        if self.caller(authorization) != email:
            message = "Permission 'iam.serviceAccounts.signJwt' denied on resource (or it may not exist)."
            return error(HTTPStatus.FORBIDDEN, "PERMISSION_DENIED", message)
        payload = cast("dict[str, str]", json.loads(body)).get("payload", "")
        return HTTPStatus.OK, {"keyId": GOOGLES_KEY, "signedJwt": self._by_google(json.loads(payload)).reveal_text()}

    def _by_google(self, claims: Mapping[str, object]) -> Sensitive:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        header = {"alg": "RS256", "kid": GOOGLES_KEY, "typ": "JWT"}
        text = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
        signature = self._googles_key().sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return Sensitive(f"{text}.{_encoded(signature)}")

    def _googles_key(self) -> RSAPrivateKey:
        from cryptography.hazmat.primitives.asymmetric import rsa

        with self._lock:
            if GOOGLES_KEY not in self._keys:
                self._keys[GOOGLES_KEY] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            return self._keys[GOOGLES_KEY]

    def _verified(self, jwt: str) -> Mapping[str, object]:
        """The claims of a JWT that Google or the account that it names has signed, and that still holds."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        try:
            signed, _, signature = jwt.rpartition(".")
            header, claims = (
                cast("dict[str, object]", json.loads(_decoded(part))) for part in signed.split(".", maxsplit=1)
            )
            signer = GOOGLES_KEY if header.get("kid") == GOOGLES_KEY else str(claims.get("sub"))
            self._keys[signer].public_key().verify(
                _decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
            expires = datetime.fromtimestamp(int(str(claims["exp"])), UTC)
        except (ValueError, KeyError, AttributeError, InvalidSignature):
            raise InvalidTokenError("it is signed by nobody whom Google knows") from None
        if self._clock.now() >= expires:
            raise InvalidTokenError("it has expired")
        return claims

    def _machine_token(self, machine: Machine, audience: str) -> str:
        ends = self._clock.now() + TOKEN_LIFE
        claims = {
            "iss": "https://accounts.google.com",
            "aud": audience,
            "email": machine.email,
            "sub": "1",
            "exp": int(ends.timestamp()),
            "google": {"compute_engine": {"project_id": machine.project}},
        }
        return self._by_google(claims).reveal_text()

    def _metadata(self, path: str, headers: Mapping[str, str], query: Mapping[str, str]) -> Answer:
        if headers.get("Metadata-Flavor") != "Google":
            return HTTPStatus.FORBIDDEN, "Missing Metadata-Flavor:Google header."
        machine = self.machine
        if machine is None:
            return HTTPStatus.NOT_FOUND, "not found"
        account = "instance/service-accounts/default/"
        if path == f"{account}token":
            return self._granted(machine.email)
        if path == f"{account}identity" and not query.get("audience"):
            return HTTPStatus.BAD_REQUEST, "non-empty audience parameter required"
        known = {"project/project-id": machine.project, f"{account}email": machine.email}
        known |= {f"instance/attributes/{name}": value for name, value in machine.attributes.items()}
        if path == f"{account}identity":
            known[path] = self._machine_token(machine, query["audience"])
        return (HTTPStatus.OK, known[path]) if path in known else (HTTPStatus.NOT_FOUND, "not found")


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


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
