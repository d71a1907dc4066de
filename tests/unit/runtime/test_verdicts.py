import pytest

from virtrigaud_secrets import errors
from virtrigaud_secrets.leases.verdicts import Meaning
from virtrigaud_secrets.runtime.verdicts import is_definite, verdict_of


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (errors.StoreUnavailableError("x"), Meaning.TRANSIENT),
        (errors.ThrottledError("x"), Meaning.TRANSIENT),
        (errors.StoreSealedError("x"), Meaning.TRANSIENT),
        (errors.AuthenticationError("x"), Meaning.TRANSIENT),
        (errors.ClosedError("x"), Meaning.TRANSIENT),
        (errors.InvalidRequestError("x"), Meaning.UNKNOWN),
        (errors.LeaseNotFoundError("x"), Meaning.GONE),
        (errors.LeaseNotRenewableError("x"), Meaning.NOT_RENEWABLE),
        (errors.LeaseRoleGoneError("x"), Meaning.ROLE_GONE),
        (errors.AccessDeniedError("x"), Meaning.DEFINITE),
        (errors.SecretNotFoundError("x"), Meaning.DEFINITE),
        (errors.ValidationError("x"), Meaning.DEFINITE),
        (errors.DecodingError("x"), Meaning.DEFINITE),
    ],
)
def test_each_error_has_its_meaning(error, meaning):
    verdict = verdict_of(error)
    assert (verdict.meaning, verdict.text) == (meaning, str(error))


def test_what_the_store_said_of_waiting_and_acting_is_kept():
    error = errors.ThrottledError("x", retry_after=7.0)
    error.acted = True
    verdict = verdict_of(error)
    assert (verdict.retry_after, verdict.acted) == (7.0, True)


def test_several_errors_are_as_bad_as_the_worst():
    busy = errors.ThrottledError("x", retry_after=7.0)
    lost = errors.StoreUnavailableError("x")
    lost.acted = True
    both = verdict_of(errors.ResolveError("2 faults", errors=[busy, lost]))
    assert (both.meaning, both.retry_after, both.acted) == (Meaning.TRANSIENT, 7.0, True)
    mixed = verdict_of(errors.ResolveError("2 faults", errors=[busy, errors.SecretNotFoundError("x")]))
    assert (mixed.meaning, mixed.retry_after) == (Meaning.DEFINITE, 7.0)


@pytest.mark.parametrize(
    ("error", "definite"),
    [
        (errors.AccessDeniedError("x"), True),
        (errors.SecretNotFoundError("x"), True),
        (errors.MountNotFoundError("x"), True),
        (errors.SecretVersionDeletedError("x"), True),
        (errors.AuthenticationError("x"), False),
        (errors.StoreUnavailableError("x"), False),
        (errors.ValidationError("x"), False),
        (errors.InvalidRequestError("x"), False),
    ],
)
def test_only_not_there_and_not_allowed_are_obeyed_at_once(error, definite):
    assert is_definite(error) is definite
    both = errors.ResolveError("2 faults", errors=[errors.StoreUnavailableError("x"), error])
    assert is_definite(both) is definite
