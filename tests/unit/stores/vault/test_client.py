import os
import traceback
from datetime import UTC, datetime, timedelta

import pytest
import urllib3.exceptions as u3

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ClosedError,
    InvalidRequestError,
    MountNotFoundError,
    PropertyNotFoundError,
    SecretNotFoundError,
    StoreUnavailableError,
)
from virtrigaud_secrets.stores.base import Fetch, RetryPolicy, StoreKey, freeze_parameters
from virtrigaud_secrets.stores.vault.client import VaultClient
from virtrigaud_secrets.stores.vault.routes import MOUNT_LOOKUP

STORE = StoreKey("SecretStore", "team", "vault-secret-store")
KUBERNETES = {"kubernetes": {"role": "virtrigaud-role"}}
LOGIN = "auth/kubernetes/login"
DATABASE = "sys/internal/ui/mounts/vsphere/creds/dynamic-role"
DYNAMIC = "vsphere/creds/dynamic-role"
POLICY = {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}
DEAD = {"errors": ["permission denied"]}
UNSEEN = {"errors": ["preflight capability check returned 403, please ensure client's policies grant access to path"]}


def fetch(key, parameters=None, **fields):
    return Fetch(store=STORE, key=key, parameters=freeze_parameters(parameters or {}), **fields)


@pytest.fixture
def make(make_spec, make_context, server):
    """A client, and a server with the guide's engines."""
    server.on("POST", LOGIN, *(login(server, number) for number in (1, 2, 3)))
    server.on("GET", "secret/data/a", kv(server, {"user": "u"}))
    server.on("GET", DATABASE, mount(server, "vsphere/", "database"))
    server.on("GET", DYNAMIC, leased(server, DYNAMIC, {"username": "u", "password": "p"}))
    server.on("GET", "sys/internal/ui/mounts/pki/issue/r", mount(server, "pki/", "pki"))
    certificate = {"certificate": "c", "serial_number": "1", "expiration": 1893542400}
    server.on("POST", "pki/issue/r", leased(server, "pki/issue/r", certificate, renewable=False))
    for path in ("auth/token/revoke-self", "sys/leases/revoke", "sys/leases/renew"):
        server.on("POST" if "self" in path else "PUT", path, server.say(204))

    def make(auth=None, spec=None, **context):
        return VaultClient(make_spec(auth=auth, **(spec or {})), make_context(**context))

    return make


def login(server, number, life=3600):
    return server.say(200, {"auth": {"client_token": f"own-{number}", "lease_duration": life}})


def kv(server, data, version=1):
    return server.say(200, {"request_id": "id", "data": {"data": data, "metadata": {"version": version}}})


def mount(server, path, engine, **options):
    return server.say(200, {"data": {"path": path, "type": engine, "options": options}})


def leased(server, path, data, *, renewable=True, duration=900):
    body = {"lease_id": f"{path}/x1", "lease_duration": duration, "renewable": renewable, "data": data}
    return server.say(200, {"request_id": "id", **body})


def test_a_kv_secret_is_one_request(make, server):
    answer = make().get(fetch("secret/data/a"))
    assert answer.payload.property("user") == b"u"
    assert (answer.path, answer.version, answer.request_id, answer.lease) == ("secret/data/a", "1", "id", None)
    assert server.paths() == ["GET secret/data/a"]


def test_a_version_is_asked_for(make, server):
    make().get(fetch("secret/a", version="3"))
    assert server.seen[0].query == {"version": "3"}


def test_metadata_is_read(make, server):
    server.on("GET", "secret/metadata/a", server.say(200, {"data": {"current_version": 2, "custom_metadata": None}}))
    assert make().get(fetch("a", metadata=True)).payload.property("current_version") == b"2"


def test_a_mount_is_looked_up_once(make, server):
    client = make()
    answer = client.get(fetch(DYNAMIC))
    client.get(fetch(DYNAMIC))
    assert server.paths() == [f"GET {DATABASE}", f"GET {DYNAMIC}", f"GET {DYNAMIC}"]
    assert answer.repairs == (MOUNT_LOOKUP,)
    assert answer.path == DYNAMIC


def test_a_lease_comes_with_the_data(make, clock):
    answer = make().get(fetch(DYNAMIC))
    assert answer.lease is not None
    assert (answer.lease.duration, answer.lease.renewable) == (900, True)
    assert answer.lease.expires_at == clock.now() + timedelta(seconds=900)
    assert answer.payload.property("lease_duration") == b"900"
    assert answer.payload.property("password") == b"p"


def test_a_lease_ends_with_the_login(make, server, clock):
    server.on("POST", LOGIN, login(server, 1, life=60))
    answer = make(KUBERNETES).get(fetch(DYNAMIC))
    assert answer.lease is not None
    assert answer.lease.expires_at == clock.now() + timedelta(seconds=60)


