import importlib.util
import io
import json

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers.aws import AWSServices


class Started:
    """What a WSGI server is told."""

    def __init__(self):
        self.status = ""
        self.headers = {}

    def __call__(self, status, headers):
        self.status, self.headers = status, dict(headers)


@pytest.fixture
def services():
    """Services whose answers are what they were asked, without a socket."""
    made = AWSServices()
    made._application = lambda environ, start: [environ["wsgi.input"].read()]
    return made


def ask(services, body, *, target="", authorization=""):
    started = Started()
    environ = {
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "HTTP_X_AMZ_TARGET": target,
        "HTTP_AUTHORIZATION": authorization,
    }
    return b"".join(services._answer(environ, started)), started


SIGNED = "AWS4-HMAC-SHA256 Credential=AKIA1/20300101/us-west-2/ssm/aws4_request, SignedHeaders=host"


def test_calls_are_kept_and_passed_on(services):
    body = json.dumps({"Name": "/a"}).encode()
    assert ask(services, body, target="AmazonSSM.GetParameter", authorization=SIGNED)[0] == body
    (call,) = services.calls
    assert (call.operation, call.parameters, call.access_key) == ("GetParameter", {"Name": "/a"}, "AKIA1")


def test_calls_of_sts_are_forms(services):
    ask(services, b"Action=AssumeRole&RoleArn=arn%3Ar&Version=1")
    (call,) = services.calls
    assert (call.operation, call.parameters["RoleArn"], call.access_key) == ("AssumeRole", "arn:r", "")


def test_a_refusal_is_given_as_often_as_ordered(services):
    services.refuse("GetParameter", "ThrottlingException", times=1, message="slowly", headers=(("Retry-After", "1"),))
    content, started = ask(services, b"{}", target="AmazonSSM.GetParameter")
    assert json.loads(content) == {"__type": "ThrottlingException", "message": "slowly"}
    assert started.status.startswith("400")
    assert started.headers["Retry-After"] == "1"
    assert ask(services, b"{}", target="AmazonSSM.GetParameter")[0] == b"{}"
    assert services.operations() == ["GetParameter", "GetParameter"]


def test_sts_refuses_in_xml(services):
    services.refuse("AssumeRole", "AccessDenied", status=403)
    content, started = ask(services, b"Action=AssumeRole")
    assert b"<Code>AccessDenied</Code>" in content
    assert started.status.startswith("403")


def test_others_are_answered(services):
    services.refuse("AssumeRole", "AccessDenied")
    assert ask(services, b"{}", target="secretsmanager.GetSecretValue")[0] == b"{}"


def test_forgetting_ends_refusals_and_forgets_calls(services):
    services.refuse("GetParameter", "X")
    ask(services, b"{}", target="AmazonSSM.GetParameter")
    services.forget()
    assert services.calls == []
    assert ask(services, b"{}", target="AmazonSSM.GetParameter")[0] == b"{}"


def test_one_that_is_not_running_says_so():
    with pytest.raises(LocalServerError, match="with block"):
        _ = AWSServices().address
    with pytest.raises(LocalServerError, match="with block"):
        ask(AWSServices(), b"{}")


def test_what_is_not_installed_is_named(monkeypatch):
    assert AWSServices.missing_reason() == ""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "flask" else object())
    assert AWSServices.missing_reason().startswith("not installed: flask; pip install")


def test_each_service_of_the_region_leads_here(monkeypatch):
    monkeypatch.setattr(AWSServices, "address", "http://here")
    assert AWSServices().endpoints(region="eu-central-1") == {
        f"https://{service}.eu-central-1.amazonaws.com": "http://here"
        for service in ("secretsmanager", "ssm", "sts", "acm")
    }
