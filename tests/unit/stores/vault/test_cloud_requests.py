from __future__ import annotations

import io
import traceback

import pytest
import urllib3

from virtrigaud_secrets.errors import AuthenticationError, StoreUnavailableError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.vault.cloud_requests import LONGEST_ANSWER, Question, asked

QUESTION = Question(
    method="POST",
    url="https://cloud.example.com/token?a=b",
    headers={"Authorization": Sensitive("canary")},
    body=Sensitive("canary"),
)


class Cloud:
    def __init__(self):
        self.answers, self.asked = [], []

    def request(self, method, address, **options):
        self.asked.append((method, address, options))
        status, body = self.answers.pop(0)
        return urllib3.HTTPResponse(io.BytesIO(body), status=status, preload_content=False)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        pass


@pytest.fixture
def cloud(monkeypatch):
    made = Cloud()
    monkeypatch.setattr(urllib3, "PoolManager", lambda **_options: made)
    return made


def read(status, body):
    return len(body.reveal()) if status == 200 else AuthenticationError("no", status=status)


def test_what_is_sent_and_read(cloud, make_context):
    cloud.answers = [(200, b"four")]
    assert asked(QUESTION, make_context(), path="p", read=read) == 4
    ((method, address, options),) = cloud.asked
    assert (method, address) == ("POST", QUESTION.url)
    assert options["headers"]["Authorization"] == "canary"
    assert (options["body"], options["redirect"], options["retries"]) == (b"canary", False, False)


@pytest.mark.parametrize(
    ("question", "address"),
    [
        (QUESTION, "http://127.0.0.1:1/token?a=b"),
        (Question(method="GET", url="https://x/", address="http://here/"), "http://here/"),
    ],
)
def test_where_it_is_sent(cloud, make_context, question, address):
    cloud.answers = [(200, b"")]
    endpoints = {"https://cloud.example.com": "http://127.0.0.1:1"}
    asked(question, make_context(endpoints=endpoints), path="p", read=read)
    assert cloud.asked[0][1] == address


def test_no_more_is_read_than_such_an_answer_may_have(cloud, make_context):
    cloud.answers = [(200, bytes(LONGEST_ANSWER + 5))]
    assert asked(QUESTION, make_context(), path="p", read=read) == LONGEST_ANSWER


def test_a_refusal_is_not_repeated_and_says_where(cloud, make_context):
    cloud.answers = [(403, b"canary")]
    with pytest.raises(AuthenticationError) as caught:
        asked(QUESTION, make_context(), path="p", read=read)
    assert (caught.value.path, caught.value.store) == ("p", "SecretStore team/vault-secret-store")


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_trouble_is_repeated_and_nothing_shows(cloud, make_context, status):
    cloud.answers = [(status, b"canary"), (200, b"")]
    assert asked(QUESTION, make_context(), path="p", read=read) == 0
    cloud.answers = [(status, b"canary")] * 3
    with pytest.raises(StoreUnavailableError if status != 429 else Exception) as caught:
        asked(QUESTION, make_context(), path="p", read=read)
    assert cloud.answers == []
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "canary" not in str([f.locals for f in report.stack if "/src/virtrigaud_secrets/" in f.filename])
