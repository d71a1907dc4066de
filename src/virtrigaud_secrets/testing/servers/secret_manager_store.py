"""What Secret Manager does with projects, secrets and versions, as its REST API shows it. No server, no logins."""

from __future__ import annotations

import base64
import re
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Final, Literal

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.stores.gcp.crc32c import crc32c
from virtrigaud_secrets.testing.servers import secret_manager_writes as writes
from virtrigaud_secrets.testing.servers.google_identity import Answer, error

State = Literal["ENABLED", "DISABLED", "DESTROYED"]
"""What a version can be."""

DEFAULT_PAGE: Final = 25
"""Entries of a page where the request does not say how many."""

_RESOURCE: Final = re.compile(
    r"projects/(?P<project>[^/]+)(?:/locations/(?P<location>[^/]+))?/secrets"
    r"(?:/(?P<key>[^/]+)(?:/(?P<versions>versions)(?:/(?P<version>[^/]+))?)?)?"
)
_WRITES: Final[Mapping[str, str]] = {
    "POST addVersion": "secretmanager.versions.add",
    "PATCH": "secretmanager.secrets.update",
    "DELETE": "secretmanager.secrets.delete",
}
"""What changes a secret → the permission for it."""


@dataclass(slots=True)
class Version:
    """One version of a secret."""

    data: bytes = field(repr=False)
    """Its value."""
    made: datetime
    """When it was added."""
    state: State = "ENABLED"
    """Whether it can be read."""


@dataclass(slots=True)
class Secret:
    """A secret: what it is called, what is said of it, and its versions."""

    place: str
    """`projects/P[/locations/L]`, with the project's id."""
    key: str
    """Its name."""
    made: datetime
    """When it was created."""
    labels: dict[str, str] = field(default_factory=dict[str, str])
    """Its labels."""
    annotations: dict[str, str] = field(default_factory=dict[str, str])
    """Its annotations."""
    versions: list[Version] = field(default_factory=list[Version])
    """The versions, oldest first: version 1, version 2 and so on."""
    aliases: dict[str, int] = field(default_factory=dict[str, int])
    """Names of versions."""
    replication: dict[str, object] = field(default_factory=lambda: {"automatic": {}})
    """Where copies are kept; of no meaning for a regional secret."""
    topics: list[str] = field(default_factory=list[str])
    """Where its changes are told."""
    revision: int = 1
    """Counts changes of labels and annotations."""

    @property
    def etag(self) -> str:
        """Another one after every change of labels and annotations."""
        return f'"{self.revision}"'

    @property
    def name(self) -> str:
        """Its full name, as answers write it: with the project's number."""
        _, project, *rest = self.place.split("/")
        return "/".join(["projects", project_number(project), *rest, "secrets", self.key])

    def number(self, version: str) -> int | None:
        """Which version is meant: by number, alias, or `latest`, the newest whatever its state."""
        if version == "latest":
            return len(self.versions) or None
        found = int(version) if version.isdigit() else self.aliases.get(version, 0)
        return found if 1 <= found <= len(self.versions) else None


def project_number(project: str) -> str:
    """A project's number; answers have it in place of the id. A number is its own."""
    return project if project.isdigit() else str(100_000_000_000 + zlib.crc32(project.encode()))


