"""Asks servers what we may, and compares that with what the manifests need. Sends nothing that changes anything.

A login is made and ended, as for a resolve; besides, only `sys/capabilities-self` of Vault and access reviews of a
cluster are sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast, runtime_checkable

from virtrigaud_secrets.clock import Clock, SystemClock
from virtrigaud_secrets.errors import ConfigurationError, SecretsError, UnsupportedFeatureError
from virtrigaud_secrets.models.backends.openbao import OpenBaoProvider
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.models.generators.vault_dynamic_secret import VaultDynamicSecretSpec
from virtrigaud_secrets.operations.policy import kubernetes, vault
from virtrigaud_secrets.operations.policy.demands import Demand, demands_of
from virtrigaud_secrets.operations.policy.derivation import Surroundings
from virtrigaud_secrets.operations.policy.document import Policy
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.cluster_access import find_cluster, where_looked
from virtrigaud_secrets.stores.cluster_objects import ClusterObjects, Resource
from virtrigaud_secrets.stores.references import KubernetesReferences

if TYPE_CHECKING:
    from virtrigaud_secrets.manifests import Catalog

PROBE: Final = "virtrigaud-secrets-asks-for-a-path-that-nobody-has"
"""A name that only a wildcard covers."""
POWERS: Final = ("auth/token/create", f"sys/auth/{PROBE}", f"sys/mounts/{PROBE}", f"sys/policies/acl/{PROBE}")
"""Paths by which a login could give itself more."""
VERBS: Final = ("create", "delete", "get", "list", "patch", "update", "watch")
"""Verbs that are asked for without a name, to find what is too much."""
NONE: Final = "none"
"""In place of a policy's name where there is no policy."""
_SHARED: Final = frozenset({"auth/token", "sys/leases"})
"""Below these the policy `default` grants a few paths, which say nothing of a wildcard."""


