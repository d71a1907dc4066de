from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.backends.unsupported import UnsupportedProvider
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.models.secret_store import Provider, SecretStore, SecretStoreSpec


def read(provider: object, **spec: object) -> SecretStoreSpec:
    return SecretStoreSpec.model_validate({"provider": provider, **spec}, by_alias=True, by_name=False)


def test_the_chosen_backend_has_a_name_and_a_spec_of_its_model() -> None:
    provider = read({"vault": {"server": "https://v"}}).provider

    assert provider.name == "vault"
    assert isinstance(provider.spec, VaultProvider)
    assert provider.supported


def test_errors_of_a_backend_name_the_way_to_it() -> None:
    with pytest.raises(ValidationError) as caught:
        read({"vault": {"server": "https://v", "auth": {"kubernetes": {"role": 7}}}})

    assert caught.value.errors(include_input=False)[0]["loc"] == ("provider", "vault", "auth", "kubernetes", "role")


def test_a_backend_that_only_eso_has_is_kept_as_data() -> None:
    written = {"gitlab": {"url": "https://g", "auth": {"SecretRef": {"accessToken": {"name": "s", "key": "k"}}}}}
    provider = read(written).provider

    assert isinstance(provider.spec, UnsupportedProvider)
    assert not provider.supported
    assert provider.model_dump(by_alias=True, exclude_unset=True) == written


@pytest.mark.parametrize("written", [{}, {"vault": {"server": "a"}, "fake": {"data": []}}, {"vault": None}])
def test_exactly_one_provider(written: object) -> None:
    with pytest.raises(ValidationError, match="expected exactly one provider"):
        read(written)


def test_an_unknown_provider_gets_the_nearest_name() -> None:
    with pytest.raises(ValidationError, match=r"unknown provider: did you mean gcpsm\?"):
        read({"gcpsn": {}})
    with pytest.raises(ValidationError, match="unknown provider: expected one that ESO has, such as vault"):
        read({"zzzzzzzzzz": {}})


@pytest.mark.parametrize("written", ["vault", [], 5, {"vault": "x"}, {"vault": []}])
def test_wrong_types(written: object) -> None:
    with pytest.raises(ValidationError):
        read(written)


def test_a_store_turns_back_into_the_manifest() -> None:
    written = {
        "metadata": {"name": "a"},
        "spec": {
            "provider": {"vault": {"server": "https://v", "auth": {"tokenSecretRef": {"name": "t", "key": "k"}}}},
            "refreshInterval": 300,
            "retrySettings": {"maxRetries": 3, "retryInterval": "1s"},
        },
    }
    store = SecretStore.model_validate(written)

    assert store.model_dump(by_alias=True, exclude_unset=True) == written


def test_a_backend_has_no_inner_names_outside() -> None:
    with pytest.raises(ValidationError):
        read({"vault": {"server": "s", "ca_provider": {"type": "Secret", "name": "c"}}})


def test_a_store_built_in_code() -> None:
    spec = SecretStoreSpec(provider=Provider(name="vault", spec=VaultProvider(server="https://v")))

    assert spec.model_dump(by_alias=True, exclude_unset=True) == {"provider": {"vault": {"server": "https://v"}}}


def test_the_provider_is_required() -> None:
    with pytest.raises(ValidationError):
        SecretStoreSpec.model_validate({})


def test_conditions() -> None:
    spec = read(
        {"fake": {"data": []}},
        conditions=[{"namespaces": ["a"], "namespaceRegexes": ["^b"], "namespaceSelector": {}}],
    )

    assert spec.conditions[0].namespaces == ("a",)
    assert spec.conditions[0].namespace_selector is not None
