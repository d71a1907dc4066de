"""What is read and found in both services, and how many calls it costs."""

import json

import pytest

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    InvalidRequestError,
    SecretNotFoundError,
    ThrottledError,
)
from virtrigaud_secrets.stores.base import Answer

pytestmark = pytest.mark.integration


def wholes(outcomes):
    return [item.payload.whole().decode() if isinstance(item, Answer) else type(item).__name__ for item in outcomes]


class TestSecretsManager:
    @pytest.fixture
    def many(self, sdk, prefix):
        names = [f"{prefix}{number:02}" for number in range(21)]
        for name in names:
            sdk.secretsmanager.create_secret(Name=name, SecretString=name)
        return names

    def test_stages_and_ids(self, connect, sdk, prefix, of):
        name = f"{prefix}a"
        first = sdk.secretsmanager.create_secret(Name=name, SecretString="1")
        sdk.secretsmanager.put_secret_value(SecretId=name, SecretString="2")
        client = connect(prefix=prefix)
        versions = ("", "AWSCURRENT", "AWSPREVIOUS", f"uuid/{first['VersionId']}")
        assert wholes(client.get(of("a", version=version)) for version in versions) == ["2", "2", "1", "1"]
        with pytest.raises(SecretNotFoundError):
            client.get(of("a", version="NOSUCH"))

    def test_bytes_are_as_they_were(self, connect, sdk, prefix, of):
        sdk.secretsmanager.create_secret(Name=f"{prefix}b", SecretBinary=b"\x00\xff{}")
        sdk.secretsmanager.create_secret(Name=f"{prefix}c", SecretBinary=b'{"a": 1}')
        client = connect()
        assert client.get(of(f"{prefix}b")).payload.whole() == b"\x00\xff{}"
        assert client.get(of(f"{prefix}c")).payload.property("a") == b"1"
        assert [item.payload.whole() for item in client.get_all([of(f"{prefix}b"), of(f"{prefix}c")])] == [
            b"\x00\xff{}",
            b'{"a": 1}',
        ]

    def test_properties_with_dots_are_literal_first(self, connect, sdk, prefix, of):
        text = json.dumps({"a.b": "literal", "a": {"b": "path", "c": "deep"}})
        sdk.secretsmanager.create_secret(Name=f"{prefix}d", SecretString=text)
        payload = connect().get(of(f"{prefix}d")).payload
        assert (payload.property("a.b"), payload.property("a.c")) == (b"literal", b"deep")
        assert payload.entries()["a"] == b'{"b": "path", "c": "deep"}'

    def test_tags(self, connect, sdk, services, prefix, of):
        tags = [{"Key": "b", "Value": "<2>"}, {"Key": "a", "Value": "1"}]
        sdk.secretsmanager.create_secret(Name=f"{prefix}e", SecretString="x", Tags=tags)
        services.calls.clear()
        client = connect()
        payload = client.get(of(f"{prefix}e", metadata=True)).payload
        assert payload.whole() == rb'{"a":"1","b":"\u003c2\u003e"}'
        assert payload.property("b") == b"<2>"
        assert services.operations() == ["DescribeSecret"]
        with pytest.raises(SecretNotFoundError) as caught:
            client.get(of(f"{prefix}none", metadata=True))
        assert not caught.value.missing

    def test_a_secret_on_its_way_out_is_missing(self, connect, sdk, prefix, of):
        for name in ("f", "g"):
            sdk.secretsmanager.create_secret(Name=f"{prefix}{name}", SecretString="x")
            sdk.secretsmanager.delete_secret(SecretId=f"{prefix}{name}")
        client = connect()
        outcomes = client.get_all([of(f"{prefix}f"), of(f"{prefix}g"), of(f"{prefix}h")])
        assert [(type(item), item.missing) for item in outcomes] == [(SecretNotFoundError, True)] * 3
        assert "marked for deletion" in str(outcomes[0])
        with pytest.raises(SecretNotFoundError, match="marked for deletion"):
            client.get(of(f"{prefix}f"))

    @pytest.mark.parametrize(("count", "calls"), [(1, 1), (2, 1), (20, 1), (21, 2)])
    def test_n_secrets_cost_a_call_for_each_twenty(self, connect, services, many, of, count, calls):
        services.calls.clear()
        assert wholes(connect().get_all([of(name) for name in many[:count]])) == many[:count]
        assert len(services.calls) == calls

    def test_versions_and_tags_are_calls_of_their_own(self, connect, services, many, of):
        services.calls.clear()
        wanted = [
            of(many[0]),
            of(many[1]),
            of(many[0], version="AWSCURRENT"),
            of(many[2], version="AWSPREVIOUS"),
            of(many[0], metadata=True),
        ]
        outcomes = connect().get_all(wanted)
        assert wholes(outcomes) == [many[0], many[1], many[0], "SecretNotFoundError", "{}"]
        assert sorted(services.operations()) == ["BatchGetSecretValue", "DescribeSecret", "GetSecretValue"]

    def test_names_and_arns_may_be_mixed(self, connect, sdk, services, many, of):
        arn = sdk.secretsmanager.describe_secret(SecretId=many[0])["ARN"]
        services.calls.clear()
        outcomes = connect().get_all([of(arn), of(many[1])])
        assert wholes(outcomes) == [many[0], many[1]]
        assert outcomes[0].path == arn
        assert services.operations() == ["BatchGetSecretValue"]

    def test_a_refused_batch_is_not_tried_again(self, connect, services, many, of):
        services.refuse("BatchGetSecretValue", "AccessDeniedException")
        services.calls.clear()
        client = connect()
        for _ in range(2):
            assert wholes(client.get_all([of(many[0]), of(many[1])])) == many[:2]
        assert services.operations().count("BatchGetSecretValue") == 1
        assert services.operations().count("GetSecretValue") == 4

    def test_a_malformed_name_does_not_take_others_with_it(self, connect, services, many, of):
        services.refuse("BatchGetSecretValue", "ValidationException")
        assert wholes(connect().get_all([of(many[0]), of("")])) == [many[0], "InvalidRequestError"]

    def test_a_shared_fault_is_an_error_for_each(self, connect, services, many, of):
        services.refuse("BatchGetSecretValue", "ThrottlingException")
        first, second = connect(settings={"request_timeout": __import__("datetime").timedelta(seconds=0.1)}).get_all(
            [of(many[0]), of(many[1])]
        )
        assert (type(first), first.path) == (ThrottledError, many[0])
        assert (type(second), second.path) == (ThrottledError, many[1])

    def test_find_by_path_or_tags_reads_in_batches(self, connect, sdk, services, many, prefix, query):
        sdk.secretsmanager.tag_resource(SecretId=many[3], Tags=[{"Key": "team", "Value": prefix}])
        services.calls.clear()
        found = connect().find(query(name="0[34]$", path=prefix))
        assert {name: answer.payload.whole().decode() for name, answer in found.items()} == {
            many[3]: many[3],
            many[4]: many[4],
        }
        assert set(services.operations()) == {"BatchGetSecretValue"}
        assert list(connect().find(query(tags=(("team", prefix),)))) == [many[3]]

    def test_find_by_name_lists_and_reads(self, connect, services, many, prefix, query):
        services.calls.clear()
        found = connect().find(query(name=f"^{prefix}0[56]$"))
        assert list(found) == [many[5], many[6]]
        assert services.operations()[-1] == "BatchGetSecretValue"
        assert "ListSecrets" in services.operations()

    def test_find_by_name_puts_the_prefix_before_full_names_as_eso_does(self, connect, many, prefix, query):
        with pytest.raises(SecretNotFoundError) as caught:
            connect(prefix=prefix).find(query(name=f"^{prefix}07$"))
        assert caught.value.path == prefix + many[7]

    def test_find_needs_something_to_find_by(self, connect, query):
        with pytest.raises(InvalidRequestError, match="name or tags"):
            connect().find(query(path="/x"))

    def test_nothing_found_is_nothing(self, connect, query, prefix):
        assert connect().find(query(name="x", path=f"{prefix}none")) == {}


