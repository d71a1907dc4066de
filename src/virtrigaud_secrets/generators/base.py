"""What all generators share: the map they make, and the client that makes it. No kind lives here."""

from __future__ import annotations

import importlib.util
import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import BaseModel

from virtrigaud_secrets.errors import (
    ClosedError,
    ConfigurationError,
    MissingDependencyError,
    PropertyNotFoundError,
    SecretNotFoundError,
    StoreError,
    UnsupportedFeatureError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import (
    Answer,
    Fetch,
    Payload,
    Preview,
    StoreClient,
    StoreContext,
    at_store,
)

SpecT = TypeVar("SpecT", bound=BaseModel)


class GeneratedPayload(Payload):
    """The map that a generator made."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, bytes]) -> None:
        self._values = {key: Sensitive(value) for key, value in values.items()}

    def whole(self) -> bytes:
        """Refused: a map is no one value."""
        raise UnsupportedFeatureError("a generator makes several values: use dataFrom")

    def property(self, name: str) -> bytes:
        """The value of a key."""
        if name not in self._values:
            raise PropertyNotFoundError(f'the generator makes no "{name}"', property_name=name)
        return self._values[name].reveal()

    def entries(self, name: str = "") -> dict[str, bytes]:
        """All values."""
        if name:
            raise UnsupportedFeatureError("a generator's values are no maps")
        return {key: value.reveal() for key, value in self._values.items()}


class Generator(StoreClient):
    """Makes a map when it is asked, each time another one. Safe to use from several threads."""

    def __init__(self, context: StoreContext) -> None:
        """Nothing is made or sent yet."""
        self.context = context
        self._lock = threading.Lock()
        self._closed = False

    @abstractmethod
    def generate(self) -> Answer:
        """A new map.

        Raises:
            StoreError: who makes it refused or did not answer.
            ConfigurationError: the spec cannot be used.
        """

    def get(self, fetch: Fetch) -> Answer:  # noqa: ARG002  # whom it is for changes nothing
        """A new map."""
        with self._lock:
            if self._closed:
                raise ClosedError(f"{self.context.store} was closed")
        try:
            return self.generate()
        except StoreError as error:
            raise never_missing(at_store(error, self.context.store)) from None

    def answer(self, values: Mapping[str, bytes], *, path: str, expires_at: datetime | None = None) -> Answer:
        """The answer that holds `values`."""
        return Answer(payload=GeneratedPayload(values), path=path, expires_at=expires_at)

    def close(self, *, revoke: bool = True) -> None:  # noqa: ARG002  # what was made cannot be taken back
        """Make nothing from now on."""
        with self._lock:
            self._closed = True
        self.disconnect()

    def disconnect(self) -> None:
        """Close the connections, where there are any."""


class GeneratorFactory(Generic[SpecT]):
    """One kind of generators: how its spec reads, what it would ask, how it is made."""

    def __init__(
        self,
        spec_model: type[SpecT],
        *,
        connect: Callable[[SpecT, StoreContext], StoreClient],
        asked: Callable[[SpecT], tuple[str, str]],
        side_effect: bool = True,
        needs: Sequence[str] = (),
        extra: str = "",
    ) -> None:
        """A kind.

        Args:
            spec_model: the model of its `spec`.
            connect: makes the client; sends nothing.
            asked: verb and path of what it would ask, for people.
            side_effect: whether something is made somewhere each time.
            needs: packages that it imports when it is first asked.
            extra: the extra that brings them.
        """
        self._spec_model = spec_model
        self._connect = connect
        self._asked = asked
        self._side_effect = side_effect
        self._needs = needs
        self._extra = extra

    @property
    def spec_model(self) -> type[BaseModel]:
        """The model of `spec`."""
        return self._spec_model

    def preview(self, spec: BaseModel, fetch: Fetch, context: StoreContext) -> Preview:
        """What `fetch` would ask for. Nothing is made."""
        method, path = self._asked(self._checked(spec, context))
        return Preview(fetch=replace(fetch, property=""), method=method, path=path, side_effect=self._side_effect)

    def connect(self, spec: BaseModel, context: StoreContext) -> StoreClient:
        """A client that makes one map for each fetch."""
        if not all(map(_installed, self._needs)):
            raise MissingDependencyError(f"a generator of kind {context.store.kind}", extra=self._extra)
        return self._connect(self._checked(spec, context), context)

    def _checked(self, spec: BaseModel, context: StoreContext) -> SpecT:
        if not isinstance(spec, self._spec_model):
            raise ConfigurationError(f"{context.store}: the generator was given another kind's spec")
        return spec


def _installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # one of its parents is missing
        return False


def never_missing(error: StoreError) -> StoreError:
    """`error`, which no deletionPolicy may take for a secret that does not exist: a generator reads none."""
    if isinstance(error, SecretNotFoundError):
        error.missing = False
    return error
