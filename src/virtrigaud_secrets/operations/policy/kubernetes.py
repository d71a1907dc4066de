"""Kubernetes: the least that reading references and Secrets of a cluster needs, as Roles and RoleBindings.

Two kinds of accounts: the process's own, which reads what manifests refer to, and those that `kubernetes` stores use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

import yaml

from virtrigaud_secrets.models.backends.kubernetes import KubernetesProvider
from virtrigaud_secrets.models.backends.vault import VaultAuth, VaultProvider
from virtrigaud_secrets.models.generators.vault_dynamic_secret import VaultDynamicSecretSpec
from virtrigaud_secrets.models.references import CAProvider, SecretKeySelector, ServiceAccountSelector
from virtrigaud_secrets.operations.policy.demands import Demand, Demands
from virtrigaud_secrets.operations.policy.document import Platform, Policy, comment, file_name
from virtrigaud_secrets.stores.base import StoreKey
from virtrigaud_secrets.stores.selectors import namespace_of
from virtrigaud_secrets.stores.vault.auth_methods import METHODS

if TYPE_CHECKING:
    from virtrigaud_secrets.manifests import Catalog
    from virtrigaud_secrets.models.external_secret import ExternalSecretTemplate
    from virtrigaud_secrets.settings import Settings

GROUP: Final = "rbac.authorization.k8s.io"
OWN_POLICY: Final = "kubernetes-process"
"""Name of the policy of the process's own account."""
ROLE: Final = "virtrigaud-secrets"
"""Name of the Role and RoleBinding in each namespace; that of a store's account has the store's name behind it."""


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """Who is to have rights."""

    namespace: str
    """Namespace of the service account; empty where nobody said which it is."""
    name: str
    """Its name."""


@dataclass(slots=True)
class _Rights:
    """The rights of one account: namespace → resource → name → verbs. The empty name stands for all of them."""

    account: Account | None
    role: str
    who: str
    place: tuple[str, str] = ("", "")
    found: dict[str, dict[str, dict[str, set[str]]]] = field(default_factory=dict[str, dict[str, dict[str, set[str]]]])
    notes: dict[str, None] = field(default_factory=dict[str, None])

    def allow(self, namespace: str, resource: str, name: str, *verbs: str) -> None:
        self.found.setdefault(namespace, {}).setdefault(resource, {}).setdefault(name, set()).update(verbs)


def policies_of(
    demands: Demands, catalog: Catalog, settings: Settings, *, account: tuple[str, str] | None = None
) -> list[Policy]:
    """The policies of the process's account and of those that stores log in as.

    Args:
        demands: what the manifests ask.
        catalog: the manifests; what they hold themselves is not read from a cluster.
        settings: where tokens of service accounts come from.
        account: namespace and name of the process's own service account.
    """
    own = _Rights(Account(*account) if account else None, ROLE, "the process's own service account")
    gathering = _Gathering(own, catalog, settings)
    for demand in demands.stores:
        gathering.references(demand)
        if isinstance(demand.spec, KubernetesProvider):
            gathering.store(demand, demand.spec)
    for plan in demands.plans:
        gathering.template(plan.target.template, plan.namespace)
    for document in demands.pushes:
        gathering.template(document.spec.template, document.namespace)
        secret = document.spec.selector.secret
        if secret is not None and secret.name is not None:
            gathering.pushed(secret.name, document.namespace)
    return [_policy(rights) for rights in gathering.all() if rights.found]


def account_of(store: StoreKey) -> str:
    """The account that a store logs in as, in words: how the identity of its policy begins."""
    return f"the account of {store}"


