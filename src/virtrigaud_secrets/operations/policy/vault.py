"""Vault and OpenBao: the least that a store's login needs, as a policy in HCL.

What a client sends is told by `stores.vault`; each rule here stands for requests of it. Login paths need no policy, and
neither does `sys/internal/ui/mounts`: the server answers every token that may do something below the mount.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.errors import InvalidRequestError
from virtrigaud_secrets.models.backends.openbao import OpenBaoProvider
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.models.generators.vault_dynamic_secret import VaultDynamicSecretSpec
from virtrigaud_secrets.operations.policy.demands import Demand, Write
from virtrigaud_secrets.operations.policy.document import Platform, Policy, comment, listed, name_of
from virtrigaud_secrets.operations.policy.patterns import literal_start
from virtrigaud_secrets.stores.vault.engines import Mount, guess, request_body
from virtrigaud_secrets.stores.vault.paths import kv_metadata_path, kv_path, plain
from virtrigaud_secrets.stores.vault.routes import Route, Router

if TYPE_CHECKING:
    from virtrigaud_secrets.stores.base import Preview, Query

RENEW_LEASE: Final = "sys/leases/renew"
LOOK_UP_LEASE: Final = "sys/leases/lookup"
REVOKE_LEASE: Final = "sys/leases/revoke"
RENEW_TOKEN: Final = "auth/token/renew-self"  # noqa: S105  # a path
LOOK_UP_TOKEN: Final = "auth/token/lookup-self"  # noqa: S105  # a path
REVOKE_TOKEN: Final = "auth/token/revoke-self"  # noqa: S105  # a path

IN_DEFAULT_POLICY: Final = frozenset({RENEW_LEASE, LOOK_UP_LEASE, RENEW_TOKEN, LOOK_UP_TOKEN, REVOKE_TOKEN})
"""What the policy `default` of Vault and OpenBao grants already, which a token has unless its role says otherwise."""

_CERTIFICATES: Final = re.compile(r"/(issue|sign|sign-verbatim)/[^/]+$")
"""Endpoints whose answer outlives the login: closing does not end the token that it hangs on."""
_UNLEASED: Final = frozenset({"transit", "token"})
"""Engines that give nothing that could be renewed by `RENEW_LEASE`."""
_VERBS: Final[Mapping[str, str]] = {"GET": "read", "LIST": "list", "DELETE": "delete"}
"""HTTP verb → capability; every other one writes."""
_CAPABILITIES: Final = ("create", "read", "update", "delete", "list")
"""In the order in which Vault's documentation writes them."""
_UNSPEAKABLE: Final = re.compile(r"\*$|(^|/)\+(/|$)|\{\{|\$\{")
"""What a policy's path takes for something else than itself."""


@dataclass(slots=True)
class Rule:
    """One `path` block."""

    path: str
    """The path; with `*` at its end, everything that begins so."""
    capabilities: set[str] = field(default_factory=set[str])
    """What may be done there."""
    parameters: dict[str, set[str] | None] | None = None
    """`allowed_parameters`: the names that a request may have and the values, as JSON, that they may take, None for
    any value; no names for a request without parameters. None as a whole where a request takes none anyway."""
    reasons: set[str] = field(default_factory=set[str])
    """What for."""


def policy_of(demand: Demand, *, mounts: Mapping[str, str] | None = None, default_policy: bool = False) -> Policy:
    """The policy for the login of a store.

    Args:
        demand: what is asked of the store.
        mounts: path → type (`kv`, `kv-v1`, `pki`, `database`…) of engines that the server has. Without them, a key
            outside the store's own engine is taken for what it looks like.
        default_policy: whether the login has the server's policy `default` too, so that its rights are left out.
    """
    rules = _Rules(demand, mounts or {})
    rules.gather()
    found = [rule for rule in rules.sorted() if not (default_policy and rule.path in IN_DEFAULT_POLICY)]
    provider = _provider(demand)
    where = f" in namespace {provider.namespace}" if provider.namespace else ""
    identity = f"the login of {demand.key} at {provider.server}{where}"
    notes = (*demand.notes, *rules.notes)
    head = [comment(f"What {identity} needs."), *(comment(f"Note: {note}") for note in notes)]
    return Policy(
        platform=Platform.VAULT,
        identity=identity,
        name=name_of(Platform.VAULT, demand.key),
        suffix=".hcl",
        text="\n\n".join(["\n".join(head), *map(_as_hcl, found)]) + "\n",
        document={"path": {rule.path: _as_json(rule) for rule in found}},
        notes=notes,
    )


