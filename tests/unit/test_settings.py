from __future__ import annotations

import pytest

from virtrigaud_secrets.settings import DEFAULT_KUBERNETES_API, Settings


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, DEFAULT_KUBERNETES_API),
        ({"KUBERNETES_SERVICE_PORT": "6443"}, DEFAULT_KUBERNETES_API),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "https://10.0.0.1:443"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "6443"}, "https://10.0.0.1:6443"),
        ({"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}, "https://[fd00::1]:443"),
    ],
)
def test_the_kubelet_says_where_the_cluster_is(environment: dict[str, str], expected: str) -> None:
    assert Settings.from_environment(environment).kubernetes_api == expected
