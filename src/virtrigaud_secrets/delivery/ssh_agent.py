"""Hands private keys to an ssh-agent for a time, by its protocol (draft-ietf-sshm-ssh-agent). Writes no file.

```python
with SshAgent(socket_path) as agent:
    agent.follow(resolver.subscribe("libvirt-ssh-keys", namespace="libvirt-providers"))
```
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from virtrigaud_secrets.delivery.following import follow
from virtrigaud_secrets.delivery.ssh_wire import private_key_blobs
from virtrigaud_secrets.errors import ConfigurationError, SecretsError, StoreUnavailableError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.validation.wire import read_string, string

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle
    from virtrigaud_secrets.runtime.subscription import Subscription

DEFAULT_LIFETIME: Final = timedelta(minutes=10)
"""How long the agent keeps a key. It is handed over again before; after a kill of this process it is gone by then."""

DEFAULT_KEY: Final = "ssh-privatekey"
"""The bundle's key that holds the private key, by Kubernetes' name."""

TIMEOUT_SECONDS: Final = 5.0
"""For one answer of an agent on this machine."""

MAX_ANSWER: Final = 256 * 1024
"""Bytes of the longest answer that OpenSSH's agent gives."""

_MAX_LIFETIME: Final = 0xFFFF_FFFF
_SUCCESS: Final = 6
_REQUEST_IDENTITIES: Final = 11
_IDENTITIES_ANSWER: Final = 12
_REMOVE_IDENTITY: Final = 18
_ADD_ID_CONSTRAINED: Final = 25
_CONSTRAIN_LIFETIME: Final = b"\x01"
_LENGTH_BYTES: Final = 4

_log = logging.getLogger("virtrigaud_secrets")


