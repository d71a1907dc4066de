"""A store of a catalog by its name: its backend, its spec, and what its client is given. Connects to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import StoreNotFoundError
from virtrigaud_secrets.manifests import Catalog, Document
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import References, RetryPolicy, StoreContext, StoreKey

if TYPE_CHECKING:
    from pydantic import BaseModel

    from virtrigaud_secrets.models.secret_store import SecretStoreSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAccess:
    """One store."""

    document: Document[SecretStoreSpec]
    """Its manifest."""
    context: StoreContext
    """What its client is given."""

    @property
    def backend(self) -> str:
        """The name below `spec.provider`."""
        return self.document.spec.provider.name

    @property
    def spec(self) -> BaseModel:
        """What is below that name."""
        return self.document.spec.provider.spec


def store_access(
    document: Document[SecretStoreSpec],
    *,
    settings: Settings,
    clock: Clock,
    references: References,
    namespace: str = "",
) -> StoreAccess:
    """What is needed to connect to a store. A request is sent once only: whoever works by hand repeats it by hand.

    Args:
        document: the store's manifest.
        settings: the process's settings.
        clock: time.
        references: Kubernetes objects that the spec refers to.
        namespace: where a ClusterSecretStore's references are read that name none; empty where nobody's is meant.
    """
    context = StoreContext(
        store=StoreKey(document.kind, document.namespace or namespace, document.name),
        namespace=document.namespace or namespace,
        settings=settings,
        clock=clock,
        references=references,
        retry=RetryPolicy(retries=0, interval=timedelta(0)),
    )
    return StoreAccess(document=document, context=context)


def find_store(catalog: Catalog, name: str) -> Document[SecretStoreSpec]:
    """The store of a name: `namespace/name` for a SecretStore, `name` for a ClusterSecretStore.

    Raises:
        StoreNotFoundError: there is none.
    """
    namespace, _, bare = name.rpartition("/")
    kind = "SecretStore" if namespace else "ClusterSecretStore"
    for document in catalog.stores:
        if (document.kind, document.namespace, document.name) == (kind, namespace, bare):
            return document
    known = ", ".join(_written(document) for document in catalog.stores) or "none"
    raise StoreNotFoundError(f'no {kind} "{name}"; there are: {known}')


def _written(document: Document[SecretStoreSpec]) -> str:
    return f"{document.namespace}/{document.name}" if document.namespace else document.name
