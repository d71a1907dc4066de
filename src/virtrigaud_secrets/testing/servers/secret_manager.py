"""Google Secret Manager over HTTPS on loopback, with the login endpoints that Google's libraries ask on the way.

It follows the REST API: names, `latest`, states of versions, filters, pages, checksums, errors. What is kept is in
`secret_manager_store`, who may ask in `google_identity`; here is the server, and the trouble it can be in.

```python
with SecretManager() as google:
    google.secrets.add("my-project", "database", '{"password": "…"}')
    settings = Settings(endpoints=google.endpoints(), ca_file=google.write_ca(tmp_path))
```
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import parse_qs, unquote, urlsplit

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.stores.gcp.errors import parsed
from virtrigaud_secrets.testing.servers.certificates import Authority
from virtrigaud_secrets.testing.servers.google_identity import Answer, GoogleIdentity, Verifier, error
from virtrigaud_secrets.testing.servers.http_server import AnsweringServer, Question, Reply
from virtrigaud_secrets.testing.servers.secret_manager_store import SecretManagerStore

LONGEST_BODY: Final = 256 * 1024
"""No request of a login is longer."""

_HOSTS: Final = (
    "https://secretmanager.googleapis.com",
    "https://oauth2.googleapis.com",
    "https://sts.googleapis.com",
    "https://iamcredentials.googleapis.com",
    "http://metadata.google.internal",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was received."""

    method: str
    """Its method."""
    path: str
    """Its path, without the query."""
    caller: str
    """Whose access token it carried, empty where none."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is answered instead."""

    status: HTTPStatus
    """The status."""
    retry_after: str = ""
    """The header `Retry-After`, empty for none."""
    body: bytes | None = None
    """The body; None for an error as Google writes it."""


class SecretManager(AnsweringServer):
    """The server, from `with` to the end of the block."""

    title: ClassVar[str] = "the Secret Manager stand-in"
    longest_body: ClassVar[int] = LONGEST_BODY

    def __init__(self, *, clock: Clock | None = None, verify: Verifier | None = None) -> None:
        """A Google without secrets.

        Args:
            clock: time; by default the system's.
            verify: tells whose a Kubernetes token is, where it is not one of `identity.kubernetes_token`.
        """
        super().__init__(Authority.create("virtrigaud-secrets Google stand-in CA"))
        self.secrets: Final = SecretManagerStore(clock=clock)
        """What it keeps."""
        self.identity: Final = GoogleIdentity(clock=clock, verify=verify)
        """Whom it knows."""
        self._lock: Final = threading.Lock()
        self._asked: list[Asked] = []
        self._troubles: list[Trouble] = []

    @property
    def asked(self) -> tuple[Asked, ...]:
        """Every request since the start, those in trouble included."""
        with self._lock:
            return tuple(self._asked)

    def asked_for_secrets(self) -> list[str]:
        """Paths of the requests that went to Secret Manager itself, in order."""
        return [one.path for one in self.asked if one.path.startswith("/v1/projects/") and one.method == "GET"]

    def endpoints(self, *locations: str) -> dict[str, str]:
        """`Settings.endpoints` that lead here what would go to Google, regional endpoints of `locations` included."""
        regional = [f"https://secretmanager.{location}.rep.googleapis.com" for location in locations]
        return dict.fromkeys([*_HOSTS, *regional], self.address)

    def write_ca(self, directory: Path) -> Path:
        """`Settings.ca_file` for it."""
        file = directory / "google-ca.pem"
        file.write_bytes(self.ca_pem)
        return file

    def fail_next(
        self, status: HTTPStatus, *, times: int = 1, retry_after: str = "", body: bytes | None = None
    ) -> None:
        """Answer the next requests to Secret Manager itself with this status."""
        with self._lock:
            self._troubles += [Trouble(status, retry_after, body)] * times

    def respond(self, question: Question) -> Reply:
        """The answer to a request."""
        (status, content), trouble = self.answer(question.method, question.target, question.headers, question.body)
        text = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        headers = {"Content-Type": "application/text"} if isinstance(content, str) else dict[str, str]()
        if trouble is not None:
            text = text if trouble.body is None else trouble.body
            headers |= {"Retry-After": trouble.retry_after} if trouble.retry_after else {}
        return Reply(status, text, headers)

    def answer(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[Answer, Trouble | None]:
        """The answer to a request, and the trouble it stands for."""
        parts = urlsplit(target)
        path, query = unquote(parts.path), {name: values[0] for name, values in parse_qs(parts.query).items()}
        caller = self.identity.caller(headers.get("Authorization") or "")
        with self._lock:
            self._asked.append(Asked(method, path, caller or ""))
        login = self.identity.answer(method, path, headers, body, query=query)
        if login is not None:
            return login, None
        with self._lock:
            trouble = self._troubles.pop(0) if self._troubles else None
        if trouble is not None:
            return error(trouble.status, "UNAVAILABLE", "in trouble"), trouble
        if caller is None:
            message = "Request had invalid authentication credentials."
            return error(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED", message), None
        return self.secrets.answer(method, path.removeprefix("/v1/"), query, parsed(body)), None
