"""Stands in for Azure Key Vault and its login servers, over TLS on loopback, for tests with Microsoft's own SDK.

It follows the service's REST contract: the challenge, versions, tags, disabled and soft-deleted objects, pages,
throttling, and errors with Key Vault's codes. One address serves the vault, the tenant's token endpoint and the
machine's metadata service; `endpoints` maps the real addresses to it.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import ClassVar, Final, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.testing.servers.certificates import Authority
from virtrigaud_secrets.testing.servers.entra import Answer, Entra
from virtrigaud_secrets.testing.servers.http_server import AnsweringServer, Question
from virtrigaud_secrets.testing.servers.http_server import Reply as HttpReply
from virtrigaud_secrets.testing.servers.key_vault_objects import COLLECTIONS, VaultObjects, Version, standard_base64

AUTHORITIES: Final = (
    "https://login.microsoftonline.com",
    "https://login.microsoftonline.us",
    "https://login.chinacloudapi.cn",
    "https://login.microsoftonline.de",
)
"""Where the clouds log in."""
METADATA_SERVICE: Final = "http://169.254.169.254"
"""Where a machine finds its identities."""
PUBLIC_VAULTS: Final = "https://vault.azure.net"
"""What tokens for vaults of the public cloud are meant for."""
PAGE: Final = 25
"""Names on a page of a list, as the service has it."""
TOKEN_LIFE: Final = timedelta(hours=1)
"""How long a token holds."""


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A request as the server got it. Neither body nor token is kept."""

    method: str
    """Its verb."""
    path: str
    """Its path, without the query."""
    client_id: str
    """Who was logged in, empty for nobody."""
    status: int
    """What it was answered."""
    host: str
    """The server that the client believed to talk to."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the HTTP side hands over."""

    method: str
    """The verb."""
    path: str
    """The path, decoded, without the query."""
    query: Mapping[str, str]
    """The query."""
    headers: Mapping[str, str]
    """The headers."""
    body: bytes = b""
    """The body."""

    @property
    def part(self) -> str:
        """Which of the three servers is meant."""
        if self.path == "/metadata/identity/oauth2/token":
            return "metadata"
        if self.path.endswith(("/oauth2/v2.0/token", "/.well-known/openid-configuration")):
            return "login"
        return "vault"

    @property
    def host(self) -> str:
        """The server that the client believes to talk to."""
        return self.headers.get("Host") or "127.0.0.1"

    @property
    def token(self) -> str:
        """The token it is sent with."""
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        return token if scheme == "Bearer" else ""

    @property
    def form(self) -> dict[str, str]:
        """The body as a form."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace")))

    @property
    def json(self) -> dict[str, object]:
        """The body as a JSON object, empty if it is none."""
        try:
            value: object = json.loads(self.body)
        except ValueError:
            return {}
        return cast("dict[str, object]", value) if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Reply:
    """What it is answered."""

    status: HTTPStatus
    """The status."""
    body: Mapping[str, object]
    """The JSON."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers besides the usual ones."""


@dataclass(slots=True)
class _Trouble:
    status: HTTPStatus
    times: int
    headers: Mapping[str, str]


