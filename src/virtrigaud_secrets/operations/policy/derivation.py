"""From the manifests of a catalog to the policies of every platform. Which rights a request takes each tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.operations.policy.demands import Demand, Demands, demands_of
from virtrigaud_secrets.operations.policy.document import Platform, Policy
from virtrigaud_secrets.settings import Settings

if TYPE_CHECKING:
    from virtrigaud_secrets.manifests import Catalog


def _no_mounts() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What manifests do not tell of the platforms."""

    mounts: Mapping[str, str] = field(default_factory=_no_mounts)
    """Vault: path → type (`kv`, `kv-v1`, `database`, `pki`…) of engines that keys outside the store's own name."""
    default_policy: bool = False
    """Vault: whether logins have the policy `default` too, whose rights are left out then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What was derived."""

    policies: tuple[Policy, ...]
    """The policies, by platform and name."""
    without: tuple[str, ...]
    """Stores whose backend has no policies of its own."""
    faults: tuple[SecretsError, ...]
    """What is wrong with manifests of which nothing could be derived."""


def derive(
    catalog: Catalog,
    *,
    settings: Settings,
    names: Iterable[tuple[str, str]] | None = None,
    platforms: Iterable[Platform] = tuple(Platform),
    surroundings: Surroundings | None = None,
) -> Derived:
    """The least that the manifests need, as policies. Sends nothing.

    Args:
        catalog: the manifests.
        settings: what the process that will resolve them decides; parameters of issuing endpoints are part of it.
        names: namespace and name of the ExternalSecrets that count; by default all of them, and all PushSecrets.
        platforms: whose policies are wanted.
        surroundings: what manifests do not tell.
    """
    demands = demands_of(catalog, settings=settings, names=names)
    known = surroundings or Surroundings()
    wanted = frozenset(platforms)
    policies: list[Policy] = []
    without: list[str] = []
    faults = list(demands.faults)
    for demand in demands.stores:
        try:
            found = _policies(demand, known)
        except SecretsError as error:
            faults.append(error)
            continue
        if found is None:
            without.append(str(demand.key))
        policies += found or ()
    policies += _of_cluster(demands)
    return Derived(
        policies=tuple(
            sorted((one for one in policies if one.platform in wanted), key=lambda one: (one.platform, one.name))
        ),
        without=tuple(without),
        faults=tuple(faults),
    )


def _policies(demand: Demand, known: Surroundings) -> list[Policy] | None:
    """The policies for a store, None where its backend has none."""
    from virtrigaud_secrets.models.backends.openbao import OpenBaoProvider
    from virtrigaud_secrets.models.backends.vault import VaultProvider
    from virtrigaud_secrets.models.generators.vault_dynamic_secret import VaultDynamicSecretSpec
    from virtrigaud_secrets.operations.policy import vault

    if isinstance(demand.spec, (VaultProvider, OpenBaoProvider, VaultDynamicSecretSpec)):
        return [vault.policy_of(demand, mounts=known.mounts, default_policy=known.default_policy)]
    return None


def _of_cluster(demands: Demands) -> list[Policy]:
    del demands
    return []
