from __future__ import annotations

import pytest

from virtrigaud_secrets.cache.reachability import Reachability
from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    SecretNotFoundError,
    StoreSealedError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.stores.base import StoreKey

STORE = StoreKey("SecretStore", "ns", "vault")


@pytest.mark.parametrize(
    ("outcome", "answered"),
    [
        (object(), True),
        (AccessDeniedError("x"), True),
        (AuthenticationError("x"), True),
        (SecretNotFoundError("x"), True),
        (ThrottledError("x"), True),
        (StoreSealedError("x"), False),
        (StoreUnavailableError("x"), False),
    ],
)
def test_a_refusal_is_an_answer(outcome, answered):
    reachability = Reachability()
    assert reachability.stores() == {}
    reachability.note(STORE, outcome)
    assert reachability.stores() == {STORE: answered}


def test_the_last_request_counts():
    reachability = Reachability()
    reachability.note(STORE, StoreUnavailableError("x"))
    reachability.note(STORE, object())
    assert reachability.stores() == {STORE: True}
