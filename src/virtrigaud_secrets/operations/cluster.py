"""The cluster an operation works in: found by the settings, or a clear error that there is none."""

from __future__ import annotations

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.cluster_access import find_cluster, where_looked
from virtrigaud_secrets.stores.cluster_objects import ClusterObjects


def connect(settings: Settings, *, clock: Clock | None = None) -> ClusterObjects:
    """The cluster of the kubeconfig, or the one this pod runs in. Sends nothing; whoever asks closes it.

    Raises:
        ConfigurationError: there is none, or what names it cannot be used.
    """
    time = clock or SystemClock()
    access = find_cluster(settings, time)
    if access is None:
        raise ConfigurationError(f"{where_looked(settings)}: name a kubeconfig with --kubeconfig or KUBECONFIG")
    return ClusterObjects(access, timeout=settings.request_timeout, clock=time)
