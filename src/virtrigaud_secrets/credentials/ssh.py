"""An SSH login and the arguments that SSH clients want. Host keys are verified, and never trusted on first use."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final, Self

from virtrigaud_secrets.credentials.base import Arguments, Credentials
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive

if TYPE_CHECKING:
    import paramiko

_FIELDS: Final = 3
_MARKED_FIELDS: Final = 4
"""Of a line in known_hosts, at least."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SshLogin(Credentials):
    """Who logs in, with what, to hosts that show one of the known keys."""

    username: str
    """The account on the host."""
    private_key: Sensitive | None = None
    """PEM or OpenSSH text with a newline at its end."""
    password: Sensitive | None = None
    """The account's password; used where there is no key."""
    known_hosts: Sensitive
    """Text of known_hosts: the keys that hosts must show."""

    @classmethod
    def from_parts(
        cls,
        *,
        source: str,
        username: str | None,
        private_key: Sensitive | None,
        password: Sensitive | None,
        known_hosts: Sensitive | None,
    ) -> Self:
        """A login, or the reason why there is none.

        Raises:
            ConfigurationError: no user, nothing to log in with, or no host key to verify by.
        """
        if not username:
            raise ConfigurationError(f"{source}: SSH needs a user: the manifest names none, so pass username=")
        if private_key is None and password is None:
            raise ConfigurationError(f"{source}: SSH needs a private key or a password, and the manifest has neither")
        if known_hosts is None:
            raise ConfigurationError(
                f"{source}: SSH needs known_hosts: without it no host can be verified, and none is trusted on first use"
            )
        return cls(
            source=source, username=username, private_key=private_key, password=password, known_hosts=known_hosts
        )

    def openssh_options(self, *, keyfile: Path | None, known_hosts: Path) -> list[str]:
        """Options for `ssh`, `scp` and `sftp`; none is a secret. No configuration file and no agent is used.

        Args:
            keyfile: file with the private key, as `virtrigaud_secrets.delivery.SshFiles` makes one.
            known_hosts: file with the host keys.
        """
        values: Mapping[str, str] = {
            "User": self.username,
            "UserKnownHostsFile": _quoted(known_hosts),
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "UpdateHostKeys": "no",
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            **({} if keyfile is None else {"IdentityFile": _quoted(keyfile), "BatchMode": "yes"}),
        }
        return ["-F", "none", *(part for name, value in values.items() for part in ("-o", f"{name}={value}"))]

    def paramiko_client(self) -> paramiko.SSHClient:
        """A client that knows the host keys and rejects all others. Call `connect(host, **login.paramiko_arguments())`.

        Entries that paramiko has no form for are left out, so their hosts are rejected: `@cert-authority` lines. A key
        that is `@revoked` is left out everywhere.

        Raises:
            ConfigurationError: paramiko is not installed.
        """
        paramiko = _client_library("paramiko")
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        keys = client.get_host_keys()
        for hosts, kind, encoded in _trusted_lines(self.known_hosts):
            entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{hosts} {kind} {encoded}")
            if entry is not None and entry.key is not None:
                for host in entry.hostnames:
                    keys.add(host, entry.key.get_name(), entry.key)
        return client

    def paramiko_arguments(self) -> Arguments:
        """Keyword arguments for `paramiko.SSHClient.connect`, besides the host. Agent and home directory are not used.

        Raises:
            ConfigurationError: paramiko is not installed, or cannot read the key.
        """
        arguments: dict[str, object] = {"username": self.username, "look_for_keys": False, "allow_agent": False}
        if self.private_key is not None:
            arguments["pkey"] = self._paramiko_key(self.private_key)
        elif self.password is not None:
            arguments["password"] = self.password.reveal_text()
        return Arguments(arguments)

    def asyncssh_arguments(self) -> Arguments:
        """Keyword arguments for `asyncssh.connect`, besides the host. Agent, configuration and home are not used.

        Raises:
            ConfigurationError: asyncssh is not installed, or cannot read key or host keys.
        """
        asyncssh = _client_library("asyncssh")
        arguments: dict[str, object] = {"username": self.username, "config": None, "agent_path": None}
        try:
            arguments["known_hosts"] = asyncssh.import_known_hosts(self.known_hosts.reveal_text())
            if self.private_key is not None:
                arguments["client_keys"] = [asyncssh.import_private_key(self.private_key.reveal())]
                arguments["preferred_auth"] = "publickey"
            elif self.password is not None:
                arguments["client_keys"] = None
                arguments["password"] = self.password.reveal_text()
        except (asyncssh.KeyImportError, ValueError):
            raise ConfigurationError(f"{self.source}: asyncssh cannot read the private key or known_hosts") from None
        return Arguments(arguments)

    def _paramiko_key(self, private_key: Sensitive) -> paramiko.PKey:
        paramiko = _client_library("paramiko")
        # paramiko does not read PKCS#8, which Vault and OpenSSL write.
        for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
            with suppress(paramiko.SSHException, ValueError, TypeError):
                return kind.from_private_key(io.StringIO(_openssh_form(private_key).reveal_text()))
        raise ConfigurationError(f"{self.source}: paramiko cannot read the private key")


def _openssh_form(private_key: Sensitive) -> Sensitive:
    """The same key as OpenSSH writes it.

    Raises:
        ValueError: it is none that SSH uses.
        TypeError: it is encrypted.
    """
    from cryptography.hazmat.primitives import serialization

    text = private_key.reveal()
    if b"OPENSSH PRIVATE KEY" in text:
        return private_key
    key = serialization.load_pem_private_key(text, None)
    openssh = serialization.PrivateFormat.OpenSSH
    return Sensitive(key.private_bytes(serialization.Encoding.PEM, openssh, serialization.NoEncryption()))


def _trusted_lines(known_hosts: Sensitive) -> list[tuple[str, str, str]]:
    """Hosts, key type and key of each line without a marker whose key is not revoked."""
    lines = [line.split() for line in known_hosts.reveal_text().splitlines() if line.strip() and line.strip()[0] != "#"]
    revoked = {(fields[2], fields[3]) for fields in lines if fields[0] == "@revoked" and len(fields) >= _MARKED_FIELDS}
    plain = [(fields[0], fields[1], fields[2]) for fields in lines if fields[0][0] != "@" and len(fields) >= _FIELDS]
    return [line for line in plain if line[1:] not in revoked]


def _quoted(path: Path) -> str:
    """As ssh reads a value of its configuration: in quotes, and with nothing that it would expand or split."""
    if any(special in str(path) for special in '"%\\$\n'):
        raise ConfigurationError("ssh would read a special character in the path of a key or known_hosts file")
    return f'"{path}"'


def _client_library(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError:
        raise ConfigurationError(f"this needs the package {name}: pip install {name}") from None
