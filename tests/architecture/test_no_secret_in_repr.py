"""Marked values are planted everywhere a value may be kept; whatever makes text of it must not show them."""

from __future__ import annotations

import base64
import copy
import dataclasses
import functools
import io
import json
import logging
import pickle
import pprint
import tempfile
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from rich.console import Console
from rich.pretty import Pretty
from rich.traceback import Traceback

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.bundle import Bundle, Lease, Provenance
from virtrigaud_secrets.cache.answers import AnswerCache, CachingClient, Kept
from virtrigaud_secrets.cache.entries import Entry, SecretName, Snapshot
from virtrigaud_secrets.credentials import (
    Arguments,
    LibvirtCredentials,
    ProxmoxCredentials,
    S3Credentials,
    SshLogin,
    TLSCredentials,
    VSphereCredentials,
)
from virtrigaud_secrets.delivery import Environment, Execution, SshAgent, Variables
from virtrigaud_secrets.delivery.live_secret import LiveSecret
from virtrigaud_secrets.delivery.secret_target import SecretTarget
from virtrigaud_secrets.delivery.target_decision import decide
from virtrigaud_secrets.errors import ResolveError, SecretsError, ValidationError
from virtrigaud_secrets.events import EventKind
from virtrigaud_secrets.generators import fake as fake_generator
from virtrigaud_secrets.generators.base import GeneratedPayload
from virtrigaud_secrets.leases.actions import Happened, LookUp, Renew
from virtrigaud_secrets.leases.state import Grant
from virtrigaud_secrets.manifests.objects import SecretManifest
from virtrigaud_secrets.models.backends.fake import FakeProvider, FakeProviderData
from virtrigaud_secrets.models.backends.files import FilesProvider
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.models.backends.webhook import WebhookProvider
from virtrigaud_secrets.models.generators.fake import FakeSpec
from virtrigaud_secrets.models.generators.generator_state import GeneratorStateSpec
from virtrigaud_secrets.models.generators.vault_dynamic_secret import VaultDynamicSecretSpec
from virtrigaud_secrets.observability import AuditLog
from virtrigaud_secrets.resolver.push_plan import PushStep, Source
from virtrigaud_secrets.runtime.accesses import AccessKind, Given, SecretAccess
from virtrigaud_secrets.runtime.making import Access, Made
from virtrigaud_secrets.runtime.subscription import Subscription
from virtrigaud_secrets.runtime.telling import event_of
from virtrigaud_secrets.runtime.wishes import Wish
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores import fake, files
from virtrigaud_secrets.stores.aws.certificate_manager import CertificatePayload
from virtrigaud_secrets.stores.azure.material import CertificateMaterial, read_key
from virtrigaud_secrets.stores.azure.sdk import Kept as VaultObject
from virtrigaud_secrets.stores.base import Answer, AnswerKind, Fetch, LabelledSecret, Push, PushTarget, Query
from virtrigaud_secrets.stores.cluster_api import SecretObject
from virtrigaud_secrets.stores.kubernetes.payload import MetadataPayload, SecretPayload
from virtrigaud_secrets.stores.payload import Lookup, TextPayload
from virtrigaud_secrets.stores.vault.leases import Taken
from virtrigaud_secrets.stores.vault.login import Token
from virtrigaud_secrets.stores.vault.operator import VaultOperator
from virtrigaud_secrets.stores.vault.payload import VaultPayload
from virtrigaud_secrets.stores.webhook import request
from virtrigaud_secrets.stores.webhook.ntlm import Login
from virtrigaud_secrets.stores.webhook.payload import WebhookPayload
from virtrigaud_secrets.stores.webhook.transport import Reply as WebhookReply
from virtrigaud_secrets.testing.certificates import CertificateAuthority
from virtrigaud_secrets.testing.clock import START, ManualClock
from virtrigaud_secrets.testing.contract import STORE, store_context
from virtrigaud_secrets.testing.keys import ssh_key
from virtrigaud_secrets.testing.servers.http_server import Question, Reply
from virtrigaud_secrets.testing.servers.key_vault_messages import Reply as VaultReply
from virtrigaud_secrets.testing.servers.key_vault_messages import Request as VaultRequest
from virtrigaud_secrets.validation import validate

