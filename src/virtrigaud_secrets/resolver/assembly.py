"""From answers to the map that templates see: property, conversion, decoding, order (ESO §2.1, §2.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from virtrigaud_secrets.bundle import Provenance
from virtrigaud_secrets.errors import SecretsError, StoreError, raise_all
from virtrigaud_secrets.resolver.decoding import decode
from virtrigaud_secrets.resolver.execution import Answers, is_missing
from virtrigaud_secrets.resolver.keys import convert_keys, valid_keys
from virtrigaud_secrets.resolver.plan import DataStep, ExtractStep, FindStep, Plan, Step, asked_by
from virtrigaud_secrets.stores.base import Answer, at_store


@dataclass(frozen=True, slots=True)
class Value:
    """One value on its way into a template, with where it came from."""

    data: bytes = field(repr=False)
    """The value."""
    provenance: Provenance
    """Its origin."""


def assemble(plan: Plan, answers: Answers) -> dict[str, Value]:
    """The resolved map of `plan`: every step in order, a later key replacing an earlier one.

    Raises:
        SecretsError: the one fault of a step; ResolveError where there are several.
    """
    values: dict[str, Value] = {}
    faults: list[SecretsError] = []
    for step in plan.steps:
        asked = asked_by(step)
        answer = answers.get(asked)
        if answer is None:
            continue
        try:
            values.update(_values(step, answer))
        except SecretsError as error:
            if plan.skip_missing and is_missing(error):
                continue
            if isinstance(error, StoreError):
                at_store(error, asked.store, answer.path if isinstance(answer, Answer) else "")
            faults.append(error.at(plan.manifest, step.field))
    raise_all(faults, plan.manifest)
    return values


def _values(step: Step, answer: Answer | Mapping[str, Answer]) -> Iterator[tuple[str, Value]]:
    store = str(asked_by(step).store)
    if isinstance(step, FindStep):
        found: Mapping[str, Answer] = {} if isinstance(answer, Answer) else answer
        values = {name: one.payload.whole() for name, one in found.items()}
        # Converted beside their values, so that each key still finds the answer it came from.
        names = dict(zip(convert_keys(values, strategy=step.conversion), sorted(values), strict=True))
        for key in valid_keys(dict.fromkeys(names, b"")):
            data = decode(values[names[key]], step.decoding, key=key)
            yield key, Value(data, _origin(store, found[names[key]]))
    elif isinstance(answer, Answer):
        entries = _entry(step, answer) if isinstance(step, DataStep) else _extracted(step, answer)
        for key, data in entries.items():
            yield key, Value(data, _origin(store, answer, step.property if isinstance(step, DataStep) else key))


def _origin(store: str, answer: Answer, name: str = "") -> Provenance:
    return Provenance(
        store=store,
        path=answer.path,
        property=name,
        version=answer.version,
        lease=answer.lease,
        expires_at=_end(answer),
    )


def _entry(step: DataStep, answer: Answer) -> dict[str, bytes]:
    data = answer.payload.property(step.property) if step.property else answer.payload.whole()
    return {step.secret_key: decode(data, step.decoding, key=step.secret_key)}


def _extracted(step: ExtractStep, answer: Answer) -> dict[str, bytes]:
    entries = valid_keys(convert_keys(answer.payload.entries(step.property), strategy=step.conversion))
    return {key: decode(entries[key], step.decoding, key=key) for key in sorted(entries)}


def _end(answer: Answer) -> datetime | None:
    ends = [end for end in (answer.expires_at, answer.lease.expires_at if answer.lease else None) if end is not None]
    return min(ends, default=None)
