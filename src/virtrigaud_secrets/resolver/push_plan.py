"""From a PushSecret and its source to the writes of one store. No I/O; holds values only as `Sensitive` (ESO §1.6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from virtrigaud_secrets.errors import DecodingError, ManifestError, SecretsError, raise_all
from virtrigaud_secrets.golang.reflect import to_bytes, to_string
from virtrigaud_secrets.resolver.keys import reverse_keys
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import Push, PushTarget, StoreKey

if TYPE_CHECKING:
    from virtrigaud_secrets.models.push_secret import (
        PushSecretData,
        PushSecretDataTo,
        PushSecretRewrite,
        PushSecretSpec,
        PushSecretStoreRef,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A Kubernetes Secret whose values are pushed, its template applied."""

    name: str
    """Its name."""
    entries: Mapping[str, Sensitive] = field(repr=False)
    """Its values."""
    type: str = "Opaque"
    """Its type."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Its labels."""
    annotations: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Its annotations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushStore:
    """A store that is pushed to."""

    key: StoreKey
    """Which."""
    kind: str
    """Its kind, as references write it."""
    name: str
    """Its name, as references write it."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Its labels, by which `dataTo` may choose it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushStep:
    """One write, and where the manifest asks for it."""

    field: str
    """The field."""
    push: Push
    """The write."""


def check_stores(spec: PushSecretSpec) -> None:
    """Refuse an entry of `dataTo` that names a store which is none of `secretStoreRefs`.

    Raises:
        ManifestError: there is one; ResolveError where there are several.
    """
    faults: list[SecretsError] = []
    for index, entry in enumerate(spec.data_to):
        reference = entry.store_ref
        if (
            reference is None
            or reference.name is None
            or any(_may_mean(one, reference) for one in spec.secret_store_refs)
        ):
            continue
        message = f"{reference.kind} {reference.name} is none of spec.secretStoreRefs"
        faults.append(ManifestError(message).at("", f"spec.dataTo[{index}].storeRef"))
    raise_all(faults, "spec.dataTo")


def steps_for(spec: PushSecretSpec, source: Source, store: PushStore, *, dry_run: bool = False) -> list[PushStep]:
    """What is written to a store: what `dataTo` chooses, then `data`, which wins over it for the same source key.

    Raises:
        ManifestError: two entries write to one place.
        DecodingError: the source lacks a key, or two of its keys become one.
        RegexpError: a pattern is no regular expression of Go.
        TemplateError: a rewrite's template cannot be parsed or executed.
        ResolveError: several of these.
    """
    faults: list[SecretsError] = []
    chosen: list[PushStep] = []
    for index, entry in enumerate(spec.data_to):
        place = f"spec.dataTo[{index}]"
        if entry.store_ref is None or not _means(entry.store_ref, store):
            continue
        try:
            chosen += _bulk(entry, source, store, place)
        except SecretsError as error:
            faults.append(error.at("", place))
    explicit: list[PushStep] = []
    for index, one in enumerate(spec.data):
        place = f"spec.data[{index}]"
        try:
            explicit.append(_single(one, source, store, place))
        except SecretsError as error:
            faults.append(error.at("", place))
    named = {step.push.secret_key for step in explicit}
    steps = [step for step in chosen if step.push.secret_key not in named or _is_bundle(step)] + explicit
    faults += _doubles(steps)
    raise_all(faults, f"to {store.key}")
    return [replace(step, push=replace(step.push, dry_run=dry_run)) for step in steps]


def _is_bundle(step: PushStep) -> bool:
    return not step.push.secret_key


def _single(entry: PushSecretData, source: Source, store: PushStore, place: str) -> PushStep:
    entries = reverse_keys(source.entries, strategy=entry.conversion_strategy)
    key, remote = entry.match.secret_key or "", entry.match.remote_ref
    if key and key not in entries:
        raise DecodingError(f'Secret {source.name} has no key "{key}"')
    target = PushTarget(store=store.key, key=remote.remote_key, property=remote.property or "")
    return _step(source, entries, target, key, entry.metadata, place)


def _bulk(entry: PushSecretDataTo, source: Source, store: PushStore, place: str) -> Iterator[PushStep]:
    from virtrigaud_secrets.golang.regexp import compile_pattern

    entries = reverse_keys(source.entries, strategy=entry.conversion_strategy)
    pattern = (entry.match.regexp or "") if entry.match is not None else ""
    matches = compile_pattern(pattern).match
    matched = {key: entries[key] for key in sorted(entries) if matches(key)}
    if not matched:
        return
    if entry.remote_key:
        target = PushTarget(store=store.key, key=entry.remote_key)
        yield _step(source, matched, target, "", entry.metadata, place)
        return
    for key in matched:
        remote = key
        for operation in entry.rewrite:
            remote = _rewritten(operation, remote)
        if not remote:
            raise DecodingError(f'the rewrite leaves nothing of the key "{key}"')
        yield _step(source, matched, PushTarget(store=store.key, key=remote), key, entry.metadata, place)


def _step(
    source: Source, entries: Mapping[str, Sensitive], target: PushTarget, key: str, metadata: object, place: str
) -> PushStep:
    push = Push(
        target=target,
        entries=entries,
        secret_key=key,
        type=source.type,
        labels=source.labels,
        annotations=source.annotations,
        metadata=metadata,
    )
    return PushStep(field=place, push=push)


def _rewritten(operation: PushSecretRewrite, key: str) -> str:
    if operation.regexp is not None:
        from virtrigaud_secrets.golang.regexp import compile_pattern

        return compile_pattern(operation.regexp.source).replace_all(key, operation.regexp.target)
    if operation.transform is not None:
        from virtrigaud_secrets import template

        options = template.Options(missing_key="default")
        made = template.compile(operation.transform.template, name="transform", options=options)
        return to_string(made.render({"value": to_bytes(key)}))
    return key


def _doubles(steps: Sequence[PushStep]) -> Iterator[SecretsError]:
    """A fault for every entry that writes where an earlier one does."""
    seen: dict[tuple[str, str], PushStep] = {}
    for step in steps:
        target = step.push.target
        first = seen.setdefault((target.key, target.property), step)
        if first is not step:
            what = f'remote key "{target.key}"' + (f', property "{target.property}"' if target.property else "")
            message = f"{what}: {_key(first)} and {_key(step)} would be written to one place"
            yield ManifestError(message).at("", *dict.fromkeys((first.field, step.field)))


def _key(step: PushStep) -> str:
    return f'the key "{step.push.secret_key}"' if step.push.secret_key else "a whole Secret"


def _may_mean(reference: PushSecretStoreRef, named: PushSecretStoreRef) -> bool:
    """Whether a reference may lead to the store that another one names."""
    return reference.kind == named.kind and (reference.name == named.name or reference.label_selector is not None)


def _means(reference: PushSecretStoreRef, store: PushStore) -> bool:
    if reference.kind != store.kind:
        return False
    if reference.name is not None:
        return reference.name == store.name
    return reference.label_selector is not None and reference.label_selector.matches(store.labels)
