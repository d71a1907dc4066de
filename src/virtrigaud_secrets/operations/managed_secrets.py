"""What Secrets and ExternalSecrets of a cluster tell of age, synchronisation and end. Pure; asks nobody.

Of a Secret only metadata is read, and the public part of a certificate.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final, NamedTuple, cast

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.golang.duration import DurationError, parse_duration
from virtrigaud_secrets.observability.metrics import UNKNOWN_PROVIDER

DATA_HASH: Final = "reconcile.external-secrets.io/data-hash"
"""Annotation that changes with a Secret's data, and only then (ESO §2.9)."""
PROVIDER_LABEL: Final = "provider"
"""Label with the hypervisor provider that a Secret is for: the guide's."""
DEFAULT_INTERVAL: Final = timedelta(hours=1)
"""`refreshInterval` of an ExternalSecret that has none (ESO §1.1)."""

_WITHOUT_INTERVAL: Final = frozenset({"CreatedOnce", "OnChange"})
_NANOSECONDS: Final = 1000


class ObjectName(NamedTuple):
    """Which Secret or ExternalSecret."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateEnd:
    """The certificate of a chain that ends first."""

    at: datetime
    """When it ends, aware UTC."""
    lifetime: timedelta
    """How long it is valid in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSighting:
    """One managed Secret as it was seen."""

    name: ObjectName
    provider: str
    """The hypervisor provider that it is for."""
    data_hash: str
    """`DATA_HASH`, empty where nobody set it."""
    written_at: datetime | None
    """When whoever wrote the data last changed what is theirs, by the cluster's own books; None where it kept none."""
    created_at: datetime | None
    """When it was created."""
    owner: str
    """The ExternalSecret that owns it, empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretHistory:
    """What is known of one managed Secret after several sightings."""

    seen: SecretSighting
    """The last sighting."""
    changed_at: datetime
    """When its data last changed, as far as that is known."""
    rotations: int = 0
    """Changes of its data that were noticed."""
    certificate: CertificateEnd | None = None
    """Its certificate, where it is of the type `kubernetes.io/tls`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSighting:
    """One ExternalSecret as it was seen."""

    name: ObjectName
    target: str
    """Name of the Secret that it makes."""
    ready: bool | None
    """Its condition `Ready`; None before it has one."""
    refreshed_at: datetime | None
    """`status.refreshTime`: when the last attempt that worked began (ESO §2.8)."""
    interval: timedelta
    """How often it is to be refreshed; zero where it is not refreshed by time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What was last seen of one kind of object, and how looking goes."""

    succeeded_at: datetime | None = None
    """When a look last succeeded."""
    failures: int = 0
    """Looks that failed."""
    reason: str = ""
    """Why the last look failed; empty after one that did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything that is known of the cluster. Replaced as a whole."""

    secrets: Mapping[ObjectName, SecretHistory] = field(default_factory=dict[ObjectName, SecretHistory])
    """The managed Secrets."""
    syncs: Mapping[ObjectName, SyncSighting] = field(default_factory=dict[ObjectName, SyncSighting])
    """The ExternalSecrets."""
    targets: Mapping[ObjectName, SyncSighting] = field(default_factory=dict[ObjectName, SyncSighting])
    """The same by the Secret that each makes."""
    about_secrets: Watched = field(default_factory=Watched)
    """How looking at Secrets goes."""
    about_syncs: Watched = field(default_factory=Watched)
    """How looking at ExternalSecrets goes."""

    def sync_of(self, secret: SecretSighting) -> SyncSighting | None:
        """The ExternalSecret that makes a Secret: its owner, else one of its namespace that names it as target."""
        if secret.owner:
            return self.syncs.get(ObjectName(secret.name.namespace, secret.owner))
        return self.targets.get(secret.name)


@dataclass(frozen=True, slots=True)
class ProviderRule:
    """Says which provider Secrets without the label are for."""

    pattern: str
    """Glob on `namespace/name`."""
    provider: str
    """The provider."""

    @classmethod
    def parse(cls, text: str) -> ProviderRule:
        """A rule from `NAMESPACE/NAME=PROVIDER`, such as `vsphere-providers/*=vsphere`.

        Raises:
            ConfigurationError: it has another form.
        """
        pattern, separator, provider = text.partition("=")
        if not separator or not provider or pattern.count("/") != 1 or pattern.startswith("/") or pattern.endswith("/"):
            raise ConfigurationError(f"{text!r} is no rule for providers: give NAMESPACE/NAME=PROVIDER, with * and ?")
        return cls(pattern, provider)


