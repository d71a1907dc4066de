"""Credentials for Proxmox VE: API token or password, and SSH to its nodes. Connects nowhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from virtrigaud_secrets.credentials.base import Arguments, Credentials
from virtrigaud_secrets.credentials.reading import Reading
from virtrigaud_secrets.credentials.ssh import SshLogin
from virtrigaud_secrets.credentials.ssh_keys import read_ssh
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle

_TOKEN_ID: Final = re.compile(r"[^\s@!]+@[^\s@!]+![^\s@!]+")
"""`user@realm!name`."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ProxmoxCredentials(Credentials):
    """What reaches the API, by token or by password, and the nodes' shells where the manifest has that too."""

    token_id: str | None = None
    """`user@realm!name` of an API token."""
    token_secret: Sensitive | None = None
    """The token's secret. There where `token_id` is."""
    username: str | None = None
    """`user@realm`."""
    password: Sensitive | None = None
    """Its password. There where `username` is."""
    ssh_user: str | None = None
    """Account on the nodes."""
    ssh_password: Sensitive | None = None
    """Its password."""
    ssh_private_key: Sensitive | None = None
    """Its key, with a newline at its end."""
    known_hosts: Sensitive | None = None
    """The keys that nodes must show. Always there where `ssh_private_key` is."""

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Self:
        """The credentials in `token_id` with `token_secret`, or `username` with `password`, and those for SSH.

        These are `ssh_user`, `ssh_password`, `ssh_privatekey` and `known_hosts`.

        Raises:
            ValidationError: neither token nor password is complete, or a key is not what it should be.
        """
        reading = Reading(bundle, cls)
        by_token = reading.one_of(("token_id", "token_secret"), ("username", "password"))[0] == "token_id"
        token_id = reading.optional_word("token_id") if by_token else None
        if token_id and not _TOKEN_ID.fullmatch(token_id.reveal_text()):
            reading.fault("token_id", "not-a-token-id", "expected user@realm!name")
        ssh_private_key, known_hosts = read_ssh(reading, "ssh_privatekey")
        words = {key: reading.optional_word(key) for key in ("username", "ssh_user")}
        secrets = {key: reading.optional_word(key) for key in ("token_secret", "password", "ssh_password")}
        reading.refuse_faults()
        texts = {key: None if word is None else word.reveal_text() for key, word in words.items()}
        return cls(
            source=reading.source,
            token_id=None if token_id is None else token_id.reveal_text(),
            token_secret=secrets["token_secret"] if by_token else None,
            username=texts["username"],
            password=secrets["password"],
            ssh_user=texts["ssh_user"],
            ssh_password=secrets["ssh_password"],
            ssh_private_key=ssh_private_key,
            known_hosts=known_hosts,
        )

    def api_headers(self) -> Arguments:
        """HTTP headers for requests with the API token.

        Raises:
            ConfigurationError: the manifest has no token; a password needs a login first, which proxmoxer does.
        """
        if self.token_id is None or self.token_secret is None:
            raise ConfigurationError(f"{self.source}: the manifest has no API token")
        return Arguments({"Authorization": f"PVEAPIToken={self.token_id}={self.token_secret.reveal_text()}"})

    def proxmoxer_arguments(self, *, ca_file: Path | None = None) -> Arguments:
        """Keyword arguments for `proxmoxer.ProxmoxAPI`, besides the host; certificates are verified.

        Args:
            ca_file: PEM of the authorities to trust, such as a cluster's `pve-root-ca.pem`; None for the system's.
        """
        if self.token_id is not None and self.token_secret is not None:
            user, _, name = self.token_id.partition("!")
            login: dict[str, object] = {
                "user": user,
                "token_name": name,
                "token_value": self.token_secret.reveal_text(),
            }
        else:
            password = None if self.password is None else self.password.reveal_text()
            login = {"user": self.username, "password": password}
        return Arguments({**login, "verify_ssl": True if ca_file is None else str(ca_file)})

    def ssh(self, *, username: str | None = None) -> SshLogin:
        """The SSH login to a node.

        Args:
            username: the account, where the manifest names none. This goes before the manifest's.

        Raises:
            ConfigurationError: no user, nothing to log in with, or no `known_hosts`: no host is trusted on first use.
        """
        return SshLogin.from_parts(
            source=self.source,
            username=username or self.ssh_user,
            private_key=self.ssh_private_key,
            password=self.ssh_password,
            known_hosts=self.known_hosts,
        )
