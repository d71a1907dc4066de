"""Works out the way of every key from store path to output, from a plan and what came of it. No I/O, no values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.errors import ResolveError, SecretsError, TemplateError
from virtrigaud_secrets.resolver.explanation import Asked, Entry, Explanation, Fault, Output
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
from virtrigaud_secrets.resolver.rendering import DEFAULT_TYPE, TARGETS
from virtrigaud_secrets.template.roots import root_fields

if TYPE_CHECKING:
    from virtrigaud_secrets.models.external_secret import (
        ExternalSecretRewrite,
        ExternalSecretTarget,
        ExternalSecretTemplate,
        TemplateRef,
    )
    from virtrigaud_secrets.stores.base import Query

TEMPLATE: Final = "spec.target.template"
"""Where templates stand."""

Delimiters = tuple[str, str]
"""Left and right delimiter of templates."""


def explain(
    plan: Plan, *, outcome: Bundle | SecretsError | None = None, delimiters: Delimiters = ("{{", "}}")
) -> Explanation:
    """What `plan` reads and makes, and what came of it.

    Args:
        plan: what a resolve does.
        outcome: what it came to; None before that.
        delimiters: those of the settings.
    """
    entries = tuple(_entries(plan))
    outputs = list(_last_wins(_outputs(plan, entries, delimiters)))
    used = {field for output in outputs for field in output.entries}
    entries = tuple(replace(entry, used=entry.field in used) for entry in entries)
    told = Explanation(
        manifest=plan.manifest,
        target=plan.target.name or plan.name,
        type=_type(plan.target),
        requests=tuple(_asked(plan)),
        entries=entries,
        outputs=tuple(outputs),
        repairs=plan.repairs,
    )
    if isinstance(outcome, Bundle):
        return replace(told, outputs=tuple(_with_origins(outputs, outcome)), type=outcome.type, resolved=True)
    return told if outcome is None else replace(told, faults=tuple(_faults(outcome, outputs)))


def explain_failure(manifest: str, *, target: ExternalSecretTarget, name: str, error: SecretsError) -> Explanation:
    """Why there is not even a plan."""
    return Explanation(
        manifest=manifest, target=target.name or name, type=_type(target), faults=tuple(_faults(error, []))
    )


def _type(target: ExternalSecretTarget) -> str:
    return (target.template.type if target.template is not None else None) or DEFAULT_TYPE


def _asked(plan: Plan) -> Iterator[Asked]:
    for preview in plan.requests:
        yield Asked(
            store=str(preview.fetch.store),
            method=preview.method,
            path=preview.path,
            version=preview.fetch.version,
            parameters=tuple(sorted(name for name, _ in preview.fetch.parameters)),
            side_effect=preview.side_effect,
            note=preview.note,
        )
    for query in plan.searches:
        yield Asked(store=str(query.store), method="search", path=criteria(query))


def criteria(query: Query) -> str:
    """What a search is for, in words."""
    tags = ", ".join(f"{name}={value}" for name, value in query.tags)
    named = (("name", query.name), ("tags", tags), ("path", query.path))
    return ", ".join(f"{word} {text}" for word, text in named if text) or "all"


def _entries(plan: Plan) -> Iterator[Entry]:
    numbers = {asked: index for index, asked in enumerate((*(one.fetch for one in plan.requests), *plan.searches))}
    last = {step.secret_key: step.field for step in plan.steps if isinstance(step, DataStep)}
    for step in plan.steps:
        key = step.secret_key if isinstance(step, DataStep) else ""
        winner = last.get(key, step.field)
        yield Entry(
            field=step.field,
            key=key,
            request=numbers[asked_by(step)],
            steps=tuple(_steps(step)),
            replaced_by="" if winner == step.field else winner,
        )


def _steps(step: Step) -> Iterator[str]:
    yield _taken(step)
    if isinstance(step, FindStep) and step.converts_first and step.rewrite:
        yield f"names converted by {step.conversion}"
    if not isinstance(step, DataStep):
        yield from (_rewrite(operation) for operation in step.rewrite)
        if not step.rewrite and not isinstance(step, GeneratorStep):
            yield f"names converted by {step.conversion}"
    if not isinstance(step, GeneratorStep):
        yield from _decoded(step.decoding)


def _decoded(decoding: Decoding) -> Iterator[str]:
    if decoding.strategy != "None":
        yield f"decoded by {decoding.strategy}"
    if decoding.refuse_null_bytes:
        yield "refused if it holds a null byte"


def _taken(step: Step) -> str:
    """What of an answer is meant."""
    match step:
        case DataStep():
            return f"property {step.property}" if step.property else "the whole secret"
        case ExtractStep():
            return f"every entry of property {step.property}" if step.property else "every entry of the secret"
        case FindStep():
            return "every secret found, whole"
        case GeneratorStep():
            return "every value that is made"


def _rewrite(operation: ExternalSecretRewrite) -> str:
    if operation.regexp is not None:
        return f"names rewritten by the pattern {operation.regexp.source!r} to {operation.regexp.target!r}"
    if operation.transform is not None:
        return f"names made by the template {operation.transform.template!r}"
    merge = operation.merge
    if merge is not None and merge.strategy == "JSON":
        return f"all joined as JSON under {merge.into!r}"
    return "all joined, their members become the keys"


def _outputs(plan: Plan, entries: tuple[Entry, ...], delimiters: Delimiters) -> Iterator[Output]:
    recipe = plan.target.template
    standing = [entry for entry in entries if not entry.replaced_by]
    if recipe is None or recipe.merge_policy == "Merge" or not (recipe.data or recipe.template_from):
        for entry in standing:
            yield Output(part="data", key=entry.key, made_by=entry.field, entries=(entry.field,))
    if recipe is not None:
        yield from _Templates(standing, delimiters).outputs(recipe)


class _Templates:
    """What templates read, by the keys they name."""

    def __init__(self, entries: list[Entry], delimiters: Delimiters) -> None:
        self._known = {entry.key: entry.field for entry in entries if entry.key}
        self._unknown = tuple(entry.field for entry in entries if not entry.key)
        self._delimiters = delimiters

    def outputs(self, recipe: ExternalSecretTemplate) -> Iterator[Output]:
        for index, source in enumerate(recipe.template_from):
            field, part = f"{TEMPLATE}.templateFrom[{index}]", TARGETS.get(source.target.lower(), source.target)
            for kind, reference in (("configMap", source.config_map), ("secret", source.secret)):
                if reference is not None:
                    yield from self._from(reference, f"{field}.{kind}", part)
            if source.literal is not None:
                yield self._made(part, "", f"{field}.literal", source.literal)
        for part, place, texts in (
            ("data", "data", recipe.data),
            ("labels", "metadata.labels", recipe.metadata.labels),
            ("annotations", "metadata.annotations", recipe.metadata.annotations),
        ):
            for key, text in texts.items():
                yield self._made(part, key, f"{TEMPLATE}.{place}[{key}]", text)

    def _from(self, reference: TemplateRef, field: str, part: str) -> Iterator[Output]:
        """A text that is kept elsewhere may read anything."""
        for index, item in enumerate(reference.items):
            key = item.key if item.template_as == "Values" else ""
            everything = (*self._known.values(), *self._unknown)
            yield Output(part=part, key=key, made_by=f"{field}.items[{index}]", entries=everything)

    def _made(self, part: str, key: str, field: str, text: str) -> Output:
        try:
            named = root_fields(text, delimiters=self._delimiters)
        except TemplateError:
            named = None
        if named is None:
            return Output(part=part, key=key, made_by=field, entries=(*self._known.values(), *self._unknown))
        read = [self._known[name] for name in self._known if name in named]
        if not named <= self._known.keys():
            read += self._unknown
        return Output(part=part, key=key, made_by=field, entries=tuple(read))


def _last_wins(outputs: Iterable[Output]) -> Iterator[Output]:
    kept: dict[tuple[str, str], Output] = {}
    for output in outputs:
        place = (output.part, output.key or output.made_by)
        kept.pop(place, None)
        kept[place] = output
    yield from kept.values()


def _with_origins(outputs: list[Output], bundle: Bundle) -> Iterator[Output]:
    """Each key that there is, in place of those whose names were not known."""
    known = {output.key: output for output in outputs if output.part == "data" and output.key}
    unknown = [output for output in outputs if output.part == "data" and not output.key]
    for key in bundle:
        output = known.get(key) or _maker(unknown)
        yield replace(output, key=key, origins=bundle.provenance[key])
    yield from (output for output in outputs if output.part != "data")


def _maker(unknown: list[Output]) -> Output:
    if len(unknown) == 1:
        return unknown[0]
    makers = " or ".join(output.made_by for output in unknown)
    return Output(part="data", key="", made_by=makers, entries=tuple(field for one in unknown for field in one.entries))


def _faults(error: SecretsError, outputs: list[Output]) -> Iterator[Fault]:
    for one in error.errors if isinstance(error, ResolveError) else (error,):
        yield Fault(code=one.code, fields=one.fields, message=_message(one), keys=tuple(_missed(one.fields, outputs)))


def _message(error: SecretsError) -> str:
    """The error's text without manifest and fields, which stand beside it."""
    places = ": ".join(part for part in (error.manifest, ", ".join(error.fields)) if part)
    return str(error).removeprefix(f"{places}: ") if places else str(error)


def _missed(fields: tuple[str, ...], outputs: list[Output]) -> Iterator[str]:
    def hit(place: str) -> bool:
        return any(field == place or field.startswith(f"{place}.") for field in fields)

    yield from (
        output.key
        for output in outputs
        if output.key and (hit(output.made_by) or any(hit(entry) for entry in output.entries))
    )
