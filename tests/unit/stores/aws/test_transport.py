import dataclasses
import logging
from datetime import timedelta
from types import SimpleNamespace

import pytest
from botocore import exceptions as sdk

from virtrigaud_secrets.errors import (
    AuthenticationError,
    ClosedError,
    ConfigurationError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.aws.errors import Asked
from virtrigaud_secrets.stores.aws.transport import Connection, Service, send, withheld
from virtrigaud_secrets.stores.base import RetryPolicy
from virtrigaud_secrets.testing.clock import ManualClock
from virtrigaud_secrets.testing.contract import store_context

PLANTED = "planted-7f3a"
ASKED = Asked(service="ssm", operation="GetParametersByPath", path="/a")


def refused(code, **headers):
    response = {
        "Error": {"Code": code, "Message": PLANTED},
        "ResponseMetadata": {"HTTPStatusCode": 400, "RequestId": "r-1", "HTTPHeaders": headers},
    }
    return sdk.ClientError(response, "GetParametersByPath")


class Client:
    """Answers with its replies in turn, the last one for ever."""

    def __init__(self, *replies):
        self.replies = list(replies)
        self.asked = []
        self.closed = 0

    def get_parameters_by_path(self, **parameters):
        self.asked.append(parameters)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply

    def close(self):
        self.closed += 1


def context(retries=None, interval=0.0):
    policy = None if retries is None else RetryPolicy(retries=retries, interval=timedelta(seconds=interval))
    return dataclasses.replace(store_context(clock=ManualClock()), retry=policy)


def service(*clients, made=None):
    waiting = list(clients)

    def connect(name):
        assert name == "ssm"
        client = waiting.pop(0)
        if isinstance(client, Exception):
            raise client
        return Connection(client, made)

    return Service("ssm", connect, context(1), trust="nobody")


class TestSend:
    def test_hides_nothing_on_the_way_out_and_all_on_the_way_back(self):
        client = Client(sdk.HTTPClientError(error=PLANTED))
        with pytest.raises(StoreUnavailableError) as caught:
            send(Connection(client, None), ASKED, {"Token": Sensitive(PLANTED), "Number": 1}, context(1))
        assert client.asked == [{"Token": PLANTED, "Number": 1}]
        assert PLANTED not in str(caught.value)
        assert caught.value.__context__ is None

    def test_max_retries_counts_attempts(self):
        client, given = Client(refused("Throttling")), context(4, 2.0)
        with pytest.raises(ThrottledError):
            send(Connection(client, None), ASKED, {}, given)
        assert len(client.asked) == 4
        assert given.clock.sleeps == [2.0, 2.0, 2.0]

    @pytest.mark.parametrize("retries", [0, None])
    def test_three_attempts_are_the_default(self, retries):
        client = Client(refused("Throttling"))
        with pytest.raises(ThrottledError):
            send(Connection(client, None), ASKED, {}, context(retries))
        assert len(client.asked) == 3

    def test_the_service_says_how_long_to_wait(self):
        client, given = Client(refused("Throttling", **{"retry-after": "9"}), {"Parameters": []}), context(2)
        assert send(Connection(client, None), ASKED, {}, given) == {"Parameters": []}
        assert given.clock.sleeps == [9.0]

    def test_a_refusal_is_not_repeated(self):
        client = Client(refused("ExpiredTokenException"))
        with pytest.raises(AuthenticationError):
            send(Connection(client, None), ASKED, {}, context())
        assert len(client.asked) == 1

    def test_credentials_are_made_good_before_the_first_attempt(self):
        def fails():
            raise StoreUnavailableError("STS is away")

        client = Client({})
        credentials = SimpleNamespace(get_frozen_credentials=fails)
        with pytest.raises(StoreUnavailableError, match="STS is away"):
            send(Connection(client, credentials), ASKED, {}, context())
        assert client.asked == []

    def test_others_faults_pass(self):
        with pytest.raises(ZeroDivisionError):
            send(Connection(Client(ZeroDivisionError()), None), ASKED, {}, context())


class TestService:
    def test_connects_once(self):
        client = Client({"a": 1})
        asked = service(client)
        assert [asked.ask("GetParametersByPath", {}, path="/a") for _ in range(2)] == [{"a": 1}, {"a": 1}]

    def test_reads_credentials_anew_when_they_are_refused(self):
        old, new = Client(refused("ExpiredTokenException")), Client({"a": 1})
        assert service(old, new).ask("GetParametersByPath", {}, path="/a") == {"a": 1}
        assert (len(old.asked), len(new.asked)) == (1, 1)

    def test_and_only_once(self):
        clients = [Client(refused("InvalidClientTokenId")) for _ in range(3)]
        with pytest.raises(AuthenticationError):
            service(*clients).ask("GetParametersByPath", {}, path="/a")
        assert [len(client.asked) for client in clients] == [1, 1, 0]

    def test_a_login_that_fails_is_not_the_requests_fault(self):
        def fails():
            raise AuthenticationError("no trust", path="arn:r", status=403)

        clients = [Client({}), Client({})]
        asked = service(*clients, made=SimpleNamespace(get_frozen_credentials=fails))
        with pytest.raises(AuthenticationError, match="no trust"):
            asked.ask("GetParametersByPath", {}, path="/a")
        assert [client.asked for client in clients] == [[], []]

    @pytest.mark.parametrize(
        ("failure", "kind"),
        [
            (sdk.ProfileNotFound(profile=PLANTED), ConfigurationError),
            (ConfigurationError("no such Secret"), ConfigurationError),
            (KeyError("x"), KeyError),
        ],
    )
    def test_what_prevents_a_client_is_told_and_tried_again(self, failure, kind):
        asked = service(failure, Client({"a": 1}))
        with pytest.raises(kind) as caught:
            asked.ask("GetParametersByPath", {}, path="/a")
        assert PLANTED not in str(caught.value)
        assert asked.ask("GetParametersByPath", {}, path="/a") == {"a": 1}

    def test_closing_closes_the_client_once(self):
        client = Client({})
        asked = service(client)
        asked.ask("GetParametersByPath", {}, path="/a")
        asked.close()
        asked.close()
        assert client.closed == 1
        with pytest.raises(ClosedError):
            asked.ask("GetParametersByPath", {}, path="/a")
        service().close()


def test_the_sdks_debug_log_is_withheld_for_us_and_warnings_are_not(caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    log = logging.getLogger("botocore.parsers")
    # Other tests run programs that configure logging anew.
    monkeypatch.setattr(log, "disabled", False)
    with withheld():
        log.debug("inside")
        log.warning("warned")
    log.debug("outside")
    assert [record.message for record in caplog.records] == ["warned", "outside"]
