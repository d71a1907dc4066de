"""Which keys of a bundle make an SSH login, and whether they are what they should be. Makes no login."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.validation.known_hosts import KEY as KNOWN_HOSTS
from virtrigaud_secrets.validation.known_hosts import check_known_hosts
from virtrigaud_secrets.validation.ssh import check_ssh

if TYPE_CHECKING:
    from virtrigaud_secrets.credentials.reading import Reading
    from virtrigaud_secrets.findings import Finding
    from virtrigaud_secrets.sensitive import Sensitive
    from virtrigaud_secrets.validation.inspection import Inspection

_UNUSABLE: Final = frozenset({"encrypted-key", "no-host-key", "weak-key", "text-before-key", "carriage-return"})
"""Warnings of the SSH checks that no login survives: OpenSSH reads no such key, or no host can be verified."""


def read_ssh(reading: Reading, key: str) -> tuple[Sensitive | None, Sensitive | None]:
    """The private key under `key`, and known_hosts. Where there is a private key, known_hosts has to be there too."""
    private_key = reading.optional_document(key)
    known_hosts = reading.document(KNOWN_HOSTS) if private_key else reading.optional_document(KNOWN_HOSTS)
    if private_key:
        reading.check(check_ssh, refused=_UNUSABLE)
    elif known_hosts:
        reading.check(_hosts, refused=_UNUSABLE)
    return private_key, known_hosts


def _hosts(inspection: Inspection) -> Iterator[Finding]:
    yield from check_known_hosts(inspection)
