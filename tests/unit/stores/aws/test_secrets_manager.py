import pytest

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    InvalidRequestError,
    SecretNotFoundError,
)
from virtrigaud_secrets.stores.base import Fetch, Query
from virtrigaud_secrets.testing.contract import STORE

PLANTED = "planted-7f3a"
META = {"ResponseMetadata": {"RequestId": "r-1"}}


def fetch(key="a", **options):
    return Fetch(store=STORE, key=key, **options)


@pytest.mark.parametrize(
    ("version", "sent"),
    [
        ("", {"VersionStage": "AWSCURRENT"}),
        ("AWSPREVIOUS", {"VersionStage": "AWSPREVIOUS"}),
        ("uuid/1-2", {"VersionId": "1-2"}),
    ],
)
def test_versions_are_stages_or_ids(scripted, version, sent):
    client, script = scripted(prefix="p/", GetSecretValue=[{"SecretString": "x", "VersionId": "v1", **META}])
    answer = client.get(fetch(version=version))
    assert script.asked_for == [("GetSecretValue", {"SecretId": "p/a", **sent})]
    assert (answer.version, answer.request_id, answer.path) == (version or "v1", "r-1", "p/a")


@pytest.mark.parametrize(
    ("reply", "whole"),
    [
        ({"SecretString": "", "SecretBinary": b"b"}, b""),
        ({"SecretBinary": b"\x00\xff"}, b"\x00\xff"),
        ({"SecretString": "ä"}, "ä".encode()),
    ],
)
def test_a_text_goes_before_bytes(scripted, reply, whole):
    client, _ = scripted(GetSecretValue=[reply])
    assert client.get(fetch()).payload.whole() == whole


def test_a_secret_without_a_value_is_told(scripted):
    client, _ = scripted(GetSecretValue=[{"Name": "a"}])
    with pytest.raises(InvalidRequestError, match="neither a text nor bytes"):
        client.get(fetch())


def test_errors_of_single_items_are_their_own(scripted):
    reply = {
        "Errors": [
            {"SecretId": "a", "ErrorCode": "ResourceNotFoundException", "Message": PLANTED},
            {"SecretId": "b", "ErrorCode": "AccessDeniedException", "Message": PLANTED},
            {"SecretId": "c", "ErrorCode": "InternalServiceError", "Message": PLANTED},
            {"SecretId": "nobody asked", "ErrorCode": "ResourceNotFoundException"},
        ],
        **META,
    }
    client, script = scripted(BatchGetSecretValue=[reply], GetSecretValue=[{"SecretString": "x"}])
    missing, denied, repeated = client.get_all([fetch("a"), fetch("b"), fetch("c")])
    assert isinstance(missing, SecretNotFoundError)
    assert (missing.missing, missing.path, missing.store, missing.request_id) == (True, "a", str(STORE), "r-1")
    assert isinstance(denied, AccessDeniedError)
    assert denied.capability == "scripted:GetSecretValue"
    assert PLANTED not in f"{missing} {denied}"
    # What may pass is asked for again, alone.
    assert repeated.payload.whole() == b"x"
    assert script.operations == ["BatchGetSecretValue", "GetSecretValue"]


def test_a_secret_is_known_by_name_and_by_arn(scripted):
    arn = "arn:aws:secretsmanager:us-west-2:1:secret:a-AbCdEf"
    value = {"Name": "a", "ARN": arn, "SecretString": "x"}
    client, script = scripted(BatchGetSecretValue=[{"SecretValues": [value]}])
    answers = client.get_all([fetch("a"), fetch(arn), fetch(arn.rpartition("-")[0])])
    assert [answer.path for answer in answers] == ["a", arn, arn.rpartition("-")[0]]
    assert script.operations == ["BatchGetSecretValue"]


class TestSearch:
    VALUES = ({"Name": "x/1", "SecretString": "1"}, {"Name": "x/2", "SecretBinary": b"2"})

    def test_by_tags_reads_in_batches(self, scripted):
        first, second = self.VALUES
        pages = [{"SecretValues": [first], "NextToken": "t"}, {"SecretValues": [second]}]
        client, script = scripted(BatchGetSecretValue=pages)
        found = client.find(Query(store=STORE, tags=(("k", "v"),), path="x/"))
        assert {name: answer.payload.whole() for name, answer in found.items()} == {"x/1": b"1", "x/2": b"2"}
        filters = [
            {"Key": "name", "Values": ["x/"]},
            {"Key": "tag-key", "Values": ["k"]},
            {"Key": "tag-value", "Values": ["v"]},
        ]
        assert [parameters for _, parameters in script.asked_for] == [
            {"Filters": filters},
            {"Filters": filters, "NextToken": "t"},
        ]

    def test_by_name_and_path_chooses_from_batches(self, scripted):
        client, _ = scripted(BatchGetSecretValue=[{"SecretValues": list(self.VALUES)}])
        assert list(client.find(Query(store=STORE, name="2$", path="x/"))) == ["x/2"]

    def test_by_name_lists_and_reads_with_the_prefix_once_more(self, scripted):
        client, script = scripted(
            prefix="x/",
            ListSecrets=[{"SecretList": [{"Name": "x/1"}, {"Name": "y"}]}],
            GetSecretValue=[{"SecretString": "1"}],
        )
        found = client.find(Query(store=STORE, name="^x"))
        assert {name: answer.path for name, answer in found.items()} == {"x/1": "x/x/1"}
        assert script.asked_for[0] == ("ListSecrets", {})

    def test_by_name_and_tags_lists_by_tags(self, scripted):
        client, script = scripted(ListSecrets=[{"SecretList": []}])
        assert client.find(Query(store=STORE, name="x", tags=(("k", "v"),))) == {}
        assert [item["Key"] for item in script.asked_for[0][1]["Filters"]] == ["tag-key", "tag-value"]

    def test_one_that_may_not_be_read_fails_the_search(self, scripted):
        fault = {"SecretId": "x/1", "ErrorCode": "AccessDeniedException"}
        client, _ = scripted(BatchGetSecretValue=[{"SecretValues": [], "Errors": [fault]}])
        with pytest.raises(AccessDeniedError) as caught:
            client.find(Query(store=STORE, tags=(("k", "v"),)))
        assert caught.value.path == "x/1"

    def test_one_that_vanished_fails_the_search(self, scripted):
        client, _ = scripted(
            ListSecrets=[{"SecretList": [{"Name": "x"}]}], GetSecretValue=[SecretNotFoundError("gone")]
        )
        with pytest.raises(SecretNotFoundError):
            client.find(Query(store=STORE, name="x"))

    def test_one_without_a_value_fails_the_search(self, scripted):
        client, _ = scripted(BatchGetSecretValue=[{"SecretValues": [{"Name": "x"}]}])
        with pytest.raises(InvalidRequestError, match="neither"):
            client.find(Query(store=STORE, tags=(("k", "v"),)))
