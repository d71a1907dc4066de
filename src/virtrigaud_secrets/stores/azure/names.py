"""What a key of a manifest names in a vault: a secret, a key or a certificate (ESO §3.4). No I/O."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from virtrigaud_secrets.errors import InvalidRequestError
from virtrigaud_secrets.stores.base import Fetch, StoreKey

_NAME: Final = re.compile(r"[0-9A-Za-z-]{1,127}")
"""What Key Vault takes as a name. Anything else would be another path of its API."""
_VERSION: Final = re.compile(r"[0-9A-Za-z]*")


class ObjectKind(StrEnum):
    """The three kinds of objects in a vault, as keys of manifests write them."""

    SECRET = "secret"  # noqa: S105  # a word, not a secret
    CERTIFICATE = "cert"
    KEY = "key"


_COLLECTIONS: Final = {
    ObjectKind.SECRET: "secrets",
    ObjectKind.CERTIFICATE: "certificates",
    ObjectKind.KEY: "keys",
}
_OPERATIONS: Final = {
    ObjectKind.SECRET: "GetSecret",
    ObjectKind.CERTIFICATE: "GetCertificate",
    ObjectKind.KEY: "GetKey",
}


@dataclass(frozen=True, slots=True)
class ObjectName:
    """One object of a vault, in one version."""

    kind: ObjectKind
    """What it is."""
    name: str
    """Its name."""
    version: str = ""
    """Its version, empty for the newest."""

    @classmethod
    def of(cls, fetch: Fetch) -> ObjectName:
        """What `fetch` asks for: `name`, or `type/name` of which further segments do not count.

        Raises:
            InvalidRequestError: there is no such type, or no vault takes such a name or version.
        """
        return cls.of_key(fetch.key, fetch.store, version=fetch.version)

    @classmethod
    def of_key(cls, key: str, store: StoreKey, *, version: str = "") -> ObjectName:
        """The same for a key of a push.

        Raises:
            InvalidRequestError: as above.
        """
        written, separator, rest = key.partition("/")
        name = rest.split("/", 1)[0] if separator else written
        kinds = {kind.value: kind for kind in ObjectKind}
        kind = kinds.get(written) if separator else ObjectKind.SECRET
        if kind is None:
            raise InvalidRequestError(f'the type "{written}" is none of {", ".join(kinds)}', store=str(store), path=key)
        if not _NAME.fullmatch(name):
            raise InvalidRequestError(
                "a name in a vault has 1 to 127 letters, digits and dashes", store=str(store), path=key
            )
        if not _VERSION.fullmatch(version):
            raise InvalidRequestError("a version in a vault has letters and digits only", store=str(store), path=key)
        return cls(kind, name, version)

    @property
    def path(self) -> str:
        """Its path in the vault's API."""
        return "/".join(filter(None, (_COLLECTIONS[self.kind], self.name, self.version)))

    @property
    def permission(self) -> str:
        """What the login must be allowed to do to read it, as access policies and messages of Key Vault write it."""
        return self.permission_to("get")

    def permission_to(self, verb: str) -> str:
        """What the login must be allowed to do: `import` and `update` are `set` for secrets."""
        named = "set" if self.kind is ObjectKind.SECRET and verb in {"import", "update"} else verb
        return f"{_COLLECTIONS[self.kind]}/{named}"

    @property
    def operation(self) -> str:
        """The operation that reads it, as Key Vault calls it."""
        return _OPERATIONS[self.kind]

    def canonical(self, fetch: Fetch) -> Fetch:
        """`fetch` in the one spelling that equal requests share."""
        if fetch.metadata:
            # The key as written is part of the names that its metadata are listed under.
            return fetch
        key = self.name if self.kind is ObjectKind.SECRET else f"{self.kind}/{self.name}"
        return dataclasses.replace(fetch, key=key)
