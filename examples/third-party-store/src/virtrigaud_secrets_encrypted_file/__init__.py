"""The `encryptedFile` backend of virtrigaud-secrets: one file whose values are encrypted.

`FACTORY` is what the entry point names. cryptography is imported when a store is first read.
"""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.stores import Fetch, Preview, StoreClient, StoreContext, names_namespaces
from virtrigaud_secrets_encrypted_file.spec import EncryptedFileProvider

__all__ = ["FACTORY", "EncryptedFileFactory"]


class EncryptedFileFactory:
    """`spec.provider.encryptedFile`."""

    @property
    def spec_model(self) -> type[BaseModel]:
        """The model of `spec.provider.encryptedFile`: manifests are checked against it, with file and line."""
        return EncryptedFileProvider

    def same_in_all_namespaces(self, spec: BaseModel) -> bool:
        """Whether one client serves every namespace that uses a ClusterSecretStore of this spec."""
        return names_namespaces(spec)

    def preview(self, spec: BaseModel, fetch: Fetch, context: StoreContext) -> Preview:
        """What would be read. No I/O; equal canonical fetches become one request."""
        path = _checked(spec, context).path
        # This store keeps no versions, so all of them are one fetch; metadata is not told apart.
        canonical = Fetch(store=fetch.store, key=fetch.key)
        return Preview(fetch=canonical, method="READ", path=f"{path}#{fetch.key}")

    def connect(self, spec: BaseModel, context: StoreContext) -> StoreClient:
        """A client. Nothing is read before its first fetch."""
        from virtrigaud_secrets_encrypted_file.client import EncryptedFileClient

        return EncryptedFileClient(_checked(spec, context), context)


def _checked(spec: BaseModel, context: StoreContext) -> EncryptedFileProvider:
    if not isinstance(spec, EncryptedFileProvider):
        raise ConfigurationError(f"{context.store}: the encryptedFile store was given another backend's spec")
    return spec


FACTORY: Final = EncryptedFileFactory()
"""The backend, as the entry point names it."""
