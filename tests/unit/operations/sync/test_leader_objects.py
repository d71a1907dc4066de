from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from virtrigaud_secrets.errors import StoreUnavailableError
from virtrigaud_secrets.operations.sync.leader_objects import LeaderObjects
from virtrigaud_secrets.stores import cluster_objects
from virtrigaud_secrets.stores.cluster_access import ClusterAccess
from virtrigaud_secrets.stores.cluster_objects import SECRETS

ACCESS = ClusterAccess(server="https://k.example", origin="kubeconfig x")


class Answer:
    status = 200

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.rest = b'{"items": []}'

    def read1(self, amt: int) -> bytes:
        part, self.rest = self.rest, b""
        return part

    def release_conn(self) -> None:
        """Nothing to do."""


class Pool:
    def __init__(self) -> None:
        self.methods: list[str] = []

    def request(self, method: str, url: str, **options: object) -> Answer:
        self.methods.append(method)
        return Answer()


WRITES: list[Callable[[LeaderObjects], object]] = [
    lambda objects: objects.create(SECRETS, {"metadata": {"name": "s"}}, namespace="ns", field_manager="m"),
    lambda objects: objects.replace(SECRETS, "s", {}, namespace="ns"),
    lambda objects: objects.patch(SECRETS, "s", {}, namespace="ns", subresource="status"),
    lambda objects: objects.delete(SECRETS, "s", namespace="ns", uid="u"),
]


@pytest.mark.parametrize("write", WRITES)
def test_only_who_leads_writes(monkeypatch: pytest.MonkeyPatch, write: Callable[[LeaderObjects], object]) -> None:
    pool, leading = Pool(), [False]
    monkeypatch.setattr(cluster_objects, "connection_pool", lambda _access: pool)
    objects: Any = LeaderObjects(ACCESS, timeout=timedelta(seconds=1), leads=lambda: leading[0])
    with pytest.raises(StoreUnavailableError, match="no Secret was written: this process does not lead"):
        write(objects)
    assert objects.get(SECRETS, "s", namespace="ns") is not None
    assert objects.list(SECRETS).items == ()
    assert pool.methods == ["GET", "GET"]
    leading[0] = True
    write(objects)
    assert len(pool.methods) == 3