def test_a_certificate_is_posted_for_and_says_its_end(make, server):
    answer = make().get(fetch("pki/issue/r", {"common_name": "a.virtrigaud.local", "alt_names": ["b", "c"]}))
    assert answer.expires_at == datetime(2030, 1, 2, tzinfo=UTC)
    assert server.seen[-1].method == "POST"
    assert server.seen[-1].body == {"common_name": "a.virtrigaud.local", "alt_names": "b,c"}


def test_a_static_role_says_when_it_rotates(make, server, clock):
    data = {"username": "u", "password": "p", "ttl": 4, "rotation_period": 10, "last_vault_rotation": "2030"}
    server.on("GET", "sys/internal/ui/mounts/vsphere/static-creds/r", mount(server, "vsphere/", "database"))
    server.on("GET", "vsphere/static-creds/r", server.say(200, {"lease_id": "", "lease_duration": 0, "data": data}))
    answer = make().get(fetch("vsphere/static-creds/r"))
    assert answer.lease is None
    assert answer.expires_at == clock.now() + timedelta(seconds=4)


def test_a_token_is_a_secret_too(make, server, clock):
    server.on("GET", "sys/internal/ui/mounts/auth/token/create", mount(server, "token/", "token"))
    auth = {"client_token": "child", "lease_duration": 60, "renewable": True}
    server.on("POST", "auth/token/create", server.say(200, {"data": None, "auth": auth}))
    answer = make().get(fetch("auth/token/create", {"policies": ["default"]}))
    assert answer.payload.property("client_token") == b"child"
    assert answer.expires_at == clock.now() + timedelta(seconds=60)
    assert server.seen[-1].body == {"policies": ["default"]}


@pytest.mark.parametrize(("version", "path"), [("1", "legacy/app"), ("2", "legacy/data/app")])
def test_another_kv_engine_is_read_by_its_own_version(make, server, version, path):
    server.on("GET", "sys/internal/ui/mounts/legacy/app", mount(server, "legacy/", "kv", version=version))
    body = {"data": {"user": "u"}} if version == "1" else {"data": {"data": {"user": "u"}, "metadata": {}}}
    server.on("GET", path, server.say(200, body))
    answer = make().get(fetch("legacy/app"))
    assert (answer.path, answer.payload.property("user")) == (path, b"u")


@pytest.mark.parametrize("answer", [(403, UNSEEN), (404, {"errors": []}), (403, POLICY), (400, {"errors": ["x"]})])
def test_a_key_without_an_engine_is_below_the_stores_path(make, server, answer):
    server.on("GET", "sys/internal/ui/mounts/providers/vsphere", server.say(*answer))
    server.on("GET", "secret/data/providers/vsphere", kv(server, {"user": "u"}))
    client = make()
    for _ in range(3):
        assert client.get(fetch("providers/vsphere")).path == "secret/data/providers/vsphere"
    assert server.asked("sys/internal/ui/mounts/providers/vsphere") == 1


def test_a_question_that_got_no_answer_is_asked_again(make, server):
    question = "sys/internal/ui/mounts/providers/vsphere"
    server.on("GET", question, server.say(503), server.say(403, UNSEEN))
    server.on("GET", "secret/data/providers/vsphere", kv(server, {"user": "u"}))
    client = make(retry=RetryPolicy())
    with pytest.raises(StoreUnavailableError):
        client.get(fetch("providers/vsphere"))
    assert server.asked("secret/data/providers/vsphere") == 0
    client.get(fetch("providers/vsphere"))
    assert server.asked(question) == 2


@pytest.mark.parametrize(
    ("status", "body", "error"), [(403, POLICY, AccessDeniedError), (404, {"errors": []}, SecretNotFoundError)]
)
def test_a_failure_after_the_lookup_says_how_the_path_came_about(make, server, status, body, error):
    question = "sys/internal/ui/mounts/vsphere/creds/other"
    server.on("GET", question, server.say(403, UNSEEN))
    server.on("GET", "secret/data/vsphere/creds/other", server.say(status, body))
    client = make()
    for _ in range(2):
        with pytest.raises(error, match="the server shows no engine at vsphere/creds/other") as caught:
            client.get(fetch("vsphere/creds/other"))
        assert caught.value.path == "secret/data/vsphere/creds/other"
    assert server.asked(question) == 2  # mounts and policies may have changed


def test_a_mount_that_is_gone_is_looked_up_again(make, server):
    client = make()
    client.get(fetch(DYNAMIC))
    server.on("GET", DYNAMIC, server.say(404, {"errors": ["no handler for route"]}))
    with pytest.raises(MountNotFoundError):
        client.get(fetch(DYNAMIC))
    server.on("GET", DATABASE, server.say(403, UNSEEN))
    server.on("GET", f"secret/data/{DYNAMIC}", kv(server, {"user": "u"}))
    assert client.get(fetch(DYNAMIC)).path == f"secret/data/{DYNAMIC}"


