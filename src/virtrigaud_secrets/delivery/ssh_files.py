"""A private key and host keys as the files that ssh and libvirt want, in memory where possible, and gone afterwards."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self, TypeVar

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.delivery.directory import DATA, Directory
from virtrigaud_secrets.delivery.following import follow
from virtrigaud_secrets.delivery.places import PrivateDirectory
from virtrigaud_secrets.sensitive import Sensitive

if TYPE_CHECKING:
    from virtrigaud_secrets.runtime.subscription import Subscription

T = TypeVar("T")

KEYFILE: Final = "ssh-privatekey"
KNOWN_HOSTS: Final = "known_hosts"
"""Names of the files: those of the Secret's keys."""


class SshIdentity(Protocol):
    """What is put into files: `virtrigaud_secrets.credentials.SshLogin`."""

    @property
    def private_key(self) -> Sensitive | None:
        """The key; None for a login by password."""
        ...

    @property
    def known_hosts(self) -> Sensitive:
        """The keys that hosts must show."""
        ...

    def openssh_options(self, *, keyfile: Path | None, known_hosts: Path) -> list[str]:
        """Options for ssh."""
        ...


class SshFiles:
    """Files of one login, in a directory that only this user can look into.

    ```python
    with SshFiles(credentials.ssh(username="root")) as files:
        connection = libvirt.openAuth(credentials.uri("root@kvm.example.com", files), credentials.auth(), 0)
    ```

    They are gone at the end of the block and at interpreter exit; after a kill, when the next process makes such files.
    """

    def __init__(self, login: SshIdentity) -> None:
        """Write the files.

        Raises:
            ConfigurationError: there is no safe place for them.
        """
        self._private: Final = PrivateDirectory()
        self._programs: Final = PrivateDirectory(executable=True)
        self._followed: list[Callable[[], None]] = []
        try:
            self._directory: Final = Directory(self._private.path / "ssh")
            self.update(login)
        except BaseException:
            self.close()
            raise

    @property
    def keyfile(self) -> Path:
        """The private key, 0600, with a newline at its end."""
        return self._directory.path / KEYFILE

    @property
    def known_hosts(self) -> Path:
        """The host keys."""
        return self._directory.path / KNOWN_HOSTS

    @property
    def command(self) -> Path:
        """A program that runs `ssh` with this key, these host keys and no others, for whatever runs ssh by itself."""
        return self._programs.path / "ssh"

    def update(self, login: SshIdentity) -> None:
        """Exchange key and host keys for those of a new login, both at once. Paths stay the same.

        Raises:
            OSError: the file system refuses. The old files stay.
        """
        data = {KNOWN_HOSTS: login.known_hosts.reveal()}
        if login.private_key is not None:
            data[KEYFILE] = login.private_key.reveal()
        self._directory.write(Bundle(data))
        keyfile = None if login.private_key is None else Path(KEYFILE)
        options = login.openssh_options(keyfile=keyfile, known_hosts=Path(KNOWN_HOSTS))
        # ssh reads a key several times: from inside one version it is the same key each time.
        version = shlex.quote(str(self._directory.path / DATA))
        partial = self._programs.path / "ssh.new"
        partial.touch(mode=0o700)
        partial.write_text(f'#!/bin/sh\ncd -P {version} && exec ssh {shlex.join(options)} "$@"\n')
        os.replace(partial, self.command)  # noqa: PTH105  # in one step: somebody may be running it

    def follow(self, subscription: Subscription[T], login: Callable[[T], SshIdentity]) -> None:
        """Keep the files at what a subscription holds, until `close`.

        Args:
            subscription: what is followed.
            login: the login in its value, such as `lambda credentials: credentials.ssh(username="root")`.

        Raises:
            SecretsError: the subscription holds nothing valid, or that is no login.
        """
        self._followed.append(
            follow(subscription, lambda value: self.update(login(value)), what="the files of an SSH login")
        )

    def close(self) -> None:
        """Stop following and remove the files. The second call does nothing."""
        for end in self._followed:
            end()
        self._followed.clear()
        directory = getattr(self, "_directory", None)
        if directory is not None:
            directory.close()
        self._private.close()
        self._programs.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Where."""
        return f"<SshFiles {self._directory.path}>"