class KeyVault(AnsweringServer):
    """A vault with its tenant, from `with` to the end of the block."""

    title: ClassVar[str] = "the Key Vault stand-in"

    def __init__(
        self,
        *,
        tenant: str = "tenant-id-here",
        resource: str = PUBLIC_VAULTS,
        page: int = PAGE,
        token_life: timedelta = TOKEN_LIFE,
        clock: Clock | None = None,
    ) -> None:
        """An empty vault.

        Args:
            tenant: id of the tenant that the vault trusts; the default is the one VirtRigaud's guide writes.
            resource: what its tokens are meant for; the vault's address must end in it.
            page: names on a page of a list.
            token_life: how long tokens hold.
            clock: time.
        """
        super().__init__(Authority.create("virtrigaud-secrets key vault stand-in CA"))
        time = clock or SystemClock()
        self.entra: Final = Entra(tenant, resource, clock=time, life=token_life)
        """The tenant: who may log in."""
        self._objects: Final = VaultObjects(time)
        self._page = page
        self._lock = threading.Lock()
        self._seen: list[SeenRequest] = []
        self._denied: dict[str, str] = {}
        self._troubles: dict[str, _Trouble] = {}

    @property
    def requests(self) -> tuple[SeenRequest, ...]:
        """All requests so far."""
        with self._lock:
            return tuple(self._seen)

    def endpoints(self, *vault_urls: str) -> dict[str, str]:
        """`Settings.endpoints` that lead here for these vaults, all clouds' logins and the metadata service."""
        return dict.fromkeys((*vault_urls, *AUTHORITIES, METADATA_SERVICE), self.address)

    def set_secret(
        self,
        name: str,
        value: str,
        *,
        tags: Mapping[str, str] | None = None,
        content_type: str = "",
        enabled: bool = True,
        not_before: datetime | None = None,
        expires: datetime | None = None,
    ) -> str:
        """Add a version of a secret; its id."""
        content: dict[str, object] = {"value": value}
        if content_type:
            content["contentType"] = content_type
        return self._objects.add(
            "secrets", name, content, tags=tags, enabled=enabled, not_before=not_before, expires=expires
        )

    def set_key(
        self, name: str, key: Mapping[str, object], *, tags: Mapping[str, str] | None = None, enabled: bool = True
    ) -> str:
        """Add a version of a key, given as its public JSON web key; its id."""
        return self._objects.add("keys", name, {"key": dict(key)}, tags=tags, enabled=enabled)

    def set_certificate(
        self,
        name: str,
        der: bytes,
        *,
        secret: str = "",
        content_type: str = "application/x-pkcs12",
        tags: Mapping[str, str] | None = None,
    ) -> str:
        """Add a version of a certificate; its id.

        Args:
            name: its name.
            der: the certificate.
            secret: value of the secret of that name that a vault makes beside it: certificate and key.
            content_type: form of that value; PKCS#12 in base64 unless the certificate's policy asks for PEM.
            tags: its tags.
        """
        if secret:
            self.set_secret(name, secret, content_type=content_type, tags=tags)
        return self._objects.add("certificates", name, {"cer": standard_base64(der)}, tags=tags)

    def delete(self, name: str, *, collection: str = "secrets") -> None:
        """Delete an object softly."""
        self._objects.delete(collection, name)

    def deny(self, permission: str, *, code: str = "ForbiddenByPolicy") -> None:
        """Refuse everybody `permission`, such as `secrets/get`, with this inner code."""
        self._denied[permission] = code

    def fail(self, status: HTTPStatus, *, times: int = 1, retry_after: str = "", part: str = "vault") -> None:
        """Answer the next requests with this status.

        Args:
            status: what to answer.
            times: how often.
            retry_after: value of the header `Retry-After`.
            part: `vault`, `login` or `metadata`.
        """
        self._troubles[part] = _Trouble(status, times, {"Retry-After": retry_after} if retry_after else {})

    def respond(self, question: Question) -> HttpReply:
        """What a request is answered."""
        parts = urlsplit(question.target)
        path, query = unquote(parts.path).rstrip("/"), dict(parse_qsl(parts.query))
        return _written(self.answer(Request(question.method, path, query, question.headers, question.body)))

    def refuse_length(self) -> HttpReply:
        """What a body that is too long is answered."""
        return _written(Reply(HTTPStatus.BAD_REQUEST, _error("BadParameter", "the body is too long")))

    def answer(self, request: Request) -> Reply:
        """What a request is answered. It is remembered."""
        client = self.entra.holder(request.token) if request.part == "vault" else ""
        reply = self._trouble(request.part, client) or self._reply(request, client)
        with self._lock:
            self._seen.append(SeenRequest(request.method, request.path, client, reply.status, request.host))
        return reply

    def _trouble(self, part: str, client: str) -> Reply | None:
        """The answer of a server in trouble. The question who one is comes first, as with the service."""
        with self._lock:
            trouble = self._troubles.get(part)
            if trouble is None or trouble.times <= 0 or (part == "vault" and not client):
                return None
            trouble.times -= 1
        return Reply(trouble.status, _error(trouble.status.phrase.replace(" ", ""), "in trouble"), trouble.headers)

    def _reply(self, request: Request, client: str) -> Reply:
        if request.part == "metadata":
            return Reply(*self.entra.managed_identity(request.query, request.headers))
        if request.part == "login":
            return Reply(*self._login(request))
        return self._guarded(request, client)

    def _login(self, request: Request) -> Answer:
        tenant = request.path.strip("/").split("/")[0]
        if request.path.endswith("/.well-known/openid-configuration"):
            return self.entra.discovery(tenant, f"https://{request.host}")
        return self.entra.login(tenant, request.form)

    def _guarded(self, request: Request, client: str) -> Reply:
        if not client:
            challenge = f'Bearer authorization="{AUTHORITIES[0]}/{self.entra.tenant}", resource="{self.entra.resource}"'
            body = _error("Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
            return Reply(HTTPStatus.UNAUTHORIZED, body, {"WWW-Authenticate": challenge})
        if not request.query.get("api-version"):
            return Reply(HTTPStatus.BAD_REQUEST, _error("BadParameter", "api-version must be specified"))
        collection, _, rest = request.path.strip("/").partition("/")
        kind = collection.removeprefix("deleted")
        if kind not in COLLECTIONS:
            return Reply(HTTPStatus.NOT_FOUND, _error("NotFound", "no such resource"))
        permission = f"{kind}/{_verb(request.method, rest)}"
        if permission in self._denied:
            return Reply(HTTPStatus.FORBIDDEN, _error("Forbidden", "denied", self._denied[permission]))
        return self._granted(request, kind, rest, deleted=collection != kind)

    def _granted(self, request: Request, kind: str, rest: str, *, deleted: bool) -> Reply:
        name, _, version = rest.partition("/")
        if deleted:
            return self._deleted(request, kind, name, version)
        if request.method == "PUT" and kind == "secrets":
            return self._put(request, name)
        if request.method == "DELETE":
            return self._delete(request, kind, name)
        if version == "versions":
            ids = self._objects.versions(kind, name)
            return Reply(HTTPStatus.OK, {"value": [self._item(request, kind, name, one) for one in ids]})
        return self._read(request, kind, name, version) if name else self._listed(request, kind)

    def _read(self, request: Request, kind: str, name: str, version: str) -> Reply:
        found = self._objects.find(kind, name, version)
        if found is None:
            return _missing(kind, name)
        if not found[1].enabled:
            code = f"{kind[:-1].capitalize()}Disabled"
            return Reply(HTTPStatus.FORBIDDEN, _error("Forbidden", "Operation get is not allowed", code))
        return Reply(HTTPStatus.OK, _bundle(request, kind, name, *found))

    def _delete(self, request: Request, kind: str, name: str) -> Reply:
        found = self._objects.find(kind, name)
        if found is None or not self._objects.delete(kind, name):
            return _missing(kind, name)
        return Reply(HTTPStatus.OK, {**_bundle(request, kind, name, *found), **_recovery(request, kind, name)})

    def _put(self, request: Request, name: str) -> Reply:
        body = request.json
        attributes = cast("dict[str, object]", body.get("attributes") or {})
        tags = cast("dict[str, str]", body.get("tags") or {})
        if not isinstance(body.get("value"), str):
            return Reply(HTTPStatus.BAD_REQUEST, _error("BadParameter", "value is missing"))
        content = {key: body[key] for key in ("value", "contentType") if body.get(key) is not None}
        enabled = attributes.get("enabled") is not False
        try:
            version = self._objects.add("secrets", name, content, tags=tags, enabled=enabled)
        except FileExistsError:
            message = "the secret is deleted but recoverable"
            return Reply(HTTPStatus.CONFLICT, _error("Conflict", message, "ObjectIsDeletedButRecoverable"))
        return self._read(request, "secrets", name, version)

    def _deleted(self, request: Request, kind: str, name: str, action: str) -> Reply:
        if not self._objects.is_deleted(kind, name):
            return _missing(kind, name)
        if request.method == "POST" and action == "recover":
            self._objects.recover(kind, name)
            return self._read(request, kind, name, "")
        return Reply(HTTPStatus.OK, {"id": f"https://{request.host}/{kind}/{name}", **_recovery(request, kind, name)})

    def _listed(self, request: Request, kind: str) -> Reply:
        names = self._objects.names(kind)
        start = int(request.query.get("$skiptoken") or 0)
        end = start + self._page
        body: dict[str, object] = {"value": [self._item(request, kind, name, "") for name in names[start:end]]}
        if end < len(names):
            version = request.query["api-version"]
            # The service writes the port even where it is the usual one.
            host = request.host if ":" in request.host else f"{request.host}:443"
            body["nextLink"] = f"https://{host}/{kind}?api-version={version}&$skiptoken={end}"
        return Reply(HTTPStatus.OK, body)

    def _item(self, request: Request, kind: str, name: str, version: str) -> dict[str, object]:
        found = self._objects.find(kind, name, version)
        if found is None:
            return {}
        place = "/".join(filter(None, (kind, name, version)))
        identifier = "kid" if kind == "keys" else "id"
        return {
            identifier: f"https://{request.host}/{place}",
            "attributes": found[1].attributes(),
            "tags": dict(found[1].tags),
        }


def _written(reply: Reply) -> HttpReply:
    kind = "application/json; charset=utf-8"
    headers = {"Content-Type": kind, "x-ms-request-id": str(uuid.uuid4()), **reply.headers}
    return HttpReply(reply.status, json.dumps(reply.body).encode(), headers)


def _verb(method: str, rest: str) -> str:
    """The permission that a request needs, as access policies write it."""
    if method == "GET":
        return "get" if rest and not rest.endswith("/versions") else "list"
    return {"PUT": "set", "DELETE": "delete"}.get(method, "recover")


def _error(code: str, message: str, inner: str = "") -> dict[str, object]:
    error: dict[str, object] = {"code": code, "message": message}
    return {"error": error | ({"innererror": {"code": inner}} if inner else {})}


def _missing(kind: str, rest: str) -> Reply:
    code = f"{kind[:-1].capitalize()}NotFound"
    return Reply(HTTPStatus.NOT_FOUND, _error(code, f"A {kind[:-1]} with (name/id) {rest} was not found"))


def _bundle(request: Request, kind: str, name: str, version: str, found: Version) -> dict[str, object]:
    place = f"https://{request.host}/{kind}/{name}/{version}"
    content = dict(found.content)
    if kind == "keys":
        content["key"] = {"kid": place, **cast("dict[str, object]", content["key"])}
    else:
        content["id"] = place
    return {**content, "attributes": found.attributes(), "tags": dict(found.tags)}


def _recovery(request: Request, kind: str, name: str) -> dict[str, object]:
    return {
        "recoveryId": f"https://{request.host}/deleted{kind}/{name}",
        "deletedDate": 0,
        "scheduledPurgeDate": int(timedelta(days=90).total_seconds()),
    }
