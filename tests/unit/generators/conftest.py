from __future__ import annotations

import pytest

from virtrigaud_secrets.generators.registry import source
from virtrigaud_secrets.models.generators import generator_model
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Fetch, StoreKey
from virtrigaud_secrets.testing.clock import ManualClock
from virtrigaud_secrets.testing.contract import store_context


@pytest.fixture
def make():
    """A generator of a kind, as a manifest has its spec."""

    def generator(kind, spec=None, *, settings=None, references=None, clock=None):
        import dataclasses

        document = {"metadata": {"name": "g"}, **({} if spec is None else {"spec": spec})}
        model = generator_model(kind).model_validate(document)
        context = store_context(
            store=StoreKey(kind, "team", "g"), settings=settings or Settings(), clock=clock or ManualClock()
        )
        if references is not None:
            context = dataclasses.replace(context, references=references)
        found = source(kind, model.spec)
        return found.factory.connect(found.spec, context)

    return generator


@pytest.fixture
def entries():
    """What a generator makes when it is asked."""

    def ask(generator):
        return generator.get(Fetch(store=StoreKey("K", "team", "g"), key="for a test")).payload.entries()

    return ask
