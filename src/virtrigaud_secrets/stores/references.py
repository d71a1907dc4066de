"""Answers the references that stores make to Secrets, ConfigMaps and service accounts (ESO §3.0).

Decides where to look and in which order. Which namespace a reference is read in is the store's decision; requests to
the cluster are made by `cluster_api`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, Protocol

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import ClosedError, ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import LabelledSecret
from virtrigaud_secrets.stores.cluster_access import find_cluster, read_token, where_looked
from virtrigaud_secrets.stores.cluster_api import ClusterAPI, SecretObject

_NO_API_WANTED: Final = "the setting service_account_tokens is `projected`, so the cluster's API is not asked"


class ManifestObjects(Protocol):
    """The Secrets and ConfigMaps among the manifests. None means that there is no such object or key."""

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive | None:
        """One key of a Secret."""
        ...

    def labelled_secret(self, name: str, *, namespace: str) -> tuple[dict[str, str], dict[str, Sensitive]] | None:
        """Labels and values of a Secret."""
        ...

    def config_map_value(self, name: str, key: str, *, namespace: str) -> str | None:
        """One key of a ConfigMap."""
        ...

    def service_account_annotations(self, name: str, *, namespace: str) -> dict[str, str] | None:
        """The annotations of a ServiceAccount."""
        ...


ClusterOpener = Callable[[Settings, Clock], ClusterAPI | None]
"""Finds the cluster's API, if there is one."""


def open_cluster(settings: Settings, clock: Clock) -> ClusterAPI | None:
    """The cluster's API as the settings name it, or None. Sends nothing."""
    access = find_cluster(settings, clock)
    return None if access is None else ClusterAPI(access, timeout=settings.request_timeout, clock=clock)