class TestParameterStore:
    @pytest.fixture
    def many(self, sdk, prefix):
        names = [f"{prefix}{number:02}" for number in range(11)]
        for name in names:
            sdk.ssm.put_parameter(Name=name, Value=name, Type="SecureString")
        return names

    @pytest.fixture
    def client(self, connect, many, services):
        services.calls.clear()
        return connect(service="ParameterStore")

    @pytest.mark.parametrize(("count", "calls"), [(1, 1), (10, 1), (11, 2)])
    def test_n_parameters_cost_a_call_for_each_ten(self, client, services, many, of, count, calls):
        assert wholes(client.get_all([of(name) for name in many[:count]])) == many[:count]
        assert len(services.calls) == calls

    def test_one_that_is_missing_takes_nothing_with_it(self, client, services, many, of):
        assert wholes(client.get_all([of("/none"), of(many[0])])) == ["SecretNotFoundError", many[0]]
        assert services.operations() == ["GetParameters"]

    def test_versions(self, client, sdk, many, of):
        sdk.ssm.put_parameter(Name=many[0], Value="2", Type="SecureString", Overwrite=True)
        assert wholes([client.get(of(many[0], version="1")), client.get(of(many[0]))]) == [many[0], "2"]
        with pytest.raises(SecretNotFoundError, match="no such version") as caught:
            client.get(of(many[0], version="9"))
        assert caught.value.path == f"{many[0]}:9"

    def test_tags(self, client, sdk, many, of):
        sdk.ssm.add_tags_to_resource(
            ResourceType="Parameter", ResourceId=many[0], Tags=[{"Key": "team", "Value": "vm"}]
        )
        assert client.get(of(many[0], metadata=True)).payload.property("team") == b"vm"

    def test_find_by_name_reads_with_the_list(self, client, services, many, prefix, query):
        found = client.find(query(name="0[12]$", path=prefix.rstrip("/")))
        assert {name: answer.payload.whole().decode() for name, answer in found.items()} == {
            many[1]: many[1],
            many[2]: many[2],
        }
        assert set(services.operations()) == {"GetParametersByPath"}

    def test_find_by_name_falls_back_where_the_tree_may_not_be_read(self, client, services, many, prefix, query):
        services.refuse("GetParametersByPath", "AccessDeniedException")
        assert list(client.find(query(name="0[12]$", path=prefix.rstrip("/")))) == [many[1], many[2]]
        assert services.operations()[-2:] == ["GetParameter", "GetParameter"]
        services.refuse("DescribeParameters", "AccessDeniedException")
        with pytest.raises(AccessDeniedError, match="ssm:DescribeParameters"):
            client.find(query(name="x"))

    def test_find_by_tags(self, client, sdk, many, prefix, query):
        sdk.ssm.add_tags_to_resource(
            ResourceType="Parameter", ResourceId=many[5], Tags=[{"Key": "team", "Value": prefix}]
        )
        assert list(client.find(query(tags=(("team", prefix),)))) == [many[5]]