def _provider(demand: Demand) -> VaultProvider | OpenBaoProvider:
    spec = demand.spec.provider if isinstance(demand.spec, VaultDynamicSecretSpec) else demand.spec
    return cast("VaultProvider | OpenBaoProvider", spec)


class _Rules:
    """The rules of one login."""

    def __init__(self, demand: Demand, mounts: Mapping[str, str]) -> None:
        self._demand = demand
        self._mounts = [_mount(path, kind) for path, kind in sorted(mounts.items())]
        self._found: dict[str, Rule] = {}
        self._provider = _provider(demand)
        self._leases = False
        self._certificates = False
        self.notes: list[str] = []

    def sorted(self) -> list[Rule]:
        return [self._found[path] for path in sorted(self._found)]

    def gather(self) -> None:
        for preview, asked in self._demand.reads:
            self._read(preview, asked.manifests)
        for query, asked in self._demand.searches:
            self._search(query, asked.manifests)
        for write, asked in self._demand.writes:
            self._write(write, asked.manifests)
        self._upkeep()

    def _allow(self, path: str, *capabilities: str, why: Iterable[str]) -> Rule:
        rule = self._found.setdefault(path, Rule(path))
        rule.capabilities.update(capabilities)
        rule.reasons.update(why)
        return rule

    def _allow_exactly(self, path: str, *capabilities: str, why: Iterable[str]) -> Rule | None:
        if _UNSPEAKABLE.search(path):
            self.notes.append(f"no policy can name {path} and nothing else: it is left out, write the rule by hand")
            return None
        return self._allow(path, *capabilities, why=why)

    def _read(self, preview: Preview, manifests: Iterable[str]) -> None:
        route = self._route(preview)
        method, path = (route.endpoint.method, route.endpoint.path) if route else (preview.method, preview.path)
        side_effect = route.endpoint.side_effect if route else preview.side_effect
        engine = route.endpoint.engine if route else _engine(path)
        if preview.note and route is None and not preview.repairs:
            self.notes.append(f"{preview.fetch.key}: {preview.note}; --mount PATH=TYPE tells without asking")
        rule = self._allow_exactly(path, _VERBS.get(method, "update"), why=manifests)
        if rule is None:
            return
        if method not in _VERBS:
            self._limit(rule, preview, engine)
        if side_effect:
            certificate = engine == "pki" or _CERTIFICATES.search(path) is not None
            self._certificates |= certificate
            self._leases |= not certificate and engine not in _UNLEASED

    def _route(self, preview: Preview) -> Route | None:
        """Where a key leads that only the server could tell, if somebody said what it would tell."""
        if not preview.note or not isinstance(self._provider, VaultProvider):
            return None
        for mount in self._mounts:
            if preview.fetch.key.startswith(f"{mount.path}/"):
                return Router(self._provider, self._demand.context).mounted(preview.fetch, mount)
        return None

    def _limit(self, rule: Rule, preview: Preview, engine: str) -> None:
        """Allow the parameters that are sent, with the values they have."""
        if isinstance(self._demand.spec, VaultDynamicSecretSpec):
            written: object = self._demand.spec.parameters
            body = cast("dict[str, object]", written) if isinstance(written, dict) else {}
        else:
            body = request_body(engine, preview.fetch.parameters)
        known = rule.parameters
        if known is not None and len(known.keys() | body.keys()) > 1 and not _allows(known, body):
            self.notes.append(f"{rule.path}: several requests share the rule, so their parameters may be mixed")
        rule.parameters = {} if known is None else known
        for name, value in body.items():
            values = rule.parameters.setdefault(name, set())
            if isinstance(value, (str, bool)) and values is not None:
                values.add(json.dumps(value))
                if isinstance(value, str) and (value.startswith("*") or value.endswith("*")):
                    self.notes.append(f"{rule.path}: a * in the value of {name} stands for anything")
            else:
                # The server compares texts and truth values only; the number of a request equals none of a policy.
                rule.parameters[name] = None

    def _search(self, query: Query, manifests: Iterable[str]) -> None:
        provider = self._provider
        mount = (provider.path or ("" if isinstance(provider, VaultProvider) else "kv")).strip("/")
        version = 1 if provider.version == "v1" else 2
        folder = f"{plain(query.path)}/" if query.path.strip("/") else ""
        if version == 1:
            listing = f"{mount}/{folder}" if mount else folder
            values = listing
        else:
            listing = kv_metadata_path(folder, mount=mount)
            values = f"{mount}/data/{folder}" if mount else kv_path(folder, mount="", version=2)
        below = literal_start(query.name).removeprefix(folder)
        if below == literal_start(query.name) and folder:
            below = ""
        if not listing or any(_UNSPEAKABLE.search(f"{path}/") for path in (listing, values)):
            what = query.path or "the root"
            self.notes.append(f"no policy can name what is below {what} and nothing else: it is left out")
            return
        self._allow(f"{listing}*", "list", why=manifests)
        self._allow(f"{values}{below}*", "read", why=manifests)
        if query.tags and not query.name:
            self._allow(f"{listing}*", "read", why=manifests)
            self.notes.append("a policy cannot tell secrets apart by their metadata: all below the path may be read")

    def _write(self, write: Write, manifests: Iterable[str]) -> None:
        provider = self._provider
        if not isinstance(provider, VaultProvider):
            raise InvalidRequestError("an openBao store only reads", store=str(self._demand.key), path=write.key)
        mount, version = (provider.path or "").strip("/"), 1 if provider.version == "v1" else 2
        path = kv_path(plain(write.key), mount=mount, version=version)
        deletes = ("delete",) if write.deletes else ()
        if version == 1:
            self._allow_exactly(path, "create", "read", "update", *deletes, why=manifests)
            return
        # The mark is written before the data, so that there is always something to update.
        self._allow_exactly(path, "read", "update", why=manifests)
        metadata = path[: len(mount)] + path[len(mount) :].replace("/data/", "/metadata/", 1)
        self._allow_exactly(metadata, "create", "read", "update", *deletes, why=manifests)

    def _upkeep(self) -> None:
        """Leases and the login itself."""
        given = self._has_given_token()
        if not given and self._found:
            self._allow(REVOKE_TOKEN, "update", why=["ends the login with the process"])
        if self._leases:
            self._allow(RENEW_LEASE, "update", why=["renews leases, and ends old ones after a rotation"])
            self._allow(LOOK_UP_LEASE, "update", why=["finds a lease again after an outage or a suspended machine"])
            self._allow(RENEW_TOKEN, "update", why=["extends the login that leases hang on"])
            if given:
                self._allow(LOOK_UP_TOKEN, "read", why=["asks how long the given token lives"])
            if given or self._certificates:
                self._allow(REVOKE_LEASE, "update", why=["ends leases with the process where the token lives on"])

    def _has_given_token(self) -> bool:
        auth = self._provider.auth
        return auth is None or auth.token_secret_ref is not None


