"""For tests of programs that use this library, and of stores that extend it. Never imported by the library itself.

Real servers are in `virtrigaud_secrets.testing.servers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.lazy import lazily

if TYPE_CHECKING:
    from virtrigaud_secrets.testing.certificates import CertificateAuthority, IssuedCertificate
    from virtrigaud_secrets.testing.clock import ManualClock
    from virtrigaud_secrets.testing.contract import (
        NoReferences,
        StoreContract,
        StoreHarness,
        VersionedStoreContract,
        VersionedStoreHarness,
        store_context,
    )
    from virtrigaud_secrets.testing.fake_store import FakeStore
    from virtrigaud_secrets.testing.keys import SshKey, known_hosts_line, ssh_key
    from virtrigaud_secrets.testing.write_contract import WritableStoreContract, WritableStoreHarness

__all__ = [
    "CertificateAuthority",
    "FakeStore",
    "IssuedCertificate",
    "ManualClock",
    "NoReferences",
    "SshKey",
    "StoreContract",
    "StoreHarness",
    "VersionedStoreContract",
    "VersionedStoreHarness",
    "WritableStoreContract",
    "WritableStoreHarness",
    "known_hosts_line",
    "ssh_key",
    "store_context",
]

_HOMES: Final = {
    "CertificateAuthority": "certificates",
    "FakeStore": "fake_store",
    "IssuedCertificate": "certificates",
    "ManualClock": "clock",
    "NoReferences": "contract",
    "SshKey": "keys",
    "StoreContract": "contract",
    "StoreHarness": "contract",
    "VersionedStoreContract": "contract",
    "VersionedStoreHarness": "contract",
    "WritableStoreContract": "write_contract",
    "WritableStoreHarness": "write_contract",
    "known_hosts_line": "keys",
    "ssh_key": "keys",
    "store_context": "contract",
}

__getattr__, __dir__ = lazily(__name__, _HOMES, public=__all__)
