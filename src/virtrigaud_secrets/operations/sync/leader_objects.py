"""`LeaderObjects`: a cluster's client that writes only while its process leads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import StoreUnavailableError
from virtrigaud_secrets.stores.cluster_access import ClusterAccess
from virtrigaud_secrets.stores.cluster_objects import ClusterObjects, Resource


class LeaderObjects(ClusterObjects):
    """As `ClusterObjects`, and looks before every write whether it still may.

    What is sent a moment before the lease is lost carries the version it was decided on: a write of the next leader is
    never overwritten.
    """

    def __init__(
        self, access: ClusterAccess, *, timeout: timedelta, leads: Callable[[], bool], clock: Clock | None = None
    ) -> None:
        """Sends nothing yet.

        Args:
            access: cluster and identity.
            timeout: the most that one request waits.
            leads: whether this process leads.
            clock: time.
        """
        super().__init__(access, timeout=timeout, clock=clock)
        self._leads = leads

    def create(
        self, resource: Resource, body: Mapping[str, object], *, namespace: str = "", field_manager: str = ""
    ) -> Mapping[str, object]:
        """Make an object.

        Raises:
            StoreUnavailableError: this process does not lead.
        """
        self._refuse_unless_leading(resource)
        return super().create(resource, body, namespace=namespace, field_manager=field_manager)

    def replace(
        self,
        resource: Resource,
        name: str,
        body: Mapping[str, object],
        *,
        namespace: str = "",
        subresource: str = "",
        field_manager: str = "",
    ) -> Mapping[str, object]:
        """Write all of an object.

        Raises:
            StoreUnavailableError: this process does not lead.
        """
        self._refuse_unless_leading(resource)
        return super().replace(
            resource, name, body, namespace=namespace, subresource=subresource, field_manager=field_manager
        )

    def patch(
        self,
        resource: Resource,
        name: str,
        body: Mapping[str, object],
        *,
        namespace: str = "",
        subresource: str = "",
        field_manager: str = "",
    ) -> Mapping[str, object]:
        """Change some fields of an object.

        Raises:
            StoreUnavailableError: this process does not lead.
        """
        self._refuse_unless_leading(resource)
        return super().patch(
            resource, name, body, namespace=namespace, subresource=subresource, field_manager=field_manager
        )

    def delete(
        self, resource: Resource, name: str, *, namespace: str = "", uid: str = "", resource_version: str = ""
    ) -> bool:
        """Delete an object.

        Raises:
            StoreUnavailableError: this process does not lead.
        """
        self._refuse_unless_leading(resource)
        return super().delete(resource, name, namespace=namespace, uid=uid, resource_version=resource_version)

    def _refuse_unless_leading(self, resource: Resource) -> None:
        if not self._leads():
            raise StoreUnavailableError(f"no {resource.kind} was written: this process does not lead")
