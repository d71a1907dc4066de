from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.errors import AccessDeniedError, InvalidRequestError, SecretNotFoundError
from virtrigaud_secrets.golang.encoding_json import Number
from virtrigaud_secrets.golang.regexp import RegexpError
from virtrigaud_secrets.stores.base import Query, StoreKey
from virtrigaud_secrets.stores.vault import search
from virtrigaud_secrets.stores.vault.errors import Fault
from virtrigaud_secrets.stores.vault.search import Search
from virtrigaud_secrets.stores.vault.transport import Reply

STORE = StoreKey("SecretStore", "team", "vault")
MISSING = Fault(SecretNotFoundError("there is no such secret"))
DENIED = Fault(AccessDeniedError("no", capability="read"))


class Server:
    """A KV engine as a table of answers."""

    def __init__(self):
        self.answers = {}
        self.asked = []

    def __call__(self, request):
        assert request.repeatable
        self.asked.append(f"{request.method} {request.path}")
        answer = self.answers.get((request.method, request.path), MISSING)
        return answer if isinstance(answer, Fault) else Reply({"data": answer}, datetime(2030, 1, 1, tzinfo=UTC), 0.0)

    def folder(self, path, *keys):
        self.answers["LIST", path] = {"keys": list(keys)}

    def secret(self, path, **data):
        self.answers["GET", path] = {"data": data, "metadata": {"version": Number("1")}}

    def tags(self, path, **tags):
        self.answers["GET", path] = {"custom_metadata": tags, "current_version": Number("3")}


@pytest.fixture
def server():
    made = Server()
    made.folder("secret/metadata", "top", "team/")
    made.folder("secret/metadata/team", "a", "b", "deep/")
    made.folder("secret/metadata/team/deep", "c")
    for name in ("top", "team/a", "team/b", "team/deep/c"):
        made.secret(f"secret/data/{name}", name=name)
    return made


def find(server, *, mount="secret", version=2, recursive=True, **query):
    query.setdefault("name", "")
    searching = Search(send=server, mount=mount, version=version, store="s", recursive=recursive)
    return {name: answer.payload.whole() for name, answer in searching.find(Query(store=STORE, **query)).items()}


def test_a_name_is_found_anywhere_in_the_path(server):
    assert find(server, name="^team/.*[bc]$") == {
        "team/b": b'{"name":"team/b"}',
        "team/deep/c": b'{"name":"team/deep/c"}',
    }
    assert server.asked.count("GET secret/data/team/a") == 0


def test_only_what_is_below_the_path_is_listed(server):
    for path in ("team/deep", "/team/deep/", "team//deep"):
        assert list(find(server, name=".", path=path)) == ["team/deep/c"]
    assert not any("top" in asked or asked == "LIST secret/metadata" for asked in server.asked)


def test_without_folders(server):
    assert list(find(server, name=".", recursive=False)) == ["top"]
    assert server.asked == ["LIST secret/metadata", "GET secret/data/top"]


def test_a_name_goes_before_tags(server):
    assert list(find(server, name="top", tags=(("tier", "gold"),))) == ["top"]
    assert not any("GET secret/metadata" in asked for asked in server.asked)


def test_tags_are_equal_to_the_metadata_that_is_shown(server):
    server.tags("secret/metadata/top", tier="gold", zone="a")
    server.tags("secret/metadata/team/a", tier="gold")
    server.tags("secret/metadata/team/b", tier="silver", zone="a")
    assert list(find(server, tags=(("tier", "gold"),))) == ["team/a", "top"]
    assert list(find(server, tags=(("tier", "gold"), ("zone", "a")))) == ["top"]
    assert list(find(server, tags=(("current_version", "3"),))) == ["team/a", "team/b", "top"]
    assert find(server, tags=(("tier", "bronze"),)) == {}