class SecretManagerStore:
    """All secrets of one pretended Google. Safe to use from several threads."""

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock: Final = clock or SystemClock()
        self._lock: Final = threading.Lock()
        self._secrets: dict[str, Secret] = {}
        self._denied: dict[str, str] = {}
        self._changes = 0
        self.damaged: set[str] = set()
        """Secrets (by key) whose values do not fit their checksum any more."""

    def add(
        self,
        project: str,
        key: str,
        value: bytes | str,
        *,
        location: str = "",
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> str:
        """Add a version, and the secret where there is none yet. The number of the version."""
        place = _place(project, location)
        data = value.encode() if isinstance(value, str) else value
        with self._lock:
            now = self._clock.now()
            secret = Secret(place, key, now)
            secret = self._secrets.setdefault(secret.name, secret)
            secret.labels |= labels or {}
            secret.annotations |= annotations or {}
            secret.versions.append(Version(data, now))
            return str(len(secret.versions))

    def set_state(self, project: str, key: str, version: str, state: State, *, location: str = "") -> None:
        """Enable, disable or destroy a version.

        Raises:
            LookupError: there is no such version.
        """
        with self._lock:
            secret = self._secrets[Secret(_place(project, location), key, self._clock.now()).name]
            number = secret.number(version)
            if number is None:
                raise LookupError(f"{key} has no version {version}")
            secret.versions[number - 1].state = state

    def alias(self, project: str, key: str, name: str, version: int, *, location: str = "") -> None:
        """Give a version a name."""
        with self._lock:
            self._secrets[Secret(_place(project, location), key, self._clock.now()).name].aliases[name] = version

    def deny(self, permission: str, *, reason: str = "IAM_PERMISSION_DENIED") -> None:
        """Refuse every request that needs `permission`, such as `secretmanager.versions.access`."""
        with self._lock:
            self._denied[permission] = reason

    def allow(self, permission: str) -> None:
        """Undo `deny`."""
        with self._lock:
            self._denied.pop(permission, None)

    @property
    def changes(self) -> int:
        """How often a request changed something."""
        with self._lock:
            return self._changes

    def state(self, project: str, key: str, *, location: str = "") -> Secret | None:
        """A secret as it is now."""
        with self._lock:
            return self._secrets.get(Secret(_place(project, location), key, self._clock.now()).name)

    def answer(
        self, method: str, resource: str, query: Mapping[str, str], body: Mapping[str, object] | None = None
    ) -> Answer:
        """The answer to a request for a resource, which is the path behind `/v1/`."""
        name, _, verb = resource.partition(":")
        found = _RESOURCE.fullmatch(name)
        if found is None or (method == "GET" and verb not in {"", "access"}):
            return error(HTTPStatus.NOT_FOUND, "NOT_FOUND", "Requested entity was not found.")
        with self._lock:
            if method == "GET":
                return self._told(name, verb, found, query)
            if (method, verb, found["key"]) == ("POST", "", None):
                place = _place(found["project"], found["location"] or "")
                return self._created(place, query.get("secretId", ""), body or {})
            return self._changed(f"{method} {verb}".strip(), name, found, query, body or {})

    def _told(self, name: str, verb: str, found: re.Match[str], query: Mapping[str, str]) -> Answer:
        place = _place(found["project"], found["location"] or "")
        if not found["key"]:
            return self._listed(place, query)
        secret = self._secrets.get(Secret(place, found["key"], self._clock.now()).name)
        if verb == "access":
            return self._accessed(name, secret, found["version"] or "")
        if found["version"]:
            return self._shown_version(name, secret, found["version"])
        return self._versions(name, secret, query) if found["versions"] else self._shown(name, secret)

    def _changed(
        self, request: str, name: str, found: re.Match[str], query: Mapping[str, str], body: Mapping[str, object]
    ) -> Answer:
        permission = _WRITES.get(request)
        if permission is None or found["versions"] or not found["key"]:
            return error(HTTPStatus.NOT_FOUND, "NOT_FOUND", "Requested entity was not found.")
        place = _place(found["project"], found["location"] or "")
        secret = self._secrets.get(Secret(place, found["key"], self._clock.now()).name)
        if (refused := self._refused(permission, name)) or secret is None:
            return refused or error(HTTPStatus.NOT_FOUND, "NOT_FOUND", f"Secret [{name}] not found.")
        if request.startswith("POST"):
            return self._extended(secret, body)
        etag = query.get("etag") or body.get("etag")
        if etag and etag != secret.etag:
            return writes.outdated()
        return (
            self._deleted(secret) if request == "DELETE" else self._updated(secret, query.get("updateMask", ""), body)
        )

    def _deleted(self, secret: Secret) -> Answer:
        self._changes += 1
        del self._secrets[secret.name]
        return HTTPStatus.OK, {}

    def _created(self, place: str, key: str, body: Mapping[str, object]) -> Answer:
        if refused := self._refused("secretmanager.secrets.create", place):
            return refused
        wanted = writes.described(body, key=key, regional="/locations/" in place)
        if not isinstance(wanted, writes.Wanted):
            return wanted
        secret = Secret(place, key, self._clock.now(), wanted.labels, wanted.annotations)
        secret.replication, secret.topics = wanted.replication, wanted.topics
        if secret.name in self._secrets:
            return writes.exists(secret.name)
        self._changes += 1
        self._secrets[secret.name] = secret
        return HTTPStatus.OK, _secret(secret)

    def _extended(self, secret: Secret, body: Mapping[str, object]) -> Answer:
        data = writes.payload(body)
        if not isinstance(data, bytes):
            return data
        self._changes += 1
        secret.versions.append(Version(data, self._clock.now()))
        return HTTPStatus.OK, _version(secret, len(secret.versions))

    def _updated(self, secret: Secret, mask: str, body: Mapping[str, object]) -> Answer:
        wanted = writes.changed(body, mask=mask)
        if not isinstance(wanted, writes.Wanted):
            return wanted
        for name in mask.split(","):
            setattr(secret, name, getattr(wanted, name))
        self._changes += 1
        secret.revision += 1
        return HTTPStatus.OK, _secret(secret)

    def _refused(self, permission: str, name: str) -> Answer | None:
        reason = self._denied.get(permission)
        if reason is None:
            return None
        message = f"Permission '{permission}' denied for resource '{name}' (or it may not exist)."
        return error(HTTPStatus.FORBIDDEN, "PERMISSION_DENIED", message, reason=reason)

    def _accessed(self, name: str, secret: Secret | None, version: str) -> Answer:
        if refused := self._refused("secretmanager.versions.access", name):
            return refused
        number = secret.number(version) if secret is not None else None
        if secret is None or number is None:
            return error(HTTPStatus.NOT_FOUND, "NOT_FOUND", f"Secret [{name}] not found or has no versions.")
        found, full = secret.versions[number - 1], f"{secret.name}/versions/{number}"
        if found.state != "ENABLED":
            message = f"Secret Version [{full}] is in {found.state} state."
            return error(HTTPStatus.BAD_REQUEST, "FAILED_PRECONDITION", message)
        checksum = crc32c(found.data) ^ (secret.key in self.damaged)
        data = base64.b64encode(found.data).decode()
        return HTTPStatus.OK, {"name": full, "payload": {"data": data, "dataCrc32c": str(checksum)}}

    def _shown(self, name: str, secret: Secret | None) -> Answer:
        if refused := self._refused("secretmanager.secrets.get", name):
            return refused
        if secret is None:
            return error(HTTPStatus.NOT_FOUND, "NOT_FOUND", f"Secret [{name}] not found.")
        return HTTPStatus.OK, _secret(secret)

    def _shown_version(self, name: str, secret: Secret | None, version: str) -> Answer:
        if refused := self._refused("secretmanager.versions.get", name):
            return refused
        number = secret.number(version) if secret is not None else None
        if secret is None or number is None:
            return error(HTTPStatus.NOT_FOUND, "NOT_FOUND", f"Secret Version [{name}] not found.")
        return HTTPStatus.OK, _version(secret, number)

    def _versions(self, name: str, secret: Secret | None, query: Mapping[str, str]) -> Answer:
        if refused := self._refused("secretmanager.versions.list", name):
            return refused
        if secret is None:
            return error(HTTPStatus.NOT_FOUND, "NOT_FOUND", f"Secret [{name}] not found.")
        states = _terms(query.get("filter", ""), {"state"})
        if states is None:
            return error(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT", "Invalid filter.")
        numbers = range(len(secret.versions), 0, -1)
        chosen = [
            _version(secret, number)
            for number in numbers
            if all(secret.versions[number - 1].state == value for _, _, value in states)
        ]
        return _page("versions", chosen, query)

    def _listed(self, place: str, query: Mapping[str, str]) -> Answer:
        if refused := self._refused("secretmanager.secrets.list", place):
            return refused
        terms = _terms(query.get("filter", ""), {"name", "labels"})
        if terms is None:
            return error(HTTPStatus.BAD_REQUEST, "INVALID_ARGUMENT", "Invalid filter.")
        parent = Secret(place, "", self._clock.now()).name
        chosen = [
            _secret(secret)
            for name, secret in sorted(self._secrets.items(), reverse=True)
            if name.startswith(parent) and all(_fits(secret, term) for term in terms)
        ]
        return _page("secrets", chosen, query)


_Term = tuple[str, str, str]


def _terms(text: str, known: set[str]) -> list[_Term] | None:
    """Field, operator and value of each condition; None where the filter is not understood."""
    terms: list[_Term] = []
    for word in text.split():
        found = re.fullmatch(r"([A-Za-z]+(?:\.[^:=]+)?)([:=])(.+)", word)
        if found is None or found[1].partition(".")[0] not in known:
            return None
        terms.append((found[1], found[2], found[3]))
    return terms


def _fits(secret: Secret, term: _Term) -> bool:
    name, operator, value = term
    actual = secret.name if name == "name" else secret.labels.get(name.partition(".")[2], "")
    return value in actual if operator == ":" else value == actual


def _page(kind: str, entries: list[dict[str, object]], query: Mapping[str, str]) -> Answer:
    size = int(query.get("pageSize") or 0) or DEFAULT_PAGE
    start = int(query.get("pageToken") or 0)
    page: dict[str, object] = {"totalSize": len(entries)}
    if entries[start : start + size]:
        page[kind] = entries[start : start + size]
    if start + size < len(entries):
        page["nextPageToken"] = str(start + size)
    return HTTPStatus.OK, page


def _secret(secret: Secret) -> dict[str, object]:
    shown: dict[str, object] = {"name": secret.name, "createTime": _time(secret.made), "etag": secret.etag}
    if "/locations/" not in secret.place:
        shown["replication"] = secret.replication
    if secret.topics:
        shown["topics"] = [{"name": name} for name in secret.topics]
    # Google leaves out what is empty.
    for name, part in (("labels", secret.labels), ("annotations", secret.annotations)):
        if part:
            shown[name] = dict(part)
    return shown


def _version(secret: Secret, number: int) -> dict[str, object]:
    found = secret.versions[number - 1]
    return {
        "name": f"{secret.name}/versions/{number}",
        "createTime": _time(found.made),
        "state": found.state,
        "etag": '"1"',
    }


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _place(project: str, location: str) -> str:
    return f"projects/{project}" + (f"/locations/{location}" if location else "")
