"""A server as manifests and `PROVIDER_ENDPOINT` write it: host, host:port or URL. No connection is made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final, Self

from virtrigaud_secrets.errors import ConfigurationError

_MAX_PORT: Final = 65535
_FORM: Final = re.compile(
    r"(?:(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://)?(?:(?P<user>[^@/\s:]+)@)?"
    r"(?P<host>\[[0-9a-fA-F:.]+\]|[^/:@\[\]\s?#]+|[0-9a-fA-F]*:[0-9a-fA-F:.]+)(?::(?P<port>[0-9]{1,5}))?(?P<path>/[^\s?#]*)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to connect."""

    host: str
    """Name or address, without brackets."""
    port: int
    """TCP port."""
    user: str = ""
    """The user that the text names, empty for none."""
    path: str = ""
    """The path of a URL, such as `/sdk`."""

    @classmethod
    def parse(cls, text: str, *, default_port: int) -> Self:
        """The endpoint that `text` writes.

        Args:
            text: `vc.example.com`, `vc.example.com:8443`, `https://vc.example.com/sdk`, `[fd00::1]:443`, `fd00::1`.
            default_port: what counts where the text has none.

        Raises:
            ConfigurationError: it is none. The text is not shown: it came out of a secret.
        """
        match = _FORM.fullmatch(text)
        if match is None or not 0 < int(match["port"] or default_port) <= _MAX_PORT:
            raise ConfigurationError("expected a host, host:port or https://host[:port][/path]")
        host = match["host"].removeprefix("[").removesuffix("]")
        if ":" in host and not _is_ipv6(host):
            raise ConfigurationError("expected a host, host:port or https://host[:port][/path]")
        return cls(
            host=host, port=int(match["port"] or default_port), user=match["user"] or "", path=match["path"] or ""
        )

    @property
    def netloc(self) -> str:
        """Host and port; an IPv6 address in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True