class SshAgent:
    """The keys that this object has handed to an agent. They are taken back at the end of the block.

    Safe to use from several threads.
    """

    def __init__(self, socket_path: str | Path | None = None, *, lifetime: timedelta = DEFAULT_LIFETIME) -> None:
        """Connects only when there is something to hand over.

        Args:
            socket_path: the agent's socket; by default that of `SSH_AUTH_SOCK`.
            lifetime: how long the agent keeps a key that is not handed over again.

        Raises:
            ConfigurationError: there is no agent, or the lifetime is less than a second.
        """
        path = socket_path or Settings.from_environment().ssh_agent_socket
        if path is None:
            raise ConfigurationError("there is no ssh-agent: SSH_AUTH_SOCK is not set and no socket was given")
        if not 1 <= lifetime.total_seconds() <= _MAX_LIFETIME:
            raise ConfigurationError("the lifetime of a key in the agent has to be a second at least")
        self._path: Final = str(path)
        self._lifetime: Final = lifetime
        self._lock: Final = threading.RLock()
        self._held: dict[bytes, tuple[Sensitive, str]] = {}
        self._followed: list[Callable[[], None]] = []
        self._closing: Final = threading.Event()
        self._renewer: threading.Thread | None = None

    def add(self, private_key: Sensitive, *, comment: str = "") -> bytes:
        """Hand over a key until `remove` or `close`; again in time before its lifetime ends.

        Args:
            private_key: OpenSSH or PEM text without a passphrase.
            comment: what `ssh-add -l` shows.

        Returns:
            The public key in SSH's binary form, for `remove`.

        Raises:
            ConfigurationError: it is no private key that SSH uses, or the agent refuses it.
            StoreUnavailableError: no agent answers.
        """
        public, _ = private_key_blobs(private_key)
        with self._lock:
            self._send(private_key, comment)
            self._held[public] = (private_key, comment)
            if self._renewer is None:
                self._renewer = threading.Thread(target=self._renew, name="virtrigaud-secrets-agent", daemon=True)
                self._renewer.start()
        return public

    def remove(self, public: bytes) -> None:
        """Take back a key that `add` handed over. One that is gone already is no error.

        Raises:
            StoreUnavailableError: no agent answers; its lifetime ends it then.
        """
        with self._lock:
            self._held.pop(public, None)
            self._ask(Sensitive(bytes([_REMOVE_IDENTITY]) + string(public)))

    def identities(self) -> dict[bytes, str]:
        """Public keys that the agent holds, of whomever, with their comments.

        Raises:
            StoreUnavailableError: no agent answers.
        """
        kind, body = self._ask(Sensitive(bytes([_REQUEST_IDENTITIES])))
        if kind != _IDENTITIES_ANSWER:
            raise StoreUnavailableError("the ssh-agent does not list its keys")
        found: dict[bytes, str] = {}
        rest = body[_LENGTH_BYTES:]
        while rest:
            public, rest = read_string(rest)
            comment, rest = read_string(rest)
            found[public] = comment.decode(errors="replace")
        return found

    def follow(self, subscription: Subscription[Bundle], *, key: str = DEFAULT_KEY, comment: str = "") -> None:
        """Hand over the key of a subscription, and after every rotation the new one in the place of the old.

        Args:
            subscription: what is followed until `close`.
            key: the bundle's key that holds the private key.
            comment: what `ssh-add -l` shows; by default the manifest.

        Raises:
            ConfigurationError: the bundle has no such key, or it is none.
            SecretsError: as `add`, and where the subscription holds nothing valid.
        """
        held: list[bytes] = []

        def deliver(bundle: Bundle) -> None:
            if key not in bundle:
                raise ConfigurationError(f"{bundle.manifest}: there is no key {key!r} for the ssh-agent")
            new = self.add(Sensitive(bundle[key]), comment=comment or bundle.manifest)
            # The new key first: between the two, a login that tries both works.
            for old in held:
                if old != new:
                    self.remove(old)
            held[:] = [new]

        end = follow(subscription, deliver, what="the key in the ssh-agent")
        with self._lock:
            self._followed.append(end)

    def close(self) -> None:
        """Stop following and take back every key. Never raises; the second call does nothing."""
        for end in self._followed:
            end()
        self._closing.set()
        with self._lock:
            self._followed.clear()
            held, self._held = self._held, {}
            for public in held:
                try:
                    self._ask(Sensitive(bytes([_REMOVE_IDENTITY]) + string(public)))
                except SecretsError as error:
                    _log.warning("a key stays in the ssh-agent until its lifetime ends: %s", error)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Where, and how many keys."""
        return f"<SshAgent {self._path} with {len(self._held)} keys of this process>"

    def _renew(self) -> None:
        while not self._closing.wait(self._lifetime.total_seconds() / 2):
            with self._lock:
                for private_key, comment in list(self._held.values()):
                    try:
                        self._send(private_key, comment)
                    except SecretsError as error:
                        _log.warning("a key in the ssh-agent was not renewed: %s", error)

    def _send(self, private_key: Sensitive, comment: str) -> None:
        _, private = private_key_blobs(private_key)
        lifetime = int(self._lifetime.total_seconds()).to_bytes(_LENGTH_BYTES)
        constraints = string(comment.encode()) + _CONSTRAIN_LIFETIME + lifetime
        kind, _ = self._ask(Sensitive(bytes([_ADD_ID_CONSTRAINED]) + private.reveal() + constraints))
        if kind != _SUCCESS:
            raise ConfigurationError("the ssh-agent refuses the key")

    def _ask(self, message: Sensitive) -> tuple[int, bytes]:
        """Type and body of the answer. A connection for each question: agents are local, and may be restarted."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(TIMEOUT_SECONDS)
                connection.connect(self._path)
                connection.sendall(string(message.reveal()))
                length = int.from_bytes(_received(connection, _LENGTH_BYTES))
                answer = _received(connection, length) if 0 < length <= MAX_ANSWER else b""
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise StoreUnavailableError(f"the ssh-agent at {self._path} does not answer: {reason}") from None
        if not answer:
            raise StoreUnavailableError(f"what answers at {self._path} is no ssh-agent")
        return answer[0], answer[1:]


def _received(connection: socket.socket, length: int) -> bytes:
    found = bytearray()
    while len(found) < length:
        part = connection.recv(length - len(found))
        if not part:
            return b""
        found += part
    return bytes(found)
