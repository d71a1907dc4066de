"""From answers to the map that templates see: property, rewrite, conversion, decoding, order (ESO §2.1, §2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from virtrigaud_secrets.bundle import Provenance
from virtrigaud_secrets.errors import SecretsError, StoreError, raise_all
from virtrigaud_secrets.resolver.decoding import decode
from virtrigaud_secrets.resolver.execution import Answers, is_missing
from virtrigaud_secrets.resolver.keys import convert_keys, valid_keys
from virtrigaud_secrets.resolver.plan import (
    DataStep,
    Decoding,
    ExtractStep,
    FindStep,
    GeneratorStep,
    Plan,
    Step,
    asked_by,
)
from virtrigaud_secrets.resolver.rewrite import rewrite
from virtrigaud_secrets.resolver.values import Value
from virtrigaud_secrets.stores.base import Answer, at_store


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


def _values(step: Step, answer: Answer | Mapping[str, Answer]) -> dict[str, Value]:
    if isinstance(step, FindStep):
        found: Mapping[str, Answer] = {} if isinstance(answer, Answer) else answer
        return _keyed(step, _found(step, found))
    if not isinstance(answer, Answer):
        return {}
    if isinstance(step, DataStep):
        data = answer.payload.property(step.property) if step.property else answer.payload.whole()
        return _decoded({step.secret_key: Value(data, _origins(step, answer, step.property))}, step.decoding)
    if isinstance(step, GeneratorStep):
        made = answer.payload.entries()
        values = {name: Value(data, _origins(step, answer, name)) for name, data in made.items()}
        return valid_keys(rewrite(step.rewrite, values, field=step.field))
    prefix = f"{step.property}." if step.property else ""
    entries = answer.payload.entries(step.property)
    return _keyed(step, {name: Value(data, _origins(step, answer, prefix + name)) for name, data in entries.items()})


def _found(step: FindStep, found: Mapping[str, Answer]) -> dict[str, Value]:
    values = {name: Value(one.payload.whole(), _origins(step, one)) for name, one in found.items()}
    return convert_keys(values, strategy=step.conversion) if step.converts_first else values


def _keyed(step: ExtractStep | FindStep, named: Mapping[str, Value]) -> dict[str, Value]:
    """Under the keys they are to have: a rewrite stands in for the conversion."""
    if step.rewrite:
        values = rewrite(step.rewrite, named, field=step.field)
    else:
        values = convert_keys(named, strategy=step.conversion)
    return _decoded(valid_keys(values), step.decoding)


def _decoded(values: Mapping[str, Value], decoding: Decoding) -> dict[str, Value]:
    return {key: Value(decode(values[key].data, decoding, key=key), values[key].origins) for key in sorted(values)}


def _origins(step: Step, answer: Answer, name: str = "") -> tuple[Provenance, ...]:
    origin = Provenance(
        store=str(asked_by(step).store),
        path=answer.path,
        property=name,
        version=answer.version,
        lease=answer.lease,
        expires_at=_end(answer),
        request_id=answer.request_id,
    )
    return (origin,)


def _end(answer: Answer) -> datetime | None:
    ends = [end for end in (answer.expires_at, answer.lease.expires_at if answer.lease else None) if end is not None]
    return min(ends, default=None)
