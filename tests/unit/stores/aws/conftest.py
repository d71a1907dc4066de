"""Clients whose service is a script instead of AWS."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.models.backends.aws import AWSProvider
from virtrigaud_secrets.stores.aws.client import AWSClient
from virtrigaud_secrets.stores.aws.errors import Asked
from virtrigaud_secrets.stores.aws.parameter_store import ParameterStoreClient
from virtrigaud_secrets.stores.aws.secrets_manager import SecretsManagerClient
from virtrigaud_secrets.testing.contract import STORE, store_context

Reply = Mapping[str, object] | SecretsError


class Script:
    """Answers each operation with the next of its replies, the last one for ever."""

    def __init__(self, **replies: list[Reply]) -> None:
        self.replies = replies
        self.asked_for: list[tuple[str, Mapping[str, object]]] = []
        self.closed = 0

    def ask(self, operation: str, parameters: Mapping[str, object], *, path: str) -> Mapping[str, object]:
        self.asked_for.append((operation, parameters))
        waiting = self.replies[operation]
        reply = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(reply, SecretsError):
            raise reply
        return reply

    def tell(self, operation: str, parameters: Mapping[str, object], *, path: str) -> Mapping[str, object]:
        return self.ask(operation, parameters, path=path)

    def refuse_if_closed(self) -> None:
        pass

    def asked(self, operation: str, path: str) -> Asked:
        return Asked(service="scripted", operation=operation, path=path)

    def close(self) -> None:
        self.closed += 1

    @property
    def operations(self) -> list[str]:
        return [operation for operation, _ in self.asked_for]


@pytest.fixture
def scripted() -> Callable[..., tuple[AWSClient, Script]]:
    """A client of a service, and the script behind it."""

    def made(service: str = "SecretsManager", prefix: str = "", **replies: list[Reply]) -> tuple[AWSClient, Script]:
        spec = AWSProvider.model_validate({"service": service, "region": "us-west-2", "prefix": prefix})
        kind = ParameterStoreClient if service == "ParameterStore" else SecretsManagerClient
        client = kind(spec, store_context(store=STORE))
        script = Script(**replies)
        client.service = script  # type: ignore[assignment]  # a stand-in
        return client, script

    return made
