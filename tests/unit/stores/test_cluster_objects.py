from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest
import urllib3.exceptions as transport

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ClosedError,
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    StoreError,
    StoreUnavailableError,
    ThrottledError,
    WatchExpiredError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores import cluster_objects
from virtrigaud_secrets.stores.cluster_access import ClusterAccess
from virtrigaud_secrets.stores.cluster_answers import MAX_ANSWER_BYTES
from virtrigaud_secrets.stores.cluster_objects import (
    DEPLOYMENTS,
    EXTERNAL_SECRETS,
    SECRETS,
    Change,
    ClusterObjects,
    Listing,
)
from virtrigaud_secrets.testing import ManualClock

PLANTED = "planted-value-7f3a"
TOKEN = Sensitive("the-token")
ACCESS = ClusterAccess(server="https://k.example", origin="kubeconfig x", token=lambda: TOKEN)


class Answer:
    def __init__(self, document: object = None, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.parts = document if isinstance(document, list) else [json.dumps(document).encode()]
        self.status = status
        self.headers = headers or {}
        self.ended: list[str] = []

    def read1(self, amt: int) -> bytes:
        part = self.parts.pop(0) if self.parts else b""
        if isinstance(part, Exception):
            raise part
        return cast("bytes", part)

    def release_conn(self) -> None:
        self.ended.append("released")

    def close(self) -> None:
        self.ended.append("closed")

    def shutdown(self) -> None:
        self.ended.append("shut down")
        raise ValueError("it ended meanwhile")


class Pool:
    """Stands for urllib3's: gives the answers in turn and remembers what was sent."""

    def __init__(self, answers: list[Answer | Exception]) -> None:
        self.answers = answers
        self.sent: list[tuple[str, str]] = []
        self.options: list[dict[str, object]] = []
        self.cleared = 0

    def request(self, method: str, url: str, **options: object) -> Answer:
        self.sent.append((method, url))
        self.options.append(options)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def clear(self) -> None:
        self.cleared += 1


Make = Callable[..., tuple[ClusterObjects, Pool]]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    def made(*answers: Answer | Exception) -> tuple[ClusterObjects, Pool]:
        pool = Pool(list(answers))
        monkeypatch.setattr(cluster_objects, "connection_pool", lambda _access: pool)
        return ClusterObjects(ACCESS, timeout=timedelta(seconds=7), clock=ManualClock()), pool

    return made


def line(kind: str, **body: object) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"


def test_addresses_are_the_apis(make: Make) -> None:
    objects, pool = make(*(Answer({}, status=200) for _ in range(7)))
    objects.get(SECRETS, "s", namespace="ns")
    objects.get(DEPLOYMENTS, "d", namespace="ns")
    objects.create(SECRETS, {}, namespace="ns", field_manager="a/b")
    objects.replace(EXTERNAL_SECRETS, "e", {}, namespace="ns", subresource="status")
    objects.patch(EXTERNAL_SECRETS, "e", {}, namespace="ns", subresource="status", field_manager="m")
    objects.delete(SECRETS, "s", namespace="ns", uid="u", resource_version="7")
    assert not objects.reviewed("get", SECRETS, namespace="ns")
    assert pool.sent == [
        ("GET", "https://k.example/api/v1/namespaces/ns/secrets/s"),
        ("GET", "https://k.example/apis/apps/v1/namespaces/ns/deployments/d"),
        ("POST", "https://k.example/api/v1/namespaces/ns/secrets?fieldManager=a%2Fb"),
        ("PUT", "https://k.example/apis/external-secrets.io/v1/namespaces/ns/externalsecrets/e/status"),
        (
            "PATCH",
            "https://k.example/apis/external-secrets.io/v1/namespaces/ns/externalsecrets/e/status?fieldManager=m",
        ),
        ("DELETE", "https://k.example/api/v1/namespaces/ns/secrets/s"),
        ("POST", "https://k.example/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
    ]
    bodies = [json.loads(cast("bytes", options["body"])) for options in pool.options if options["body"]]
    assert bodies[0] == {"apiVersion": "v1", "kind": "Secret"}
    assert bodies[1] == {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret"}
    assert bodies[2] == {}
    assert bodies[3]["preconditions"] == {"uid": "u", "resourceVersion": "7"}


def test_each_request_carries_the_token_and_follows_no_redirect(make: Make) -> None:
    objects, pool = make(Answer({}, status=307))
    with pytest.raises(InvalidRequestError):
        objects.get(SECRETS, "s", namespace="ns")
    options = pool.options[0]
    assert cast("dict[str, str]", options["headers"])["Authorization"] == "Bearer the-token"
    assert options["redirect"] is False
    assert options["preload_content"] is False


def test_pages_are_put_together(make: Make) -> None:
    first = {"metadata": {"continue": "more/+", "resourceVersion": "7"}, "items": [{"metadata": {"name": "a"}}]}
    last = {"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": PLANTED}}]}
    objects, pool = make(Answer(first), Answer(last))
    listing = objects.list(SECRETS, labels="a in (b,c)")
    assert [one["metadata"] for one in listing.items] == [{"name": "a"}, {"name": PLANTED}]
    assert repr(listing) == "<2 objects at 7>"
    assert pool.sent[1][1].endswith("/api/v1/secrets?limit=100&labelSelector=a+in+%28b%2Cc%29&continue=more%2F%2B")


