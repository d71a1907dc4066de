"""How Secret Manager names things, and where it listens: from a spec and a remote key to paths. No I/O (ESO §3.5)."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import ConfigurationError, InvalidRequestError
from virtrigaud_secrets.repairs import CLUSTER_PROJECT
from virtrigaud_secrets.stores.base import Fetch, Preview, StoreContext

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.gcpsm import GCPSMProvider

LATEST: Final = "latest"
"""The version that is read when the manifest names none."""
LATEST_OR_FETCH: Final = "LatestOrFetch"
"""The policy that looks for the newest enabled version where the newest one is disabled or destroyed."""
METADATA_SERVER: Final = "http://metadata.google.internal"
"""Where a machine on Google's cloud asks who it is."""
UNKNOWN_PROJECT: Final = "(of the metadata server)"
"""What a preview shows of a project that only the metadata server knows."""

_PROJECT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,127}")
_LOCATION: Final = re.compile(r"[a-z0-9-]{1,63}")
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")
_VERSION: Final = re.compile(r"[A-Za-z0-9_-]{1,63}")


@dataclass(frozen=True, slots=True)
class Place:
    """Project and location: where a store's secrets are."""

    project: str
    """Project id, or its number."""
    location: str = ""
    """Location of regional secrets; empty for global ones."""

    @property
    def parent(self) -> str:
        """What secrets are listed under."""
        return f"projects/{self.project}" + (f"/locations/{self.location}" if self.location else "")

    def secret(self, key: str) -> str:
        """The secret `key`."""
        return f"{self.parent}/secrets/{key}"

    def version(self, key: str, version: str) -> str:
        """One of its versions, the newest where none is named."""
        return f"{self.secret(key)}/versions/{version or LATEST}"


def short(name: str) -> str:
    """The part of a full name that a manifest writes."""
    return name.rpartition("/secrets/")[2].partition("/")[0]


def endpoint(spec: GCPSMProvider) -> str:
    """The service's address as Google has it, before `Settings.endpoints`."""
    host = f"secretmanager.{spec.location}.rep.googleapis.com" if spec.location else "secretmanager.googleapis.com"
    return f"https://{host}"


def written_project(spec: GCPSMProvider) -> str:
    """The project as far as the manifest says it (ESO §3.5); empty where only the metadata server can know."""
    workload = spec.auth.workload_identity
    return spec.project_id or (workload.cluster_project_id if workload is not None else None) or ""


def check_spec(spec: GCPSMProvider, context: StoreContext) -> None:
    """Refuse a project or location that could lead a request elsewhere, and a store that can have no project.

    Raises:
        ConfigurationError: the spec cannot be used.
    """
    project = written_project(spec)
    if project and not _PROJECT.fullmatch(project):
        raise ConfigurationError(f"{context.store}: projectID is no name of a Google Cloud project")
    if spec.location and not _LOCATION.fullmatch(spec.location):
        raise ConfigurationError(f"{context.store}: location is no name of a Google Cloud location")
    if not project and spec.auth.secret_ref is not None:
        raise ConfigurationError(f"{context.store}: with auth.secretRef, projectID must be set")


def canonical(spec: GCPSMProvider, fetch: Fetch) -> Fetch:
    """`fetch` in the one spelling of its request; an explicit `latest` differs from none only under LatestOrFetch.

    Raises:
        InvalidRequestError: key or version is none that Secret Manager could have.
    """
    if not _KEY.fullmatch(fetch.key):
        raise InvalidRequestError(
            "a secret's name in Secret Manager is up to 255 letters, digits, hyphens and underscores, without project",
            store=str(fetch.store),
            path=fetch.key,
        )
    if fetch.version and not _VERSION.fullmatch(fetch.version):
        raise InvalidRequestError("a version is a number, `latest` or an alias", store=str(fetch.store), path=fetch.key)
    same = fetch.version == LATEST and spec.secret_version_selection_policy != LATEST_OR_FETCH
    version = "" if fetch.metadata or same else fetch.version
    return dataclasses.replace(fetch, version=version, parameters=())


def preview(spec: GCPSMProvider, fetch: Fetch, context: StoreContext) -> Preview:
    """What `fetch` would ask.

    Raises:
        ConfigurationError: the spec cannot be used.
        InvalidRequestError: key or version is none that Secret Manager could have.
    """
    check_spec(spec, context)
    known = canonical(spec, fetch)
    project = written_project(spec)
    place = Place(project or UNKNOWN_PROJECT, spec.location or "")
    notes: list[str] = []
    if not project:
        notes.append("the metadata server is asked for the project")
    if not known.metadata and not known.version and spec.secret_version_selection_policy == LATEST_OR_FETCH:
        notes.append("where the newest version is disabled or destroyed, the newest enabled one is read")
    path = place.secret(known.key) if known.metadata else place.version(known.key, known.version)
    method = "GetSecret" if known.metadata else "AccessSecretVersion"
    return Preview(fetch=known, method=method, path=path, note="; ".join(notes), repairs=_repairs(spec, context))


def _repairs(spec: GCPSMProvider, context: StoreContext) -> tuple[str, ...]:
    """Whether the cluster's project may have to be made up for the login (`logins`)."""
    identity, settings = spec.auth.workload_identity, context.settings
    named = spec.auth.secret_ref is not None or identity is None or identity.cluster_project_id
    return () if named or settings.strict or not spec.project_id else (CLUSTER_PROJECT,)