class KubernetesReferences:
    """Looks among the manifests first, then in the cluster's API if there is one. Safe to use from several threads.

    Nothing is cached, as everything asked for here may rotate: stores ask when they log in.

    Service account tokens follow `Settings.service_account_tokens`:

    - `projected`: the pod's own `token` file.
    - `token-request`: the cluster's TokenRequest API, for the account that the store names.
    - `auto`: the file if there is one, else TokenRequest. Inside a pod we are the pod (ESO §5 row 15): the file goes
      first even when the store names another account or asks for an audience that the file's token does not have. A
      cluster that wants the other account to be used, and lets us, sets `token-request`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        catalog: ManifestObjects,
        clock: Clock | None = None,
        open_cluster: ClusterOpener = open_cluster,
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._clock = clock or SystemClock()
        self._open_cluster = open_cluster
        self._lock = threading.Lock()
        self._api: ClusterAPI | None = None
        self._closed = False

    def secret_value(self, name: str, key: str, *, namespace: str) -> Sensitive:
        """One key of a Kubernetes Secret.

        Raises:
            ConfigurationError: it cannot be found; names where was looked.
            StoreError: the cluster's API refused or did not answer.
        """
        self._refuse_if_closed()
        value = self._catalog.secret_value(name, key, namespace=namespace)
        if value is not None:
            return value
        api = self._cluster()
        data = api.secret(name, namespace=namespace) if api else None
        if data is not None and key in data:
            return data[key]
        raise self._not_found("Secret", name, key, namespace, api, seen=data is not None)

    def labelled_secret(self, name: str, *, namespace: str) -> LabelledSecret:
        """A Kubernetes Secret with its labels.

        Raises:
            ConfigurationError: it cannot be found; names where was looked.
            StoreError: the cluster's API refused or did not answer.
        """
        self._refuse_if_closed()
        written = self._catalog.labelled_secret(name, namespace=namespace)
        if written is not None:
            return LabelledSecret(labels=written[0], data=written[1])
        api = self._cluster()
        found = api.secret_object(name, namespace=namespace) if api else None
        if found is not None:
            return _labelled(found)
        elsewhere = where_looked(self._settings) if api is None else f"{api} has no such Secret"
        raise ConfigurationError(
            f"Secret {namespace}/{name} was not found: it is not among the manifests, and {elsewhere}"
        )

    def cluster_secrets(self, selector: str, *, namespace: str) -> dict[str, LabelledSecret]:
        """The cluster's Secrets with these labels, by name; none where no cluster is in reach.

        Args:
            selector: conditions as the API's `labelSelector` writes them.
            namespace: where they are.

        Raises:
            StoreError: the cluster's API refused or did not answer.
        """
        self._refuse_if_closed()
        api = self._cluster()
        found = api.secrets(namespace=namespace, selector=selector) if api else ()
        return {secret.name: _labelled(secret) for secret in found}

    def config_map_value(self, name: str, key: str, *, namespace: str) -> str:
        """One key of a ConfigMap.

        Raises:
            ConfigurationError: it cannot be found; names where was looked.
            StoreError: the cluster's API refused or did not answer.
        """
        self._refuse_if_closed()
        value = self._catalog.config_map_value(name, key, namespace=namespace)
        if value is not None:
            return value
        api = self._cluster()
        data = api.config_map(name, namespace=namespace) if api else None
        if data is not None and key in data:
            return data[key]
        raise self._not_found("ConfigMap", name, key, namespace, api, seen=data is not None)

    def service_account_token(
        self, name: str, *, namespace: str, audiences: Sequence[str] = (), lifetime: timedelta | None = None
    ) -> Sensitive:
        """A token that proves to be this service account, or the pod's own where that is all there is.

        `name` may be empty for the pod's own account, which only its file can prove.

        Raises:
            ConfigurationError: there is no identity to be had; names where was looked.
            StoreError: the cluster's API refused or did not answer.
        """
        self._refuse_if_closed()
        source = self._settings.service_account_tokens
        file = self._settings.service_account_directory / "token"
        if source == "projected" or not name or (source == "auto" and file.exists()):
            if not file.exists():
                raise self._no_identity(name, namespace, _NO_API_WANTED if source == "projected" else "")
            return read_token(file)
        api = self._cluster()
        if api is None:
            raise self._no_identity(name, namespace, where_looked(self._settings))
        token = api.service_account_token(name, namespace=namespace, audiences=audiences, lifetime=lifetime)
        if token is None:
            raise ConfigurationError(f"{api} has no ServiceAccount {namespace}/{name}")
        return token

    def service_account_annotations(self, name: str, *, namespace: str) -> dict[str, str]:
        """The annotations of a service account, empty where nobody knows it.

        Raises:
            StoreError: the cluster's API refused or did not answer.
        """
        self._refuse_if_closed()
        written = self._catalog.service_account_annotations(name, namespace=namespace)
        if written is not None:
            return written
        api = self._cluster()
        found = api.service_account_annotations(name, namespace=namespace) if api else None
        return found or {}

    def namespace_labels(self, name: str) -> dict[str, str] | None:
        """The labels of a namespace as the cluster has it, None where nobody knows it.

        Raises:
            StoreError: the cluster's API refused or did not answer.
        """
        self._refuse_if_closed()
        api = self._cluster()
        return api.namespace_labels(name) if api else None

    def close(self) -> None:
        """Close the connections to the cluster. The second call does nothing."""
        with self._lock:
            self._closed = True
            api, self._api = self._api, None
        if api is not None:
            api.close()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ClosedError("the references to Kubernetes objects were closed")

    def _cluster(self) -> ClusterAPI | None:
        """The cluster's API. Looked for until found: a pod's directory may be mounted late."""
        with self._lock:
            self._refuse_if_closed()
            if self._api is None:
                self._api = self._open_cluster(self._settings, self._clock)
            return self._api

    def _not_found(
        self, kind: str, name: str, key: str, namespace: str, api: ClusterAPI | None, *, seen: bool
    ) -> ConfigurationError:
        if api is None:
            elsewhere = where_looked(self._settings)
        elif seen:
            elsewhere = f"{api} has the {kind}, without that key"
        else:
            elsewhere = f"{api} has no such {kind}"
        return ConfigurationError(
            f"{kind} {namespace}/{name}, key {key!r}, was not found: it is not among the manifests, and {elsewhere}"
        )

    def _no_identity(self, name: str, namespace: str, elsewhere: str) -> ConfigurationError:
        whose = f"service account {namespace}/{name}" if name else "the pod's own service account"
        looked = f"there is no token file {self._settings.service_account_directory / 'token'}"
        if self._settings.service_account_tokens == "token-request" and name:
            looked = "the setting service_account_tokens is `token-request`"
        return ConfigurationError(
            f"no token for {whose}: {looked}{f', and {elsewhere}' if elsewhere else ''}. "
            "Run in a pod with a service account, or set a kubeconfig whose user may create serviceaccounts/token"
        )


def _labelled(secret: SecretObject) -> LabelledSecret:
    annotations = {key: value.reveal_text() for key, value in secret.annotations.items()}
    return LabelledSecret(labels=secret.labels, data=secret.data, annotations=annotations, type=secret.type)
