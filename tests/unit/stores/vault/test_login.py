import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from virtrigaud_secrets.errors import (
    AuthenticationError,
    ClosedError,
    StoreUnavailableError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import RetryPolicy
from virtrigaud_secrets.stores.vault.auth_methods import login_of
from virtrigaud_secrets.stores.vault.login import Tokens
from virtrigaud_secrets.stores.vault.transport import Transport

KUBERNETES = {"kubernetes": {"role": "virtrigaud-role", "serviceAccountRef": {"name": "external-secrets"}}}
APP_ROLE = {"appRole": {"roleId": " role-id\n", "secretRef": {"name": "vault", "key": "secret-id"}}}
LOGIN = "auth/kubernetes/login"


def granted(server, token="own-1", life=100, **fields):
    return server.say(200, {"auth": {"client_token": token, "lease_duration": life} | fields})


@pytest.fixture
def make(make_spec, make_context, server):
    def make(auth, *, namespace=None, **context):
        spec = make_spec(auth=auth)
        made = make_context(**context)
        return Tokens(login_of(spec, made), Transport(spec, made), made, namespace=namespace)

    return make


def test_a_token_is_used_again_until_two_thirds_of_its_life(make, server, clock):
    server.on("POST", LOGIN, granted(server, "own-1"), granted(server, "own-2"))
    tokens = make(KUBERNETES)
    first = tokens.current()
    clock.advance(64)
    assert tokens.current() is first
    clock.advance(2)
    assert tokens.current().value.reveal() == b"own-2"
    assert server.asked(LOGIN) == 2


def test_a_token_without_an_end_is_used_on(make, server, clock):
    server.on("POST", LOGIN, granted(server, life=0))
    tokens = make(KUBERNETES)
    tokens.current()
    clock.advance(10**8)
    tokens.current()
    assert server.asked(LOGIN) == 1


def test_the_old_token_serves_while_a_new_login_fails(make, server, clock):
    server.on("POST", LOGIN, granted(server), server.say(500), server.say(500), granted(server, "own-2"))
    tokens = make(KUBERNETES, retry=RetryPolicy())
    tokens.current()
    clock.advance(70)
    assert tokens.current().value.reveal() == b"own-1"
    clock.advance(40)
    with pytest.raises(StoreUnavailableError):
        tokens.current()
    assert tokens.current().value.reveal() == b"own-2"


def test_credentials_are_read_anew_at_every_login(make, server, cluster):
    cluster.tokens = ["jwt-1", "jwt-2"]
    server.on("POST", LOGIN, granted(server, "own-1"), granted(server, "own-2"))
    tokens = make(KUBERNETES)
    tokens.replacement(tokens.current())
    assert [seen.body["jwt"] for seen in server.seen] == ["jwt-1", "jwt-2"]


def test_fifty_threads_share_the_first_login(make, server):
    _login_with_fifty(server, make(KUBERNETES), lambda tokens: tokens.current(), "own-1", logins=1)


def test_fifty_threads_with_one_dead_token_log_in_once(make, server):
    server.on("POST", LOGIN, granted(server, "own-1"))
    tokens = make(KUBERNETES)
    dead = tokens.current()
    _login_with_fifty(server, tokens, lambda made: made.replacement(dead), "own-2", logins=2)


def _login_with_fifty(server, tokens, ask, expected, *, logins):
    all_there = threading.Barrier(50)
    answered = threading.Event()

    def answer(_seen):
        answered.wait(10)
        return granted(server, expected)

    def one(_number):
        all_there.wait(10)
        return ask(tokens)

    server.on("POST", LOGIN, answer)
    with ThreadPoolExecutor(50) as pool:
        asked = [pool.submit(one, number) for number in range(50)]
        answered.set()
        assert {future.result().value.reveal_text() for future in asked} == {expected}
    assert server.asked(LOGIN) == logins


def test_threads_that_wait_get_an_error_of_their_own(make, server):
    waiting, arrived = threading.Event(), threading.Event()

    def answer(_seen):
        arrived.set()
        waiting.wait(10)
        return server.say(400, {"errors": ["invalid role name"]})

    server.on("POST", LOGIN, answer)
    tokens = make(KUBERNETES)

    def one(_number):
        try:
            tokens.current()
        except AuthenticationError as error:
            return error

    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(one, number) for number in range(5)]
        arrived.wait(10)
        waiting.set()
        errors = [future.result() for future in asked]
    assert len({id(error) for error in errors}) == 5  # callers add manifest and field to theirs
    assert {error.reason for error in errors} == {"the kubernetes login was refused: the auth method has no such role"}


