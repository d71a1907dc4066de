from __future__ import annotations

import base64
import json
import ssl
import traceback
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace

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
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.cluster_access import ClusterAccess
from virtrigaud_secrets.stores.cluster_api import MAX_ANSWER_BYTES, PAGE_SIZE, ClusterAPI, SecretObject
from virtrigaud_secrets.stores.cluster_client import Connection
from virtrigaud_secrets.testing import ManualClock

PLANTED = "planted-value-7f3a"
ACCESS = ClusterAccess(server="https://k.example", origin="kubeconfig x")


class Refused(Exception):  # noqa: N818  # stands for the client's ApiException
    """What the official client raises: status, headers and the server's whole body."""

    def __init__(self, status: int, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"({status}) {PLANTED}")
        self.status = status
        self.headers = headers
        self.body: object = json.dumps({"kind": "Status", "message": PLANTED})


class Answer:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.ended = ""

    def read1(self, amt: int) -> bytes:
        part, self.content = self.content[:amt], self.content[amt:]
        return part

    def release_conn(self) -> None:
        self.ended += "released"

    def close(self) -> None:
        self.ended += "closed"


class Pages(list[object]):
    """Answers of one call each."""


class Core:
    """Stands for the official client: answers every call alike."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.calls: list[tuple[object, ...]] = []
        self.closed = 0

    def read_namespaced_secret(self, name: str, namespace: str, **options: object) -> Answer:
        return self._take("secret", name, namespace, options)

    def list_namespaced_secret(self, namespace: str, **options: object) -> Answer:
        return self._take("secrets", namespace, options)

    def create_namespaced_secret(self, namespace: str, body: object, **options: object) -> Answer:
        return self._take("create", namespace, body, options)

    def replace_namespaced_secret(self, name: str, namespace: str, body: object, **options: object) -> Answer:
        return self._take("replace", name, namespace, body, options)

    def delete_namespaced_secret(self, name: str, namespace: str, *, body: object, **options: object) -> Answer:
        return self._take("delete", name, namespace, body, options)

    def read_namespaced_config_map(self, name: str, namespace: str, **options: object) -> Answer:
        return self._take("config map", name, namespace, options)

    def read_namespaced_service_account(self, name: str, namespace: str, **options: object) -> Answer:
        return self._take("account", name, namespace, options)

    def read_namespace(self, name: str, **options: object) -> Answer:
        return self._take("namespace", name, options)

    def create_namespaced_service_account_token(
        self, name: str, namespace: str, body: object, **options: object
    ) -> Answer:
        return self._take("token", name, namespace, body, options)

    def _take(self, *call: object) -> Answer:
        self.calls.append(call)
        answer = self.answer.pop(0) if isinstance(self.answer, Pages) else self.answer
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Answer):
            return answer
        return Answer(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def close(self) -> None:
        self.closed += 1


def api(core: Core) -> ClusterAPI:
    return ClusterAPI(ACCESS, timeout=timedelta(seconds=7), connect=lambda _access: Connection(core, core.close))


QUESTIONS: list[tuple[str, str, Callable[[ClusterAPI], object]]] = [
    ("get secrets", "namespaces/ns/secrets/n", lambda asked: asked.secret("n", namespace="ns")),
    ("get configmaps", "namespaces/ns/configmaps/n", lambda asked: asked.config_map("n", namespace="ns")),
    (
        "get serviceaccounts",
        "namespaces/ns/serviceaccounts/n",
        lambda asked: asked.service_account_annotations("n", namespace="ns"),
    ),
    (
        "create serviceaccounts/token",
        "namespaces/ns/serviceaccounts/n/token",
        lambda asked: asked.service_account_token("n", namespace="ns"),
    ),
]
LISTING: tuple[str, str, Callable[[ClusterAPI], object]] = (
    "list secrets",
    "namespaces/ns/secrets",
    lambda asked: list(asked.secrets(namespace="ns")),
)
each_question = pytest.mark.parametrize(("right", "path", "ask"), QUESTIONS, ids=[right for right, _, _ in QUESTIONS])


def test_a_secrets_values_are_decoded_and_hidden() -> None:
    core = Core({"kind": "Secret", "data": {"a": base64.b64encode(PLANTED.encode()).decode(), "empty": ""}})
    found = api(core).secret("n", namespace="ns")
    assert found is not None
    assert {key: value.reveal() for key, value in found.items()} == {"a": PLANTED.encode(), "empty": b""}
    assert PLANTED not in repr(found)
    assert core.calls == [("secret", "n", "ns", {"_preload_content": False, "_request_timeout": (7.0, 7.0)})]


@pytest.mark.parametrize("document", [{}, {"data": None}, {"data": {}}])
def test_an_object_without_data_is_empty_and_not_absent(document: object) -> None:
    assert api(Core(document)).secret("n", namespace="ns") == {}
    assert api(Core(document)).config_map("n", namespace="ns") == {}


def test_a_config_maps_texts_are_as_they_are() -> None:
    found = api(Core({"data": {"a": "YQ=="}, "binaryData": {"b": "AA=="}})).config_map("n", namespace="ns")
    assert found == {"a": "YQ=="}


def test_a_token_request_names_audiences_and_ten_minutes() -> None:
    core = Core({"status": {"token": PLANTED}})
    token = api(core).service_account_token("n", namespace="ns", audiences=["vault"])
    assert token is not None
    assert token.reveal_text() == PLANTED
    assert core.calls[0][3] == {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": ["vault"], "expirationSeconds": 600},
    }


def test_a_token_may_live_longer() -> None:
    core = Core({"status": {"token": PLANTED}})
    api(core).service_account_token("n", namespace="ns", lifetime=timedelta(hours=1))
    assert "'expirationSeconds': 3600" in str(core.calls)


@each_question
def test_404_is_none(right: str, path: str, ask: Callable[[ClusterAPI], object]) -> None:
    assert ask(api(Core(Refused(404)))) is None


@pytest.mark.parametrize("body", [None, "", b"404 page not found", f"<html>{PLANTED}</html>", "[]", "{}"])
def test_a_404_that_no_cluster_wrote_is_an_outage(body: object) -> None:
    refused = Refused(404)
    refused.body = body
    with pytest.raises(StoreUnavailableError, match="is not what a cluster answers") as caught:
        api(Core(refused)).secret("s", namespace="n")
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(
    ("right", "path", "ask"), [*QUESTIONS, LISTING], ids=[right for right, _, _ in [*QUESTIONS, LISTING]]
)
@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, InvalidRequestError, False),
        (401, AuthenticationError, False),
        (410, StoreUnavailableError, True),
        (403, AccessDeniedError, False),
        (301, InvalidRequestError, False),
        (429, ThrottledError, True),
        (500, StoreUnavailableError, True),
        (503, StoreUnavailableError, True),
    ],
)
def test_a_refusal_is_ours_and_carries_no_body(
    right: str, path: str, ask: Callable[[ClusterAPI], object], status: int, kind: type[StoreError], retryable: bool
) -> None:
    with pytest.raises(kind) as caught:
        ask(api(Core(Refused(status))))
    error = caught.value
    assert (error.status, error.path, error.retryable) == (status, path, retryable)
    assert "the cluster API at https://k.example (kubeconfig x)" in str(error)
    assert error.__cause__ is error.__context__ is None
    assert PLANTED not in "".join(traceback.format_exception(error))
    if isinstance(error, AccessDeniedError):
        assert error.capability == right
        assert f"refuses `{right}` in namespace ns" in str(error)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "7"}, 7.0), ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, None), ({}, None), (None, None)],
)
def test_throttling_says_how_long(headers: dict[str, str] | None, seconds: float | None) -> None:
    with pytest.raises(ThrottledError) as caught:
        api(Core(Refused(429, headers))).secret("n", namespace="ns")
    assert caught.value.retry_after == seconds


def test_waiting_does_not_mend_trust() -> None:
    nested = Refused(0)
    nested.__context__ = transport.SSLError(ssl.SSLCertVerificationError(PLANTED))
    for error, passes in ((nested, False), (transport.ProtocolError(PLANTED), True)):
        with pytest.raises(StoreUnavailableError) as caught:
            api(Core(error)).secret("n", namespace="ns")
        assert caught.value.retryable is passes


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Refused(0), "its certificate is not trusted, or TLS failed"),
        (transport.SSLError(PLANTED), "its certificate is not trusted, or TLS failed"),
        (transport.NewConnectionError(SimpleNamespace(host="h"), PLANTED), "it cannot be reached"),  # type: ignore[arg-type]  # only shown
        (transport.ConnectTimeoutError(PLANTED), "connecting took too long"),
        (transport.ReadTimeoutError(SimpleNamespace(), "/", PLANTED), "it took too long"),  # type: ignore[arg-type]  # only shown
        (transport.NameResolutionError("h", SimpleNamespace(), OSError(PLANTED)), "its name cannot be resolved"),  # type: ignore[arg-type]  # only shown
        (transport.ProxyError(PLANTED, OSError()), "the proxy failed"),
        (transport.ProtocolError(PLANTED), "the connection broke"),
        (ConnectionResetError(PLANTED), "the connection broke"),
    ],
)
def test_no_answer_is_unavailable_with_the_reason(error: Exception, reason: str) -> None:
    with pytest.raises(StoreUnavailableError, match=f"no usable answer to `get secrets`: {reason}") as caught:
        api(Core(error)).secret("n", namespace="ns")
    assert caught.value.retryable
    assert PLANTED not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"data": 7, "status": 7}',
        b'{"data": {"a": 7}, "status": {"token": 7}}',
        b"[" * 100_000,
        json.dumps({"data": {"a": PLANTED * 3}, "status": {"token": ""}}).encode(),
    ],
    ids=["empty", "html", "list", "no map", "no text", "deep", "no base64"],
)
def test_an_answer_of_something_else_is_unavailable(content: bytes) -> None:
    asked = api(Core(content))
    for ask in (asked.secret, asked.service_account_token):
        with pytest.raises(StoreUnavailableError, match="is not what a cluster answers") as caught:
            ask("n", namespace="ns")
        assert PLANTED not in "".join(traceback.format_exception(caught.value))


def test_an_endless_answer_is_cut_off() -> None:
    answer = Answer(b" " * (MAX_ANSWER_BYTES + 1))
    with pytest.raises(StoreUnavailableError, match="is not what a cluster answers"):
        api(Core(answer)).secret("n", namespace="ns")
    assert answer.ended == "closed"


def test_a_connection_is_given_back_after_use() -> None:
    answer = Answer(b"{}")
    api(Core(answer)).secret("n", namespace="ns")
    assert answer.ended == "released"


@pytest.mark.parametrize("name", ["", "..", "../secrets/x", "a/b", "A", "a\n", "a" * 254, "é"])
@pytest.mark.parametrize("where", ["name", "namespace"])
def test_a_name_that_is_none_is_refused_before_any_request(name: str, where: str) -> None:
    core = Core({})
    with pytest.raises(ConfigurationError, match="is no name of a Kubernetes object"):
        api(core).secret(name if where == "name" else "n", namespace=name if where == "namespace" else "ns")
    assert core.calls == []


def test_our_own_errors_and_mistakes_pass_through() -> None:
    for error in (ConfigurationError("the token file is empty"), KeyError("a mistake of ours")):
        with pytest.raises(type(error)) as caught:
            api(Core(error)).secret("n", namespace="ns")
        assert caught.value is error


def test_it_connects_once_and_closes_once() -> None:
    core = Core({})
    connected: list[ClusterAccess] = []

    def connect(access: ClusterAccess) -> Connection:
        connected.append(access)
        return Connection(core, core.close)

    asked = ClusterAPI(ACCESS, timeout=timedelta(seconds=1), connect=connect)
    assert connected == []
    asked.secret("n", namespace="ns")
    asked.config_map("n", namespace="ns")
    assert connected == [ACCESS]
    asked.close()
    asked.close()
    assert core.closed == 1
    with pytest.raises(ClosedError, match="was closed"):
        asked.secret("n", namespace="ns")


def test_an_objects_labels_and_annotations() -> None:
    metadata = {"name": "n", "resourceVersion": "7", "labels": {"a": "b"}, "annotations": {"note": PLANTED}}
    found = api(Core({"metadata": metadata, "data": {"k": "dg=="}})).secret_object("n", namespace="ns")
    assert found is not None
    assert (found.name, found.version, found.labels) == ("n", "7", {"a": "b"})
    assert found.data["k"].reveal() == b"v"
    assert found.annotations["note"].reveal_text() == PLANTED
    assert PLANTED not in repr(found)


def page(*names: str, following: str | None = None) -> dict[str, object]:
    items = [{"metadata": {"name": name}, "data": {"k": "dg=="}} for name in names]
    return {"metadata": {} if following is None else {"continue": following}, "items": items}


def test_a_list_is_asked_for_page_by_page() -> None:
    core = Core(Pages([page("a", "b", following="mark"), page("c", following="")]))
    found = list(api(core).secrets(namespace="ns", labels={"tier": "1", "app": "web"}))
    assert [one.name for one in found] == ["a", "b", "c"]
    shared = {"label_selector": "app=web,tier=1", "limit": PAGE_SIZE, "_preload_content": False}
    timeout = {"_request_timeout": (7.0, 7.0)}
    assert core.calls == [
        ("secrets", "ns", {**shared, **timeout, "_continue": ""}),
        ("secrets", "ns", {**shared, **timeout, "_continue": "mark"}),
    ]


def test_a_list_by_further_conditions() -> None:
    core = Core({"items": []})
    assert list(api(core).secrets(namespace="ns", labels={"tier": "1"}, selector="app in (a,b)")) == []
    assert "'label_selector': 'tier=1,app in (a,b)'" in str(core.calls)


def test_a_list_without_labels_has_no_selector() -> None:
    core = Core(page())
    assert list(api(core).secrets(namespace="ns")) == []
    assert "'label_selector': ''" in str(core.calls)


@pytest.mark.parametrize(
    "answer",
    [{}, {"items": None}, {"items": ["a"]}, {"items": [{"data": {"k": PLANTED}}]}, Refused(404)],
    ids=["none", "null", "text", "no base64", "not there"],
)
def test_a_list_of_something_else_is_unavailable(answer: object) -> None:
    with pytest.raises(StoreUnavailableError, match="`list secrets` is not what a cluster answers") as caught:
        list(api(Core(answer)).secrets(namespace="ns"))
    assert PLANTED not in "".join(traceback.format_exception(caught.value))


def test_an_answer_that_drips_is_cut_off() -> None:
    clock = ManualClock()

    class Dripping(Answer):
        def read1(self, amt: int) -> bytes:
            clock.advance(1)
            return b" "

    answer = Dripping(b"")
    core = Core(answer)
    asked = ClusterAPI(
        ACCESS, timeout=timedelta(seconds=7), clock=clock, connect=lambda _access: Connection(core, core.close)
    )
    with pytest.raises(StoreUnavailableError, match="it took too long"):
        asked.secret("n", namespace="ns")
    assert answer.ended == "closed"
    assert clock.elapsed() == 15


def test_a_namespaces_labels() -> None:
    core = Core({"metadata": {"labels": {"team": "blue"}}})
    assert api(core).namespace_labels("n") == {"team": "blue"}
    assert core.calls == [("namespace", "n", {"_preload_content": False, "_request_timeout": (7.0, 7.0)})]
    assert api(Core({"metadata": {}})).namespace_labels("n") == {}
    assert api(Core(Refused(404))).namespace_labels("n") is None
    with pytest.raises(ConfigurationError):
        api(core).namespace_labels("../n")
    with pytest.raises(AccessDeniedError, match="refuses `get namespaces` of n") as caught:
        api(Core(Refused(403))).namespace_labels("n")
    assert caught.value.path == "namespaces/n"


def test_a_service_accounts_annotations() -> None:
    document = {"metadata": {"annotations": {"iam.gke.io/gcp-service-account": "a@b"}}}
    found = api(Core(document)).service_account_annotations("n", namespace="ns")
    assert found == {"iam.gke.io/gcp-service-account": "a@b"}
    assert api(Core({"metadata": {}})).service_account_annotations("n", namespace="ns") == {}


WANTED = SecretObject(
    name="n",
    data={"a": Sensitive(PLANTED)},
    labels={"l": "1"},
    annotations={"z": Sensitive("2")},
    version="7",
    type="kubernetes.io/tls",
    document={"immutable": False, "data": {"old": "eA=="}, "metadata": {"uid": "u", "resourceVersion": "7"}},
)
WRITES: list[tuple[str, Callable[[ClusterAPI], None]]] = [
    ("create", lambda asked: asked.create_secret(WANTED, namespace="ns")),
    ("update", lambda asked: asked.replace_secret(WANTED, namespace="ns")),
    ("delete", lambda asked: asked.delete_secret(WANTED, namespace="ns")),
]
each_write = pytest.mark.parametrize(("verb", "write"), WRITES, ids=[verb for verb, _ in WRITES])


@pytest.mark.parametrize("index", [0, 1])
def test_a_written_secret_keeps_what_the_cluster_told_of_it(index: int) -> None:
    core = Core({})
    WRITES[index][1](api(core))
    body = core.calls[0][-2]

    assert body == {
        "apiVersion": "v1",
        "kind": "Secret",
        "immutable": False,
        "type": "kubernetes.io/tls",
        "metadata": {
            "uid": "u",
            "resourceVersion": "7",
            "name": "n",
            "namespace": "ns",
            "labels": {"l": "1"},
            "annotations": {"z": "2"},
        },
        "data": {"a": base64.b64encode(PLANTED.encode()).decode()},
    }


def test_a_deletion_is_of_the_version_that_was_read() -> None:
    core = Core({})
    WRITES[2][1](api(core))

    assert core.calls[0][:3] == ("delete", "n", "ns")
    assert "'preconditions': {'resourceVersion': '7'}" in str(core.calls[0][3])


@each_write
@pytest.mark.parametrize(("status", "kind"), [(409, ConflictError), (404, ConflictError), (403, AccessDeniedError)])
def test_a_write_that_is_refused_shows_no_value(
    verb: str, write: Callable[[ClusterAPI], None], status: int, kind: type[StoreError]
) -> None:
    with pytest.raises(kind) as caught:
        write(api(Core(Refused(status))))
    assert caught.value.path == "namespaces/ns/secrets/n"
    assert PLANTED not in str(caught.value)
    assert PLANTED not in "".join(traceback.format_exception(caught.value))
    if isinstance(caught.value, AccessDeniedError):
        assert caught.value.capability == f"{verb} secrets"


def test_a_written_secret_does_not_show() -> None:
    assert PLANTED not in repr(WANTED)
    assert "old" not in repr(WANTED)
