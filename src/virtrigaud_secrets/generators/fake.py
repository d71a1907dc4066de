"""`Fake`: the values that stand in the manifest."""

from __future__ import annotations

from typing import Final

from virtrigaud_secrets.generators.base import Generator, GeneratorFactory
from virtrigaud_secrets.models.generators.fake import FakeSpec
from virtrigaud_secrets.stores.base import Answer, StoreContext


class FakeGenerator(Generator):
    """Answers with the manifest's values."""

    def __init__(self, spec: FakeSpec, context: StoreContext) -> None:
        super().__init__(context)
        self._spec = spec

    def generate(self) -> Answer:
        """The values."""
        values = {key: text.encode(errors="surrogatepass") for key, text in self._spec.data.items()}
        return self.answer(values, path="the manifest")


FACTORY: Final = GeneratorFactory(
    FakeSpec, connect=FakeGenerator, asked=lambda _: ("read", "the manifest"), side_effect=False
)
"""The kind, as the registry finds it."""
