"""What a push did, without values: for people, for machines, and for the next push, which deletes what is gone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self, cast

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.stores.base import PushOutcome, PushTarget, StoreKey

FORMAT: Final = 1
"""Version of the JSON form."""

GONE: Final = frozenset({PushOutcome.DELETED, PushOutcome.ABSENT, PushOutcome.NOT_OWNED})
"""Outcomes after which nothing of ours is there any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedEntry:
    """One secret in a store, or one property of it."""

    target: PushTarget
    """Where."""
    outcome: PushOutcome
    """What became of it."""
    field: str = ""
    """Where the manifest asks for it; empty for what it no longer asks for."""

    def __str__(self) -> str:
        """`outcome: path [store]`."""
        path = f"{self.target.key}, property {self.target.property}" if self.target.property else self.target.key
        return f"{self.outcome}: {path} [store {self.target.store}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """What became of one PushSecret."""

    name: str
    """Its name."""
    namespace: str
    """Its namespace."""
    entries: tuple[PushedEntry, ...]
    """What it asks for, in order of stores and fields; then what was pushed before and is gone from it."""
    dry_run: bool = False
    """Whether nothing was written, and the outcomes are what would have become of it."""

    @property
    def pushed(self) -> tuple[PushTarget, ...]:
        """What is in the stores now because of it: what a later push may have to delete."""
        return tuple(entry.target for entry in self.entries if entry.outcome not in GONE)

    def to_json(self) -> str:
        """The report as JSON text, for `from_json`. Holds no value."""
        entries = [
            {
                "store": {
                    "kind": entry.target.store.kind,
                    "namespace": entry.target.store.namespace,
                    "name": entry.target.store.name,
                },
                "remoteKey": entry.target.key,
                "property": entry.target.property,
                "outcome": entry.outcome.value,
                "field": entry.field,
            }
            for entry in self.entries
        ]
        return json.dumps(
            {
                "format": FORMAT,
                "name": self.name,
                "namespace": self.namespace,
                "dryRun": self.dry_run,
                "entries": entries,
            },
            indent=2,
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The report that `to_json` wrote.

        Raises:
            ConfigurationError: it is no such text.
        """
        try:
            document: object = json.loads(text)
            report = cls._read(cast("Mapping[str, object]", document))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            report = None
        if report is None:
            raise ConfigurationError("this is no report of a push: expected the JSON that PushReport.to_json writes")
        return report

    @classmethod
    def _read(cls, document: Mapping[str, object]) -> Self | None:
        if document["format"] != FORMAT:
            return None
        return cls(
            name=_text(document["name"]),
            namespace=_text(document["namespace"]),
            dry_run=document["dryRun"] is True,
            entries=tuple(map(_entry, cast("Iterable[Mapping[str, object]]", document["entries"]))),
        )


def _entry(item: Mapping[str, object]) -> PushedEntry:
    store = cast("Mapping[str, object]", item["store"])
    return PushedEntry(
        target=PushTarget(
            store=StoreKey(_text(store["kind"]), _text(store["namespace"]), _text(store["name"])),
            key=_text(item["remoteKey"]),
            property=_text(item["property"]),
        ),
        outcome=PushOutcome(_text(item["outcome"])),
        field=_text(item["field"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
