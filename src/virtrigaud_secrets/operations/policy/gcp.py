"""Google: the least that a store's identity needs, as bindings of roles to single secrets, with conditions."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from typing import Final, NamedTuple

from virtrigaud_secrets.errors import UnsupportedFeatureError
from virtrigaud_secrets.models.backends.gcpsm import GCPSMProvider
from virtrigaud_secrets.operations.policy.demands import Demand
from virtrigaud_secrets.operations.policy.document import Platform, Policy, comment, listed, name_of
from virtrigaud_secrets.operations.policy.patterns import literal_start
from virtrigaud_secrets.stores.base import Preview, Query
from virtrigaud_secrets.stores.gcp.names import LATEST, LATEST_OR_FETCH, written_project

ACCESSOR: Final = "roles/secretmanager.secretAccessor"
"""Reads values."""
VIEWER: Final = "roles/secretmanager.viewer"
"""Reads labels and annotations, lists secrets and versions; no values."""
ADMIN: Final = "roles/secretmanager.admin"
"""Changes and deletes secrets."""
CREATOR: Final = "virtrigaudSecretsCreator"
"""A role of the project's own that creates secrets: a condition on a name cannot, as there is no such secret yet."""

TITLE: Final = 100
"""Characters of a condition's title, at most."""


class Binding(NamedTuple):
    """One role for one secret, or for the project."""

    secret: str
    """The secret; empty for the project."""
    role: str
    """The role."""
    title: str = ""
    """Title of the condition; empty without one."""
    expression: str = ""
    """The condition, in CEL."""


def policy_of(demand: Demand) -> Policy | None:
    """The bindings for a store's identity; None where it needs none."""
    spec = demand.spec
    if not isinstance(spec, GCPSMProvider):
        raise UnsupportedFeatureError(f"{demand.key}: not a Secret Manager")
    notes = list(demand.notes)
    found: dict[Binding, set[str]] = {}
    for preview, asked in demand.reads:
        for binding in _read(preview, spec):
            found.setdefault(binding, set()).update(asked.manifests)
    for query, asked in demand.searches:
        for binding in _searched(query, notes):
            found.setdefault(binding, set()).update(asked.manifests)
    for write, asked in demand.writes:
        for binding in _written(write.key):
            found.setdefault(binding, set()).update(asked.manifests)
        notes.append("the role that writes a secret may also delete it and change who may read it")
    if not found:
        return None
    kept = {one: who for one, who in found.items() if not _is_covered(one, found)}
    project = written_project(spec)
    if not project:
        notes.append("the project is that of the metadata server: set PROJECT")
    identity = f"the identity of {demand.key} in the project {project or '$PROJECT'}"
    return Policy(
        platform=Platform.GOOGLE,
        identity=identity,
        name=name_of(Platform.GOOGLE, demand.key),
        suffix=".sh",
        text=_script(identity, project, spec.location or "", kept, dict.fromkeys(notes)),
        document=[_as_json(one, project, spec.location or "") for one in sorted(kept)],
        notes=tuple(dict.fromkeys(notes)),
    )


def _read(preview: Preview, spec: GCPSMProvider) -> list[Binding]:
    fetch = preview.fetch
    if fetch.metadata:
        return [Binding(fetch.key, VIEWER)]
    if not fetch.version or fetch.version == LATEST:
        fetches = spec.secret_version_selection_policy == LATEST_OR_FETCH and not fetch.version
        return [Binding(fetch.key, ACCESSOR), *([Binding(fetch.key, VIEWER)] if fetches else [])]
    if not fetch.version.isdigit():
        # A version is asked for by its alias, and known to conditions by its number.
        return [Binding(fetch.key, ACCESSOR)]
    expression = f'resource.name.endsWith("/versions/{fetch.version}")'
    return [Binding(fetch.key, ACCESSOR, f"version {fetch.version}", expression)]


def _searched(query: Query, notes: list[str]) -> list[Binding]:
    listing = Binding("", VIEWER)
    start = query.path
    literal = literal_start(query.name)
    if literal.startswith(start):
        start = literal
    if query.tags and not query.name:
        notes.append("conditions see no labels of Secret Manager: use resource tags to narrow what a search may read")
    if not start:
        notes.append("a search without a path reads what it finds: every secret of the project may be read")
        return [listing, Binding("", ACCESSOR)]
    inner = f'resource.name.extract("/secrets/{{name}}/versions/").startsWith({_quoted(start)})'
    expression = f'resource.type == "secretmanager.googleapis.com/SecretVersion" && {inner}'
    return [listing, Binding("", ACCESSOR, _title(f"secrets {start}..."), expression)]


def _written(key: str) -> list[Binding]:
    inner = f'resource.name.extract("/secrets/{{name}}") == {_quoted(key)}'
    below = f'resource.name.extract("/secrets/{{name}}/") == {_quoted(key)}'
    return [Binding("", CREATOR), Binding("", ADMIN, _title(f"secret {key}"), f"{inner} || {below}")]


def _quoted(text: str) -> str:
    """A text of a manifest in CEL, which it cannot end, and without what separates the parts of a condition."""
    return json.dumps(text).replace(";", "\\u003b")


def _title(text: str) -> str:
    return re.sub(r"[^\w .,:/-]", " ", text, flags=re.ASCII)[:TITLE]


def _is_covered(one: Binding, found: Iterable[Binding]) -> bool:
    """Whether a wider binding of the same role is there."""
    return any(
        other != one and other.role == one.role and not other.expression and other.secret in {"", one.secret}
        for other in found
    )


def _as_json(one: Binding, project: str, location: str) -> dict[str, object]:
    parent = f"projects/{project or '$PROJECT'}" + (f"/locations/{location}" if location else "")
    shown: dict[str, object] = {
        "resource": f"{parent}/secrets/{one.secret}" if one.secret else f"projects/{project or '$PROJECT'}",
        "role": _role(one, project or "$PROJECT"),
    }
    return {**shown, "condition": {"title": one.title, "expression": one.expression}} if one.expression else shown


def _role(one: Binding, project: str) -> str:
    return f"projects/{project}/roles/{CREATOR}" if one.role == CREATOR else one.role


def _script(identity: str, project: str, location: str, found: dict[Binding, set[str]], notes: Iterable[str]) -> str:
    lines = [
        comment(f"What {identity} needs. Set MEMBER, such as serviceAccount:name@project.iam.gserviceaccount.com."),
        *(comment(f"Note: {note}") for note in notes),
    ]
    where = shlex.quote(project) if project else '"$PROJECT"'
    if any(one.role == CREATOR for one in found):
        permission = "secretmanager.secrets.create"
        lines.append(f"gcloud iam roles create {CREATOR} --project {where} --permissions {permission}")
    for one in sorted(found):
        condition = "None"
        if one.expression:
            # Another delimiter than the comma, which an expression may hold.
            condition = shlex.quote(f"^;^title={one.title};expression={one.expression}")
        if one.secret:
            target = f"gcloud secrets add-iam-policy-binding {shlex.quote(one.secret)} --project {where}"
            target += f" --location {shlex.quote(location)}" if location else ""
        else:
            target = f"gcloud projects add-iam-policy-binding {where}"
        lines += [
            comment(listed(found[one])),
            f'{target} --member "$MEMBER" --role {_role(one, where)} --condition {condition}',
        ]
    return "\n".join(lines) + "\n"
