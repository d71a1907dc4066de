"""Which cluster a spec names and who we are there. Requests belong in `client`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.golang import base64
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores import selectors
from virtrigaud_secrets.stores.base import StoreContext
from virtrigaud_secrets.stores.cluster_access import (
    ClusterAccess,
    checked_server,
    checked_token,
    find_cluster,
    parse_kubeconfig,
    where_looked,
)

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.kubernetes import KubernetesProvider

TOKEN_LIFETIME: Final = timedelta(hours=1)
"""What ESO asks for."""

RENEWAL_MARGIN: Final = timedelta(seconds=60)
"""A service account's token is asked for anew this long before it ends, so that no request starts with a dying one."""

_OWN_CLUSTER: Final = frozenset(
    {"kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
)


def access_of(spec: KubernetesProvider, context: StoreContext) -> ClusterAccess:
    """The cluster and identity that `spec` names. Reads references and files; asks the store's cluster nothing.

    Raises:
        ConfigurationError: a reference cannot be answered, or what it names cannot be used.
        StoreError: the cluster that holds the references refused or did not answer.
    """
    if spec.auth_ref is not None:
        content = selectors.secret(spec.auth_ref, context, field="authRef")
        access = parse_kubeconfig(content, f"{context.store}, authRef", context.clock)
        return replace(access, server=context.settings.address(access.server))
    if spec.auth is None:
        return _own_access(spec, context)
    access = _server(spec, context)
    auth = spec.auth
    if auth.token is not None:
        found = selectors.secret(auth.token.bearer_token, context, field="auth.token.bearerToken")
        token = checked_token(found.reveal(), f"{context.store}: what auth.token.bearerToken names")
        return replace(access, token=lambda: token)
    if (account := auth.service_account) is not None:
        return replace(
            access,
            token=HeldToken(
                lambda: selectors.service_account_token(account, context, lifetime=TOKEN_LIFETIME), context.clock
            ),
        )
    if auth.cert is not None:
        certificate = selectors.secret(auth.cert.client_cert, context, field="auth.cert.clientCert")
        key = selectors.secret(auth.cert.client_key, context, field="auth.cert.clientKey")
        return replace(access, client_certificate=certificate.reveal(), client_key=key)
    raise ConfigurationError(f"{context.store}: auth must have one of token, serviceAccount and cert")


def _server(spec: KubernetesProvider, context: StoreContext) -> ClusterAccess:
    """The spec's server, nobody logged in."""
    trusted = selectors.authorities(spec.server.ca_bundle, spec.server.ca_provider, context)
    written = spec.server.url
    address = context.settings.address(written)
    if address == written.rstrip("/") and _is_own(written):
        home = find_cluster(context.settings, context.clock)
        if home is not None:
            return ClusterAccess(
                server=home.server,
                origin=str(context.store),
                authorities=trusted or home.authorities,
                server_name=home.server_name,
                proxy=home.proxy,
            )
    server = checked_server(address if "://" in address else f"https://{address}", str(context.store))
    return ClusterAccess(server=server, origin=str(context.store), authorities=trusted)


def _own_access(spec: KubernetesProvider, context: StoreContext) -> ClusterAccess:
    """This process's own cluster and identity. Never shown to a server that a manifest names."""
    if context.settings.strict:
        raise ConfigurationError(f"{context.store}: neither auth nor authRef is set, which ESO refuses")
    home = find_cluster(context.settings, context.clock)
    if home is None:
        raise ConfigurationError(
            f"{context.store}: neither auth nor authRef is set, and {where_looked(context.settings)}"
        )
    server = spec.server.url
    if not _is_own(server) and context.settings.address(server) != home.server:
        raise ConfigurationError(
            f"{context.store}: neither auth nor authRef is set, and our own identity is shown only to our own cluster "
            f"({home.origin}), not to {server}"
        )
    trusted = selectors.authorities(spec.server.ca_bundle, spec.server.ca_provider, context)
    return replace(home, authorities=trusted or home.authorities)


def _is_own(url: str) -> bool:
    """Whether it is one of the names that every cluster gives its own API."""
    return url.rstrip("/").removeprefix("https://").removesuffix(":443") in _OWN_CLUSTER


class HeldToken:
    """A service account's token, kept until shortly before its end. Safe to use from several threads."""

    def __init__(self, ask: Callable[[], Sensitive], clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Sensitive | None = None
        self._ends_at: datetime | None = None

    def __call__(self) -> Sensitive:
        """The token."""
        # Held while asking, on purpose: one new token serves all threads.
        with self._lock:
            if self._token is None or self._ends_at is None or self._clock.now() >= self._ends_at - RENEWAL_MARGIN:
                self._token = checked_token(self._ask().reveal(), "the service account's token")
                self._ends_at = _end_of(self._token)
            return self._token


def _end_of(token: Sensitive) -> datetime | None:
    """When a JSON web token ends by its own account; None, so that it is not kept, where it does not say."""
    _, _, rest = token.reveal().partition(b".")
    claims = rest.partition(b".")[0]
    try:
        found: object = json.loads(base64.decode(claims + b"=" * (-len(claims) % 4), url=True))
    except (base64.Base64Error, ValueError, RecursionError):
        return None
    end = cast("dict[str, object]", found).get("exp") if isinstance(found, dict) else None
    try:
        return datetime.fromtimestamp(end, UTC) if isinstance(end, int) else None
    except (OverflowError, ValueError, OSError):
        return None
