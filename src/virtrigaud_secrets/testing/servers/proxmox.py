"""Stands in for the API of a Proxmox VE node: tokens, tickets and a list of machines, over TLS on loopback.

It is no hypervisor. What it answers to logins is what a node answers: a token counts by its secret, a password gives a
ticket that ends after two hours, and whoever changes something by ticket shows the CSRF token that came with it.
Tokens, passwords and tickets change while it runs.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import threading
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from http.cookies import SimpleCookie
from typing import ClassVar, Final
from urllib.parse import parse_qs

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers.certificates import Authority
from virtrigaud_secrets.testing.servers.http_server import AnsweringServer, Question, Reply

TICKET_LIFE: Final = timedelta(hours=2)
"""How long a ticket is good."""
MACHINES: Final[Mapping[int, str]] = {100: "web", 101: "database"}
"""Number → name of the machines there are."""
NODE: Final = "pve1"
"""The node they are on."""
_API: Final = "/api2/json"
_MACHINE: Final = re.compile(rf"{_API}/nodes/{NODE}/qemu/(\d+)/status/(start|stop|shutdown)")


class _RefusedError(Exception):
    """The login does not count; the text is the reason that a node gives."""


class ProxmoxNode(AnsweringServer):
    """A node, from `with` to the end of the block. It knows no account until it is told.

    ```python
    with ProxmoxNode() as node:
        node.set_tokens({"virt@pve!provider": Sensitive("…")})
    ```
    """

    title: ClassVar[str] = "the Proxmox stand-in"

    def __init__(self, *, clock: Clock | None = None) -> None:
        super().__init__(Authority.create("Proxmox Virtual Environment"))
        self._clock: Final[Clock] = clock or SystemClock()
        self._lock: Final = threading.Lock()
        self._tokens: Mapping[str, Sensitive] = {}
        self._passwords: Mapping[str, Sensitive] = {}
        self._tickets: dict[str, tuple[str, str, float]] = {}
        self._counted: dict[str, int] = {}

    def set_tokens(self, tokens: Mapping[str, Sensitive]) -> None:
        """The API tokens there are from now on: `user@realm!name` → its secret."""
        self._tokens = dict(tokens)

    def set_passwords(self, passwords: Mapping[str, Sensitive]) -> None:
        """The accounts there are from now on: `user@realm` → its password. Tickets stay."""
        self._passwords = dict(passwords)

    def end_tickets(self) -> None:
        """No ticket that was given counts any more."""
        with self._lock:
            self._tickets.clear()

    def requests_of(self, identity: str) -> int:
        """How many requests of a token or user were let in."""
        return self._counted.get(identity, 0)

    def respond(self, question: Question) -> Reply:
        """Answer as a node does."""
        path = question.target.partition("?")[0]
        try:
            if (question.method, path) == ("POST", f"{_API}/access/ticket"):
                return self._give_ticket(question)
            self._let_in(question)
        except _RefusedError as reason:
            return Reply(HTTPStatus.UNAUTHORIZED, json.dumps({"data": None, "message": str(reason)}).encode())
        return _answer(question.method, path)

    def _give_ticket(self, question: Question) -> Reply:
        form = parse_qs(question.body.decode(errors="replace"))
        user, password = (form.get(name, [""])[0] for name in ("username", "password"))
        with self._lock:
            renewed = self._owner(password)[0] == user != ""
            if not renewed and not _same(self._passwords.get(user), password):
                raise _RefusedError("authentication failure")
            ticket, csrf = f"PVE:{user}:{secrets.token_hex(16)}", secrets.token_hex(16)
            self._tickets[ticket] = (user, csrf, self._clock.elapsed() + TICKET_LIFE.total_seconds())
        return _data({"username": user, "ticket": ticket, "CSRFPreventionToken": csrf})

    def _let_in(self, question: Question) -> None:
        """Count who asks.

        Raises:
            _RefusedError: neither a token nor a ticket that counts.
        """
        scheme, _, shown = question.headers.get("Authorization", "").partition("=")
        if scheme == "PVEAPIToken":
            identity, _, secret = shown.rpartition("=")
            if not _same(self._tokens.get(identity), secret):
                raise _RefusedError("invalid token value!")
        else:
            identity = self._user_of_ticket(question)
        with self._lock:
            self._counted[identity] = self._counted.get(identity, 0) + 1

    def _user_of_ticket(self, question: Question) -> str:
        cookie = SimpleCookie(question.headers.get("Cookie", "")).get("PVEAuthCookie")
        with self._lock:
            user, csrf = self._owner("" if cookie is None else cookie.value)
        if not user:
            raise _RefusedError("No ticket")
        if question.method != "GET" and question.headers.get("Csrfpreventiontoken") != csrf:
            raise _RefusedError("Permission denied - invalid csrf token")
        return user

    def _owner(self, ticket: str) -> tuple[str, str]:
        """Whose ticket it is and its CSRF token; empty if it does not count."""
        user, csrf, end = self._tickets.get(ticket, ("", "", 0.0))
        return (user, csrf) if self._clock.elapsed() < end else ("", "")


def _same(known: Sensitive | None, shown: str) -> bool:
    return known is not None and hmac.compare_digest(known.reveal(), shown.encode())


def _answer(method: str, path: str) -> Reply:
    machine = _MACHINE.fullmatch(path)
    if method == "GET" and path == f"{_API}/version":
        return _data({"version": "8.4.1", "release": "8.4"})
    if method == "GET" and path == f"{_API}/nodes":
        return _data([{"node": NODE, "status": "online"}])
    if method == "GET" and path == f"{_API}/nodes/{NODE}/qemu":
        return _data([{"vmid": number, "name": name, "status": "running"} for number, name in MACHINES.items()])
    if method == "POST" and machine and int(machine[1]) in MACHINES:
        return _data(f"UPID:{NODE}:00000001:00000001:00000001:qm{machine[2]}:{machine[1]}:stand-in:")
    return Reply(HTTPStatus.NOT_IMPLEMENTED, b'{"data":null}')


def _data(content: object) -> Reply:
    return Reply(HTTPStatus.OK, json.dumps({"data": content}).encode())
