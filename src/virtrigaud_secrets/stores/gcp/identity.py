"""The access token of one store: got when first needed, shared by all threads, replaced ahead of its end.

How a token is got is the login's business (`logins`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import StoreContext
from virtrigaud_secrets.stores.gcp.errors import Fault

REFRESH_MARGIN: Final = timedelta(minutes=3, seconds=45)
"""How long before its end a token is replaced. The metadata server hands out a new one four minutes ahead, so that with
a longer margin each request would ask it."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What Google's APIs are shown."""

    value: Sensitive
    """The token."""
    ends_at: datetime
    """When it stops being good, aware UTC."""


Login = Callable[[], AccessToken | Fault]
"""Gets a new access token. May raise ConfigurationError."""


class Identity:
    """Keeps one access token."""

    def __init__(self, login: Login, context: StoreContext) -> None:
        """Nothing is sent yet."""
        self._login = login
        self._clock = context.clock
        self._lock = threading.Lock()
        self._token: AccessToken | None = None
        self._good_until = 0.0

    def token(self) -> AccessToken | Fault:
        """A token that is good for some minutes, unless Google hands out shorter ones.

        Raises:
            ConfigurationError: there is nothing to log in with.
        """
        # Held over the login: nobody can go on without it, and one login is enough for all.
        with self._lock:
            if self._token is None or self._clock.elapsed() >= self._good_until:
                return self._renewed()
            return self._token

    def replacement(self, refused: AccessToken) -> AccessToken | Fault:
        """A token other than `refused`, which Google does not accept any more.

        Raises:
            ConfigurationError: there is nothing to log in with.
        """
        with self._lock:
            if self._token is None or self._token is refused:
                return self._renewed()
            return self._token

    def forget(self) -> None:
        """Drop the token."""
        with self._lock:
            self._token = None

    def _renewed(self) -> AccessToken | Fault:
        started, asked_at = self._clock.elapsed(), self._clock.now()
        outcome = self._login()
        if isinstance(outcome, Fault):
            self._token = None
            return outcome
        # On the clock that never steps: the end is the wall clock's only where Google's servers tell it.
        self._good_until = started + (outcome.ends_at - asked_at - REFRESH_MARGIN).total_seconds()
        self._token = outcome
        return outcome
