"""A webhook behind a server that lets in by NTLM only: connections are logged in, and messages are checked."""

from __future__ import annotations

import base64
import json
from typing import ClassVar, cast

import pytest
import spnego

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.errors import AuthenticationError, InvalidRequestError, StoreUnavailableError
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.testing.servers.certificates import Authority
from virtrigaud_secrets.testing.servers.http_server import Handler, Listener, LoopbackServer

pytestmark = pytest.mark.integration

PASSWORD = "planted-pässword-88"
VALUE = "planted-value-88"


class DomainServer(LoopbackServer):
    """Answers logged-in connections."""

    title: ClassVar[str] = "the NTLM server"

    def __init__(self, authority: Authority | None) -> None:
        super().__init__(authority)
        self.seen: list[tuple[str, str, bytes, bool]] = []
        self.challenges = True
        self.forgetful = False
        self.redirect = ""

    def handler(self) -> type[Handler]:
        return DomainHandler


class DomainHandler(Handler):
    """NTLM logs a connection in, so the login is the handler's: there is one for each connection."""

    def setup(self) -> None:
        super().setup()
        self.login = None
        self.let_in = False

    def serve(self) -> None:
        server = cast("DomainServer", cast("Listener", self.server).owner)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        challenge = self._step(self.headers.get("Authorization") or "")
        server.seen.append((self.command, self.path, body, self.let_in))
        if self.let_in and server.redirect:
            self._say(307, b"", Location=server.redirect)
        elif self.let_in:
            self._say(200, json.dumps({"value": VALUE}).encode())
        elif server.challenges:
            self._say(401, b"who are you?", **{"WWW-Authenticate": f"NTLM {challenge}".strip()})
            self.close_connection = server.forgetful
        else:
            self._say(401, b"no", **{"WWW-Authenticate": "Basic realm=x"})

    def _step(self, authorization: str) -> str:
        scheme, _, encoded = authorization.partition(" ")
        if scheme != "NTLM":
            return ""
        message = base64.b64decode(encoded)
        if message[8] == 1:
            self.login = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
        if self.login is None:
            return ""
        try:
            answer = self.login.step(message)
        except spnego.exceptions.SpnegoError:
            self.login = None
            return ""
        self.let_in = self.login.complete
        return base64.b64encode(answer or b"").decode()

    def _say(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(params=["https", "http"])
def server(request, tmp_path, monkeypatch):
    users = tmp_path / "users"
    users.write_text(f"CORP:svc:{PASSWORD}\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(users))
    with DomainServer(Authority.create() if request.param == "https" else None) as running:
        yield running


@pytest.fixture
def read(server, tmp_path):
    """Resolves one secret from the server."""

    def resolve(*, password=PASSWORD, user="CORP\\svc", key="db", **fields):
        selectors = {f"{name}Secret": {"name": "ad", "key": name} for name in ("username", "password")}
        webhook = {
            "url": f"{server.address}/secrets/{{{{ .remoteRef.key }}}}",
            "result": {"jsonPath": "$.value"},
            "auth": {"ntlm": selectors},
            **fields,
        }
        if server.ca_pem:
            webhook["caBundle"] = base64.b64encode(server.ca_pem).decode()
        labels = {"external-secrets.io/type": "webhook"}
        documents = [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "ad", "namespace": "n", "labels": labels},
                "stringData": {"username": user, "password": f"{password}\n"},
            },
            {
                "apiVersion": "external-secrets.io/v1",
                "kind": "SecretStore",
                "metadata": {"name": "web", "namespace": "n"},
                "spec": {"provider": {"webhook": webhook}, "retrySettings": {"maxRetries": 1, "retryInterval": "10ms"}},
            },
            {
                "apiVersion": "external-secrets.io/v1",
                "kind": "ExternalSecret",
                "metadata": {"name": "es", "namespace": "n"},
                "spec": {
                    "secretStoreRef": {"name": "web"},
                    "data": [{"secretKey": "v", "remoteRef": {"key": key}}],
                },
            },
        ]
        (tmp_path / "all.yaml").write_text("\n---\n".join(map(json.dumps, documents)))
        with Resolver.from_path(tmp_path / "all.yaml", settings=Settings()) as resolver:
            return resolver.resolve("es", namespace="n").text("v")

    return resolve


def test_a_manifest_logs_in_and_reads(server, read):
    assert read() == VALUE
    assert server.seen == [("GET", "/secrets/db", b"", False), ("GET", "/secrets/db", b"", True)]
    assert server.connections == 1


def test_a_body_is_sent_after_the_login_only(server, read):
    assert read(method="POST", body='{"name": "{{ .remoteRef.key }}"}') == VALUE
    assert [(body, let_in) for _, _, body, let_in in server.seen] == [(b"", False), (b'{"name": "db"}', True)]


@pytest.mark.parametrize("wrong", [{"password": "other"}, {"user": "CORP\\nobody"}])
def test_a_wrong_password_is_tried_once(server, read, wrong):
    with pytest.raises(AuthenticationError, match="does not accept our credentials") as caught:
        read(**wrong)
    # Once more could lock the user out.
    assert len(server.seen) == 2
    assert PASSWORD not in f"{caught.value!r} {caught.value}"


def test_a_server_that_asks_for_another_login(server, read):
    server.challenges = False
    with pytest.raises(AuthenticationError, match="does not ask for a login by NTLM"):
        read()


def test_a_server_that_hangs_up_in_between(server, read):
    server.forgetful = True
    with pytest.raises((AuthenticationError, StoreUnavailableError)):
        read()


def test_a_login_does_not_follow_to_another_place(server, read):
    server.redirect = f"{server.address}/elsewhere"
    with pytest.raises(InvalidRequestError, match="sends the request elsewhere"):
        read()
    assert all(path == "/secrets/db" for _, path, _, _ in server.seen)