def test_an_empty_list_of_metadata_is_null(make: Make) -> None:
    objects, _ = make(Answer({"items": None, "metadata": {"resourceVersion": "7"}}))
    assert objects.list(SECRETS, metadata_only=True) == Listing((), "7")


def test_a_list_may_be_by_fields(make: Make) -> None:
    objects, pool = make(Answer({"items": []}))
    assert objects.list(SECRETS, labels="a=b", fields="type=kubernetes.io/tls").items == ()
    assert pool.sent[0][1].endswith("secrets?limit=100&labelSelector=a%3Db&fieldSelector=type%3Dkubernetes.io%2Ftls")


@pytest.mark.parametrize("document", [[b"{}"], [b'{"items": 7}'], [b'{"items": [7]}'], [b"<html>"], [b""]])
def test_a_list_of_something_else_is_unavailable(make: Make, document: list[bytes]) -> None:
    objects, _ = make(Answer(document))
    with pytest.raises(StoreUnavailableError, match="is not what a cluster answers"):
        objects.list(SECRETS)


def test_a_watch_gives_whole_lines_however_they_come(make: Make) -> None:
    whole = line("ADDED", a=1) + line("BOOKMARK", b=2) + line("DELETED", c=PLANTED)
    answer = Answer([whole[:10], whole[10:50], whole[50:]])
    objects, pool = make(answer)
    changes = list(objects.watch(SECRETS, resource_version="7", timeout=timedelta(minutes=1)))
    assert [(change.kind, dict(change.object)) for change in changes] == [
        ("ADDED", {"a": 1}),
        ("BOOKMARK", {"b": 2}),
        ("DELETED", {"c": PLANTED}),
    ]
    assert PLANTED not in repr(changes)
    assert answer.ended == ["closed"]
    assert "timeoutSeconds=60&resourceVersion=7" in pool.sent[0][1]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer([line("ERROR", code=410, message=PLANTED)]), WatchExpiredError),
        (Answer([line("ERROR", message=PLANTED)]), StoreUnavailableError),
        (Answer([line("ADDED")[:-3] + b"\n"]), StoreUnavailableError),
        (Answer([b'{"type": 7}\n']), StoreUnavailableError),
        (Answer([b"x" * (MAX_ANSWER_BYTES + 1)]), StoreUnavailableError),
        (Answer([transport.ProtocolError(PLANTED)]), StoreUnavailableError),
        (Answer({}, status=410), WatchExpiredError),
        (Answer({}, status=404), InvalidRequestError),
        (transport.ProtocolError(PLANTED), StoreUnavailableError),
    ],
)
def test_a_watch_that_breaks_says_how(make: Make, answer: Answer | Exception, kind: type[StoreError]) -> None:
    objects, _ = make(answer)
    with pytest.raises(kind) as caught:
        list(objects.watch(SECRETS, resource_version="7", timeout=timedelta(minutes=1)))
    assert type(caught.value) is kind
    assert PLANTED not in "".join(traceback.format_exception(caught.value))
    if isinstance(answer, Answer):
        assert "closed" in answer.ended


def test_closing_ends_a_watch_and_everything_after(make: Make) -> None:
    answer = Answer([line("ADDED"), transport.ProtocolError("shut down")])
    objects, pool = make(answer)
    watch = objects.watch(SECRETS, resource_version="7", timeout=timedelta(minutes=1))
    assert next(iter(watch)) == Change("ADDED", {})
    objects.close()
    objects.close()
    assert list(watch) == []
    assert answer.ended[0] == "shut down"
    assert pool.cleared == 1
    with pytest.raises(ClosedError, match="was closed"):
        objects.get(SECRETS, "s", namespace="ns")


