"""A bundle as environment variables of a child process. Starts nothing, and never touches this process's own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NoReturn

from virtrigaud_secrets.delivery.contents import file_contents
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import REDACTED

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_STEERS_PROGRAMS: Final = re.compile(
    r"PATH|IFS|ENV|BASH_ENV|SHELLOPTS|HOME|SHELL|LD_.*|DYLD_.*|GCONV_PATH|PYTHON.*|PERL.*|RUBYOPT|NODE_OPTIONS|"
    r"JAVA_TOOL_OPTIONS|GODEBUG|SSL_CERT_FILE|SSL_CERT_DIR|SSLKEYLOGFILE"
)
"""Variables that decide what a program loads or trusts: whoever writes the secret would run code in the child."""


class Variables(dict[str, str]):
    """Environment variables for `subprocess`'s `env`. Their values do not show."""

    def __repr__(self) -> str:
        """Names only."""
        return f"Variables({', '.join(f'{name}={REDACTED}' for name in self)})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refused: a pickle is a copy nobody watches."""
        raise TypeError("Variables cannot be pickled or copied")


def _no_names() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """How keys become variables: in capitals, `_` for what a name cannot have, with a prefix.

    `Environment(prefix="VSPHERE_")` makes the guide's `VSPHERE_USERNAME`, `VSPHERE_PASSWORD` and `VSPHERE_SERVER`.
    """

    prefix: str = ""
    """What stands before every name that `names` does not give."""
    names: Mapping[str, str] = field(default_factory=_no_names)
    """Key → the variable's whole name."""
    only: Iterable[str] | None = None
    """The keys to hand over; None for all."""

    def variables(self, bundle: Bundle) -> Variables:
        """The variables of a bundle. Words lose the white space at their ends, as in files.

        Raises:
            ConfigurationError: a name is none or steers what programs load, two keys have one name, or a value has a
                null byte or is not UTF-8. Names the key and no value.
        """
        place = bundle.manifest or f"Secret {bundle.namespace}/{bundle.name}"
        contents = file_contents(bundle)
        found = Variables()
        for key in contents if self.only is None else self.only:
            if key not in contents:
                raise ConfigurationError(f"{place}: there is no key {key!r} for the environment")
            name = self._name(key)
            if not _NAME.fullmatch(name) or _STEERS_PROGRAMS.fullmatch(name):
                raise ConfigurationError(
                    f"{place}: the key {key!r} cannot be the variable {name}: give it a name in `names`"
                )
            if name in found:
                raise ConfigurationError(f"{place}: two keys would be the variable {name}: give one a name in `names`")
            value = contents[key]
            if b"\0" in value.reveal():
                raise ConfigurationError(f"{place}: the key {key!r} has a null byte, which no variable holds")
            try:
                found[name] = value.reveal_text()
            except ValueError:
                raise ConfigurationError(f"{place}: the key {key!r} is not UTF-8 text: deliver it as a file") from None
        return found

    def _name(self, key: str) -> str:
        return self.names.get(key) or self.prefix + re.sub(r"[^A-Za-z0-9]", "_", key).upper()
