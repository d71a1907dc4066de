"""What goes wrong between us and AWS: a clear error of ours, in bounded time, and no more requests than allowed."""

import logging
import time
from datetime import timedelta

import pytest

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    ClosedError,
    ConfigurationError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.stores.aws.transport import TALKATIVE
from virtrigaud_secrets.stores.base import RetryPolicy
from virtrigaud_secrets.testing.servers import FaultProxy
from virtrigaud_secrets.testing.servers.fault_proxy import UNRESOLVABLE, Trouble

pytestmark = pytest.mark.integration

PLANTED = "planted-7f3a"
AT_ONCE = RetryPolicy(retries=1)


@pytest.fixture
def key(sdk, services, prefix):
    sdk.secretsmanager.create_secret(Name=f"{prefix}a", SecretString=PLANTED)
    services.forget()
    return f"{prefix}a"


@pytest.fixture
def proxy(services):
    with FaultProxy(services.address, tls=False) as made:
        yield made


def through(proxy):
    return {"aws_endpoints": {"secretsmanager": proxy.address}}


def test_throttling_is_waited_for_and_then_told(connect, services, key, of):
    services.refuse("GetSecretValue", "ThrottlingException", times=2)
    policy = RetryPolicy(retries=3, interval=timedelta(milliseconds=20))
    assert connect(retry=policy).get(of(key)).payload.whole() == PLANTED.encode()
    assert len(services.calls) == 3
    services.forget()
    services.refuse("GetSecretValue", "ThrottlingException", headers=(("Retry-After", "7"),), status=429)
    with pytest.raises(ThrottledError) as caught:
        connect(retry=policy, settings={"request_timeout": timedelta(seconds=2)}).get(of(key))
    assert (caught.value.retry_after, caught.value.status) == (7, 429)
    # Seven seconds are more than the request may take.
    assert len(services.calls) == 1


@pytest.mark.parametrize(("retries", "sent"), [(0, 3), (1, 1), (2, 2)])
def test_max_retries_counts_attempts_as_in_eso(connect, services, key, of, retries, sent):
    services.refuse("GetSecretValue", "InternalServiceError", status=500)
    with pytest.raises(StoreUnavailableError):
        connect(retry=RetryPolicy(retries=retries)).get(of(key))
    assert len(services.calls) == sent


def test_denied_names_the_action(connect, services, key, of):
    services.refuse("GetSecretValue", "AccessDeniedException", message=f"User: arn:x is not authorized {PLANTED}")
    with pytest.raises(AccessDeniedError) as caught:
        connect().get(of(key))
    assert caught.value.capability == "secretsmanager:GetSecretValue"
    assert caught.value.request_id == "refused-1"
    assert PLANTED not in str(caught.value)
    assert len(services.calls) == 1


def test_denied_by_the_key_names_the_keys_action(connect, services, key, of):
    services.refuse("GetSecretValue", "AccessDeniedException", message="Access to KMS is not allowed")
    with pytest.raises(AccessDeniedError, match="kms:Decrypt"):
        connect().get(of(key))


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", UNRESOLVABLE])
def test_what_cannot_be_reached_is_told(connect, key, of, address):
    settings = {"aws_endpoints": {"secretsmanager": address}, "request_timeout": timedelta(seconds=5)}
    with pytest.raises(StoreUnavailableError, match="cannot be reached") as caught:
        connect(settings=settings, retry=AT_ONCE).get(of(key))
    assert caught.value.path == key
    assert caught.value.retryable


def test_a_proxy_of_the_environment_is_not_asked(connect, key, of, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert connect().get(of(key)).payload.whole() == PLANTED.encode()


@pytest.mark.parametrize("trouble", [Trouble.RESET, Trouble.HALF])
def test_a_broken_answer_is_told_and_asked_again(connect, proxy, key, of, trouble):
    proxy.order(trouble, times=1)
    policy = RetryPolicy(retries=2, interval=timedelta(milliseconds=10))
    assert connect(settings=through(proxy), retry=policy).get(of(key)).payload.whole() == PLANTED.encode()
    proxy.order(trouble)
    with pytest.raises(StoreUnavailableError) as caught:
        connect(settings=through(proxy), retry=AT_ONCE).get(of(key))
    assert PLANTED not in str(caught.value)


def test_silence_ends_in_time(connect, proxy, key, of):
    proxy.order(Trouble.HANG)
    before = time.monotonic()
    settings = {**through(proxy), "request_timeout": timedelta(seconds=1)}
    with pytest.raises(StoreUnavailableError, match="no answer within 1 s"):
        connect(settings=settings, retry=AT_ONCE).get(of(key))
    assert time.monotonic() - before < 5


def test_another_server_is_no_aws(connect, proxy, key, of):
    proxy.order(Trouble.STATUS, status=200, body=f"<html>{PLANTED}".encode())
    with pytest.raises(StoreUnavailableError, match="cannot be read") as caught:
        connect(settings=through(proxy), retry=AT_ONCE).get(of(key))
    assert PLANTED not in str(caught.value)


def test_a_certificate_that_nobody_trusts_is_told(connect, services, key, of, tmp_path):
    authority = tmp_path / "ca.pem"
    with FaultProxy(services.address) as proxy:
        authority.write_bytes(proxy.ca_pem)
        with pytest.raises(StoreUnavailableError, match=r"certificate is not trusted.*Settings\.ca_file") as caught:
            connect(settings={"aws_endpoints": {"secretsmanager": proxy.address}}).get(of(key))
        assert not caught.value.retryable
        assert services.calls == []
        found = connect(settings={**through(proxy), "ca_file": authority}).get(of(key))
    assert found.payload.whole() == PLANTED.encode()


def test_an_unknown_region_is_told_unless_its_address_is_set(connect, services, key, of):
    with pytest.raises(ConfigurationError, match="'mars-1' is no region"):
        connect(region="mars-1").get(of(key))
    client = connect(region="mars-1", settings={"aws_endpoints": {"secretsmanager": services.address}})
    services.refuse("GetSecretValue", "AccessDeniedException")
    with pytest.raises(AccessDeniedError):
        client.get(of(key))


def test_the_debug_log_shows_no_value_and_no_token(connect, token_file, key, of, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    for name in TALKATIVE:
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
    pod = {"aws_role_arn": "arn:aws:iam::123456789012:role/r", "aws_web_identity_token_file": token_file}
    assert connect(auth={}, settings=pod).get(of(key)).payload.whole() == PLANTED.encode()
    assert PLANTED not in caplog.text
    assert "header.payload" not in caplog.text
    assert "x-amz-security-token" not in caplog.text


def test_the_debug_log_of_others_is_left_alone(connect, sdk, key, of, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(logging.getLogger("botocore.parsers"), "disabled", False)
    connect().get(of(key))
    caplog.clear()
    sdk.secretsmanager.describe_secret(SecretId=key)
    assert "botocore.parsers" in {record.name for record in caplog.records}


def test_a_closed_client_answers_nothing(connect, services, key, of):
    client = connect()
    client.close()
    assert [type(item) for item in client.get_all([of(key), of("b")])] == [ClosedError, ClosedError]
    assert services.calls == []