def test_an_answer_that_comes_after_closing_is_dropped(make: Make) -> None:
    answer = Answer([line("ADDED")])
    objects, pool = make(answer)
    pool.request = lambda *_a, **_o: (objects.close(), answer)[1]  # type: ignore[method-assign, assignment]
    with pytest.raises(ClosedError):
        list(objects.watch(SECRETS, resource_version="7", timeout=timedelta(minutes=1)))
    assert "closed" in answer.ended


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequestError),
        (401, AuthenticationError),
        (403, AccessDeniedError),
        (409, ConflictError),
        (410, WatchExpiredError),
        (422, InvalidRequestError),
        (429, ThrottledError),
        (500, StoreUnavailableError),
    ],
)
def test_a_refusal_is_ours_and_carries_no_body(make: Make, status: int, kind: type[StoreError]) -> None:
    objects, _ = make(Answer({"message": PLANTED}, status=status, headers={"Retry-After": "3"}))
    with pytest.raises(kind) as caught:
        objects.replace(SECRETS, "s", {"data": {"a": PLANTED}}, namespace="ns")
    error = caught.value
    assert (error.status, error.path) == (status, "namespaces/ns/secrets/s")
    assert error.__cause__ is error.__context__ is None
    assert PLANTED not in str(error)
    assert not isinstance(error, ThrottledError) or error.retry_after == 3


def test_404_is_none_a_conflict_or_unknown_by_what_was_asked(make: Make) -> None:
    objects, _ = make(*(Answer({"kind": "Status"}, status=404) for _ in range(5)))
    assert objects.get(SECRETS, "s", namespace="ns") is None
    assert objects.delete(SECRETS, "s", namespace="ns") is False
    with pytest.raises(ConflictError):
        objects.replace(SECRETS, "s", {}, namespace="ns")
    with pytest.raises(ConflictError):
        objects.patch(SECRETS, "s", {}, namespace="ns")
    with pytest.raises(InvalidRequestError, match="no such namespace"):
        objects.create(SECRETS, {}, namespace="ns")


@pytest.mark.parametrize("body", [{}, [b""], [b"404 page not found"]])
def test_a_404_that_no_cluster_wrote_is_an_outage(make: Make, body: object) -> None:
    objects, _ = make(Answer(body, status=404))
    with pytest.raises(StoreUnavailableError, match="is not what a cluster answers"):
        objects.delete(SECRETS, "s", namespace="ns")


@pytest.mark.parametrize("name", ["", "..", "../secrets/x", "a/b", "A", "a\n", "a?b", "a" * 254, "é"])
def test_a_name_that_is_none_is_refused_before_any_request(make: Make, name: str) -> None:
    objects, pool = make()
    with pytest.raises(ConfigurationError, match="is no name of a Kubernetes object"):
        objects.get(SECRETS, name, namespace="ns")
    if name:
        with pytest.raises(ConfigurationError, match="is no name of a Kubernetes object"):
            objects.list(SECRETS, namespace=name)
    assert pool.sent == []


@pytest.mark.parametrize("status", [{}, {"status": 7}, {"status": {"allowed": False}}, {"status": {"allowed": "yes"}}])
def test_only_a_clear_yes_is_a_right(make: Make, status: dict[str, object]) -> None:
    objects, pool = make(Answer(status), Answer({"status": {"allowed": True}}, status=201))
    assert not objects.reviewed("patch", EXTERNAL_SECRETS, namespace="ns", subresource="status")
    assert objects.reviewed("patch", EXTERNAL_SECRETS, namespace="ns", subresource="status")
    asked = json.loads(cast("bytes", pool.options[0]["body"]))["spec"]["resourceAttributes"]
    assert asked == {
        "verb": "patch",
        "group": "external-secrets.io",
        "resource": "externalsecrets",
        "namespace": "ns",
        "subresource": "status",
    }


def test_our_own_mistakes_pass_through(make: Make) -> None:
    for answer in (KeyError("ours"), ConfigurationError("the token file is empty")):
        objects, _ = make(answer, answer)
        with pytest.raises(type(answer)):
            objects.get(SECRETS, "s", namespace="ns")
        with pytest.raises(type(answer)):
            list(objects.watch(SECRETS, resource_version="7", timeout=timedelta(minutes=1)))


def test_names_in_texts(make: Make) -> None:
    objects, _ = make()
    assert str(objects) == "the cluster API at https://k.example (kubeconfig x)"
    assert (SECRETS.api_version, DEPLOYMENTS.api_version) == ("v1", "apps/v1")
    assert repr(Listing((), "7")) == "<0 objects at 7>"
    assert SimpleNamespace(x=Change("ADDED", {"a": PLANTED})).__repr__() == "namespace(x=<ADDED>)"