CANARY = "canary-" + "7d0f3a"
"""In two parts, so that no traceback finds it in this line."""
FORMS = (CANARY, base64.b64encode(CANARY.encode()).decode().rstrip("="), CANARY.encode().hex())
"""A value in other clothes is a value still."""

KEYS_OF_CREDENTIALS = (
    "server", "username", "password", "ca.crt", "session_ttl", "ssh-privatekey", "known_hosts", "token_id",
    "token_secret", "ssh_privatekey", "tls.crt", "tls.key", "accessKeyID", "secretAccessKey",
)  # fmt: skip

LEASE = Lease(lease_id=CANARY, duration=60, renewable=True, expires_at=datetime(2030, 1, 1, tzinfo=UTC))
ORIGIN = Provenance(store="SecretStore ns/s", path="a/b", property="password", lease=LEASE)
DOCUMENT = json.dumps({"password": CANARY}).encode()


def text_payload() -> TextPayload:
    return TextPayload(DOCUMENT, lookup=Lookup.PATH, store="s", path="p")


def vault_payload() -> VaultPayload:
    return VaultPayload({"password": CANARY}, envelope={"lease_id": CANARY}, store="s", path="p")


def directory_payload() -> files.DirectoryPayload:
    return files.DirectoryPayload({"password": CANARY.encode()}, store="s", path="p")


def webhook_request() -> object:
    spec = WebhookProvider(url="https://x/?{{ .a.v }}", headers={"X": "{{ .a.v }}"}, body=CANARY, method="POST")
    fetch = Fetch(store=STORE, key="k")
    return request.build(spec, fetch, {"a": {"v": Sensitive(CANARY)}}, store_context())


def pushed() -> Push:
    target = PushTarget(store=STORE, key="k")
    return Push(target=target, entries={"a": Sensitive(CANARY)}, annotations={"note": CANARY})


def live_secret() -> LiveSecret:
    metadata = {"name": "n", "namespace": "ns", "labels": {"l": CANARY}, "annotations": {"kubectl": DOCUMENT.decode()}}
    encoded = base64.b64encode(CANARY.encode()).decode()
    return LiveSecret.from_document({"metadata": metadata, "data": {"a": encoded}})


def fake_spec() -> FakeProvider:
    return FakeProvider(data=(FakeProviderData(key="k", value=CANARY),))


FETCH = Fetch(store=STORE, key="k")
QUERY = Query(store=STORE, name="k")


def kept_answers() -> dict[Fetch, Kept]:
    return {FETCH: Kept(Answer(payload=text_payload(), path="p", lease=LEASE), 0.0)}


def caching_client() -> CachingClient:
    client = CachingClient(
        fake.FACTORY.connect(fake_spec(), store_context()),
        AnswerCache(ManualClock()),
        lambda *_: True,
        lambda _, kept: kept,
        found={QUERY: {"k": kept_answers()[FETCH].answer}},
    )
    client.get(FETCH)
    return client


def snapshot() -> Snapshot:
    return Snapshot(
        bundle=Bundle({"password": CANARY.encode()}, name="n", provenance={"password": (ORIGIN,)}),
        made_at=START,
        made=0.0,
        read_at=0.0,
        interval=1.0,
        refresh_at=1.0,
        stale_at=1.0,
        ends=1.0,
        serials={FETCH: 1},
        found={QUERY: {"k": kept_answers()[FETCH].answer}},
    )


MANIFESTS = f"""
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {{name: s, namespace: ns}}
spec: {{provider: {{fake: {{data: [{{key: k, value: {CANARY}}}]}}}}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {{name: sought, namespace: ns}}
spec: {{secretStoreRef: {{name: s}}, data: [{{secretKey: password, remoteRef: {{key: k}}}}]}}
"""