def test_without_name_and_tags_all_are_found(server):
    for name in ("top", "team/a", "team/b", "team/deep/c"):
        server.tags(f"secret/metadata/{name}")
    assert list(find(server)) == ["team/a", "team/b", "team/deep/c", "top"]


def test_what_vanished_since_it_was_listed_is_left_out(server):
    del server.answers["GET", "secret/data/team/a"]
    server.answers["GET", "secret/data/team/b"] = {"data": None, "metadata": {"deletion_time": "2030", "version": None}}
    del server.answers["LIST", "secret/metadata/team/deep"]
    assert list(find(server, name=".")) == ["top"]
    server.tags("secret/metadata/top", tier="gold")
    assert list(find(server, tags=(("tier", "gold"),))) == ["top"]


def test_nothing_listed_is_missing(server):
    with pytest.raises(SecretNotFoundError) as caught:
        find(server, name=".", path="nowhere")
    assert caught.value.missing


@pytest.mark.parametrize(
    "place", [("LIST", "secret/metadata/team"), ("GET", "secret/data/team/b"), ("GET", "secret/data/top")]
)
def test_a_refusal_ends_it(server, place):
    server.answers[place] = DENIED
    with pytest.raises(AccessDeniedError):
        find(server, name=".")


def test_refused_metadata_ends_it(server):
    server.answers["GET", "secret/metadata/top"] = DENIED
    with pytest.raises(AccessDeniedError):
        find(server, tags=(("tier", "gold"),))


def test_version_1_is_listed_and_read_at_its_mount():
    server = Server()
    server.folder("kv", "a", "b/")
    server.folder("kv/b", "c")
    server.answers["GET", "kv/a"] = {"name": "a"}
    server.answers["GET", "kv/b/c"] = {"name": "c"}
    assert find(server, mount="kv", version=1, name=".") == {"a": b'{"name":"a"}', "b/c": b'{"name":"c"}'}


@pytest.mark.parametrize("tags", [(), (("tier", "gold"),)])
def test_version_1_has_no_tags(server, tags):
    with pytest.raises(InvalidRequestError, match="no tags"):
        find(server, version=1, tags=tags)
    assert not server.asked


def test_a_store_without_a_path_needs_one_to_search_in(server):
    for version in (1, 2):
        with pytest.raises(InvalidRequestError, match=r"find\.path"):
            find(server, mount="", version=version, name=".")
    with pytest.raises(InvalidRequestError, match="/data/"):
        find(server, mount="", name=".", path="secret/team")
    assert list(find(server, mount="", name="a$", path="secret/data/team")) == ["secret/data/team/a"]
    server.folder("kv/x", "y")
    server.answers["GET", "kv/x/y"] = {"k": "v"}
    assert list(find(server, mount="", version=1, name=".", path="kv/x")) == ["kv/x/y"]


def test_a_path_is_not_cut_as_the_key_of_a_read_is(server):
    # ESO's own behaviour: the mount in find.path is a folder of that name.
    server.folder("secret/metadata/secret/data/x", "y")
    server.secret("secret/data/secret/data/x/y", k="v")
    assert list(find(server, name=".", path="secret/data/x")) == ["secret/data/x/y"]


def test_a_path_cannot_leave_the_mount(server):
    with pytest.raises(InvalidRequestError, match='segment "\\."'):
        find(server, name=".", path="../other")
    assert not server.asked


def test_a_name_that_is_no_expression(server):
    with pytest.raises(RegexpError):
        find(server, name="(")
    assert not server.asked


def test_an_endless_list_ends(server, monkeypatch):
    monkeypatch.setattr(search, "MAX_LISTED", 3)
    with pytest.raises(InvalidRequestError, match="more than 3"):
        find(server, name=".")


@pytest.mark.parametrize("data", [None, {}, {"keys": None}, {"keys": [None, {}]}])
def test_a_list_that_is_none(server, data):
    server.answers["LIST", "secret/metadata"] = data
    assert find(server, name=".") == {}