def test_a_refused_login_may_be_tried_again(make, server):
    server.on("POST", LOGIN, server.say(403, {"errors": ["permission denied"]}), granted(server))
    tokens = make(KUBERNETES)
    with pytest.raises(AuthenticationError):
        tokens.current()
    assert tokens.current().value.reveal() == b"own-1"


@pytest.mark.parametrize("body", [{}, {"auth": None}, {"auth": {}}, {"auth": {"client_token": ""}}])
def test_an_answer_without_a_token(make, server, body):
    server.on("POST", LOGIN, server.say(200, body))
    with pytest.raises(AuthenticationError, match="no token") as caught:
        make(KUBERNETES).current()
    assert caught.value.path == LOGIN


def test_a_given_token_that_is_refused_is_not_tried_again(make, server):
    tokens = make(None)
    with pytest.raises(AuthenticationError, match=r"Settings\.vault_token is refused"):
        tokens.replacement(tokens.current())
    assert server.seen == []


def test_a_doubted_refusal_is_looked_into_before_a_login(make, server):
    server.on("POST", LOGIN, granted(server, "own-1"), granted(server, "own-2"))
    server.on(
        "GET",
        "auth/token/lookup-self",
        server.say(200, {"data": {}}),
        server.say(403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}),
        server.say(403, {"errors": ["permission denied"]}),
    )
    tokens = make(KUBERNETES)
    token = tokens.current()
    tokens.doubt(token)
    assert tokens.replacement(token) is None  # alive
    assert tokens.replacement(token) is None  # alive, without the default policy
    fresh = tokens.replacement(token)
    assert fresh is not None
    assert fresh.value.reveal() == b"own-2"


def test_closing_returns_own_tokens_that_may_live_youngest_first(make, server, clock):
    server.on(
        "POST", LOGIN, *(granted(server, f"own-{number}", life) for number, life in ((1, 10), (2, 900), (3, 900)))
    )
    tokens = make(KUBERNETES)
    first = tokens.current()
    second = tokens.replacement(first)
    clock.advance(20)
    tokens.replacement(second)
    assert [token.value.reveal_text() for token in tokens.close()] == ["own-3", "own-2"]
    assert tokens.close() == []
    with pytest.raises(ClosedError):
        tokens.current()


def test_given_tokens_are_nobodys_to_end(make):
    tokens = make(None)
    tokens.current()
    assert tokens.close() == []


def test_a_login_that_lands_after_closing_is_ended(make, server):
    tokens = make(KUBERNETES)

    def answer(_seen):
        tokens.close()
        return granted(server)

    server.on("POST", LOGIN, answer)
    server.on("POST", "auth/token/revoke-self", server.say(204))
    with pytest.raises(ClosedError):
        tokens.current()
    assert server.seen[-1].path == "auth/token/revoke-self"
    assert server.seen[-1].token == "own-1"


def test_no_credential_shows_in_a_traceback(make, server, cluster):
    cluster.secrets = {("team", "vault", "secret-id"): "canary-secret-id"}
    server.on("POST", "auth/approle/login", server.say(400, {"errors": ["canary-in-body"]}))
    with pytest.raises(AuthenticationError) as caught:
        make(APP_ROLE).current()
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    own = [frame for frame in report.stack if "virtrigaud_secrets" in frame.filename]
    assert own
    shown = str([frame.locals for frame in own]) + str(caught.value)
    assert "canary" not in shown
    assert caught.value.__context__ is None


def test_a_token_does_not_show(make):
    assert "root-token" not in repr(make(None).current())
    assert repr(Sensitive("x")) in repr(make(None).current())
