"""Writing through a webhook from a manifest, and what goes wrong on the way: nothing is sent twice."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import pytest

from virtrigaud_secrets import Resolver, Settings
from virtrigaud_secrets.errors import PushError, StoreUnavailableError
from virtrigaud_secrets.stores.base import PushOutcome
from virtrigaud_secrets.testing.servers import FaultProxy
from virtrigaud_secrets.testing.servers.certificates import Authority
from virtrigaud_secrets.testing.servers.fault_proxy import Trouble
from virtrigaud_secrets.testing.servers.http_server import AnsweringServer, Question, Reply

pytestmark = pytest.mark.integration

PLANTED = "planted-value&7f3a"
MANIFESTS = """\
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: hook, namespace: team}
spec:
  provider:
    webhook:
      url: "https://hook.example/vms/{{ .remoteRef.remoteKey }}?by={{ .auth.user | urlquery }}"
      headers: {X-Password: "{{ .auth.password }}", X-Source: "{{ .remoteRef.secretKey }}"}
      secrets: [{name: auth, secretRef: {name: login}}]
---
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: team, labels: {external-secrets.io/type: webhook}}
stringData: {user: "a b", password: hunter2}
---
apiVersion: v1
kind: Secret
metadata: {name: source, namespace: team}
stringData: {password: "planted-value&7f3a"}
---
apiVersion: external-secrets.io/v1alpha1
kind: PushSecret
metadata: {name: backup, namespace: team}
spec:
  deletionPolicy: Delete
  secretStoreRefs: [{name: hook}]
  selector: {secret: {name: source}}
  data:
    - match: {secretKey: password, remoteRef: {remoteKey: esx/1}}
"""


class Hook(AnsweringServer):
    """Keeps what is posted."""

    title = "the webhook"

    def __init__(self) -> None:
        super().__init__(Authority.create("hook CA"))
        self.kept: dict[str, bytes] = {}
        self.seen: list[Question] = []

    def respond(self, question: Question) -> Reply:
        self.seen.append(question)
        parts = urlsplit(question.target)
        assert parse_qs(parts.query) == {"by": ["a b"]}
        assert question.headers["X-Password"] == "hunter2"
        if question.method == "DELETE":
            gone = self.kept.pop(parts.path, None) is None
            return Reply(HTTPStatus.NOT_FOUND if gone else HTTPStatus.NO_CONTENT)
        self.kept[parts.path] = question.body
        return Reply(HTTPStatus.CREATED, b'{"made": true}')


@pytest.fixture
def hook():
    with Hook() as server:
        yield server


@pytest.fixture
def proxy(hook):
    with FaultProxy(hook.address, upstream_ca=hook.ca_pem) as made:
        yield made


@pytest.fixture
def resolver(hook, proxy, tmp_path):
    (tmp_path / "ca.pem").write_bytes(proxy.ca_pem)
    (tmp_path / "manifests.yaml").write_text(MANIFESTS)
    settings = Settings(
        ca_file=tmp_path / "ca.pem",
        endpoints={"https://hook.example": proxy.address},
        request_timeout=timedelta(seconds=2),
    )
    with Resolver.from_path(tmp_path / "manifests.yaml", settings=settings) as made:
        yield made


def test_a_manifest_is_pushed(resolver, hook):
    resolver.push("backup", namespace="team", dry_run=True)
    assert hook.seen == []
    report = resolver.push("backup", namespace="team")
    assert [entry.outcome for entry in report.entries] == [PushOutcome.CREATED]
    assert hook.kept == {"/vms/esx%2F1": PLANTED.encode()}
    assert [one.method for one in hook.seen] == ["POST"]
    assert hook.seen[0].headers["X-Source"] == "password"
    assert PLANTED not in str(report)


def test_what_is_no_longer_asked_for_is_deleted(resolver, hook, tmp_path):
    report = resolver.push("backup", namespace="team")
    gone = MANIFESTS.replace("esx/1", "esx/2")
    (tmp_path / "manifests.yaml").write_text(gone)
    with Resolver.from_path(tmp_path / "manifests.yaml", settings=resolver.settings) as after:
        report = after.push("backup", namespace="team", previous=report)
    assert [entry.outcome for entry in report.entries] == [PushOutcome.CREATED, PushOutcome.DELETED]
    assert hook.kept == {"/vms/esx%2F2": PLANTED.encode()}


@pytest.mark.parametrize("trouble", [Trouble.RESET, Trouble.HALF, Trouble.HANG])
def test_a_lost_answer_leaves_it_open(resolver, hook, proxy, trouble):
    proxy.order(trouble, delivered=True)
    with pytest.raises(PushError) as caught:
        resolver.push("backup", namespace="team")
    (error,) = caught.value.errors
    assert isinstance(error, StoreUnavailableError)
    assert error.acted
    assert [entry.outcome for entry in caught.value.report.entries] == [PushOutcome.UNKNOWN]
    assert "hunter2" not in str(caught.value)
    assert PLANTED not in str(caught.value)
    assert len(hook.seen) == 1


def test_a_server_in_trouble_is_asked_once(resolver, hook, proxy):
    proxy.order(Trouble.STATUS, status=HTTPStatus.SERVICE_UNAVAILABLE)
    with pytest.raises(PushError, match="may have acted"):
        resolver.push("backup", namespace="team")
    assert proxy.asked() == 1