def test_parameters_for_an_engine_that_is_not_there(make, server):
    server.on("GET", "sys/internal/ui/mounts/pki2/issue/r", server.say(403, UNSEEN))
    with pytest.raises(MountNotFoundError, match="parameters were given") as caught:
        make().get(fetch("pki2/issue/r", {"common_name": "a"}))
    assert caught.value.path == "pki2/issue/r"
    assert server.paths() == ["GET sys/internal/ui/mounts/pki2/issue/r"]


def test_a_certificate_without_a_name_is_never_asked_for(make, server):
    server.on("GET", "sys/internal/ui/mounts/certs/issue/r", mount(server, "certs/", "pki"))
    with pytest.raises(InvalidRequestError, match="common_name"):
        make().get(fetch("certs/issue/r"))
    assert server.asked("certs/issue/r") == 0


def test_kv_only_asks_nothing(make, server):
    server.on("GET", f"secret/data/{DYNAMIC}", kv(server, {"user": "u"}))
    make(strict=True).get(fetch(DYNAMIC))
    assert server.paths() == [f"GET secret/data/{DYNAMIC}"]


def test_a_v1_store_at_a_dynamic_engine_gives_its_lease(make):
    answer = make(spec={"path": "vsphere", "version": "v1"}).get(fetch(DYNAMIC))
    assert answer.lease is not None
    assert answer.payload.property("lease_duration") == b"900"


def test_a_dead_token_is_replaced_once_and_the_request_sent_again(make, server):
    def answer(seen):
        return kv(server, {"user": "u"}) if seen.token == "own-2" else server.say(403, DEAD)

    server.on("GET", "secret/data/a", answer)
    assert make(KUBERNETES).get(fetch("secret/data/a")).payload.property("user") == b"u"
    assert server.paths() == [f"POST {LOGIN}", "GET secret/data/a", f"POST {LOGIN}", "GET secret/data/a"]


def test_a_dead_token_did_nothing_so_an_issue_is_sent_again(make, server):
    good = server.answers["POST", "pki/issue/r"][0]
    server.on("POST", "pki/issue/r", lambda seen: good if seen.token == "own-2" else server.say(403, DEAD))
    make(KUBERNETES).get(fetch("pki/issue/r", {"common_name": "a"}))
    assert server.asked("pki/issue/r") == 2


def test_a_policy_s_refusal_is_no_reason_to_log_in(make, server):
    server.on("GET", "secret/data/a", server.say(403, POLICY))
    client = make(KUBERNETES)
    for _ in range(5):
        with pytest.raises(AccessDeniedError) as caught:
            client.get(fetch("secret/data/a"))
        assert caught.value.capability == "read"
        assert caught.value.path == "secret/data/a"
    assert server.asked(LOGIN) == 1


def test_a_path_that_refuses_every_token_makes_no_storm_of_logins(make, server):
    server.on("GET", "secret/data/a", server.say(403, DEAD))
    server.on("GET", "auth/token/lookup-self", server.say(200, {"data": {}}))
    client = make(KUBERNETES)
    for _ in range(5):
        with pytest.raises(AccessDeniedError):
            client.get(fetch("secret/data/a"))
    assert server.asked(LOGIN) == 2


def test_a_given_token_that_is_dead_says_so(make, server):
    server.on("GET", "secret/data/a", server.say(403, DEAD))
    with pytest.raises(AuthenticationError, match=r"Settings\.vault_token is refused"):
        make().get(fetch("secret/data/a"))
    assert server.asked("secret/data/a") == 1


@pytest.mark.parametrize("failure", [u3.ReadTimeoutError(None, "/", "x"), u3.ProtocolError("x")])
def test_a_lost_answer_to_a_dynamic_read_is_not_asked_for_again(make, server, failure):
    server.on("GET", DYNAMIC, failure)
    with pytest.raises(StoreUnavailableError):
        make().get(fetch(DYNAMIC))
    assert server.asked(DYNAMIC) == 1


def test_an_answer_without_data(make, server):
    server.on("GET", DYNAMIC, server.say(200, {"data": None}))
    with pytest.raises(SecretNotFoundError, match="no data"):
        make().get(fetch(DYNAMIC))


def test_errors_name_the_store(make):
    with pytest.raises(InvalidRequestError) as caught:
        make().get(fetch("a/../b"))
    assert caught.value.store == "SecretStore team/vault-secret-store"


