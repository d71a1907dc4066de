"""From the manifests of a catalog to the policies of every platform. Which rights a request takes each tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from virtrigaud_secrets.errors import SecretsError
from virtrigaud_secrets.operations.policy.demands import Demand, demands_of
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
    aws_account: str = ""
    """AWS: number of the account whose secrets they are; by default that of a store's role, else any."""
    service_account: tuple[str, str] | None = None
    """Kubernetes: namespace and name of the process's own service account."""


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
    from virtrigaud_secrets.operations.policy import kubernetes

    policies += kubernetes.policies_of(demands, catalog, settings, account=known.service_account)
    return Derived(
        policies=tuple(_distinct(one for one in policies if one.platform in wanted)),
        without=tuple(without),
        faults=tuple(faults),
    )


def _distinct(policies: Iterable[Policy]) -> Iterable[Policy]:
    """Sorted, and none of another's name: namespace and name of two stores may make the same one."""
    seen: Counter[str] = Counter()
    for one in sorted(policies, key=lambda one: (one.platform, one.name, one.identity)):
        seen[one.name] += 1
        yield one if seen[one.name] == 1 else replace(one, name=f"{one.name}-{seen[one.name]}")


def _policies(demand: Demand, known: Surroundings) -> list[Policy] | None:
    """The policies for a store, None where its backend has none. Those for clusters are gathered over all stores."""
    from virtrigaud_secrets.models.backends.aws import AWSProvider
    from virtrigaud_secrets.models.backends.azurekv import AzureKVProvider
    from virtrigaud_secrets.models.backends.gcpsm import GCPSMProvider
    from virtrigaud_secrets.models.backends.kubernetes import KubernetesProvider
    from virtrigaud_secrets.models.backends.openbao import OpenBaoProvider
    from virtrigaud_secrets.models.backends.vault import VaultProvider
    from virtrigaud_secrets.models.generators.ecr import ECRAuthorizationTokenSpec
    from virtrigaud_secrets.models.generators.sts import STSSessionTokenSpec
    from virtrigaud_secrets.models.generators.vault_dynamic_secret import VaultDynamicSecretSpec
    from virtrigaud_secrets.operations.policy import aws, azure, gcp, vault

    match demand.spec:
        case VaultProvider() | OpenBaoProvider() | VaultDynamicSecretSpec():
            return [vault.policy_of(demand, mounts=known.mounts, default_policy=known.default_policy)]
        case AWSProvider() | ECRAuthorizationTokenSpec() | STSSessionTokenSpec():
            return aws.policies_of(demand, account=known.aws_account)
        case AzureKVProvider():
            return _known(azure.policy_of(demand))
        case GCPSMProvider():
            return _known(gcp.policy_of(demand))
        case KubernetesProvider():
            return []
        case _:
            return None


def _known(policy: Policy | None) -> list[Policy]:
    return [] if policy is None else [policy]
