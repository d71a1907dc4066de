"""Logs in to a webhook by NTLM: two exchanges on one connection, then the request is answered (MS-NLMP).

The messages are made by pyspnego. Nothing is sent here, and outcomes are returned: an exception could show a password.
"""

from __future__ import annotations

import base64
import binascii
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import MissingDependencyError
from virtrigaud_secrets.sensitive import Sensitive

if TYPE_CHECKING:
    from spnego import ContextProxy

SCHEME: Final = "NTLM"
"""What the headers of the login begin with."""
LONGEST_CHALLENGE: Final = 16 * 1024
"""A challenge has some hundred bytes."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in."""

    username: str
    """`user`, `DOMAIN\\user` or `user@domain`."""
    password: Sensitive
    """The password."""


def check_installed() -> None:
    """Refuse to begin without the library.

    Raises:
        MissingDependencyError: it is not installed.
    """
    if importlib.util.find_spec("spnego") is None:
        raise MissingDependencyError("auth.ntlm of a webhook store", extra="webhook")


class Handshake:
    """One login on one connection."""

    def __init__(self, login: Login) -> None:
        """Nothing is made yet."""
        self._login = login
        self._context: ContextProxy | None = None

    def first(self) -> Sensitive:
        """The header that asks for a challenge. It holds no secret."""
        import spnego

        # The library's own NTLM, whatever the system's GSSAPI could do: that would read its own files and settings.
        self._context = spnego.client(
            self._login.username,
            self._login.password.reveal_text(),
            protocol="ntlm",
            options=spnego.NegotiateOptions.use_ntlm,
        )
        return _header(self._context.step())

    def second(self, challenges: Iterable[str]) -> Sensitive | None:
        """The header that answers the challenge among the `WWW-Authenticate` headers; None where there is none.

        The name and a proof that the password is known are in it, never the password.
        """
        message = next((found for text in challenges if (found := _challenge(text))), None)
        if message is None or self._context is None:
            return None
        try:
            return _header(self._context.step(message))
        except Exception:  # noqa: BLE001  # what a stranger's server calls a challenge breaks the library in any way
            return None


def _header(message: bytes | None) -> Sensitive:
    return Sensitive(f"{SCHEME} {base64.b64encode(message or b'').decode()}")


def _challenge(text: str) -> bytes | None:
    scheme, _, encoded = text.partition(" ")
    if scheme.upper() != SCHEME or not encoded or len(encoded) > LONGEST_CHALLENGE:
        return None
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
