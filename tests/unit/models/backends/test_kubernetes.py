from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.backends.kubernetes import KubernetesProvider

SELECTOR = {"name": "s", "key": "k"}


def test_defaults() -> None:
    provider = KubernetesProvider.model_validate({})

    assert (provider.server.url, provider.remote_namespace, provider.auth) == ("kubernetes.default", "default", None)


@pytest.mark.parametrize(
    "auth",
    [
        {"cert": {"clientCert": SELECTOR, "clientKey": SELECTOR}},
        {"token": {"bearerToken": SELECTOR}},
        {"serviceAccount": {"name": "a"}},
    ],
)
def test_each_way_to_log_in(auth: dict[str, object]) -> None:
    assert KubernetesProvider.model_validate({"auth": auth}).auth is not None


@pytest.mark.parametrize(
    "written",
    [
        {"auth": {}},
        {"auth": {"token": {"bearerToken": SELECTOR}, "serviceAccount": {"name": "a"}}},
        {"auth": {"cert": {"clientCert": 5}}},
        {"remoteNamespace": "a.b"},
        {"server": {"caBundle": "%"}},
    ],
)
def test_what_the_schema_refuses(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        KubernetesProvider.model_validate(written)
