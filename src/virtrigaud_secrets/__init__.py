"""Credentials for VirtRigaud's VM providers, resolved in-process from ExternalSecret and SecretStore manifests.

```python
from virtrigaud_secrets import Resolver

with Resolver.from_path("manifests/") as resolver:
    bundle = resolver.resolve("vsphere-credentials", namespace="vsphere-providers")
```

Names are imported on first use: importing the package itself does no work.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle, Lease, Provenance
    from virtrigaud_secrets.clock import Clock, SystemClock
    from virtrigaud_secrets.errors import (
        AccessDeniedError,
        AuthenticationError,
        ConfigurationError,
        CredentialExpiredError,
        ManifestError,
        NotOwnedError,
        NotReadyError,
        PushError,
        ResolveError,
        SecretNotFoundError,
        SecretsError,
        StoreError,
        TemplateError,
        ValidationError,
    )
    from virtrigaud_secrets.events import Event, EventKind, Observer
    from virtrigaud_secrets.findings import Finding, Severity
    from virtrigaud_secrets.manifests import Catalog
    from virtrigaud_secrets.resolver.push_report import PushReport
    from virtrigaud_secrets.runtime.async_resolver import AsyncResolver, AsyncSubscription
    from virtrigaud_secrets.runtime.health import Health
    from virtrigaud_secrets.runtime.resolver import Resolver
    from virtrigaud_secrets.runtime.subscription import Subscription
    from virtrigaud_secrets.sensitive import Sensitive
    from virtrigaud_secrets.settings import Settings

__version__: Final = "0.1.0"

__all__ = [
    "AccessDeniedError",
    "AsyncResolver",
    "AsyncSubscription",
    "AuthenticationError",
    "Bundle",
    "Catalog",
    "Clock",
    "ConfigurationError",
    "CredentialExpiredError",
    "Event",
    "EventKind",
    "Finding",
    "Health",
    "Lease",
    "ManifestError",
    "NotOwnedError",
    "NotReadyError",
    "Observer",
    "Provenance",
    "PushError",
    "PushReport",
    "ResolveError",
    "Resolver",
    "SecretNotFoundError",
    "SecretsError",
    "Sensitive",
    "Settings",
    "Severity",
    "StoreError",
    "Subscription",
    "SystemClock",
    "TemplateError",
    "ValidationError",
]

_HOMES: Final = {
    "Bundle": "bundle",
    "Lease": "bundle",
    "Provenance": "bundle",
    "Catalog": "manifests",
    "Clock": "clock",
    "SystemClock": "clock",
    "Finding": "findings",
    "Severity": "findings",
    "PushReport": "resolver.push_report",
    "Resolver": "runtime.resolver",
    "AsyncResolver": "runtime.async_resolver",
    "Subscription": "runtime.subscription",
    "AsyncSubscription": "runtime.async_resolver",
    "Event": "events",
    "EventKind": "events",
    "Observer": "events",
    "Health": "runtime.health",
    "Sensitive": "sensitive",
    "Settings": "settings",
}
"""Public name → module that defines it; what is not listed is an error and lives in `errors`."""


_PACKAGES: Final = frozenset(
    {
        "credentials",
        "delivery",
        "errors",
        "events",
        "gjson",
        "manifests",
        "models",
        "observability",
        "operations",
        "stores",
        "template",
        "testing",
        "validation",
    }
)
"""Public packages and modules, so that `virtrigaud_secrets.manifests.load(…)` needs no import of its own."""


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    if name in _PACKAGES:
        return import_module(f"{__name__}.{name}")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
