"""What goes wrong while writing to Google: a clear error, nothing sent twice, and a next push that finds out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import AccessDeniedError, StoreUnavailableError
from virtrigaud_secrets.models.backends.gcpsm import GCPSMProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Push, PushOutcome, PushTarget, RetryPolicy, StoreContext
from virtrigaud_secrets.stores.gcp import FACTORY
from virtrigaud_secrets.testing.contract import CANARY, STORE, NoReferences, assert_hidden
from virtrigaud_secrets.testing.servers import FaultProxy, SecretManager
from virtrigaud_secrets.testing.servers.fault_proxy import Trouble
from virtrigaud_secrets.testing.servers.google_identity import Machine

pytestmark = pytest.mark.integration

TARGET = PushTarget(store=STORE, key="k")


@pytest.fixture
def google():
    with SecretManager() as server:
        server.identity.machine = Machine("p", "pod@p.iam.gserviceaccount.com")
        yield server


@pytest.fixture
def proxy(google):
    with FaultProxy(google.address, upstream_ca=google.ca_pem) as made:
        yield made


@pytest.fixture
def client(google, proxy, tmp_path):
    ca_file = tmp_path / "proxy.pem"
    ca_file.write_bytes(proxy.ca_pem)
    settings = Settings(
        endpoints=dict.fromkeys(google.endpoints(), proxy.address),
        ca_file=ca_file,
        request_timeout=timedelta(seconds=5),
    )
    context = StoreContext(
        store=STORE,
        namespace=STORE.namespace,
        settings=settings,
        clock=SystemClock(),
        references=NoReferences(),
        retry=RetryPolicy(retries=3, interval=0.01),
    )
    made = FACTORY.connect(GCPSMProvider.model_validate({"projectID": "p"}), context)
    yield made
    made.close()


def push(value=CANARY):
    return Push(target=TARGET, entries={"a": Sensitive(value)}, secret_key="a")


def raised(kind, call):
    with pytest.raises(kind) as caught:
        call()
    assert_hidden(caught.value)
    assert caught.value.store == str(STORE)
    assert caught.value.path
    return caught.value


def writes(google):
    return [one.path for one in google.asked if one.path.startswith("/v1/projects") and one.method != "GET"]


@pytest.mark.parametrize(
    "permission", ["secretmanager.secrets.create", "secretmanager.versions.add", "secretmanager.secrets.get"]
)
def test_a_missing_permission_is_named(client, google, permission):
    google.secrets.deny(permission)
    assert permission in str(raised(AccessDeniedError, lambda: client.push(push())))
    google.secrets.allow(permission)
    # A secret that was created and got no value is ours, and gets it now.
    assert client.push(push()) in {PushOutcome.CREATED, PushOutcome.UPDATED}
    assert [version.data for version in google.secrets.state("p", "k").versions] == [CANARY.encode()]


def test_a_deletion_that_is_not_allowed_deletes_nothing(client, google):
    client.push(push())
    google.secrets.deny("secretmanager.secrets.delete")
    raised(AccessDeniedError, lambda: client.delete(TARGET))
    assert google.secrets.state("p", "k") is not None


@pytest.mark.parametrize("trouble", [Trouble.RESET, Trouble.HALF])
def test_a_lost_answer_is_an_error_and_the_next_push_finds_out(client, google, proxy, trouble):
    client.push(push("first"))
    before = len(writes(google))
    proxy.order(trouble, path="addVersion", delivered=True)
    raised(StoreUnavailableError, lambda: client.push(push()))
    proxy.heal()
    assert len(writes(google)) == before + 1
    assert client.push(push()) is PushOutcome.UNCHANGED
    assert len(writes(google)) == before + 1


def test_a_write_in_trouble_is_not_sent_again_but_a_read_is(client, google):
    client.push(push("first"))
    before = len(writes(google))
    google.fail_next(503)
    assert client.push(push("first")) is PushOutcome.UNCHANGED
    real = google.secrets.answer

    def failing(method, resource, query, body=None):
        if method != "GET":
            return 503, {"error": {"status": "UNAVAILABLE"}}
        return real(method, resource, query, body)

    google.secrets.answer = failing
    raised(StoreUnavailableError, lambda: client.push(push()))
    assert len(writes(google)) == before + 1
