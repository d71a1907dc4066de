"""What RBAC lacks of what manifests need, for `doctor`. Asks for access reviews, which read no object."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.operations.diagnosis import Diagnosis, Level
from virtrigaud_secrets.operations.policy import kubernetes
from virtrigaud_secrets.operations.policy.demands import demands_of
from virtrigaud_secrets.operations.policy.document import Policy
from virtrigaud_secrets.operations.policy.verification import verify_cluster
from virtrigaud_secrets.stores.base import StoreKey
from virtrigaud_secrets.stores.cluster_objects import ClusterObjects

if TYPE_CHECKING:
    from virtrigaud_secrets.manifests import Catalog
    from virtrigaud_secrets.settings import Settings
    from virtrigaud_secrets.stores.cluster_access import ClusterAccess


class ClusterRights:
    """The rights that the manifests of a catalog need in clusters, by whose they are."""

    def __init__(self, catalog: Catalog, *, settings: Settings, clock: Clock) -> None:
        """Derive them. Sends nothing."""
        demands = demands_of(catalog, settings=settings, clock=clock)
        self._clock = clock
        self._policies = kubernetes.policies_of(demands, catalog, settings)

    def of_process(self, access: ClusterAccess, *, timeout: timedelta) -> Iterator[Diagnosis]:
        """Those of the process's own account, which stores without a login use too.

        Args:
            access: the process's cluster.
            timeout: the most that one request may take.
        """
        own = next((one for one in self._policies if one.name == kubernetes.OWN_POLICY), None)
        yield from self._reviewed(own, f"cluster {access.server}", access, timeout)

    def of_store(self, key: StoreKey, access: ClusterAccess, *, timeout: timedelta) -> Iterator[Diagnosis]:
        """Those of the account that a `kubernetes` store logs in as.

        Args:
            key: the store.
            access: its cluster and login.
            timeout: the most that one request may take.
        """
        # Not by its name, which two stores may share.
        who = kubernetes.account_of(key)
        its = next((one for one in self._policies if one.identity.partition(" at ")[0] == who), None)
        yield from self._reviewed(its, str(key), access, timeout)

    def _reviewed(
        self, policy: Policy | None, subject: str, access: ClusterAccess, timeout: timedelta
    ) -> Iterator[Diagnosis]:
        if policy is None:
            return
        with closing(ClusterObjects(access, timeout=timeout, clock=self._clock)) as objects:
            verdict = verify_cluster(policy, objects)
        if verdict.error is not None:
            advice = "mend the login: RBAC lets everybody who is logged in ask what they may do"
            yield _bad(subject, str(verdict.error), advice)
            return
        advice = "grant it: `virtrigaud-secrets policy` prints the Role that the manifests need"
        yield from (_bad(subject, f"RBAC does not grant {right}", advice) for right in verdict.lacking)
        if not verdict.lacking:
            yield Diagnosis(check="permission", subject=subject, message="RBAC grants all that the manifests need")


def _bad(subject: str, message: str, advice: str) -> Diagnosis:
    return Diagnosis(check="permission", subject=subject, level=Level.ERROR, message=message, advice=advice)
