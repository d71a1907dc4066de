"""What an error of a store means for the lease core: the table of one place (`leases.verdicts` names the meanings)."""

from __future__ import annotations

from typing import Final

from virtrigaud_secrets.errors import (
    AccessDeniedError,
    AuthenticationError,
    ClosedError,
    InvalidRequestError,
    LeaseNotFoundError,
    LeaseNotRenewableError,
    LeaseRoleGoneError,
    ResolveError,
    SecretNotFoundError,
    SecretsError,
    StoreError,
)
from virtrigaud_secrets.leases.verdicts import Meaning, Verdict

_MEANINGS: Final[tuple[tuple[type[SecretsError], Meaning], ...]] = (
    (LeaseNotFoundError, Meaning.GONE),
    (LeaseNotRenewableError, Meaning.NOT_RENEWABLE),
    (LeaseRoleGoneError, Meaning.ROLE_GONE),
    (InvalidRequestError, Meaning.UNKNOWN),
    (AccessDeniedError, Meaning.DEFINITE),
    (SecretNotFoundError, Meaning.DEFINITE),
    # A login may be refused while the server cannot ask who we are: it says the same as for a wrong identity.
    (AuthenticationError, Meaning.TRANSIENT),
    (ClosedError, Meaning.TRANSIENT),
    (StoreError, Meaning.TRANSIENT),
)
"""Error → its meaning; the first that fits counts. What no store said is definite: a manifest, a template, a value."""


def verdict_of(error: SecretsError) -> Verdict:
    """The meaning of an error."""
    if isinstance(error, ResolveError):
        return _worst(error)
    meaning = next((meaning for kind, meaning in _MEANINGS if isinstance(error, kind)), Meaning.DEFINITE)
    if not isinstance(error, StoreError):
        return Verdict(meaning, text=str(error))
    return Verdict(meaning, retry_after=error.retry_after, acted=error.acted, text=str(error))


def is_definite(error: SecretsError) -> bool:
    """Whether the store said that what was asked for is not there or not allowed: that is obeyed at once."""
    if isinstance(error, ResolveError):
        return any(is_definite(one) for one in error.errors)
    return isinstance(error, (AccessDeniedError, SecretNotFoundError)) and not isinstance(error, AuthenticationError)


def _worst(error: ResolveError) -> Verdict:
    verdicts = [verdict_of(one) for one in error.errors]
    definite = any(verdict.meaning is not Meaning.TRANSIENT for verdict in verdicts)
    waits = [verdict.retry_after for verdict in verdicts if verdict.retry_after is not None]
    return Verdict(
        Meaning.DEFINITE if definite else Meaning.TRANSIENT,
        retry_after=max(waits, default=None),
        acted=any(verdict.acted for verdict in verdicts),
        text=str(error),
    )
