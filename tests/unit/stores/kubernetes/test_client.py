"""The client on a cluster that is a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

import pytest

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ClosedError,
    ConfigurationError,
    InvalidRequestError,
    SecretNotFoundError,
    StoreUnavailableError,
    ThrottledError,
    UnsupportedFeatureError,
)
from virtrigaud_secrets.golang.regexp import RegexpError
from virtrigaud_secrets.models.backends.kubernetes import KubernetesProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Fetch, Query, RetryPolicy, StoreKey
from virtrigaud_secrets.stores.cluster_access import ClusterAccess
from virtrigaud_secrets.stores.cluster_api import ClusterAPI, SecretObject
from virtrigaud_secrets.stores.kubernetes.client import KubernetesClient

STORE = StoreKey("SecretStore", "team", "s")
SPEC = KubernetesProvider.model_validate(
    {"auth": {"token": {"bearerToken": {"name": "t", "key": "k"}}}, "remoteNamespace": "remote"}
)


class Table(ClusterAPI):
    """Answers from `objects`; the errors in `faults` go first, one each request."""

    def __init__(self, access: ClusterAccess, objects: dict[str, SecretObject], faults: list[Exception]) -> None:
        assert access.token is not None
        self.token = access.token().reveal_text()
        self.objects = objects
        self.faults = faults
        self.asked: list[tuple[object, str]] = []
        self.closed = 0

    def secret_object(self, name: str, *, namespace: str) -> SecretObject | None:
        self._note(name, namespace)
        return self.objects.get(name)

    def secrets(self, *, namespace: str, labels: Mapping[str, str] | None = None) -> Iterator[SecretObject]:
        self._note(labels, namespace)
        wanted = (labels or {}).items()
        return (found for found in self.objects.values() if wanted <= found.labels.items())

    def close(self) -> None:
        self.closed += 1

    def _note(self, what: object, namespace: str) -> None:
        self.asked.append((what, namespace))
        if self.faults:
            raise self.faults.pop(0)


class World:
    """The objects of a cluster, what goes wrong there, and every API that was opened to it."""

    def __init__(self) -> None:
        self.opened: list[Table] = []
        self.faults: list[Exception] = []
        self.objects: dict[str, SecretObject] = {}

    def put(self, name: str, **labels: str) -> None:
        self.objects[name] = SecretObject(
            name=name,
            data={"password": Sensitive(f"of {name}")},
            labels=labels,
            annotations={"note": Sensitive("hello")},
            version="17",
        )

    def open(self, access: ClusterAccess) -> Table:
        self.opened.append(Table(access, self.objects, self.faults))
        return self.opened[-1]


@pytest.fixture
def world(references):
    references.secrets["team", "t", "k"] = b"first"
    return World()


@pytest.fixture
def client(world, make_context):
    return KubernetesClient(SPEC, make_context(), open_api=world.open)


def fetch_of(key: str, *, metadata: bool = False) -> Fetch:
    return Fetch(store=STORE, key=key, metadata=metadata)


def test_a_secret_is_read_in_the_remote_namespace(world, client):
    world.put("db")
    answer = client.get(fetch_of("db"))
    assert answer.payload.property("password") == b"of db"
    assert (answer.path, answer.version) == ("namespaces/remote/secrets/db", "17")
    assert world.opened[0].asked == [("db", "remote")]


def test_metadata_instead_of_the_value(world, client):
    world.put("db", app="web")
    payload = client.get(fetch_of("db", metadata=True)).payload
    assert payload.property("labels.app") == b"web"
    assert payload.property("annotations.note") == b"hello"


def test_an_absent_secret_is_missing_to_extract_only(world, client):
    with pytest.raises(SecretNotFoundError) as caught:
        client.get(fetch_of("absent"))
    error = caught.value
    assert (error.missing, error.missing_value, error.status) == (True, False, 404)
    assert (error.store, error.path) == (str(STORE), "namespaces/remote/secrets/absent")


def test_connecting_reads_nothing_and_one_login_serves_all(world, client, references):
    world.put("db")
    assert references.asked == []
    client.get(fetch_of("db"))
    client.get(fetch_of("db"))
    assert len(world.opened) == 1
    assert references.asked == [("secret", "team", "t", "k")]


def test_a_refused_login_is_made_anew_once(world, client, references):
    world.put("db")
    client.get(fetch_of("db"))
    references.secrets["team", "t", "k"] = b"second"
    world.faults[:] = [AuthenticationError("no")]
    assert client.get(fetch_of("db")).payload.property("password") == b"of db"
    assert [api.token for api in world.opened] == ["first", "second"]
    world.faults[:] = [AuthenticationError("no"), AuthenticationError("still no")]
    with pytest.raises(AuthenticationError, match="still no") as caught:
        client.get(fetch_of("db"))
    assert len(world.opened) == 3
    assert caught.value.store == str(STORE)


def test_what_may_pass_is_asked_again(world, client, clock):
    world.put("db")
    world.faults[:] = [StoreUnavailableError("down"), ThrottledError("slow", retry_after=7)]
    client.get(fetch_of("db"))
    assert len(world.opened[0].asked) == 3
    assert clock.sleeps[1] == 7


def test_the_manifest_says_how_often(world, make_context, clock):
    policy = RetryPolicy(retries=1, interval=timedelta(seconds=3))
    client = KubernetesClient(SPEC, make_context(retry=policy), open_api=world.open)
    world.faults[:] = [StoreUnavailableError("down")] * 5
    with pytest.raises(StoreUnavailableError):
        client.get(fetch_of("db"))
    assert len(world.opened[0].asked) == 2
    assert clock.sleeps == [3]


def test_a_refusal_is_not_asked_again_and_names_the_store(world, client):
    world.faults[:] = [AccessDeniedError("no", capability="get secrets")]
    with pytest.raises(AccessDeniedError) as caught:
        client.get(fetch_of("db"))
    assert (caught.value.store, caught.value.path) == (str(STORE), "namespaces/remote/secrets/db")
    assert len(world.opened[0].asked) == 1


def test_found_by_name(world, client):
    for name in ("db-a", "web", "db-b"):
        world.put(name)
    found = client.find(Query(store=STORE, name="^db", path="ignored"))
    assert {name: answer.payload.whole() for name, answer in found.items()} == {
        "db-a": b'{"password":"of db-a"}',
        "db-b": b'{"password":"of db-b"}',
    }
    assert found["db-a"].path == "namespaces/remote/secrets/db-a"
    assert world.opened[0].asked == [({}, "remote")]


def test_tags_win_over_a_name(world, client):
    world.put("a", app="web", tier="1")
    world.put("b", app="db")
    found = client.find(Query(store=STORE, name="^b$", tags=(("app", "web"), ("tier", "1"))))
    assert list(found) == ["a"]
    assert world.opened[0].asked == [({"app": "web", "tier": "1"}, "remote")]


def test_nothing_found_is_nothing(client):
    assert client.find(Query(store=STORE, name="x")) == {}


def test_a_search_for_nothing_is_refused(client, world):
    with pytest.raises(UnsupportedFeatureError):
        client.find(Query(store=STORE, path="p"))
    with pytest.raises(RegexpError):
        client.find(Query(store=STORE, name="("))
    assert world.opened == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("a", "b,c=d"), ("a", "b!"), ("a in (b)", ""), ("", "b"), ("x/", "b"), ("UPPER/a", "b"), ("a", "b" * 64)],
)
def test_a_tag_that_is_no_label_never_reaches_the_selector(client, world, key, value):
    with pytest.raises(InvalidRequestError, match="is no label"):
        client.find(Query(store=STORE, tags=((key, value),)))
    assert world.opened == []


@pytest.mark.parametrize(("key", "value"), [("a", ""), ("app.kubernetes.io/name", "x-1_2.y"), ("A", "b" * 63)])
def test_labels_as_kubernetes_has_them(client, key, value):
    assert client.find(Query(store=STORE, tags=((key, value),))) == {}


def test_a_closed_client_answers_nothing(world, client):
    client.find(Query(store=STORE, name="x"))
    client.close()
    client.close()
    assert world.opened[0].closed == 1
    with pytest.raises(ClosedError):
        client.get(fetch_of("db"))


def test_a_login_that_cannot_be_had_is_told(world, client, references):
    references.secrets.clear()
    with pytest.raises(ConfigurationError, match="Secret team/t"):
        client.get(fetch_of("db"))
