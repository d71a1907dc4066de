"""The finished secret: immutable, hidden wherever text is made; with the origin and end of every value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import NoReturn, Self

from virtrigaud_secrets.findings import Finding
from virtrigaud_secrets.sensitive import REDACTED, decode_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to use a dynamic secret for a time, as the store granted it."""

    lease_id: str = field(repr=False)
    """The store's name of the lease. Whoever has it and the right can renew or revoke; shown as a hash only."""
    duration: int
    """Seconds granted."""
    renewable: bool
    """Whether the store extends it."""
    expires_at: datetime
    """When it ends unless renewed, aware UTC, counted from before the request was sent."""

    @property
    def fingerprint(self) -> str:
        """A short hash of `lease_id` for logs and events: tells leases apart and opens none."""
        return hashlib.sha256(self.lease_id.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where one value of a bundle came from."""

    store: str
    """The store as `Kind namespace/name`."""
    path: str
    """The path that was read, in the store's own terms."""
    property: str = ""
    """The property of the answer, empty for the whole of it."""
    version: str = ""
    """The version that was read, where the store has versions."""
    lease: Lease | None = None
    """The lease the value hangs on."""
    expires_at: datetime | None = None
    """When the value stops being good by its own account (a certificate's end, a lease's end)."""
    request_id: str = ""
    """The store's own identifier of the request that read it, where it has one: finds it in the store's audit log."""


class Bundle(Mapping[str, bytes]):
    """Key → value of one resolved ExternalSecret.

    A value is read by `bundle["password"]` (bytes) or `bundle.text("password")` (str). No other way of looking at the
    object shows one: repr, str, format, logging and tracebacks show keys only, and pickling is refused.
    """

    __slots__ = (
        "_data",
        "annotations",
        "expires_at",
        "findings",
        "labels",
        "manifest",
        "name",
        "namespace",
        "provenance",
        "type",
    )

    _data: Mapping[str, bytes]
    name: str
    """Name of the target Secret."""
    namespace: str
    """Namespace of the ExternalSecret."""
    manifest: str
    """The manifest it was made from, as `Kind namespace/name`: for messages. Empty for a bundle made by hand."""
    type: str
    """Kubernetes Secret type, such as `Opaque` or `kubernetes.io/tls`."""
    labels: Mapping[str, str]
    """Labels the target Secret would carry."""
    annotations: Mapping[str, str]
    """Annotations the target Secret would carry."""
    provenance: Mapping[str, tuple[Provenance, ...]]
    """For each key, what it was made from: one entry for a plain value, several where a template joined them."""
    expires_at: datetime | None
    """The earliest end of anything in it, aware UTC; None where nothing ends."""
    findings: tuple[Finding, ...]
    """What validation remarked and did not refuse."""

    def __init__(  # noqa: PLR0913  # each is a field, by name only
        self,
        data: Mapping[str, bytes],
        *,
        name: str = "",
        namespace: str = "",
        type: str = "Opaque",  # noqa: A002  # the field's name in a Kubernetes Secret
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        provenance: Mapping[str, tuple[Provenance, ...]] | None = None,
        findings: Iterable[Finding] = (),
        manifest: str = "",
    ) -> None:
        set_once = super().__setattr__
        set_once("_data", MappingProxyType({key: bytes(data[key]) for key in sorted(data)}))
        set_once("name", name)
        set_once("namespace", namespace)
        set_once("manifest", manifest)
        set_once("type", type)
        set_once("labels", MappingProxyType(dict(labels or {})))
        set_once("annotations", MappingProxyType(dict(annotations or {})))
        origins = {key: tuple((provenance or {}).get(key, ())) for key in self._data}
        set_once("provenance", MappingProxyType(origins))
        ends = [origin.expires_at for group in origins.values() for origin in group if origin.expires_at is not None]
        set_once("expires_at", min(ends, default=None))
        set_once("findings", tuple(findings))

    def with_findings(self, findings: Iterable[Finding]) -> Bundle:
        """The same bundle with what a validation remarked."""
        return Bundle(
            self._data,
            name=self.name,
            namespace=self.namespace,
            type=self.type,
            labels=self.labels,
            annotations=self.annotations,
            provenance=self.provenance,
            findings=findings,
            manifest=self.manifest,
        )

    def text(self, key: str) -> str:
        """The value of `key` as UTF-8 text.

        Raises:
            KeyError: no such key.
            ValueError: the value is not UTF-8; it is not shown.
        """
        return decode_text(self[key])

    def lease(self, key: str) -> Lease | None:
        """The lease that `key` hangs on: of several, the one that ends first.

        Raises:
            KeyError: no such key.
        """
        leases = [origin.lease for origin in self.provenance[key] if origin.lease is not None]
        return min(leases, key=lambda lease: lease.expires_at, default=None)

    @property
    def leases(self) -> tuple[Lease, ...]:
        """Every lease of the bundle, each once, the one that ends first in front."""
        distinct = {
            origin.lease.lease_id: origin.lease
            for group in self.provenance.values()
            for origin in group
            if origin.lease is not None
        }
        return tuple(sorted(distinct.values(), key=lambda lease: lease.expires_at))

    def __getitem__(self, key: str) -> bytes:
        """The value of `key`."""
        return self._data[key]

    def __iter__(self) -> Iterator[str]:
        """The keys, sorted."""
        return iter(self._data)

    def __len__(self) -> int:
        """How many keys."""
        return len(self._data)

    __hash__ = None  # type: ignore[assignment]  # equal by content, and content must not show in a hash

    def __repr__(self) -> str:
        """Name, type and keys; values hidden."""
        keys = ", ".join(f"{key}={REDACTED}" for key in self)
        return f"<Bundle {self.namespace}/{self.name} type={self.type} {{{keys}}}>"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refused: a bundle never changes; a new one takes its place."""
        raise AttributeError(f"a Bundle is immutable; {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        """Refused, as setting is."""
        raise AttributeError(f"a Bundle is immutable; {name} cannot be deleted")

    def __copy__(self) -> Self:
        """Itself: immutable objects need no copy."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        """Itself: immutable objects need no copy."""
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """Refused: a pickle is a copy nobody watches."""
        raise TypeError("a Bundle cannot be pickled")
