"""Reads the Kubernetes objects that a store's spec selects, each in the namespace ESO reads it in (ESO §3.0).

Where such objects are found is decided by `references`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.golang import base64
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import StoreContext

if TYPE_CHECKING:
    from pydantic import BaseModel

    from virtrigaud_secrets.models.references import CAProvider, SecretKeySelector, ServiceAccountSelector


def namespace_of(written: str | None, context: StoreContext) -> str:
    """Where a reference is read: what it says counts in a ClusterSecretStore only."""
    return written if written and context.store.kind == "ClusterSecretStore" else context.namespace


def secret(selector: SecretKeySelector, context: StoreContext, *, field: str, default_key: str = "") -> Sensitive:
    """The value a selector names, as it is.

    Raises:
        ConfigurationError: the selector names too little, or the value is not there or empty.
    """
    key = selector.key or default_key
    if not selector.name or not key:
        raise ConfigurationError(f"{context.store}: {field} must have a name and a key")
    value = context.references.secret_value(selector.name, key, namespace=namespace_of(selector.namespace, context))
    if not value:
        raise ConfigurationError(f"{context.store}: what {field} names is empty")
    return value


def names_namespaces(spec: BaseModel) -> bool:
    """Whether each reference of a spec names the namespace it is read in, so that whoever asks gets the same answer."""
    waiting: list[object] = [spec]
    while waiting:
        part: object = waiting.pop()
        if isinstance(part, tuple):
            waiting += cast("tuple[object, ...]", part)
            continue
        fields = cast("Mapping[str, object]", getattr(type(part), "model_fields", {}))
        # All references have both, and nothing else has (ESO §1).
        if {"name", "namespace"} <= fields.keys() and getattr(part, "namespace", None) is None:
            return False
        waiting += [getattr(part, name) for name in fields]
    return True


@runtime_checkable
class KnowsServiceAccounts(Protocol):
    """References that can tell a service account's annotations; those that cannot are taken to know none."""

    def service_account_annotations(self, name: str, *, namespace: str) -> Mapping[str, str]:
        """The annotations, empty where nobody knows the account."""
        ...


def annotations_of(selector: ServiceAccountSelector, context: StoreContext) -> Mapping[str, str]:
    """The annotations of the service account named, empty where nobody knows it.

    Raises:
        StoreError: the cluster's API refused or did not answer.
    """
    references = context.references
    if not isinstance(references, KnowsServiceAccounts):
        return {}
    return references.service_account_annotations(selector.name, namespace=namespace_of(selector.namespace, context))


def service_account_token(
    selector: ServiceAccountSelector, context: StoreContext, *, lifetime: timedelta | None = None
) -> Sensitive:
    """A token of the service account named; one that is made for us lives as long as `lifetime`.

    Raises:
        ConfigurationError: there is no identity to be had.
    """
    return context.references.service_account_token(
        selector.name,
        namespace=namespace_of(selector.namespace, context),
        audiences=selector.audiences,
        lifetime=lifetime,
    )


def authorities(bundle: str | None, provider: CAProvider | None, context: StoreContext) -> str:
    """The certificates of `caBundle`, else of `caProvider`, else of `Settings.ca_file`, in PEM; empty if none is set.

    Raises:
        ConfigurationError: what is set holds no certificate, or cannot be found.
    """
    if bundle:
        return _decoded(bundle, context)
    if provider is not None:
        return _checked(_provided(provider, context), f"{context.store}: what caProvider names")
    if (path := context.settings.ca_file) is not None:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"Settings.ca_file ({path}) cannot be read: {error.strerror}") from None
        return _checked(content, f"Settings.ca_file ({path})")
    return ""


def _provided(provider: CAProvider, context: StoreContext) -> bytes:
    if not provider.key:
        raise ConfigurationError(f"{context.store}: caProvider must have a key")
    namespace = namespace_of(provider.namespace, context)
    if provider.type == "Secret":
        return context.references.secret_value(provider.name, provider.key, namespace=namespace).reveal()
    return context.references.config_map_value(provider.name, provider.key, namespace=namespace).encode()


def _decoded(written: str, context: StoreContext) -> str:
    """`caBundle` is base64 in JSON; people also write base64 of base64, which ESO takes (ESO §3.0)."""
    data = written.encode()
    for _ in range(2):
        try:
            data = base64.decode(data)
        except base64.Base64Error:
            break
        if b"-----BEGIN " in data:
            break
    return _checked(data, f"{context.store}: what caBundle holds in base64")


def _checked(content: bytes, place: str) -> str:
    """PEM as `ssl` takes it. Anything beyond ASCII can only be a comment."""
    if b"-----BEGIN CERTIFICATE-----" not in content and b"-----BEGIN TRUSTED CERTIFICATE-----" not in content:
        raise ConfigurationError(f"{place} is no PEM certificate")
    return content.decode("ascii", "ignore")