class _Gathering:
    """The state of gathering."""

    def __init__(self, own: _Rights, catalog: Catalog, settings: Settings) -> None:
        self._own = own
        self._catalog = catalog
        self._requests_tokens = settings.service_account_tokens == "token-request"
        self._of_stores: list[_Rights] = []

    def all(self) -> list[_Rights]:
        return [self._own, *self._of_stores]

    def references(self, demand: Demand) -> None:
        """What a store's spec refers to."""
        annotated = _looks_at_annotations(demand.spec)
        for part in _selectors(demand.spec):
            namespace = namespace_of(part.namespace, demand.context)
            if isinstance(part, ServiceAccountSelector):
                self._service_account(part.name, namespace, annotated=annotated)
            elif isinstance(part, CAProvider) and part.type == "ConfigMap":
                self._config_map(part.name, namespace, part.key or "")
            elif part.name:
                self._secret(part.name, namespace)

    def template(self, template: ExternalSecretTemplate | None, namespace: str) -> None:
        """What `templateFrom` names."""
        for source in () if template is None else template.template_from:
            if source.secret is not None:
                self._secret(source.secret.name, namespace)
            if source.config_map is not None:
                for item in source.config_map.items:
                    self._config_map(source.config_map.name, namespace, item.key)

    def pushed(self, name: str, namespace: str) -> None:
        """A Secret that is pushed, unless an ExternalSecret makes it."""
        made = any(
            document.namespace == namespace and (document.spec.target.name or document.name) == name
            for document in self._catalog.external_secrets
        )
        if not made:
            self._secret(name, namespace)

    def store(self, demand: Demand, spec: KubernetesProvider) -> None:
        """What a store reads and writes in its cluster."""
        rights = self._rights_of(demand, spec)
        namespace = spec.remote_namespace
        for preview, _ in demand.reads:
            rights.allow(namespace, "secrets", preview.fetch.key, "get")
        for _ in demand.searches:
            rights.allow(namespace, "secrets", "", "list")
            rights.notes["RBAC cannot narrow a list: every Secret of the namespace may be read"] = None
        for write, _ in demand.writes:
            rights.allow(namespace, "secrets", write.key, "get", "update", *(["delete"] if write.deletes else []))
            rights.allow(namespace, "secrets", "", "create")
            if write.metadata:
                rights.notes["a push may name another namespace in its metadata: write that Role by hand"] = None
        rights.notes |= dict.fromkeys(demand.notes)

    def _rights_of(self, demand: Demand, spec: KubernetesProvider) -> _Rights:
        auth = spec.auth
        if auth is None and spec.auth_ref is None:
            return self._own
        account = auth.service_account if auth is not None else None
        if account is not None and not self._requests_tokens:
            note = f"{demand.key}: in a pod with a token file, the pod's own account stands in for {account.name}"
            self._own.notes[note] = None
            return self._own
        subject = None
        if account is not None:
            subject = Account(namespace_of(account.namespace, demand.context), account.name)
        who = account_of(demand.key) + (f" at {spec.server.url}" if spec.server.url else "")
        rights = _Rights(subject, f"{ROLE}-{demand.key.name}", who, (demand.key.namespace, demand.key.name))
        if subject is None:
            rights.notes["the store logs in by a token, certificate or kubeconfig: bind the Role to its user"] = None
        self._of_stores.append(rights)
        return rights

    def _secret(self, name: str, namespace: str) -> None:
        if self._catalog.secret(name, namespace=namespace) is None:
            self._own.allow(namespace, "secrets", name, "get")

    def _config_map(self, name: str, namespace: str, key: str) -> None:
        if self._catalog.config_map_value(name, key, namespace=namespace) is None:
            self._own.allow(namespace, "configmaps", name, "get")

    def _service_account(self, name: str, namespace: str, *, annotated: bool) -> None:
        if self._requests_tokens:
            self._own.allow(namespace, "serviceaccounts/token", name, "create")
        if annotated and self._catalog.service_account_annotations(name, namespace=namespace) is None:
            self._own.allow(namespace, "serviceaccounts", name, "get")


_Selector = SecretKeySelector | ServiceAccountSelector | CAProvider


def _selectors(spec: object) -> Iterable[_Selector]:
    """The references of a spec that count: of several logins of Vault, the first."""
    waiting: list[object] = [spec]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, tuple):
            waiting += cast("tuple[object, ...]", part)
            continue
        if isinstance(part, (SecretKeySelector, ServiceAccountSelector, CAProvider)):
            yield part
            continue
        fields = cast("Mapping[str, object]", getattr(type(part), "model_fields", {}))
        names = list(fields)
        chosen = _chosen_login(part, names)
        waiting += [getattr(part, name) for name in names if chosen is None or name == chosen]


def _looks_at_annotations(spec: object) -> bool:
    """Whether a service account's annotations tell who it is elsewhere: in a cloud, and for Vault's logins by one."""
    vault = spec.provider if isinstance(spec, VaultDynamicSecretSpec) else spec
    if isinstance(vault, VaultProvider):
        return vault.auth is not None and _chosen_login(vault.auth, list(METHODS)) in {"iam", "gcp"}
    return not isinstance(spec, KubernetesProvider)


def _chosen_login(part: object, names: list[str]) -> str | None:
    """The field of a Vault login that is used, None for anything else."""
    if not isinstance(part, VaultAuth):
        return None
    return next((name for name in METHODS if name in names and getattr(part, name) is not None), None)


def _policy(rights: _Rights) -> Policy:
    documents: list[dict[str, object]] = []
    for namespace in sorted(rights.found):
        metadata = {"name": rights.role, "namespace": namespace}
        rules = _rules(rights.found[namespace])
        documents.append({"apiVersion": f"{GROUP}/v1", "kind": "Role", "metadata": metadata, "rules": rules})
        if rights.account is not None:
            documents.append(_binding(metadata, rights.account))
    notes = list(rights.notes)
    if rights.account is None and rights.role == ROLE:
        notes.insert(0, "nobody said which account the process has, so nothing is bound: --service-account tells")
    head = [comment(f"What {rights.who} needs."), *(comment(f"Note: {note}") for note in notes)]
    text = yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True)
    return Policy(
        platform=Platform.KUBERNETES,
        identity=rights.who,
        name=OWN_POLICY if rights.role == ROLE else file_name(Platform.KUBERNETES, *rights.place),
        suffix=".yaml",
        text="\n".join(head) + "\n" + text,
        document=documents,
        notes=tuple(notes),
    )


def _rules(resources: Mapping[str, Mapping[str, set[str]]]) -> list[dict[str, object]]:
    """One rule for all names of a resource that may be done the same to."""
    rules: list[dict[str, object]] = []
    for resource in sorted(resources):
        by_verbs: dict[tuple[str, ...], list[str]] = {}
        for name, verbs in resources[resource].items():
            by_verbs.setdefault((*sorted(verbs), "" if name else "*"), []).append(name)
        for allowed, names in sorted(by_verbs.items()):
            rule: dict[str, object] = {"apiGroups": [""], "resources": [resource]}
            if allowed[-1] != "*":
                rule["resourceNames"] = sorted(names)
            rules.append({**rule, "verbs": list(allowed[:-1])})
    return rules


def _binding(metadata: Mapping[str, str], account: Account) -> dict[str, object]:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": dict(metadata),
        "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": metadata["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": account.name, "namespace": account.namespace}],
    }
