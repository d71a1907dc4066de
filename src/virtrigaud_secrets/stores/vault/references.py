"""Reads the Kubernetes objects that a Vault spec refers to, each in the namespace ESO reads it in (ESO §3.0)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import StoreContext

if TYPE_CHECKING:
    from virtrigaud_secrets.models.references import CAProvider, SecretKeySelector, ServiceAccountSelector


def secret(
    selector: SecretKeySelector | None, context: StoreContext, *, field: str, default_key: str = ""
) -> Sensitive:
    """The value a selector names, without blanks around it: tokens and ids have none, files end in a newline.

    Raises:
        ConfigurationError: the selector names too little, or the value is not there or empty.
    """
    return _filled(Sensitive(_value(selector, context, field, default_key).reveal().strip()), context, field)


def password(selector: SecretKeySelector, context: StoreContext, *, field: str) -> Sensitive:
    """The password a selector names: blanks may belong to it, the newline at the end of a file does not.

    Raises:
        ConfigurationError: as `secret`.
    """
    return _filled(Sensitive(_value(selector, context, field, "").reveal().rstrip(b"\r\n")), context, field)


def _value(selector: SecretKeySelector | None, context: StoreContext, field: str, default_key: str) -> Sensitive:
    key = (None if selector is None else selector.key) or default_key
    if selector is None or not selector.name or not key:
        raise ConfigurationError(f"{context.store}: {field} must have a name and a key")
    return context.references.secret_value(selector.name, key, namespace=_namespace(selector.namespace, context))


def _filled(value: Sensitive, context: StoreContext, field: str) -> Sensitive:
    if not value:
        raise ConfigurationError(f"{context.store}: what {field} names is empty")
    return value


def service_account_token(
    selector: ServiceAccountSelector | None, context: StoreContext, *, audiences: Sequence[str] = ()
) -> Sensitive:
    """A token of the service account named, or of the pod's own where none is, for the selector's audiences and more.

    Raises:
        ConfigurationError: there is no identity to be had.
    """
    if selector is None:
        return context.references.service_account_token("", namespace=context.namespace)
    return context.references.service_account_token(
        selector.name,
        namespace=_namespace(selector.namespace, context),
        audiences=(*selector.audiences, *audiences),
    )


def authority(provider: CAProvider, context: StoreContext) -> bytes:
    """What a `caProvider` names.

    Raises:
        ConfigurationError: it names no key, or there is no such object.
    """
    if not provider.key:
        raise ConfigurationError(f"{context.store}: caProvider must have a key")
    namespace = _namespace(provider.namespace, context)
    if provider.type == "Secret":
        return context.references.secret_value(provider.name, provider.key, namespace=namespace).reveal()
    return context.references.config_map_value(provider.name, provider.key, namespace=namespace).encode()


def _namespace(written: str | None, context: StoreContext) -> str:
    return written if written and context.store.kind == "ClusterSecretStore" else context.namespace
