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
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import ClassVar, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.testing.servers.certificates import Authority
from virtrigaud_secrets.testing.servers.entra import Answer, Entra
from virtrigaud_secrets.testing.servers.http_server import AnsweringServer, Question
from virtrigaud_secrets.testing.servers.http_server import Reply as HttpReply
from virtrigaud_secrets.testing.servers.key_vault_api import PAGE, VaultApi, permission
from virtrigaud_secrets.testing.servers.key_vault_messages import Reply, Request, SeenRequest, bad, error
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
TOKEN_LIFE: Final = timedelta(hours=1)
"""How long a token holds."""


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
        self._api: Final = VaultApi(self._objects, page=page)
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

    def newest(self, name: str, *, collection: str = "secrets") -> Version | None:
        """The newest version of an object, None where there is none: what a push left there."""
        found = self._objects.find(collection, name)
        return None if found is None else found[1]

    def versions(self, name: str, *, collection: str = "secrets") -> int:
        """How many versions an object has."""
        return len(self._objects.versions(collection, name))

    def recover_slowly(self, looks: int) -> None:
        """Answer that often that an object is not there yet, after its recovery was asked for."""
        self._api.recovery_looks = looks

    def deny(self, needed: str, *, code: str = "ForbiddenByPolicy") -> None:
        """Refuse everybody a permission, such as `secrets/get`, with this inner code."""
        self._denied[needed] = code

    def allow(self, needed: str) -> None:
        """Take a refusal back."""
        self._denied.pop(needed, None)

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
        return _written(bad("the body is too long"))

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
        told = error(trouble.status, trouble.status.phrase.replace(" ", ""), "in trouble")
        return Reply(trouble.status, told.body, trouble.headers)

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
            words = "AKV10000: Request is missing a Bearer or PoP token."
            told = error(HTTPStatus.UNAUTHORIZED, "Unauthorized", words)
            return Reply(told.status, told.body, {"WWW-Authenticate": challenge})
        if not request.query.get("api-version"):
            return bad("api-version must be specified")
        first, _, rest = request.path.strip("/").partition("/")
        collection = first.removeprefix("deleted")
        if collection not in COLLECTIONS:
            return error(HTTPStatus.NOT_FOUND, "NotFound", "no such resource")
        deleted = collection != first
        needed = permission(request, collection, rest, deleted=deleted)
        if needed in self._denied:
            return error(HTTPStatus.FORBIDDEN, "Forbidden", "denied", self._denied[needed])
        return self._api.answer(request, collection, rest, deleted=deleted)


def _written(reply: Reply) -> HttpReply:
    kind = "application/json; charset=utf-8"
    headers = {"Content-Type": kind, "x-ms-request-id": str(uuid.uuid4()), **reply.headers}
    return HttpReply(reply.status, json.dumps(reply.body).encode(), headers)
