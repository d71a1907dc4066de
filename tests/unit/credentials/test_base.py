import copy
import dataclasses
import pickle

import pytest

from virtrigaud_secrets.credentials import Arguments, S3Credentials, VSphereCredentials
from virtrigaud_secrets.sensitive import Sensitive

CREDENTIALS = VSphereCredentials(
    source="ExternalSecret ns/vc", server="vc.example.com", username="svc", password=Sensitive("hidden")
)


def test_repr_names_what_is_filled_and_shows_nothing() -> None:
    assert repr(CREDENTIALS) == (
        "<VSphereCredentials ExternalSecret ns/vc {server=[redacted], username=[redacted], password=[redacted]}>"
    )


def test_nothing_can_be_set() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        CREDENTIALS.username = "other"  # type: ignore[misc]


def test_equal_by_content_wherever_it_came_from() -> None:
    assert dataclasses.replace(CREDENTIALS, source="elsewhere") == CREDENTIALS
    assert dataclasses.replace(CREDENTIALS, password=Sensitive("another")) != CREDENTIALS


def test_not_hashable() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(CREDENTIALS)


def test_copies_are_itself_and_pickles_are_refused() -> None:
    assert copy.copy(CREDENTIALS) is CREDENTIALS
    assert copy.deepcopy([CREDENTIALS])[0] is CREDENTIALS
    for holder in (CREDENTIALS, Arguments({"pwd": "hidden"})):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(holder)


def test_arguments_unpack_and_do_not_show() -> None:
    arguments = Arguments({"pwd": "hidden", "token": None})
    assert dict(**arguments) == {"pwd": "hidden", "token": None}
    assert repr(arguments) == "Arguments(pwd=[redacted], token=[redacted])"
    assert "hidden" not in f"{arguments}"


def test_asdict_makes_no_copy_of_a_secret() -> None:
    with pytest.raises(TypeError, match="cannot"):
        dataclasses.asdict(S3Credentials(access_key_id="a", secret_access_key=Sensitive("hidden")))
