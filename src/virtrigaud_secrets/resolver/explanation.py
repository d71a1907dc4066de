"""What `explain` tells: values of their own, and how they read as text and as JSON. Holds no secret.

What is told is worked out in `explain`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from virtrigaud_secrets.bundle import Provenance
from virtrigaud_secrets.repairs import REPAIRS


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request or search."""

    store: str
    """The store or generator as `Kind namespace/name`."""
    method: str
    """Verb in the store's own terms; `search` for a search."""
    path: str
    """Path in the store's own terms, or what is sought."""
    version: str = ""
    """The version asked for, empty for the newest."""
    parameters: tuple[str, ...] = ()
    """Names of its parameters."""
    side_effect: bool = False
    """Whether it makes something."""
    note: str = ""
    """What can only be known once the store is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of `dataFrom` or `data`."""

    field: str
    """Where the manifest says so."""
    key: str
    """The key that templates see; empty where names are only known once the store was asked."""
    request: int
    """Which request serves it, from 0."""
    steps: tuple[str, ...]
    """What happens to its values, in order."""
    replaced_by: str = ""
    """The entry whose value replaces this one's."""
    used: bool = True
    """Whether anything of the Secret is made of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One key of the Secret."""

    part: str
    """`data`, `labels` or `annotations`."""
    key: str
    """The key; empty where it is only known once the store was asked or a template rendered."""
    made_by: str
    """The entry or template that makes it."""
    entries: tuple[str, ...]
    """Fields of the entries that it is made of."""
    origins: tuple[Provenance, ...] = ()
    """Where its value came from, once it was resolved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that went wrong."""

    code: str
    """Its stable identifier."""
    fields: tuple[str, ...]
    """Where in the manifest."""
    message: str
    """What happened, with store and path."""
    keys: tuple[str, ...] = ()
    """Keys of the Secret that are not there because of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The way of every key from store path to output, without values."""

    manifest: str
    """The manifest as errors name it."""
    target: str
    """Name of the Secret."""
    type: str
    """Its type."""
    requests: tuple[Asked, ...] = ()
    """What is asked, each once."""
    entries: tuple[Entry, ...] = ()
    """What the answers become."""
    outputs: tuple[Output, ...] = ()
    """What the Secret holds."""
    repairs: tuple[str, ...] = ()
    """Ids of the differences from ESO that are used."""
    faults: tuple[Fault, ...] = ()
    """What went wrong."""
    resolved: bool = False
    """Whether it was resolved, so that origins are known."""

    def as_json(self) -> dict[str, object]:
        """The stable form of `--format json`."""
        return {
            "manifest": self.manifest,
            "target": {"name": self.target, "type": self.type},
            "resolved": self.resolved,
            "requests": [
                {
                    "store": asked.store,
                    "method": asked.method,
                    "path": asked.path,
                    "version": asked.version,
                    "parameters": list(asked.parameters),
                    "sideEffect": asked.side_effect,
                    "note": asked.note,
                }
                for asked in self.requests
            ],
            "entries": [
                {
                    "field": entry.field,
                    "key": entry.key or None,
                    "request": entry.request,
                    "steps": list(entry.steps),
                    "replacedBy": entry.replaced_by or None,
                    "used": entry.used,
                }
                for entry in self.entries
            ],
            "outputs": [
                {
                    "part": output.part,
                    "key": output.key or None,
                    "madeBy": output.made_by,
                    "entries": list(output.entries),
                    "origins": [_origin(origin) for origin in output.origins],
                }
                for output in self.outputs
            ],
            "repairs": [_repair(name) for name in self.repairs],
            "faults": [
                {
                    "code": fault.code,
                    "fields": list(fault.fields),
                    "message": fault.message,
                    "keys": list(fault.keys),
                }
                for fault in self.faults
            ],
        }

    def as_text(self) -> str:
        """Lines for people."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.manifest} → Secret {self.target} ({self.type})"
        entries = {entry.field: entry for entry in self.entries}
        for output in self.outputs:
            yield f"  {_title(output)}"
            if output.made_by not in entries:
                yield f"    made by {output.made_by}"
            for field in output.entries:
                yield from self._entry_lines(entries[field], output)
        yield from self._unused_lines()
        for name in self.repairs:
            if name in REPAIRS:
                yield f"  differs from ESO by {name}: {REPAIRS[name].here}; with ESO, {REPAIRS[name].with_eso}"
        for fault in self.faults:
            yield from _fault_lines(fault)

    def _unused_lines(self) -> Iterator[str]:
        for entry in self.entries:
            if entry.replaced_by:
                yield f"  {entry.field}: replaced by {entry.replaced_by}"
            elif not entry.used:
                yield f"  {entry.field}: nothing of the Secret is made of it"

    def _entry_lines(self, entry: Entry, output: Output) -> Iterator[str]:
        asked = self.requests[entry.request]
        version = f" version {asked.version}" if asked.version else ""
        makes = ", makes something new" if asked.side_effect else ""
        key = f" as {entry.key}" if entry.key and output.made_by != entry.field else ""
        yield f"    ← {entry.field}{key}: {'; '.join(entry.steps)}"
        yield f"      ← {asked.method} {asked.path}{version}, {asked.store}{makes}"
        if asked.note:
            yield f"        {asked.note}"
        theirs = [origin for origin in output.origins if origin.store == asked.store]
        # What a search finds, or a store reads in the end, is not what the plan names.
        for origin in [origin for origin in theirs if origin.path == asked.path] or theirs:
            yield from _found(origin)


def _repair(name: str) -> dict[str, object]:
    """A repair; of one that only a package of somebody else knows, its id."""
    known = REPAIRS.get(name)
    return {
        "id": name,
        "withESO": None if known is None else known.with_eso,
        "here": None if known is None else known.here,
    }


def _fault_lines(fault: Fault) -> Iterator[str]:
    places = f" at {', '.join(fault.fields)}" if fault.fields else ""
    yield f"  fault{places} [{fault.code}]"
    yield from (f"    {line}" for line in fault.message.splitlines())
    if fault.keys:
        yield f"    so there is no {', '.join(fault.keys)}"


def _title(output: Output) -> str:
    if output.key:
        return output.key if output.part == "data" else f"{output.part}: {output.key}"
    return "every key that is found" if output.part == "data" else f"{output.part}: those that are made"


def _found(origin: Provenance) -> Iterator[str]:
    parts = [f"version {origin.version}"] if origin.version else []
    if origin.lease is not None:
        renewable = "renewable" if origin.lease.renewable else "not renewable"
        parts.append(f"lease {origin.lease.fingerprint}, {origin.lease.duration} s, {renewable}")
    if origin.expires_at is not None:
        parts.append(f"ends {origin.expires_at:%Y-%m-%d %H:%M:%S} UTC")
    wanted = f", property {origin.property}" if origin.property else ""
    yield f"        read {origin.path}{wanted}{''.join(f'; {part}' for part in parts)}"


def _origin(origin: Provenance) -> dict[str, object]:
    lease = origin.lease
    return {
        "store": origin.store,
        "path": origin.path,
        "property": origin.property,
        "version": origin.version,
        "expiresAt": origin.expires_at.isoformat() if origin.expires_at else None,
        "lease": None
        if lease is None
        else {"fingerprint": lease.fingerprint, "duration": lease.duration, "renewable": lease.renewable},
    }
