from datetime import UTC, datetime

import pytest

from virtrigaud_secrets.errors import InvalidRequestError, SecretNotFoundError, SecretVersionDeletedError
from virtrigaud_secrets.golang.encoding_json import unmarshal
from virtrigaud_secrets.stores.base import Answer
from virtrigaud_secrets.stores.vault import kv
from virtrigaud_secrets.stores.vault.transport import Reply


def reply(text):
    body = unmarshal(text, use_number=True)
    assert isinstance(body, dict)
    return Reply(body, datetime(2030, 1, 1, tzinfo=UTC), 0.0)


def read(text, version):
    return kv.answer(reply(text), version=version, path="p", store="s", repairs=("r",))


def test_version_2_has_the_secret_one_level_down():
    answer = read('{"request_id":"id","data":{"data":{"a":"b"},"metadata":{"version":7}}}', 2)
    assert isinstance(answer, Answer)
    assert answer.payload.whole() == b'{"a":"b"}'
    assert (answer.version, answer.path, answer.request_id, answer.repairs) == ("7", "p", "id", ("r",))


def test_version_1_has_it_at_once():
    answer = read('{"data":{"data":{"a":"b"},"metadata":{"version":7}}}', 1)
    assert isinstance(answer, Answer)
    assert answer.payload.whole() == b'{"data":{"a":"b"},"metadata":{"version":7}}'
    assert answer.version == ""


def test_an_empty_secret_is_a_secret():
    answer = read('{"data":{"data":{},"metadata":{"version":1}}}', 2)
    assert isinstance(answer, Answer)
    assert answer.payload.entries() == {}


@pytest.mark.parametrize(
    ("text", "version", "error"),
    [
        ('{"data":{"data":null,"metadata":{"version":3,"destroyed":true}}}', 2, SecretVersionDeletedError),
        ('{"data":{"username":"x"}}', 2, InvalidRequestError),
        ('{"data":null}', 2, InvalidRequestError),
        ('{"data":null}', 1, SecretNotFoundError),
        ("{}", 1, SecretNotFoundError),
    ],
)
def test_answers_without_a_secret(text, version, error):
    assert type(read(text, version)) is error


def test_metadata_is_text():
    answer = kv.metadata_answer(
        reply(
            '{"data":{"created_time":"2030","current_version":4,"delete_version_after":"0s","max_versions":9,'
            '"custom_metadata":{"owner":"me"}}}'
        ),
        path="p",
        store="s",
    )
    assert isinstance(answer, Answer)
    assert answer.version == "4"
    assert answer.payload.whole() == (
        b'{"created_time":"2030","current_version":"4","delete_version_after":"0s","owner":"me"}'
    )


def test_metadata_without_data_is_missing():
    assert isinstance(kv.metadata_answer(reply("{}"), path="p", store="s"), SecretNotFoundError)
