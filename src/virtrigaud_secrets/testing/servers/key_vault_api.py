"""The objects' side of the Key Vault stand-in: which request reads what, and how answers are written. No login.

What changes objects is in `key_vault_writes`.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from datetime import timedelta
from http import HTTPStatus
from typing import Final, cast

from virtrigaud_secrets.testing.servers.key_vault_messages import Reply, Request, bad, error, missing
from virtrigaud_secrets.testing.servers.key_vault_objects import VaultObjects, Version
from virtrigaud_secrets.testing.servers.key_vault_writes import Writes

PAGE: Final = 25
"""Names on a page of a list, as the service has it."""
_UPDATE_OF: Final = {"secrets": "set", "keys": "update", "certificates": "update"}
_CREATION_OF: Final = {"secrets": "set", "keys": "import", "certificates": "import"}


def permission(request: Request, collection: str, rest: str, *, deleted: bool) -> str:
    """What a request needs, as access policies write it."""
    match request.method:
        case "GET":
            verb = "get" if rest and not rest.endswith("/versions") else "list"
        case "DELETE":
            verb = "purge" if deleted else "delete"
        case "PATCH":
            verb = _UPDATE_OF[collection]
        case _:
            verb = "recover" if deleted else _CREATION_OF[collection]
    return f"{collection}/{verb}"


class VaultApi:
    """Answers requests about a vault's objects. Safe to use from several threads."""

    def __init__(self, objects: VaultObjects, *, page: int) -> None:
        self._objects = objects
        self._writes = Writes(objects)
        self._page = page
        self._lock = threading.Lock()
        self._coming_back: dict[tuple[str, str], int] = {}
        self.recovery_looks = 0
        """How often an object that is being recovered is not there yet when it is asked for."""

    def answer(self, request: Request, collection: str, rest: str, *, deleted: bool) -> Reply:
        """What a request is answered whose sender may do what it asks for."""
        name, _, further = rest.partition("/")
        if deleted:
            return self._deleted(request, collection, name, further)
        if request.method == "GET":
            return self._got(request, collection, name, further)
        if request.method == "DELETE":
            return self._delete(request, collection, name)
        outcome = self._writes.answer(request, collection, name, further)
        return outcome if isinstance(outcome, Reply) else _found(request, collection, name, *outcome)

    def _got(self, request: Request, collection: str, name: str, further: str) -> Reply:
        if further == "versions":
            ids = self._objects.versions(collection, name)
            return Reply(HTTPStatus.OK, {"value": [self._item(request, collection, name, one) for one in ids]})
        return self._read(request, collection, name, further) if name else self._listed(request, collection)

    def _read(self, request: Request, collection: str, name: str, version: str) -> Reply:
        found = None if self._is_coming_back(collection, name) else self._objects.find(collection, name, version)
        if found is None:
            return missing(collection, name)
        if not found[1].enabled:
            code = f"{collection[:-1].capitalize()}Disabled"
            return error(HTTPStatus.FORBIDDEN, "Forbidden", "Operation get is not allowed", code)
        return _found(request, collection, name, *found)

    def _is_coming_back(self, collection: str, name: str) -> bool:
        with self._lock:
            left = self._coming_back.get((collection, name), 0)
            if left:
                self._coming_back[collection, name] = left - 1
            return left > 0

    def _delete(self, request: Request, collection: str, name: str) -> Reply:
        found = self._objects.find(collection, name)
        if found is None or not self._objects.delete(collection, name):
            return missing(collection, name)
        return Reply(HTTPStatus.OK, _deleted_bundle(request, collection, name, *found))

    def _deleted(self, request: Request, collection: str, name: str, action: str) -> Reply:
        found = self._objects.deleted(collection, name)
        if found is None:
            return missing(collection, name)
        match request.method, action:
            case "GET", "":
                return Reply(HTTPStatus.OK, _deleted_bundle(request, collection, name, *found))
            case "POST", "recover":
                with self._lock:
                    self._coming_back[collection, name] = self.recovery_looks
                self._objects.recover(collection, name)
                return Reply(HTTPStatus.OK, _without_value(_bundle(request, collection, name, *found)))
            case "DELETE", "":
                self._objects.purge(collection, name)
                return Reply(HTTPStatus.NO_CONTENT, {})
            case _:
                return bad("no such operation")

    def _listed(self, request: Request, collection: str) -> Reply:
        names = self._objects.names(collection)
        start = int(request.query.get("$skiptoken") or 0)
        end = start + self._page
        body: dict[str, object] = {"value": [self._item(request, collection, name, "") for name in names[start:end]]}
        if end < len(names):
            version = request.query["api-version"]
            # The service writes the port even where it is the usual one.
            host = request.host if ":" in request.host else f"{request.host}:443"
            body["nextLink"] = f"https://{host}/{collection}?api-version={version}&$skiptoken={end}"
        return Reply(HTTPStatus.OK, body)

    def _item(self, request: Request, collection: str, name: str, version: str) -> dict[str, object]:
        found = self._objects.find(collection, name, version)
        if found is None:
            return {}
        place = "/".join(filter(None, (collection, name, version)))
        identifier = "kid" if collection == "keys" else "id"
        return {
            identifier: f"https://{request.host}/{place}",
            "attributes": found[1].attributes(),
            "tags": dict(found[1].tags),
        }


def _found(request: Request, collection: str, name: str, version: str, found: Version) -> Reply:
    return Reply(HTTPStatus.OK, _bundle(request, collection, name, version, found))


def _bundle(request: Request, collection: str, name: str, version: str, found: Version) -> dict[str, object]:
    place = f"https://{request.host}/{collection}/{name}/{version}"
    content = dict(found.content)
    if collection == "keys":
        content["key"] = {"kid": place, **cast("dict[str, object]", content["key"])}
    else:
        content["id"] = place
    if collection == "certificates":
        digest = hashlib.sha1(base64.b64decode(str(content["cer"])), usedforsecurity=False).digest()
        content["x5t"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return {**content, "attributes": found.attributes(), "tags": dict(found.tags)}


def _deleted_bundle(request: Request, collection: str, name: str, version: str, found: Version) -> dict[str, object]:
    return {
        **_without_value(_bundle(request, collection, name, version, found)),
        "recoveryId": f"https://{request.host}/deleted{collection}/{name}",
        "deletedDate": 0,
        "scheduledPurgeDate": int(timedelta(days=90).total_seconds()),
    }


def _without_value(bundle: dict[str, object]) -> dict[str, object]:
    """As the service tells of what is deleted or comes back: a secret's value is not there."""
    return {key: value for key, value in bundle.items() if key != "value"}
