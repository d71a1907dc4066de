"""`UUID`: a random UUID under `uuid`."""

from __future__ import annotations

import uuid
from typing import Final

from virtrigaud_secrets.generators.base import Generator, GeneratorFactory
from virtrigaud_secrets.models.generators.uuids import UUIDSpec
from virtrigaud_secrets.stores.base import Answer, StoreContext


class UUIDGenerator(Generator):
    """Makes UUIDs of version 4, from the system's randomness."""

    def __init__(self, spec: UUIDSpec, context: StoreContext) -> None:  # noqa: ARG002  # there is nothing to choose
        super().__init__(context)

    def generate(self) -> Answer:
        """A new one."""
        return self.answer({"uuid": str(uuid.uuid4()).encode()}, path="this process")


FACTORY: Final = GeneratorFactory(UUIDSpec, connect=UUIDGenerator, asked=lambda _: ("make", "a UUID"))
"""The kind, as the registry finds it."""
