from __future__ import annotations

import dataclasses

import pytest

from virtrigaud_secrets.errors import (
    AuthenticationError,
    ClosedError,
    ConfigurationError,
    SecretNotFoundError,
    StoreUnavailableError,
    TemplateError,
    UnsupportedFeatureError,
)
from virtrigaud_secrets.models.backends.webhook import WebhookProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Fetch, Push, PushOutcome, PushTarget, Query, StoreKey
from virtrigaud_secrets.stores.webhook.client import WebhookClient
from virtrigaud_secrets.stores.webhook.ntlm import Login
from virtrigaud_secrets.stores.webhook.request import Request
from virtrigaud_secrets.stores.webhook.transport import Reply

STORE = StoreKey("SecretStore", "team", "s")
FETCH = Fetch(store=STORE, key="db", version="2")


class Server:
    """Stands for the transport: each answer once, the last one again and again."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.answers = list(answers) or [b"answer"]
        self.asked: list[str] = []
        self.logins: list[Login | None] = []
        self.requests: list[Request] = []
        self.status = 200
        self.closed = 0

    def send(self, request, login=None) -> Reply:
        self.logins.append(login)
        self.requests.append(request)
        self.asked.append(request.url.reveal_text())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return Reply(self.status, Sensitive(answer))

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def connect(make_context):
    def make(server: Server, *, kind: str = "SecretStore", **fields: object) -> WebhookClient:
        document = {
            "url": "https://x/{{ .remoteRef.key }}?t={{ .auth.token }}",
            "secrets": [{"name": "auth", "secretRef": {"name": "login"}}],
        }
        client = WebhookClient(WebhookProvider.model_validate(document | fields), make_context(kind=kind))
        client._transport = server
        return client

    return make


def test_a_fetch_is_one_request(connect, references):
    references.put("team", "login", {"token": "t"})
    server = Server(b'{"a": {"db": "v"}}')
    client = connect(server, result={"jsonPath": "$.a.{{ .remoteRef.key }}"})
    assert references.asked == []
    answer = client.get(FETCH)
    assert answer.payload.whole() == b"v"
    assert (answer.path, answer.version) == ("https://x/{{ .remoteRef.key }} (db)", "2")
    assert server.asked == ["https://x/db?t=t"]
    client.get(FETCH)
    assert references.asked == [("team", "login")]


def test_secrets_must_be_labelled_for_it(connect, references):
    server = Server()
    for labels in ({"app": "x"}, {"external-secrets.io/type": "other"}):
        references.put("team", "login", {"token": "t"}, **labels)
        with pytest.raises(ConfigurationError, match=r"must carry the label external-secrets\.io/type: webhook"):
            connect(server).get(FETCH)
    assert server.asked == []


def test_a_cluster_store_names_namespaces(connect, references):
    references.put("other", "login", {"token": "t"})
    secrets = [{"name": "auth", "secretRef": {"name": "login", "namespace": "other"}}]
    connect(Server(), kind="ClusterSecretStore", secrets=secrets).get(FETCH)
    with pytest.raises(ConfigurationError, match="must have a namespace"):
        connect(Server(), kind="ClusterSecretStore").get(FETCH)
    with pytest.raises(ConfigurationError, match="Secret team/login was not found"):
        connect(Server(), secrets=secrets).get(FETCH)
    with pytest.raises(ConfigurationError, match="must have a name"):
        connect(Server(), secrets=[{"name": "auth", "secretRef": {}}]).get(FETCH)


def test_secrets_of_one_name_are_one(connect, references):
    references.put("team", "login", {"token": "old", "user": "u"})
    references.put("team", "more", {"token": "new"})
    secrets = [{"name": "auth", "secretRef": {"name": name}} for name in ("login", "more")]
    server = Server()
    connect(server, url="https://x/{{ .auth.user }}/{{ .auth.token }}", secrets=secrets).get(FETCH)
    assert server.asked == ["https://x/u/new"]


def test_a_refused_login_reads_the_secrets_anew_once(connect, references):
    references.put("team", "login", {"token": "old"})
    server = Server(b"first", AuthenticationError("no"), b"second", AuthenticationError("no"))
    client = connect(server)
    client.get(FETCH)
    references.put("team", "login", {"token": "new"})
    assert client.get(FETCH).payload.whole() == b"second"
    assert server.asked[-2:] == ["https://x/db?t=old", "https://x/db?t=new"]
    asked = len(server.asked)
    with pytest.raises(AuthenticationError) as caught:
        client.get(FETCH)
    assert caught.value.store == str(STORE)
    # What was read anew is what was refused: it is not sent once more.
    assert len(server.asked) == asked + 1


NTLM = {"ntlm": {"usernameSecret": {"name": "ad", "key": "user"}, "passwordSecret": {"name": "ad", "key": "password"}}}


def test_who_logs_in_by_ntlm_is_read_from_labelled_secrets(connect, references):
    references.put("team", "ad", {"user": " CORP\\svc\n", "password": " p w \r\n"})
    server = Server(b"first", AuthenticationError("no"), b"second")
    client = connect(server, secrets=[], url="https://x/a", auth=NTLM)
    client.get(FETCH)
    assert server.logins == [Login("CORP\\svc", Sensitive(" p w "))]
    assert "p w" not in repr(server.logins)
    references.put("team", "ad", {"user": "CORP\\svc", "password": "new"})
    assert client.get(FETCH).payload.whole() == b"second"
    assert server.logins[-1] == Login("CORP\\svc", Sensitive("new"))


@pytest.mark.parametrize(
    ("data", "labels", "words"),
    [
        ({"user": "u"}, None, "passwordSecret names is not there or empty"),
        ({"user": "", "password": "p"}, None, "usernameSecret names is not there or empty"),
        ({"user": "u", "password": "p"}, {"another": "label"}, "must carry the label"),
    ],
)
def test_who_logs_in_by_ntlm_must_be_told(connect, references, data, labels, words):
    references.put("team", "ad", data, **(labels or {}))
    server = Server()
    with pytest.raises(ConfigurationError, match=words):
        connect(server, secrets=[], url="https://x/a", auth=NTLM).get(FETCH)
    assert server.asked == []


def test_what_may_pass_is_asked_again_if_it_only_reads(connect, clock):
    server = Server(StoreUnavailableError("down"), b"up")
    assert connect(server, secrets=[]).get(FETCH).payload.whole() == b"up"
    assert len(clock.sleeps) == 1
    for fault in (StoreUnavailableError("down"), AuthenticationError("no")):
        server = Server(fault, b"up")
        with pytest.raises(type(fault)):
            connect(server, method="POST", secrets=[]).get(FETCH)
        assert len(server.asked) == 1


def test_a_missing_secret_names_the_store(connect):
    with pytest.raises(SecretNotFoundError) as caught:
        connect(Server(SecretNotFoundError("none", path="p")), secrets=[]).get(FETCH)
    assert (caught.value.store, caught.value.path) == (str(STORE), "p")


def test_it_cannot_be_searched(connect):
    with pytest.raises(UnsupportedFeatureError):
        connect(Server()).find(Query(store=STORE, name="x"))


def test_a_closed_client_answers_nothing(connect):
    server = Server()
    client = connect(server, secrets=[])
    client.get(FETCH)
    client.close()
    client.close()
    assert server.closed == 2
    with pytest.raises(ClosedError):
        client.get(FETCH)


TARGET = PushTarget(store=STORE, key="db")
PUSHED = Push(target=TARGET, entries={"password": Sensitive("hunter2")}, secret_key="password")


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, PushOutcome.UPDATED), (201, PushOutcome.CREATED), (204, PushOutcome.UPDATED)]
)
def test_a_push_is_one_request(connect, references, status, outcome):
    references.put("team", "login", {"token": "t"})
    server = Server()
    server.status = status
    client = connect(server, url="https://x/{{ .remoteRef.remoteKey }}?t={{ .auth.token }}")
    assert client.push(PUSHED) is outcome
    assert server.asked == ["https://x/db?t=t"]
    assert server.requests[0].body == Sensitive("hunter2")


def test_a_dry_run_renders_and_sends_nothing(connect, references):
    references.put("team", "login", {"token": "t"})
    server = Server()
    client = connect(server)
    assert client.push(dataclasses.replace(PUSHED, dry_run=True)) is PushOutcome.UPDATED
    assert client.delete(TARGET, dry_run=True) is PushOutcome.DELETED
    with pytest.raises(TemplateError):
        connect(server, body="{{").push(dataclasses.replace(PUSHED, dry_run=True))
    assert server.asked == []


def test_what_writes_is_sent_once_and_what_looks_is_not(connect, references):
    references.put("team", "login", {"token": "t"})
    server = Server(StoreUnavailableError("gone"))
    client = connect(server)
    for call in (lambda: client.push(PUSHED), lambda: client.delete(TARGET)):
        with pytest.raises(StoreUnavailableError) as caught:
            call()
        assert caught.value.store == str(STORE)
    assert [one.method for one in server.requests] == ["POST", "DELETE"]
    with pytest.raises(StoreUnavailableError):
        client.exists(TARGET)
    assert [one.method for one in server.requests[2:]] == ["GET"] * 3


def test_what_the_server_does_not_have(connect, references):
    references.put("team", "login", {"token": "t"})
    client = connect(Server(SecretNotFoundError("no")))
    assert not client.exists(TARGET)
    assert client.delete(TARGET) is PushOutcome.ABSENT
    with pytest.raises(SecretNotFoundError):
        client.push(PUSHED)
    assert connect(Server()).exists(TARGET)
    assert connect(Server()).delete(TARGET) is PushOutcome.DELETED


@pytest.mark.parametrize("make", ["push", "read"])
def test_a_refused_login_is_read_anew_for_the_next_request_that_acts(connect, references, make):
    references.put("team", "login", {"token": "old"})
    server = Server(AuthenticationError("no"), b"{}")
    client = connect(server, method="POST")
    call = (lambda: client.push(PUSHED)) if make == "push" else (lambda: client.get(FETCH))
    with pytest.raises(AuthenticationError):
        call()
    references.put("team", "login", {"token": "new"})
    call()
    assert server.asked[-1].endswith("t=new")
    assert len(server.asked) == 2
