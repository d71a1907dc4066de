import pytest

from virtrigaud_secrets.errors import AccessDeniedError, InvalidRequestError, SecretNotFoundError, ThrottledError
from virtrigaud_secrets.stores.base import Fetch, Query
from virtrigaud_secrets.testing.contract import STORE

META = {"ResponseMetadata": {"RequestId": "r-1"}}


def fetch(key="a", **options):
    return Fetch(store=STORE, key=key, **options)


@pytest.fixture
def store(scripted):
    return lambda **replies: scripted("ParameterStore", "/p/", **replies)


@pytest.mark.parametrize(("version", "name", "told"), [("", "/p/a", "7"), ("3", "/p/a:3", "3"), ("l", "/p/a:l", "l")])
def test_versions_are_part_of_the_name(store, version, name, told):
    client, script = store(GetParameter=[{"Parameter": {"Value": "x", "Version": 7}, **META}])
    answer = client.get(fetch(version=version))
    assert script.asked_for == [("GetParameter", {"Name": name, "WithDecryption": True})]
    assert (answer.payload.whole(), answer.version, answer.path, answer.request_id) == (b"x", told, name, "r-1")


@pytest.mark.parametrize("reply", [{}, {"Parameter": {}}, {"Parameter": None}])
def test_a_parameter_without_a_value_is_told(store, reply):
    client, _ = store(GetParameter=[reply])
    with pytest.raises(InvalidRequestError, match="no value"):
        client.get(fetch())


def test_several_are_read_together(store):
    reply = {
        "Parameters": [{"Name": "/p/a", "Value": "1", "Version": 2}],
        "InvalidParameters": ["/p/b", "nobody asked"],
        **META,
    }
    client, script = store(GetParameters=[reply], GetParameter=[{"Parameter": {"Value": "3"}}])
    found, missing, alone = client.get_all([fetch("a"), fetch("b"), fetch("c")])
    assert (found.payload.whole(), found.version) == (b"1", "2")
    assert isinstance(missing, SecretNotFoundError)
    assert (missing.missing, missing.path, missing.request_id) == (True, "/p/b", "r-1")
    assert alone.payload.whole() == b"3"
    assert script.asked_for[0] == ("GetParameters", {"Names": ["/p/a", "/p/b", "/p/c"], "WithDecryption": True})


def test_tags_come_from_a_list(store):
    client, script = store(ListTagsForResource=[{"TagList": [{"Key": "k", "Value": "v"}]}])
    assert client.get(fetch(metadata=True)).payload.whole() == b'{"k":"v"}'
    assert script.asked_for[0][1] == {"ResourceType": "Parameter", "ResourceId": "/p/a"}


class TestSearch:
    ITEMS = ({"Name": "/x/1", "Value": "1", "Version": 1}, {"Name": "/x/2", "Value": "2"})

    def test_by_name_reads_with_the_list(self, store):
        client, script = store(
            GetParametersByPath=[
                {"Parameters": [self.ITEMS[0]], "NextToken": "t"},
                {"Parameters": [self.ITEMS[1], {"Name": "/y"}]},
            ]
        )
        found = client.find(Query(store=STORE, name="^/x"))
        assert {name: answer.payload.whole() for name, answer in found.items()} == {"/x/1": b"1", "/x/2": b"2"}
        first = {"Path": "/", "Recursive": True, "WithDecryption": True, "MaxResults": 10}
        assert [parameters for _, parameters in script.asked_for] == [first, {**first, "NextToken": "t"}]

    def test_name_goes_before_tags(self, store):
        client, script = store(GetParametersByPath=[{"Parameters": []}])
        assert client.find(Query(store=STORE, name="x", tags=(("k", "v"),), path="/x")) == {}
        assert script.asked_for[0][1]["Path"] == "/x"
        assert script.operations == ["GetParametersByPath"]

    def test_by_tags_describes_and_reads_full_names(self, store):
        client, script = store(
            DescribeParameters=[{"Parameters": [{"Name": "/x/1"}]}], GetParameter=[{"Parameter": {"Value": "1"}}]
        )
        found = client.find(Query(store=STORE, tags=(("k", "v"),), path="/x"))
        assert {name: answer.path for name, answer in found.items()} == {"/x/1": "/x/1"}
        assert script.asked_for[0][1] == {
            "ParameterFilters": [
                {"Key": "tag:k", "Values": ["v"]},
                {"Key": "Path", "Option": "Recursive", "Values": ["/x"]},
            ]
        }

    @pytest.mark.parametrize("path", ["", "/x"])
    def test_by_name_falls_back_to_describing(self, store, path):
        client, script = store(
            GetParametersByPath=[AccessDeniedError("no")],
            DescribeParameters=[{"Parameters": [{"Name": "/x/1"}, {"Name": "/y"}]}],
            GetParameter=[{"Parameter": {"Value": "1"}}],
        )
        assert list(client.find(Query(store=STORE, name="^/x", path=path))) == ["/x/1"]
        assert script.operations == ["GetParametersByPath", "DescribeParameters", "GetParameter"]
        assert ("ParameterFilters" in script.asked_for[1][1]) == bool(path)

    def test_other_faults_are_told(self, store):
        client, _ = store(GetParametersByPath=[ThrottledError("slowly")])
        with pytest.raises(ThrottledError):
            client.find(Query(store=STORE, name="x"))