def _mount(path: str, kind: str) -> Mount:
    if kind in {"kv", "kv-v2", "kv-v1"}:
        return Mount(path.strip("/"), "kv", 1 if kind == "kv-v1" else 2)
    return Mount(path.strip("/"), kind)


def _engine(path: str) -> str:
    known = guess(path)
    return "" if known is None else known.engine


def _allows(known: Mapping[str, set[str] | None], body: Mapping[str, object]) -> bool:
    """Whether a request of these parameters is one of those that are known."""
    if known.keys() != body.keys():
        return False
    return all(values is None or json.dumps(body[name]) in values for name, values in known.items())


def _parameters(rule: Rule) -> dict[str, dict[str, list[object]]]:
    if rule.parameters is None:
        return {}
    if not rule.parameters:
        return {"denied_parameters": {"*": []}}
    return {
        "allowed_parameters": {
            # An empty list stands for any value.
            name: [json.loads(text) for text in sorted(values or ())]
            for name, values in sorted(rule.parameters.items())
        }
    }


def _as_json(rule: Rule) -> dict[str, object]:
    return {"capabilities": _in_order(rule.capabilities), **_parameters(rule)}


def _as_hcl(rule: Rule) -> str:
    lines = [comment(listed(rule.reasons)), f"path {json.dumps(rule.path, ensure_ascii=False)} {{"]
    lines.append(f"  capabilities = {json.dumps(_in_order(rule.capabilities))}")
    for kind, parameters in _parameters(rule).items():
        lines.append(f"  {kind} = {{")
        lines += [f"    {json.dumps(name)} = {json.dumps(values)}" for name, values in parameters.items()]
        lines.append("  }")
    return "\n".join([*lines, "}"])


def _in_order(capabilities: Iterable[str]) -> list[str]:
    return sorted(capabilities, key=_CAPABILITIES.index)
