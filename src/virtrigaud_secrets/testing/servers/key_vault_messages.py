"""What goes to the Key Vault stand-in and comes back: requests, replies, and errors as the service writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl


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
    headers: Mapping[str, str] = field(repr=False)
    """The headers."""
    body: bytes = field(default=b"", repr=False)
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
    body: Mapping[str, object] = field(repr=False)
    """The JSON."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Headers besides the usual ones."""


def error(status: HTTPStatus, code: str, message: str, inner: str = "") -> Reply:
    """An error: the service's code, its words, and the code inside that says more."""
    told: dict[str, object] = {"code": code, "message": message}
    return Reply(status, {"error": told | ({"innererror": {"code": inner}} if inner else {})})


def bad(message: str) -> Reply:
    """The answer to a request that is wrong in itself."""
    return error(HTTPStatus.BAD_REQUEST, "BadParameter", message)


def missing(collection: str, name: str) -> Reply:
    """The answer where there is no such object."""
    kind = collection[:-1]
    return error(HTTPStatus.NOT_FOUND, f"{kind.capitalize()}NotFound", f"A {kind} with (name/id) {name} was not found")
