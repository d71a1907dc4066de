from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.backends.openbao import OpenBaoProvider

SELECTOR = {"name": "s", "key": "k"}
APP_ROLE = {"roleId": "r", "secretRef": SELECTOR}


def test_defaults() -> None:
    provider = OpenBaoProvider.model_validate({"server": "https://b"})

    assert (provider.path, provider.version, provider.auth) == (None, "v2", None)


@pytest.mark.parametrize(
    "auth",
    [
        {"tokenSecretRef": SELECTOR},
        {"userPass": {"username": "u", "secretRef": SELECTOR}},
        {"appRole": APP_ROLE},
        {"appRole": {"roleRef": SELECTOR, "secretRef": SELECTOR}, "namespace": "n"},
    ],
)
def test_each_way_to_log_in(auth: dict[str, object]) -> None:
    assert OpenBaoProvider.model_validate({"server": "https://b", "auth": auth}).auth is not None


@pytest.mark.parametrize(
    "written",
    [
        {"auth": {}},
        {"auth": {"namespace": "n"}},
        {"auth": {"tokenSecretRef": SELECTOR, "appRole": APP_ROLE}},
        {"auth": {"appRole": {"secretRef": SELECTOR}}},
        {"auth": {"appRole": APP_ROLE | {"roleRef": SELECTOR}}},
        {"auth": {"appRole": APP_ROLE | {"roleId": ""}}},
        {"auth": {"kubernetes": {"role": "r"}}},
        {"caBundle": "QQ==", "caProvider": {"type": "Secret", "name": "n", "key": "k"}},
        {"version": "v3"},
        {"headers": {"a": "b"}},
    ],
)
def test_what_it_does_not_know(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OpenBaoProvider.model_validate({"server": "https://b"} | written)