@runtime_checkable
class TellsCapabilities(Protocol):
    """A store client that can tell what its login may do."""

    def capabilities(self, paths: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """Path → capabilities."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a server says of one policy."""

    policy: str
    """Name of the policy."""
    identity: str
    """Whose rights they are."""
    lacking: tuple[str, ...] = ()
    """Rights that the manifests need and the server does not grant, as `capability on path`."""
    excess: tuple[str, ...] = ()
    """Rights that it grants and nobody needs."""
    error: SecretsError | None = None
    """Why it could not be asked."""

    @property
    def exact(self) -> bool:
        """Whether it grants what is needed, and nothing else that was asked for."""
        return not self.lacking and not self.excess and self.error is None


def verify(
    catalog: Catalog,
    *,
    settings: Settings,
    names: Iterable[tuple[str, str]] | None = None,
    surroundings: Surroundings | None = None,
) -> list[Verdict]:
    """Ask every Vault as the store's login, and the cluster as the process's own account.

    Other platforms have no way to ask without doing it. What cannot be asked or derived is a verdict with an error.

    Args:
        catalog: the manifests.
        settings: as for a resolve.
        names: as for `derive`.
        surroundings: as for `derive`.
    """
    known, clock = surroundings or Surroundings(), SystemClock()
    references = KubernetesReferences(settings, catalog=catalog, clock=clock)
    try:
        demands = demands_of(catalog, settings=settings, names=names, references=references, clock=clock)
        verdicts = [
            verify_vault(demand, vault.policy_of(demand, mounts=known.mounts))
            for demand in demands.stores
            if isinstance(demand.spec, (VaultProvider, OpenBaoProvider, VaultDynamicSecretSpec))
        ]
    finally:
        references.close()
    # What is not known to be needed cannot be said to be granted.
    verdicts += [Verdict(policy=NONE, identity="a manifest", error=fault) for fault in demands.faults]
    own = [one for one in kubernetes.policies_of(demands, catalog, settings) if one.name == kubernetes.OWN_POLICY]
    return verdicts + [_verify_own(policy, settings, clock) for policy in own]


def _verify_own(policy: Policy, settings: Settings, clock: Clock) -> Verdict:
    try:
        access = find_cluster(settings, clock)
    except ConfigurationError as error:
        return Verdict(policy=policy.name, identity=policy.identity, error=error)
    if access is None:
        nowhere = ConfigurationError(where_looked(settings))
        return Verdict(policy=policy.name, identity=policy.identity, error=nowhere)
    with closing(ClusterObjects(access, timeout=settings.request_timeout, clock=clock)) as objects:
        return verify_cluster(policy, objects)


def verify_vault(demand: Demand, policy: Policy) -> Verdict:
    """Ask Vault or OpenBao, as the store's login, about each path of its policy, the paths beside it, and `POWERS`."""
    rules = cast("Mapping[str, Mapping[str, object]]", cast("Mapping[str, object]", policy.document)["path"])
    wanted = {_asked_as(path): frozenset(cast("list[str]", rule["capabilities"])) for path, rule in rules.items()}
    beside = sorted({_beside(path) for path in rules if not path.endswith("*")} - {""} - wanted.keys())
    client = demand.factory.connect(demand.spec, demand.context)
    try:
        with client:
            if not isinstance(client, TellsCapabilities):
                raise UnsupportedFeatureError(f"{demand.key}: its client cannot ask what its login may do")
            granted = client.capabilities([*wanted, *beside, *POWERS])
    except SecretsError as error:
        return Verdict(policy=policy.name, identity=policy.identity, error=error)
    if any("root" in found for found in granted.values()):
        return Verdict(policy=policy.name, identity=policy.identity, excess=("root: everything",))
    return Verdict(
        policy=policy.name,
        identity=policy.identity,
        lacking=tuple(_missing(wanted, granted)),
        excess=tuple(_needless(wanted, granted)),
    )


def _asked_as(path: str) -> str:
    return path[:-1] + PROBE if path.endswith("*") else path


def _beside(path: str) -> str:
    """A path that lies where `path` does and that nobody has."""
    folder = path.rpartition("/")[0]
    return "" if not folder or folder in _SHARED else f"{folder}/{PROBE}"


def _missing(wanted: Mapping[str, frozenset[str]], granted: Mapping[str, frozenset[str]]) -> Iterable[str]:
    for path in sorted(wanted):
        for capability in sorted(wanted[path] - granted[path]):
            yield f"{capability} on {path}"


def _needless(wanted: Mapping[str, frozenset[str]], granted: Mapping[str, frozenset[str]]) -> Iterable[str]:
    for path in sorted(granted):
        for capability in sorted(granted[path] - wanted.get(path, frozenset())):
            shown = path.replace(PROBE, "*")
            yield f"{capability} on {shown}" + (" (a wildcard)" if shown != path and path not in POWERS else "")


def verify_cluster(policy: Policy, objects: ClusterObjects) -> Verdict:
    """Ask a cluster, as the process's own account, about each right of its policy, and the same for all names."""
    lacking: list[str] = []
    excess: list[str] = []
    try:
        for role in cast("list[Mapping[str, object]]", policy.document):
            if role["kind"] == "Role":
                _review(role, objects, lacking, excess)
    except SecretsError as error:
        return Verdict(policy=policy.name, identity=policy.identity, error=error)
    return Verdict(policy=policy.name, identity=policy.identity, lacking=tuple(lacking), excess=tuple(excess))


def _review(role: Mapping[str, object], objects: ClusterObjects, lacking: list[str], excess: list[str]) -> None:
    namespace = cast("Mapping[str, str]", role["metadata"])["namespace"]
    on_all: dict[str, set[str]] = {}
    for rule in cast("list[Mapping[str, list[str]]]", role["rules"]):
        (resource,) = rule["resources"]
        everywhere = on_all.setdefault(resource, set())
        names = rule.get("resourceNames", [""])
        everywhere.update(rule["verbs"] if "resourceNames" not in rule else ())
        lacking += [
            f"{verb} on {resource}{f' {name}' if name else ''} in {namespace}"
            for name in names
            for verb in rule["verbs"]
            if not _may(objects, verb, resource, namespace, name)
        ]
    excess += [
        f"{verb} on every one of {resource} in {namespace}"
        for resource, wanted in sorted(on_all.items())
        for verb in (VERBS if "/" not in resource else ("create",))
        if verb not in wanted and _may(objects, verb, resource, namespace, "")
    ]


def _may(objects: ClusterObjects, verb: str, resource: str, namespace: str, name: str) -> bool:
    plural, _, subresource = resource.partition("/")
    kind = Resource("", "v1", plural, "")
    return objects.reviewed(verb, kind, namespace=namespace, subresource=subresource, name=name)
