"""`Password`: random passwords of so many letters, digits and symbols."""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.generators.base import Generator, GeneratorFactory
from virtrigaud_secrets.models.generators.password import PasswordSpec
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Answer, StoreContext

DEFAULT_LENGTH: Final = 24
"""Characters of a password where `length` is not positive."""
DEFAULT_SYMBOLS: Final = '~!@#$%^&*()_+`-={}|[]\\:"<>?,./'
"""Symbols to choose from where `symbolCharacters` names none."""
MAX_LENGTH: Final = 1 << 20
"""Longest password made: no Kubernetes Secret holds more than 1 MiB."""

_SHARE: Final = 4  # a quarter each of digits and symbols, cut to a whole number
_ENCODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = MappingProxyType(
    {
        "raw": bytes,
        "base64": base64.b64encode,
        "base64url": base64.urlsafe_b64encode,
        "base32": base64.b32encode,
        "hex": lambda password: password.hex().encode(),
    }
)
_Kinds = list[tuple[str, str, int]]


class PasswordGenerator(Generator):
    """Makes passwords from the system's randomness."""

    def __init__(self, spec: PasswordSpec, context: StoreContext) -> None:
        """Nothing is made yet.

        Raises:
            ConfigurationError: no password can be as the spec wants it.
        """
        super().__init__(context)
        self._spec = spec
        self._keys = spec.secret_keys or ("password",)
        if not all(self._keys) or len(set(self._keys)) != len(self._keys):
            raise ConfigurationError(f"{context.store}: secretKeys must be non-empty and unique")
        self._kinds = _kinds(spec, context)

    def generate(self) -> Answer:
        """A new password for each key."""
        encode = _ENCODINGS[self._spec.encoding]
        made = {key: encode(_password(self._kinds, repeat=self._spec.allow_repeat).reveal()) for key in self._keys}
        return self.answer(made, path="this process")


def _kinds(spec: PasswordSpec, context: StoreContext) -> _Kinds:
    """Name, characters and count of letters, digits and symbols."""
    length = spec.length if spec.length > 0 else DEFAULT_LENGTH
    digits = length // _SHARE if spec.digits is None else spec.digits
    symbols = length // _SHARE if spec.symbols is None else spec.symbols
    letters = string.ascii_lowercase if spec.no_upper else string.ascii_letters
    # An empty text means the default too, to the library that ESO uses.
    symbol_characters = spec.symbol_characters or DEFAULT_SYMBOLS
    kinds = [
        ("letters", letters, length - digits - symbols),
        ("digits", string.digits, digits),
        ("symbols", symbol_characters, symbols),
    ]
    if length > MAX_LENGTH:
        raise ConfigurationError(f"{context.store}: length is more than {MAX_LENGTH}")
    if digits < 0 or symbols < 0 or digits + symbols > length:
        raise ConfigurationError(f"{context.store}: digits and symbols must fit into length")
    for name, characters, count in kinds:
        distinct = len(set(characters))
        if not spec.allow_repeat and count > distinct:
            raise ConfigurationError(
                f"{context.store}: {count} {name} are wanted and there are only {distinct} different ones: "
                "set allowRepeat"
            )
    return kinds


def _password(kinds: _Kinds, *, repeat: bool) -> Sensitive:
    """Characters of each kind, in random order. Held where no traceback shows it."""
    random = secrets.SystemRandom()
    made: list[str] = []
    # Symbols first: where they are letters too, the letters have more to choose from.
    for name, characters, count in reversed(kinds):
        left = sorted(set(characters) - set(made))
        if repeat:
            made += (random.choice(characters) for _ in range(count))
        elif count <= len(left):
            made += random.sample(left, count)
        else:
            raise ConfigurationError(f"not enough different {name} are left besides those of symbolCharacters")
    random.shuffle(made)
    return Sensitive("".join(made))


FACTORY: Final = GeneratorFactory(PasswordSpec, connect=PasswordGenerator, asked=lambda _: ("make", "a password"))
"""The kind, as the registry finds it."""