def test_closing_ends_an_own_login_and_all_its_leases_at_once(make, server):
    client = make(KUBERNETES)
    client.get(fetch(DYNAMIC))
    client.get(fetch(DYNAMIC))
    before = len(server.seen)
    client.close()
    client.close()
    assert [(seen.path, seen.token) for seen in server.seen[before:]] == [("auth/token/revoke-self", "own-1")]


def test_closing_revokes_the_leases_of_a_given_token_and_not_the_token(make, server):
    client = make()
    client.get(fetch(DYNAMIC))
    client.close()
    assert (server.seen[-1].path, server.seen[-1].body) == ("sys/leases/revoke", {"lease_id": f"{DYNAMIC}/x1"})
    assert server.asked("auth/token/revoke-self") == 0


def test_a_login_with_certificates_is_left_to_its_end(make, server):
    client = make(KUBERNETES)
    client.get(fetch(DYNAMIC))
    client.get(fetch("pki/issue/r", {"common_name": "a"}))
    before = len(server.seen)
    client.close()
    assert [seen.path for seen in server.seen[before:]] == ["sys/leases/revoke"]
    assert server.seen[-1].body == {"lease_id": f"{DYNAMIC}/x1"}


def test_where_nothing_may_be_revoked_leases_are_cut_short(make, server):
    server.on("POST", "auth/token/revoke-self", server.say(403, POLICY))
    server.on("PUT", "sys/leases/revoke", server.say(403, POLICY))
    client = make(KUBERNETES)
    client.get(fetch(DYNAMIC))
    before = len(server.seen)
    client.close()
    assert [seen.path for seen in server.seen[before:]] == [
        "auth/token/revoke-self",
        "sys/leases/revoke",
        "sys/leases/renew",
    ]
    assert server.seen[-1].body["increment"] == 1


def test_closing_without_revoking_sends_nothing(make, server):
    client = make(KUBERNETES)
    client.get(fetch(DYNAMIC))
    before = len(server.seen)
    client.close(revoke=False)
    assert len(server.seen) == before


def test_a_fork_s_child_revokes_nothing_of_its_parent(make, server, monkeypatch):
    client = make(KUBERNETES)
    client.get(fetch(DYNAMIC))
    before = len(server.seen)
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    client.close()
    assert len(server.seen) == before


def test_closing_keeps_to_its_time(make, server, clock):
    client = make()
    for number in range(20):
        server.on("GET", DYNAMIC, leased(server, f"{DYNAMIC}/{number}", {"username": "u"}))
        client.get(fetch(DYNAMIC))

    def slow(_seen):
        clock.advance(2)
        return server.say(204)

    server.on("PUT", "sys/leases/revoke", slow)
    start = clock.elapsed()
    client.close()
    assert clock.elapsed() - start <= 6
    assert server.asked("sys/leases/revoke") == 3


def test_closing_never_raises(make, server):
    client = make(KUBERNETES)
    client.get(fetch(DYNAMIC))
    server.on("POST", "auth/token/revoke-self", RuntimeError("cannot schedule new futures after shutdown"))
    client.close()


def test_a_closed_client_answers_nothing(make):
    client = make()
    client.close()
    with pytest.raises(ClosedError):
        client.get(fetch("secret/data/a"))


def test_a_lease_that_arrives_after_closing_is_given_back(make, server):
    client = make()
    given = server.answers["GET", DYNAMIC][0]

    def answer(_seen):
        client.close()
        return given

    server.on("GET", DYNAMIC, answer)
    with pytest.raises(StoreUnavailableError, match="closed"):
        client.get(fetch(DYNAMIC))
    assert server.seen[-1].path == "sys/leases/revoke"


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_no_value_shows_in_errors_or_tracebacks(make, server, status):
    body = {"errors": ["canary"], "data": {"password": "canary", "metadata": {"deletion_time": "canary"}}}
    server.on("POST", "pki/issue/r", server.say(status, body))
    with pytest.raises(Exception) as caught:  # noqa: PT011  # whichever it is, nothing may show
        make(KUBERNETES, token="canary").get(fetch("pki/issue/r", {"common_name": "a"}))
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    own = [frame for frame in report.stack if "virtrigaud_secrets" in frame.filename]
    assert len(own) >= 2
    assert "canary" not in str([frame.locals for frame in own])
    assert "canary" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
    assert "own-1" not in str([frame.locals for frame in own])
    assert caught.value.__context__ is None


def test_a_client_shows_nothing(make):
    assert "root-token" not in repr(make())


@pytest.mark.parametrize("strict", [False, True])
def test_properties_of_a_lease_are_none_to_strict_mode(make, strict):
    client = make(spec={"version": "v1", "path": "vsphere"}, strict=strict)
    answer = client.get(fetch(DYNAMIC))
    assert answer.lease is not None
    if strict:
        with pytest.raises(PropertyNotFoundError):
            answer.payload.property("lease_duration")
    else:
        assert answer.payload.property("lease_duration")