@functools.cache
def used_resolver() -> tuple[Resolver, Subscription[Bundle]]:
    """One that holds the value in every place it has."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "m.yaml").write_text(MANIFESTS)
        resolver = Resolver.from_path(directory, settings=Settings(), clock=ManualClock(), background=False)
    subscription = resolver.subscribe("sought")
    assert subscription.current.text("password") == CANARY
    return resolver, subscription


def used_resolver_health() -> object:
    return used_resolver()[0].health()


HOLDERS: dict[str, Callable[[], object]] = {
    "sensitive": lambda: Sensitive(CANARY),
    "bundle": lambda: Bundle({"password": CANARY.encode()}, name="n", provenance={"password": (ORIGIN,)}),
    "lease": lambda: LEASE,
    "provenance": lambda: ORIGIN,
    "text payload": text_payload,
    "vault payload": vault_payload,
    "directory payload": directory_payload,
    "kubernetes payload": lambda: SecretPayload({"password": Sensitive(CANARY)}, store="s", path="p"),
    "kubernetes metadata": lambda: MetadataPayload({"label": CANARY}, {"note": Sensitive(CANARY)}, store="s", path="p"),
    "kubernetes object": lambda: SecretObject(
        name="n", data={"a": Sensitive(CANARY)}, labels={}, annotations={"note": Sensitive(CANARY)}
    ),
    "live secret": live_secret,
    "decision": lambda: decide(
        SecretTarget(name="n", namespace="ns"),
        live_secret(),
        Bundle({"b": CANARY.encode()}, labels={"l": CANARY}, annotations={"a": CANARY}),
    ),
    "labelled secret": lambda: LabelledSecret(labels={}, data={"a": Sensitive(CANARY)}),
    "webhook payload": lambda: WebhookPayload(
        Sensitive(DOCUMENT), json_path=Sensitive(CANARY), written="$", store="s", path="p"
    ),
    "webhook request": webhook_request,
    "webhook answer": lambda: WebhookReply(200, Sensitive(CANARY)),
    "vault object": lambda: VaultObject(SimpleNamespace(version="1"), value=Sensitive(CANARY)),  # type: ignore[arg-type]  # properties
    "key to import": lambda: read_key(Sensitive(CANARY)),
    "certificate to import": lambda: CertificateMaterial(b"public", Sensitive(CANARY), is_pem=True),
    "key vault request": lambda: VaultRequest("PUT", "/", {}, {"Authorization": CANARY}, CANARY.encode()),
    "key vault reply": lambda: VaultReply(HTTPStatus.OK, {"value": CANARY}),
    "webhook login": lambda: Login("svc", Sensitive(CANARY)),
    "certificate payload": lambda: CertificatePayload(Sensitive(CANARY), path="p"),
    "http question": lambda: Question("GET", "/", {"Authorization": CANARY}, CANARY.encode()),
    "http reply": lambda: Reply(200, CANARY.encode()),
    "answer": lambda: Answer(payload=text_payload(), path="p", lease=LEASE),
    "settings": lambda: Settings(vault_token=Sensitive(CANARY)),
    "context": lambda: store_context(settings=Settings(vault_token=Sensitive(CANARY))),
    "push": pushed,
    "push value": lambda: pushed().value,
    "push step": lambda: PushStep(field="spec.data[0]", push=pushed()),
    "push source": lambda: Source(name="n", entries={"a": Sensitive(CANARY)}, annotations={"note": CANARY}),
    "secret manifest": lambda: SecretManifest(
        name="n", data={"a": Sensitive(CANARY)}, labels={}, annotations={"note": CANARY}
    ),
    "fake spec": fake_spec,
    "generated payload": lambda: GeneratedPayload({"password": CANARY.encode()}),
    "generator client": lambda: fake_generator.FACTORY.connect(FakeSpec(data={"password": CANARY}), store_context()),
    "fake generator": lambda: FakeSpec(data={"password": CANARY}),
    "generator state": lambda: GeneratorStateSpec(resource={"a": CANARY}, state=[CANARY]),
    "dynamic secret": lambda: VaultDynamicSecretSpec(
        path="p", provider=VaultProvider(server="s"), parameters={"password": CANARY}
    ),
    "fake client": lambda: fake.FACTORY.connect(fake_spec(), store_context()),
    "vsphere credentials": lambda: VSphereCredentials(
        source="ExternalSecret ns/n", server=CANARY, username=CANARY, password=Sensitive(CANARY), ca=CANARY
    ),
    "libvirt credentials": lambda: LibvirtCredentials(username=CANARY, private_key=Sensitive(CANARY)),
    "proxmox credentials": lambda: ProxmoxCredentials(token_id=CANARY, token_secret=Sensitive(CANARY)),
    "tls credentials": lambda: TLSCredentials(certificate=CANARY, private_key=Sensitive(CANARY), authority=CANARY),
    "s3 credentials": lambda: S3Credentials(access_key_id=CANARY, secret_access_key=Sensitive(CANARY)),
    "ssh login": lambda: SshLogin(username=CANARY, password=Sensitive(CANARY), known_hosts=Sensitive(CANARY)),
    "variables": lambda: Variables(PASSWORD=CANARY),
    "arguments": lambda: Arguments(user=CANARY, pwd=CANARY),
    "ssh key": lambda: dataclasses.replace(ssh_key(), private=CANARY),
    "kept answer": lambda: Kept(Answer(payload=text_payload(), path="p", lease=LEASE), 0.0, serial=1),
    "caching client": caching_client,
    "snapshot": snapshot,
    "entry": lambda: Entry(SecretName("ns", "n"), snapshot=snapshot()),
    "what was made": lambda: Made(snapshot().bundle, kept_answers(), {QUERY: {"k": kept_answers()[FETCH].answer}}),
    "given": lambda: Given(SecretName("ns", "n"), snapshot().bundle),
    "secret access": lambda: SecretAccess(
        kind=AccessKind.RESOLVE, at=START, caller="c", thread="t", manifest="m", bundle=snapshot().bundle
    ),
    "audit log": lambda: AuditLog(Path("audit.log"), salt=CANARY.encode() * 2),
    "wish": lambda: Wish(found={QUERY: {"k": kept_answers()[FETCH].answer}}),
    "access": lambda: Access(lambda *_: True, lambda _, kept: kept, {QUERY: {"k": kept_answers()[FETCH].answer}}),
    "resolver": lambda: used_resolver()[0],
    "keeper": lambda: used_resolver()[0].keeper,
    "subscription": lambda: used_resolver()[1],
    "health": used_resolver_health,
    "grant": lambda: Grant(kind=AnswerKind.LEASE, sent=0.0, length=1.0, lease_id=CANARY),
    "renewal": lambda: Renew(key=FETCH, serial=1, lease_id=CANARY, increment=1.0),
    "look-up": lambda: LookUp(key=FETCH, serial=1, lease_id=CANARY),
    "what happened": lambda: Happened(kind=EventKind.RENEWED, key=FETCH, lease_id=CANARY),
    "event": lambda: event_of(Happened(kind=EventKind.RENEWED, key=FETCH, lease_id=CANARY), None, at=START),
    "vault token": lambda: Token(Sensitive(CANARY), 1, own=True),
    "vault operator": lambda: VaultOperator(
        VaultProvider(server="https://vault"), store_context(settings=Settings(vault_token=Sensitive(CANARY)))
    ),
    "vault lease": lambda: Taken(lease=LEASE, token=Sensitive(CANARY), generation=1, certificate=False, ends=1.0),
    "issued certificate": lambda: dataclasses.replace(CertificateAuthority().issue(), private_key=CANARY),
}


def rich_text(renderable: object) -> str:
    console = Console(file=io.StringIO(), width=10_000)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def log_text(message: object, *arguments: object) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.handle(logging.LogRecord("x", logging.INFO, "x", 1, message, arguments, None))
    return stream.getvalue()


TEXTS: dict[str, Callable[[object], str]] = {
    "repr": repr,
    "str": str,
    "format": lambda holder: f"{holder}",
    "ascii": ascii,
    "percent": lambda holder: "%s %r" % (holder, holder),  # noqa: UP031  # the old way is a way
    "in a list": lambda holder: str([holder]),
    "in a dict": lambda holder: str({"x": holder}),
    "pprint": pprint.pformat,
    "rich": lambda holder: rich_text(Pretty(holder)),
    "log": lambda holder: log_text("%s", holder),
    "log of the object itself": log_text,
}


def assert_hidden(text: str) -> None:
    assert text
    shown = [form for form in FORMS if form in text]
    assert not shown, "a planted value shows"


@pytest.fixture(params=list(HOLDERS))
def holder(request: pytest.FixtureRequest) -> object:
    return HOLDERS[request.param]()


@pytest.mark.parametrize("make_text", TEXTS.values(), ids=TEXTS)
def test_no_text_shows_a_value(holder: object, make_text: Callable[[object], str]) -> None:
    assert_hidden(make_text(holder))


def test_the_search_finds_a_value_that_shows() -> None:
    for text in (CANARY, base64.b64encode(CANARY.encode()).decode(), CANARY.encode().hex()):
        with pytest.raises(AssertionError, match="planted"):
            assert_hidden(f"before {text} after")


class TestCopies:
    @pytest.mark.parametrize(
        "name",
        [
            "sensitive",
            "bundle",
            "text payload",
            "vault payload",
            "directory payload",
            "answer",
            "vsphere credentials",
            "arguments",
        ],
    )
    def test_are_not_pickled(self, name: str) -> None:
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(HOLDERS[name]())

    @pytest.mark.parametrize("name", ["sensitive", "text payload", "vault payload", "directory payload", "answer"])
    def test_are_not_made_deep_down(self, name: str) -> None:
        with pytest.raises(TypeError, match="cannot be pickled or copied"):
            copy.deepcopy(HOLDERS[name]())

    @pytest.mark.parametrize("name", ["answer", "settings", "context"])
    def test_are_not_made_by_asdict(self, name: str) -> None:
        holder = HOLDERS[name]()
        assert dataclasses.is_dataclass(holder)
        assert not isinstance(holder, type)
        with pytest.raises(TypeError, match="cannot"):
            dataclasses.asdict(holder)

    @pytest.mark.parametrize("name", ["sensitive", "bundle", "answer"])
    def test_are_not_made_by_json_or_yaml(self, name: str) -> None:
        with pytest.raises(TypeError, match="not JSON serializable"):
            json.dumps(HOLDERS[name]())
        with pytest.raises((TypeError, yaml.YAMLError)) as caught:
            yaml.safe_dump(HOLDERS[name]())
        assert_hidden(str(caught.value))


def faults(directory: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """What goes wrong with a value at hand."""
    yield "bundle, no text", lambda: Bundle({"a": b"\xff" + CANARY.encode()}).text("a")
    yield "bundle, no key", lambda: Bundle({"a": CANARY.encode()})["b"]
    yield "bundle, assignment", lambda: setattr(Bundle({"a": CANARY.encode()}), "a", 1)
    yield "sensitive, no text", lambda: Sensitive(b"\xff" + CANARY.encode()).reveal_text()
    yield "text, no property", lambda: text_payload().property("absent")
    yield "text, no entries", lambda: text_payload().entries("password")
    yield "text, no map", lambda: TextPayload(json.dumps([CANARY]).encode(), lookup=Lookup.PATH).entries()
    plain = TextPayload(CANARY.encode(), lookup=Lookup.INNER_LITERAL_THEN_PATH)
    yield "text, no JSON", lambda: plain.property("a.b")
    yield "text, absurd path", lambda: text_payload().property("[" * 5000)
    yield "vault, no property", lambda: vault_payload().property("absent")
    yield "vault, no entries", lambda: vault_payload().entries("password")
    yield "directory, no property", lambda: directory_payload().property("absent")
    yield "directory, no entries", lambda: directory_payload().entries("password")
    yield (
        "directory, no text",
        lambda: files.DirectoryPayload({"a": b"\xff" + CANARY.encode()}, store="s", path="p").whole(),
    )
    client = fake.FACTORY.connect(fake_spec(), store_context())
    yield "fake, no secret", lambda: client.get(Fetch(store=STORE, key="absent"))
    for number, text in enumerate((f"a: [{CANARY}", f"a: {CANARY}\na: {CANARY}", f"- {CANARY}", f"b: {CANARY}")):
        path = directory / f"{number}.yaml"
        path.touch(mode=0o600)
        path.write_text(text)
        store = files.FACTORY.connect(FilesProvider(path=str(path)), store_context())
        yield f"files, {number}", partial(store.get, Fetch(store=STORE, key="a"))
    key = ssh_key(comment="").private
    yield "agent, nobody", lambda: SshAgent(directory / "agent").add(Sensitive(key), comment="c")
    yield "agent, no key", lambda: SshAgent(directory / "agent").add(Sensitive(CANARY))
    yield "environment, null byte", lambda: Environment().variables(Bundle({"a": CANARY.encode() + b"\0"}))
    yield (
        "execution, no program",
        lambda: Execution(command=["/no/such"], environment=Environment()).run(
            SimpleNamespace(current=Bundle({"a": CANARY.encode()}), on_change=lambda _: lambda: None)
        ),
    )
    unfit = Bundle({key: CANARY.encode() + b"\n" + CANARY.encode() for key in KEYS_OF_CREDENTIALS})
    for kind in (VSphereCredentials, LibvirtCredentials, ProxmoxCredentials, TLSCredentials, S3Credentials):
        yield f"{kind.__name__}, unfit", partial(kind.from_bundle, unfit)
    bad = Bundle({"password": CANARY.encode() + b"\n", "tls.crt": CANARY.encode(), "tls.key": CANARY.encode()})
    yield "validation", lambda: refuse(bad)
    yield "several", lambda: several(bad)


def refuse(bundle: Bundle) -> None:
    findings = validate(bundle, now=START, kind="tls") + validate(bundle, now=START, kind="credential")
    assert len(findings) >= 3
    raise ValidationError("refused", findings=findings)


def several(bundle: Bundle) -> None:
    found: list[SecretsError] = []
    for attempt in (lambda: refuse(bundle), lambda: text_payload().property("absent")):
        try:
            attempt()
        except SecretsError as error:
            found.append(error.at("ExternalSecret ns/n", "spec.data[0]"))
    raise ResolveError("2 faults", errors=found)


def own_frames(report: traceback.TracebackException | None) -> Iterator[str]:
    """Local variables of the library's frames, in the report and all it hangs on."""
    if report is None:
        return
    yield from (str(frame.locals) for frame in report.stack if "virtrigaud_secrets" in Path(frame.filename).parts)
    yield from own_frames(report.__cause__)
    yield from own_frames(report.__context__)


def fault_of(provoke: Callable[[], object]) -> Exception:
    try:
        provoke()
    except Exception as error:  # noqa: BLE001  # each has its own type
        return error
    raise AssertionError("nothing was raised")


def test_no_fault_shows_a_value(tmp_path: Path) -> None:
    for name, provoke in faults(tmp_path):
        error = fault_of(provoke)
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
        shown = [str(error), repr(error), *report.format_exception_only(), *own_frames(report)]
        assert not [text for text in shown if any(form in text for form in FORMS)], f"{name}: a planted value shows"


def test_rich_shows_the_locals_of_a_fault_without_values() -> None:
    error = fault_of(lambda: text_payload().property("absent"))
    shown = rich_text(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True))
    assert "absent" in shown
    assert_hidden(shown)


def test_the_ways_out_are_few_and_known() -> None:
    """Positive control: the values are there, and only these calls give them."""
    bundle = Bundle({"password": CANARY.encode()})
    assert bundle.text("password") == CANARY
    assert Sensitive(CANARY).reveal_text() == CANARY
    assert text_payload().property("password").decode() == CANARY
