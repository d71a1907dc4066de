"""Real servers for the integration tests. A missing one skips with its reason, or fails where servers are required."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from virtrigaud_secrets.testing.guide_setup import GuideWorld, missing_reason
from virtrigaud_secrets.testing.guide_setup import guide_world as start_guide_world
from virtrigaud_secrets.testing.servers import KubernetesAPI, OpenBao, PostgreSQL


def need(reason: str) -> None:
    """Skip the test that asks, or fail it where `VIRTRIGAUD_SECRETS_REQUIRE_SERVERS=1` allows no gap."""
    if not reason:
        return
    if os.environ.get("VIRTRIGAUD_SECRETS_REQUIRE_SERVERS") == "1":
        pytest.fail(f"a server is required and missing: {reason}", pytrace=False)
    pytest.skip(f"server missing: {reason}")


@pytest.fixture(scope="session")
def require() -> Callable[[str], None]:
    """`need`, for servers that only one module starts."""
    return need


@pytest.fixture(scope="session")
def openbao() -> Iterator[OpenBao]:
    """An empty OpenBao with TLS, shared by the session: mount below a path of your own, do not seal or restart it."""
    need(OpenBao.missing_reason())
    with OpenBao() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    """A PostgreSQL, shared by the session: use roles of your own, do not stop it."""
    need(PostgreSQL.missing_reason())
    with PostgreSQL() as server:
        yield server


@pytest.fixture(scope="session")
def cluster() -> Iterator[KubernetesAPI]:
    """A kube-apiserver without objects, shared by the session: use namespaces of your own."""
    need(KubernetesAPI.missing_reason())
    with KubernetesAPI() as server:
        yield server


@pytest.fixture(scope="session")
def guide_world() -> Iterator[GuideWorld]:
    """The guide's world on servers of its own, shared by the session: read from it, do not change it."""
    need(missing_reason())
    with start_guide_world() as world:
        yield world
