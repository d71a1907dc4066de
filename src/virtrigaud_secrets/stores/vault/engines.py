"""What the server's other engines are like: which request reads a key, what a request makes, which mounts are known.

Tables and decisions; nothing is sent here.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from virtrigaud_secrets.errors import InvalidRequestError
from virtrigaud_secrets.golang.encoding_json import Decoded
from virtrigaud_secrets.stores.vault.paths import is_below

MAX_REMEMBERED: Final = 1000
"""Mounts, and keys without one, that a client remembers: far above what manifests name, small in memory."""

KV: Final = "kv"
"""The type of the key-value engine."""

_ISSUE: Final = r"(issue|sign|sign-verbatim|issuer/[^/]+/(issue|sign|sign-verbatim))/[^/]+"
_WRITES: Final[Mapping[str, re.Pattern[str]]] = {
    "pki": re.compile(_ISSUE),
    "ssh": re.compile(r"(sign|creds|issue)/[^/]+"),
    # Keys are read, everything else computes something from the parameters.
    "transit": re.compile(r"(?!(keys|export|backup|wrapping_key|cache-config)(/|$)).+"),
    "token": re.compile(r"create(-orphan|/[^/]+)?"),
    "kubernetes": re.compile(r"creds/[^/]+"),
}
"""Engine type → endpoints below its mount that are asked with POST. Everything else is read."""

_HARMLESS: Final = frozenset({KV, "generic", "cubbyhole", "identity", "pki", "ssh", "system", "token", "transit"})
"""Engines whose reads make nothing. A read of any other may make a credential."""
_HARMLESS_READS: Final = re.compile(r"(static-creds?|roles?|static-roles?|config)(/|$)")
"""Endpoints of the others that only show what is there."""

_COMMA_JOINED: Final = frozenset({"pki", "ssh"})
"""Engines whose lists of names are one text with commas."""

_NAMED_BY_COMMON_NAME: Final = re.compile(r"(issuer/[^/]+/)?issue/[^/]+")
"""Endpoints of `pki` that are told the certificate's name; the others find it in a signing request."""


@dataclass(frozen=True, slots=True)
class Mount:
    """An engine and where it is."""

    path: str
    """As requests name it, such as `secret` or `auth/token`."""
    engine: str
    """Its type, such as `kv`, `database` or `pki`."""
    kv_version: int = 0
    """1 or 2 for a KV engine."""

    @classmethod
    def from_answer(cls, key: str, data: Mapping[str, Decoded]) -> Mount | None:
        """The mount that owns `key`, from the data of `sys/internal/ui/mounts/<key>`; None if it says none."""
        path, engine, options = data.get("path"), data.get("type"), data.get("options")
        if not isinstance(path, str) or not isinstance(engine, str):
            return None
        path = path.strip("/")
        # Auth methods are told without the prefix they are reached under.
        if key.startswith("auth/") and not path.startswith("auth/"):
            path = f"auth/{path}"
        if not is_below(key, path):
            return None
        versioned = isinstance(options, Mapping) and options.get("version") == "2"
        return cls(path, engine, (2 if versioned else 1) if engine == KV else 0)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How a path of an engine is asked."""

    method: str
    """`GET` or `POST`."""
    path: str
    """The path."""
    side_effect: bool
    """Whether the answer is made for us: a credential, a certificate."""
    engine: str
    """The engine's type."""
    needs_common_name: bool = False
    """Whether it issues a certificate, and has to be told for whom."""

    @classmethod
    def of(cls, key: str, mount: Mount) -> Endpoint:
        """The endpoint that `key` names below `mount`."""
        rest = key.removeprefix(f"{mount.path}/")
        writes = _WRITES.get(mount.engine)
        if writes is not None and writes.fullmatch(rest):
            named = mount.engine == "pki" and _NAMED_BY_COMMON_NAME.fullmatch(rest) is not None
            return cls("POST", key, side_effect=True, engine=mount.engine, needs_common_name=named)
        harmless = mount.engine in _HARMLESS or _HARMLESS_READS.match(rest) is not None
        return cls("GET", key, side_effect=not harmless, engine=mount.engine)


def guess(key: str) -> Endpoint | None:
    """The endpoint `key` names by its looks, for a preview; None where it looks like a KV secret."""
    first, _, _ = key.partition("/")
    if key.startswith("auth/"):
        endpoint = Endpoint.of(key, Mount("auth/token", "token"))
        return endpoint if endpoint.method == "POST" else None
    for engine in ("pki", "ssh", "transit", "kubernetes"):
        if engine in first.lower():
            endpoint = Endpoint.of(key, Mount(first, engine))
            return endpoint if endpoint.method == "POST" else None
    if re.search(r"/creds/[^/]+$", key):
        return Endpoint("GET", key, side_effect=True, engine="")
    return None


def check_parameters(endpoint: Endpoint, parameters: tuple[tuple[str, str], ...]) -> None:
    """Refuse a certificate request that does not say for whom.

    Raises:
        InvalidRequestError: `common_name` is missing.
    """
    if endpoint.needs_common_name and not any(name == "common_name" for name, _ in parameters):
        raise InvalidRequestError(
            "a certificate needs a common_name: give it in the annotation secrets.virtrigaud.io/parameters of the "
            f'ExternalSecret, {{"{endpoint.path}": {{"common_name": "…"}}}}, or in Settings.parameters',
            path=endpoint.path,
        )


def request_body(engine: str, parameters: tuple[tuple[str, str], ...]) -> dict[str, object]:
    """Parameters of a fetch as a request carries them."""
    body: dict[str, object] = {}
    for name, text in parameters:
        value: object = json.loads(text)
        if engine in _COMMA_JOINED and isinstance(value, list):
            value = ",".join(str(item) for item in cast("list[object]", value))
        body[name] = value
    return body


class KnownMounts:
    """What the server has said about mounts, so that each is asked for once. Safe to use from several threads.

    A mount answers for every key below it: the server does not let mounts nest. "None" holds for one key only.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mounts: dict[str, Mount] = {}
        self._without: dict[str, None] = {}

    def find(self, key: str) -> tuple[bool, Mount | None]:
        """Whether it is known which mount owns `key`, and that mount; None for a key that has none to show."""
        with self._lock:
            if key in self._without:
                return True, None
            segments = key.split("/")
            for length in range(1, len(segments)):
                mount = self._mounts.get("/".join(segments[:length]))
                if mount is not None:
                    return True, mount
        return False, None

    def remember(self, key: str, mount: Mount | None) -> None:
        """Keep an answer; the oldest goes where there are too many."""
        with self._lock:
            if mount is not None:
                self._mounts[mount.path] = mount
            else:
                self._without[key] = None
            for known in (self._mounts, self._without):
                while len(known) > MAX_REMEMBERED:
                    known.pop(next(iter(known)))

    def forget(self, key: str) -> None:
        """Drop what was said of `key`: a request that relied on it failed, and mounts and policies change."""
        _, mount = self.find(key)
        with self._lock:
            self._without.pop(key, None)
            if mount is not None:
                self._mounts.pop(mount.path, None)
