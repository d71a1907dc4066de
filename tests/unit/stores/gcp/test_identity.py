from __future__ import annotations

from datetime import timedelta

import pytest

from virtrigaud_secrets.errors import AuthenticationError, ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.gcp.errors import Fault
from virtrigaud_secrets.stores.gcp.identity import REFRESH_MARGIN, AccessToken, Identity
from virtrigaud_secrets.testing.clock import ManualClock
from virtrigaud_secrets.testing.contract import store_context

LIFE = timedelta(hours=1)


class Login:
    def __init__(self, clock):
        self.clock = clock
        self.calls = 0
        self.outcome = None

    def __call__(self):
        self.calls += 1
        return self.outcome or AccessToken(Sensitive(f"token-{self.calls}"), self.clock.now() + LIFE)


@pytest.fixture
def login():
    return Login(ManualClock())


@pytest.fixture
def identity(login):
    return Identity(login, store_context(clock=login.clock))


def test_a_token_serves_until_shortly_before_its_end(login, identity):
    assert login.calls == 0
    first = identity.token()
    login.clock.advance(LIFE - REFRESH_MARGIN - timedelta(seconds=1))
    assert identity.token() is first
    login.clock.advance(1)
    assert identity.token() is not first
    assert login.calls == 2


def test_a_wall_clock_that_is_set_does_not_prolong_it(login, identity):
    first = identity.token()
    login.clock.step(-timedelta(days=1))
    login.clock.advance(LIFE)
    assert identity.token() is not first


def test_a_refused_token_is_replaced_once_for_all_threads(login, identity):
    first = identity.token()
    second = identity.replacement(first)
    assert second is not first
    assert identity.replacement(first) is second
    assert login.calls == 2


def test_a_login_that_fails_is_tried_again_next_time(login, identity):
    login.outcome = Fault(AuthenticationError("no"))
    assert identity.token() is login.outcome
    login.outcome = None
    assert isinstance(identity.token(), AccessToken)


def test_what_a_login_raises_goes_through(login):
    def broken():
        raise ConfigurationError("nothing to log in with")

    with pytest.raises(ConfigurationError):
        Identity(broken, store_context()).token()


def test_a_forgotten_token_is_not_shown_again(login, identity):
    first = identity.token()
    identity.forget()
    assert identity.token() is not first


def test_nothing_shows_the_token(identity):
    assert "token-1" not in f"{identity.token()!r} {identity!r}"
