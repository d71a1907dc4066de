"""Azure: the least that a store's identity needs, as role assignments on a key vault and on single objects in it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from virtrigaud_secrets.errors import UnsupportedFeatureError
from virtrigaud_secrets.models.backends.azurekv import AzureKVProvider
from virtrigaud_secrets.operations.policy.demands import Demand
from virtrigaud_secrets.operations.policy.document import Platform, Policy, comment, listed, name_of
from virtrigaud_secrets.stores.azure.names import ObjectKind, ObjectName
from virtrigaud_secrets.stores.base import Fetch


class Role(NamedTuple):
    """A built-in role of Azure."""

    name: str
    """As the portal shows it."""
    identifier: str
    """As every tenant has it."""


SECRETS_USER: Final = Role("Key Vault Secrets User", "4633458b-17de-408a-b874-0445c86b69e6")
SECRETS_OFFICER: Final = Role("Key Vault Secrets Officer", "b86a8fe4-44ce-4948-aee5-eccb2c155cd7")
CERTIFICATE_USER: Final = Role("Key Vault Certificate User", "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba")
CERTIFICATES_OFFICER: Final = Role("Key Vault Certificates Officer", "a4417e6f-fecd-4de8-b567-7b0420556985")
CRYPTO_USER: Final = Role("Key Vault Crypto User", "12338af0-0e69-4776-bea7-57ae8d297424")
CRYPTO_OFFICER: Final = Role("Key Vault Crypto Officer", "14b46e9e-c2b7-41b4-b07b-48a6ebf60603")

_READERS: Final[Mapping[ObjectKind, Role]] = {
    ObjectKind.SECRET: SECRETS_USER,
    ObjectKind.CERTIFICATE: CERTIFICATE_USER,
    ObjectKind.KEY: CRYPTO_USER,
}
_WRITERS: Final[Mapping[ObjectKind, Role]] = {
    ObjectKind.SECRET: SECRETS_OFFICER,
    ObjectKind.CERTIFICATE: CERTIFICATES_OFFICER,
    ObjectKind.KEY: CRYPTO_OFFICER,
}
_WIDER: Final[Mapping[Role, Role]] = {
    SECRETS_OFFICER: SECRETS_USER,
    CERTIFICATES_OFFICER: CERTIFICATE_USER,
    CRYPTO_OFFICER: CRYPTO_USER,
}
"""Role → the one that it includes."""


def policy_of(demand: Demand) -> Policy | None:
    """The role assignments for a store's identity; None where it needs none."""
    spec = demand.spec
    if not isinstance(spec, AzureKVProvider):
        raise UnsupportedFeatureError(f"{demand.key}: not a key vault")
    vault = (urlsplit(spec.vault_url).hostname or spec.vault_url).partition(".")[0]
    notes = list(demand.notes)
    found = _assignments(demand, notes)
    if not found:
        return None
    if any(role in {CRYPTO_USER, CRYPTO_OFFICER} for role, _ in found):
        notes.append("no built-in role only shows a key: Crypto User may use it too")
    notes.append(
        "a vault with access policies instead of RBAC takes: az keyvault set-policy --secret-permissions get list"
    )
    identity = f"the identity of {demand.key} at the key vault {vault}"
    document = [
        {
            "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{role.identifier}",
            "roleName": role.name,
            "vault": vault,
            "scope": f"/providers/Microsoft.KeyVault/vaults/{vault}{path}",
        }
        for role, path in sorted(found)
    ]
    return Policy(
        platform=Platform.AZURE,
        identity=identity,
        name=name_of(Platform.AZURE, demand.key),
        suffix=".sh",
        text=_script(identity, vault, found, notes),
        document=document,
        notes=tuple(notes),
    )


def _assignments(demand: Demand, notes: list[str]) -> dict[tuple[Role, str], set[str]]:
    """Role and path below the vault → who asks; without what a wider one includes."""
    found: dict[tuple[Role, str], set[str]] = {}
    for preview, asked in demand.reads:
        name = ObjectName.of(preview.fetch)
        found.setdefault((_READERS[name.kind], _path(name)), set()).update(asked.manifests)
    for _, asked in demand.searches:
        found.setdefault((SECRETS_USER, ""), set()).update(asked.manifests)
        notes.append("a search lists the vault and reads what it finds: every secret of the vault may be read")
    for write, asked in demand.writes:
        name = ObjectName.of(Fetch(store=demand.key, key=write.key))
        found.setdefault((_WRITERS[name.kind], _path(name)), set()).update(asked.manifests)
        notes.append("the roles that write may delete too")
    included = {(_WIDER[role], path) for role, path in found if role in _WIDER}
    on_all = {role for role, path in found if not path}
    return {
        (role, path): who
        for (role, path), who in found.items()
        if (role, path) not in included and not (path and role in on_all)
    }


def _path(name: ObjectName) -> str:
    # A version is no scope: whoever may read a secret may read all its versions.
    collection = {ObjectKind.SECRET: "secrets", ObjectKind.CERTIFICATE: "certificates", ObjectKind.KEY: "keys"}
    return f"/{collection[name.kind]}/{name.name}"


def _script(identity: str, vault: str, found: Mapping[tuple[Role, str], set[str]], notes: list[str]) -> str:
    lines = [
        comment(f"What {identity} needs. Set ASSIGNEE to the object id of the identity."),
        *(comment(f"Note: {note}") for note in dict.fromkeys(notes)),
        f"vault=$(az keyvault show --name {shlex.quote(vault)} --query id --output tsv)",
    ]
    for role, path in sorted(found):
        scope = f'"$vault"{shlex.quote(path) if path else ""}'
        lines += [
            comment(f"{role.name}: {listed(found[role, path])}"),
            f'az role assignment create --assignee-object-id "$ASSIGNEE" --role {role.identifier} --scope {scope}',
        ]
    return "\n".join(lines) + "\n"
