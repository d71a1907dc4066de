"""What a push asks the server, in which order; the rest is asked of a real one."""

from __future__ import annotations

import pytest

from virtrigaud_secrets.errors import AccessDeniedError, InvalidRequestError, SecretNotFoundError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Push, PushOutcome, PushTarget
from virtrigaud_secrets.stores.vault.errors import Fault
from virtrigaud_secrets.stores.vault.push import Writer
from virtrigaud_secrets.stores.vault.transport import Reply, Request
from virtrigaud_secrets.testing.clock import START
from virtrigaud_secrets.testing.contract import STORE

MARKED = {"custom_metadata": {"managed-by": "external-secrets"}, "current_version": "3"}


class Server:
    def __init__(self, **answers: object) -> None:
        self.answers = answers
        self.sent: list[Request] = []

    def send(self, request: Request) -> Reply | Fault:
        self.sent.append(request)
        kind = "metadata" if "/metadata/" in request.path else "data"
        if request.method != "GET":
            return Reply({}, START, 0.0)
        found = self.answers.get(kind)
        if isinstance(found, Fault):
            return found
        if found is None:
            return Fault(SecretNotFoundError("none"))
        return Reply({"data": found}, START, 0.0)  # type: ignore[dict-item]  # JSON

    def paths(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.sent]


def writer(server: Server, *, mount: str = "kv", version: int = 2) -> Writer:
    return Writer(send=server.send, mount=mount, version=version)


def push(key: str, value: str = '{"a":"b"}', **fields: object) -> Push:
    return Push(
        target=PushTarget(store=STORE, key=key),
        entries={"k": Sensitive(value)},
        secret_key="k",
        **fields,  # type: ignore[arg-type]  # of a push
    )


@pytest.mark.parametrize(
    ("mount", "key", "metadata"),
    [
        ("kv", "a/b", "kv/metadata/a/b"),
        ("kv", "kv/data/a", "kv/metadata/a"),
        ("kv", "data/a", "kv/metadata/data/a"),
        ("kv/data", "a", "kv/data/metadata/a"),
        ("", "kv/a/b", "kv/metadata/a/b"),
        ("", "kv/data/a/data/b", "kv/metadata/a/data/b"),
    ],
)
def test_the_mark_is_kept_at_the_secret_it_is_about(mount: str, key: str, metadata: str) -> None:
    server = Server()
    writer(server, mount=mount).push(push(key))

    assert f"POST {metadata}" in server.paths()


def test_a_new_secret_is_marked_then_written_where_there_is_none() -> None:
    server = Server()

    assert writer(server).push(push("a")) is PushOutcome.CREATED
    assert server.paths() == ["GET kv/metadata/a", "POST kv/metadata/a", "POST kv/data/a"]
    text = server.sent[2].text
    assert text is not None
    assert text.reveal() == b'{"data":{"a":"b"},"options":{"cas":0}}'
    assert [request.repeatable for request in server.sent] == [True, True, False]


def test_a_change_must_find_the_version_that_was_read() -> None:
    server = Server(metadata=MARKED, data={"data": {"a": "old"}, "metadata": {"version": "4"}})

    assert writer(server).push(push("a")) is PushOutcome.UPDATED
    assert server.paths() == ["GET kv/metadata/a", "GET kv/data/a", "POST kv/data/a"]
    text = server.sent[2].text
    assert text is not None
    assert text.reveal().endswith(b'"options":{"cas":4}}')


def test_equal_numbers_are_equal_however_they_are_written() -> None:
    server = Server(metadata=MARKED, data={"data": {"a": 1.5}, "metadata": {"version": "3"}})

    assert writer(server).push(push("a", '{"a": 1.50}')) is PushOutcome.UNCHANGED


def test_what_is_read_to_be_deleted_is_read_once() -> None:
    server = Server(metadata=MARKED, data={"data": {"a": "old"}, "metadata": {"version": "3"}})

    assert writer(server).delete(PushTarget(store=STORE, key="a"), dry_run=False) is PushOutcome.DELETED
    assert server.paths() == ["GET kv/metadata/a", "GET kv/data/a", "DELETE kv/metadata/a"]


def test_a_path_that_denies_is_no_absent_secret() -> None:
    denied = Fault(AccessDeniedError("denied"))
    for server in (Server(metadata=denied), Server(metadata=MARKED, data=denied)):
        with pytest.raises(AccessDeniedError):
            writer(server).push(push("a"))
    with pytest.raises(AccessDeniedError):
        writer(Server(data=denied)).exists(PushTarget(store=STORE, key="a"))


def test_version_1_has_no_metadata_to_write() -> None:
    with pytest.raises(InvalidRequestError, match="version 1 keeps no metadata"):
        writer(Server(), version=1).push(push("a", metadata={}))


@pytest.mark.parametrize("key", ["", "/", "../a", "a/./b"])
def test_a_key_that_is_no_path_is_refused(key: str) -> None:
    server = Server()
    with pytest.raises(InvalidRequestError):
        writer(server).push(push(key))
    assert server.sent == []
