"""Credentials for a libvirt host: connection URI, callback for libvirt-python, SSH. Connects nowhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol, Self
from urllib.parse import quote, urlencode

from virtrigaud_secrets.credentials.base import Credentials
from virtrigaud_secrets.credentials.endpoint import Endpoint
from virtrigaud_secrets.credentials.reading import Reading
from virtrigaud_secrets.credentials.ssh import SshLogin
from virtrigaud_secrets.credentials.ssh_keys import read_ssh
from virtrigaud_secrets.errors import ConfigurationError, MissingDependencyError
from virtrigaud_secrets.sensitive import Sensitive

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle

SSH_PORT: Final = 22
"""Where sshd listens unless told otherwise."""

Transport = Literal["ssh", "libssh", "libssh2"]
"""How libvirt reaches a host: by the program `ssh`, or by a library inside it."""

_TYPE: Final = 0
_RESULT: Final = 4
"""Places in the lists that libvirt-python hands to a callback: type, prompt, challenge, default, result."""


class SshPaths(Protocol):
    """Files for SSH, as `virtrigaud_secrets.delivery.SshFiles` makes them."""

    @property
    def keyfile(self) -> Path:
        """The private key."""
        ...

    @property
    def known_hosts(self) -> Path:
        """The host keys."""
        ...

    @property
    def command(self) -> Path:
        """A program that runs `ssh` with these host keys and no others."""
        ...


AuthCallback = Callable[[list[list[object]], object], int]
"""Fills the answers into the credentials that libvirt asks for; 0 for done, -1 for refused."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class LibvirtCredentials(Credentials):
    """What reaches a libvirt host: an SSH key with host keys, a user name with a password, or both.

    ```python
    credentials = LibvirtCredentials.from_bundle(bundle)
    with SshFiles(credentials.ssh(username="root")) as files:
        connection = libvirt.openAuth(credentials.uri("root@kvm.example.com", files), credentials.auth(), 0)
    ```
    """

    username: str | None = None
    """The account, where the manifest names one. The guide's manifest does not."""
    password: Sensitive | None = None
    """Its password: for SASL, or for SSH where there is no key."""
    private_key: Sensitive | None = None
    """The SSH key, with a newline at its end."""
    known_hosts: Sensitive | None = None
    """The keys that hosts must show. Always there where `private_key` is."""

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Self:
        """The credentials in the keys `ssh-privatekey` with `known_hosts`, and `username` with `password`.

        Raises:
            ValidationError: neither is there, or a key is not what it should be; names manifest and key.
        """
        reading = Reading(bundle, cls)
        reading.one_of(("ssh-privatekey",), ("username", "password"))
        username, password = reading.optional_word("username"), reading.optional_word("password")
        private_key, known_hosts = read_ssh(reading, "ssh-privatekey")
        reading.refuse_faults()
        return cls(
            source=reading.source,
            username=None if username is None else username.reveal_text(),
            password=password,
            private_key=private_key,
            known_hosts=known_hosts,
        )

    def ssh(self, *, username: str | None = None) -> SshLogin:
        """The SSH login.

        Args:
            username: the account, where the manifest names none. This goes before the manifest's.

        Raises:
            ConfigurationError: no user, nothing to log in with, or no `known_hosts`: no host is trusted on first use.
        """
        return SshLogin.from_parts(
            source=self.source,
            username=username or self.username,
            private_key=self.private_key,
            password=self.password,
            known_hosts=self.known_hosts,
        )

    def uri(
        self,
        server: str,
        files: SshPaths,
        *,
        username: str | None = None,
        driver: str = "qemu",
        path: str = "/system",
        transport: Transport = "ssh",
        parameters: Mapping[str, str] | None = None,
    ) -> str:
        """A connection URI over SSH that logs in by key and verifies the host. It holds paths, and nothing secret.

        Args:
            server: host, host:port or URL, as in `PROVIDER_ENDPOINT`.
            files: where the key and host keys are.
            username: the account; else the one that `server` names, else the manifest's.
            driver: libvirt's driver: `qemu`, `test`, `xen`…
            path: what the driver opens: `/system`, `/session`, `/default`…
            transport: `ssh` runs the program ssh, by `files.command`, so that `known_hosts` counts and no other list.
                `libssh` and `libssh2` are told of it by the URI.
            parameters: more parameters of the URI, such as `socket`.

        Raises:
            ConfigurationError: `server` is no host, or there is no key to log in with.
        """
        endpoint = Endpoint.parse(server, default_port=SSH_PORT)
        login = self.ssh(username=username or endpoint.user or None)
        if login.private_key is None:
            raise ConfigurationError(f"{self.source}: a URI carries a key file, and the manifest has no ssh-privatekey")
        query = {"keyfile": str(files.keyfile), "no_tty": "1"}
        if transport == "ssh":
            query["command"] = str(files.command)
        else:
            query |= {"sshauth": "privkey", "known_hosts": str(files.known_hosts), "known_hosts_verify": "normal"}
        text = urlencode({**query, **(parameters or {})}, quote_via=quote, safe="/")
        return f"{driver}+{transport}://{quote(login.username, safe='')}@{endpoint.netloc}{path}?{text}"

    def auth(self, *, username: str | None = None) -> list[object]:
        """The second argument of `libvirt.openAuth`: answers questions for user name and password, refuses all others.

        Raises:
            MissingDependencyError: libvirt-python is not installed.
        """
        try:
            libvirt = import_module("libvirt")
        except ImportError:
            raise MissingDependencyError("libvirt", extra="libvirt") from None
        name, password, prompt = (
            int(getattr(libvirt, f"VIR_CRED_{kind}")) for kind in ("AUTHNAME", "PASSPHRASE", "NOECHOPROMPT")
        )
        user = username or self.username
        answers = {name: None if user is None else Sensitive(user), password: self.password, prompt: self.password}
        return [list(answers), _callback(answers), None]


def _callback(answers: Mapping[int, Sensitive | None]) -> AuthCallback:
    def answer(asked: list[list[object]], _data: object) -> int:
        for credential in asked:
            kind = credential[_TYPE]
            found = answers.get(kind) if isinstance(kind, int) else None
            if found is None:
                return -1
            credential[_RESULT] = found.reveal_text()
        return 0

    return answer
