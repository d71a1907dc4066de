"""`ClusterSecret`: a bundle as a Secret of a cluster, written the way ESO writes its targets, without a controller."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.delivery.following import follow
from virtrigaud_secrets.delivery.target_decision import Action
from virtrigaud_secrets.delivery.target_writer import TargetWriter
from virtrigaud_secrets.errors import ClosedError, ConfigurationError
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.cluster_access import find_cluster, where_looked
from virtrigaud_secrets.stores.cluster_objects import ClusterObjects

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle
    from virtrigaud_secrets.delivery.secret_target import SecretTarget
    from virtrigaud_secrets.runtime.subscription import Subscription


class ClusterSecret:
    """A Kubernetes Secret that holds a bundle.

    ```python
    with ClusterSecret(SecretTarget(name="vsphere-credentials", namespace="vsphere-providers")) as secret:
        secret.follow(resolver.subscribe("vsphere-credentials", namespace="vsphere-providers"))
    ```

    Leaving the block stops following; the Secret stays for its readers. Leases end with the resolver that holds them.
    """

    def __init__(
        self, target: SecretTarget, *, cluster: ClusterObjects | None = None, settings: Settings | None = None
    ) -> None:
        """Sends nothing before the first `write`.

        Args:
            target: which Secret, and what may be done to one that is there.
            cluster: the cluster's API; closing it is the caller's business. By default the kubeconfig's of the
                settings, else the one that this pod runs in.
            settings: by default those of the environment.

        Raises:
            ConfigurationError: there is no cluster.
            MissingDependencyError: the Kubernetes client is not installed.
        """
        self._target: Final = target
        self._own: ClusterObjects | None = None
        if cluster is None:
            self._own = cluster = _connect(settings or Settings.from_environment())
        self._writer: Final = TargetWriter(cluster)
        self._lock: Final = threading.Lock()
        self._followed: list[Callable[[], None]] = []
        self._closed = False

    def write(self, bundle: Bundle) -> bool:
        """Make the Secret what the bundle is. Where it is already, nothing is sent but the question.

        Returns:
            Whether anything was written. Under `Merge` nothing is where there is no Secret, nor ever under `None`.

        Raises:
            NotOwnedError: another ExternalSecret or controller owns the Secret.
            ImmutableSecretError: it is immutable and holds something else, or its type is to change.
            StoreError: the cluster refuses the write, or gives no usable answer. No write is half done.
            ClosedError: it was closed.
        """
        if self._closed:
            raise ClosedError(f"{self!r} was closed")
        decision = self._writer.write(self._target, bundle)
        if decision.failure is not None:
            raise decision.failure
        return decision.action is not Action.LEAVE

    def follow(self, subscription: Subscription[Bundle]) -> None:
        """Write what a subscription holds, now and after every rotation, until `close`.

        Raises:
            SecretsError: as `write`, and where the subscription holds nothing valid.
        """
        end = follow(subscription, self.write, what=f"the Secret {self._target.namespace}/{self._target.name}")
        with self._lock:
            self._followed.append(end)

    def close(self) -> None:
        """Stop following. The Secret stays. The second call does nothing."""
        with self._lock:
            ends, self._followed = self._followed, []
            self._closed = True
        for end in ends:
            end()
        if self._own is not None:
            self._own.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Which Secret."""
        return f"<ClusterSecret {self._target.namespace}/{self._target.name}>"


def _connect(settings: Settings) -> ClusterObjects:
    clock = SystemClock()
    access = find_cluster(settings, clock)
    if access is None:
        raise ConfigurationError(f"no Secret can be written: {where_looked(settings)}")
    return ClusterObjects(access, timeout=settings.request_timeout, clock=clock)
