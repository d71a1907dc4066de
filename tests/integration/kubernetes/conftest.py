"""What tests share that ask a kube-apiserver what it makes of a document."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers.kubernetes import KubernetesAPI

VALUES = (None, True, 0, 1, -1, 1.0, 1.5, 2**63, "", "a", "A b", "ä" * 253, "a" * 254, "1h", "YQ==", {}, {"a": None})


def places(value: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if at:
        yield at
    parts: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from places(part, (*at, key))


@pytest.fixture(scope="session")
def damaged() -> Callable[[dict[str, Any], random.Random], dict[str, Any]]:
    """The document with another value at some place of its spec, or without what stands there."""

    def damage(document: dict[str, Any], chance: random.Random) -> dict[str, Any]:
        place = chance.choice(list(places(document["spec"])))
        document = copy.deepcopy(document)
        parent: Any = document["spec"]
        for key in place[:-1]:
            parent = parent[key]
        if chance.random() < 1 / 3:
            del parent[place[-1]]
        else:
            parent[place[-1]] = copy.deepcopy(chance.choice(VALUES))
        return document

    return damage


@pytest.fixture(scope="session")
def is_taken() -> Callable[[KubernetesAPI, str, dict[str, Any]], bool]:
    """Whether a cluster would create a document at a path, as far as its schema goes."""

    def ask(cluster: KubernetesAPI, path: str, document: dict[str, Any]) -> bool:
        try:
            cluster.ask("POST", f"{path}?dryRun=All&fieldValidation=Ignore", document | {"metadata": {"name": "a"}})
        except LocalServerError as error:
            if not any(
                str(status.value) in str(error) for status in (HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.BAD_REQUEST)
            ):
                raise
            return False
        return True

    return ask