def read_secret(body: Mapping[str, object], rules: Sequence[ProviderRule] = ()) -> SecretSighting:
    """A Secret's metadata. Nothing else of it is looked at."""
    metadata = _mapping(body.get("metadata"))
    name = ObjectName(_text(metadata.get("namespace")), _text(metadata.get("name")))
    return SecretSighting(
        name=name,
        provider=_provider(name, _text(_mapping(metadata.get("labels")).get(PROVIDER_LABEL)), rules),
        data_hash=_text(_mapping(metadata.get("annotations")).get(DATA_HASH)),
        written_at=_written_at(metadata.get("managedFields")),
        created_at=moment(metadata.get("creationTimestamp")),
        owner=_owner(metadata.get("ownerReferences")),
    )


def follow(
    former: SecretHistory | None, seen: SecretSighting, *, refreshed_at: datetime | None, now: datetime
) -> SecretHistory:
    """What is known after one more sighting.

    The data changed when `DATA_HASH` did. Without one, when its writer changed anything. When that was is in the
    cluster's books. Where there are none, a change is dated when it is noticed, and a Secret that is seen for the first
    time by its last synchronisation, else by its creation.

    Args:
        former: what was known before; None for the first sighting.
        seen: the sighting.
        refreshed_at: when its ExternalSecret was last synchronised.
        now: the time.
    """
    if former is None:
        known = seen.written_at or refreshed_at or seen.created_at or now
        return SecretHistory(seen=seen, changed_at=min(known, now))
    if not _changed(former.seen, seen):
        return replace(former, seen=seen)
    noticed = seen.written_at if seen.written_at is not None and seen.written_at > former.changed_at else now
    return replace(former, seen=seen, changed_at=min(noticed, now), rotations=former.rotations + 1)


def _changed(former: SecretSighting, seen: SecretSighting) -> bool:
    if former.data_hash and seen.data_hash:
        return former.data_hash != seen.data_hash
    return former.written_at != seen.written_at


def read_certificate(body: Mapping[str, object]) -> CertificateEnd | None:
    """The certificate of `tls.crt` that ends first; None where there is none that can be read."""
    encoded = _mapping(body.get("data")).get("tls.crt")
    if not isinstance(encoded, str):
        return None
    from cryptography import x509

    try:
        chain = x509.load_pem_x509_certificates(base64.b64decode(encoded, validate=True))
        spans = [(one.not_valid_after_utc, one.not_valid_before_utc) for one in chain]
    except (binascii.Error, ValueError):
        return None
    ends, begins = min(spans)
    return CertificateEnd(at=ends, lifetime=ends - begins)


def read_sync(body: Mapping[str, object]) -> SyncSighting:
    """An ExternalSecret's state."""
    metadata, spec, status = (_mapping(body.get(part)) for part in ("metadata", "spec", "status"))
    name = ObjectName(_text(metadata.get("namespace")), _text(metadata.get("name")))
    return SyncSighting(
        name=name,
        target=_text(_mapping(spec.get("target")).get("name")) or name.name,
        ready=_ready(status.get("conditions")),
        refreshed_at=moment(status.get("refreshTime")),
        interval=_interval(spec),
    )


def moment(value: object) -> datetime | None:
    """A time as the API writes it, aware UTC."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if found is None:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _provider(name: ObjectName, label: str, rules: Sequence[ProviderRule]) -> str:
    """The label, else the first rule that matches."""
    if label:
        return label
    path = f"{name.namespace}/{name.name}"
    return next((rule.provider for rule in rules if fnmatchcase(path, rule.pattern)), UNKNOWN_PROVIDER)


def _written_at(entries: object) -> datetime | None:
    """When one of those who own data last changed what they own: the server moves that time for nothing else."""
    times = [
        moment(entry.get("time"))
        for entry in _mappings(entries)
        if "f:data" in _mapping(entry.get("fieldsV1")) and not entry.get("subresource")
    ]
    return max(filter(None, times), default=None)


def _owner(references: object) -> str:
    owners = (
        _text(one.get("name"))
        for one in _mappings(references)
        if one.get("kind") == "ExternalSecret" and _text(one.get("apiVersion")).startswith("external-secrets.io/")
    )
    return next(owners, "")


def _ready(conditions: object) -> bool | None:
    states = {_text(one.get("type")): _text(one.get("status")) for one in _mappings(conditions)}
    return {"True": True, "False": False}.get(states.get("Ready", ""))


def _interval(spec: Mapping[str, object]) -> timedelta:
    if spec.get("refreshPolicy") in _WITHOUT_INTERVAL:
        return timedelta(0)
    text = spec.get("refreshInterval")
    try:
        length = timedelta(microseconds=parse_duration(text) // _NANOSECONDS) if isinstance(text, str) else None
    except DurationError:
        length = None  # whoever synchronises it says so
    return DEFAULT_INTERVAL if length is None else max(length, timedelta(0))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> Mapping[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _mappings(value: object) -> Sequence[Mapping[str, object]]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, object]", item) for item in items if isinstance(item, dict)]
