"""From the resolved map to the bundle: `spec.target.template` as ESO runs it (ESO §2.7)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets import template
from virtrigaud_secrets.bundle import Bundle, Provenance
from virtrigaud_secrets.errors import (
    DecodingError,
    NothingFoundError,
    SecretsError,
    TemplateError,
    UnsupportedFeatureError,
    raise_all,
)
from virtrigaud_secrets.golang.reflect import to_bytes, to_string
from virtrigaud_secrets.resolver.decoding import decode
from virtrigaud_secrets.resolver.keys import check_key
from virtrigaud_secrets.resolver.plan import Decoding, Plan
from virtrigaud_secrets.resolver.values import Value
from virtrigaud_secrets.sensitive import decode_text
from virtrigaud_secrets.template.roots import root_fields

if TYPE_CHECKING:
    from virtrigaud_secrets.models.external_secret import ExternalSecretTemplate, TemplateFrom, TemplateRef
    from virtrigaud_secrets.stores.base import References

DEFAULT_TYPE: Final = "Opaque"
"""Type of a Kubernetes Secret that names none."""

COMPUTED_KEY: Final = "(one that the template makes)"
"""What errors call a key that was rendered: it may be made of values."""

TARGETS: Final = {"": "data", "data": "data", "annotations": "annotations", "labels": "labels"}
"""`templateFrom.target`, in any case → the part of the Secret it fills."""


def render(
    plan: Plan,
    values: Mapping[str, Value],
    *,
    references: References,
    delimiters: tuple[str, str] = template.DEFAULT_OPTIONS.delimiters,
) -> Bundle:
    """The bundle of `plan`.

    Without a template it is the resolved map, with the ExternalSecret's labels and annotations. With one it is what the
    template makes; the resolved map itself stays only under `mergePolicy: Merge` or where the template makes no data.

    Raises:
        NothingFoundError: nothing was found and `deletionPolicy` is not Merge: ESO writes no Secret then.
        TemplateError: a template cannot be parsed or executed.
        DecodingError: what it renders is not in the form promised.
        ConfigurationError: a ConfigMap or Secret of templateFrom cannot be found.
        ResolveError: several of these.
    """
    policy = plan.target.deletion_policy
    if not values and policy != "Merge":
        outcome = "there is no Secret then" if policy == "Delete" else "a Secret written before stays as it was"
        message = f"nothing it asks for exists, and with deletionPolicy {policy} {outcome}"
        raise NothingFoundError(message, deletion_policy=policy).at(plan.manifest)
    recipe = plan.target.template
    name = plan.target.name or plan.name
    if recipe is None:
        return Bundle(
            {key: value.data for key, value in values.items()},
            name=name,
            namespace=plan.namespace,
            manifest=plan.manifest,
            type=DEFAULT_TYPE,
            labels=plan.labels,
            annotations=plan.annotations,
            provenance={key: value.origins for key, value in values.items()},
        )
    place = Place(manifest=plan.manifest, namespace=plan.namespace, field="spec.target.template")
    rendering = _Rendering(place, values, references, template.Options(delimiters=delimiters))
    rendering.run(recipe)
    return Bundle(
        rendering.data,
        name=name,
        namespace=plan.namespace,
        manifest=plan.manifest,
        type=recipe.type or DEFAULT_TYPE,
        labels=rendering.metadata["labels"],
        annotations=rendering.metadata["annotations"],
        provenance=rendering.provenance,
    )


def render_template(
    recipe: ExternalSecretTemplate,
    values: Mapping[str, Value],
    place: Place,
    *,
    references: References,
    delimiters: tuple[str, str] = template.DEFAULT_OPTIONS.delimiters,
) -> Bundle:
    """What a template makes of values, without name. The values themselves stay, where it does not replace them.

    This is a PushSecret's template: ESO applies it to the source itself, whatever its `mergePolicy` (ESO §1.6).

    Raises:
        TemplateError: a template cannot be parsed or executed.
        DecodingError: what it renders is not in the form promised.
        ConfigurationError: a ConfigMap or Secret of templateFrom cannot be found.
        ResolveError: several of these.
    """
    rendering = _Rendering(place, values, references, template.Options(delimiters=delimiters))
    rendering.keep()
    rendering.run(recipe)
    metadata = rendering.metadata
    return Bundle(
        rendering.data,
        namespace=place.namespace,
        type=recipe.type or DEFAULT_TYPE,
        labels=metadata["labels"],
        annotations=metadata["annotations"],
        provenance=rendering.provenance,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a template stands."""

    manifest: str
    """The manifest, as errors name it."""
    namespace: str
    """The namespace that `templateFrom` is read in."""
    field: str
    """The field of the template, such as `spec.target.template`."""


class _Rendering:
    """What the templates of one manifest have made so far."""

    def __init__(
        self, place: Place, values: Mapping[str, Value], references: References, options: template.Options
    ) -> None:
        self._place = place
        self._options = options
        self._values = values
        self._raw = {key: value.data for key, value in values.items()}
        self._references = references
        self._faults: list[SecretsError] = []
        self.data: dict[str, bytes] = {}
        self.provenance: dict[str, tuple[Provenance, ...]] = {}
        self.metadata: dict[str, dict[str, str]] = {"labels": {}, "annotations": {}}

    def keep(self) -> None:
        """Let the values themselves be part of the result."""
        self.data.update(self._raw)
        self.provenance.update({key: value.origins for key, value in self._values.items()})

    def run(self, recipe: ExternalSecretTemplate) -> None:
        """Apply the template in ESO's order; later wins."""
        if recipe.merge_policy == "Merge" or not (recipe.data or recipe.template_from):
            self.keep()
        for index, source in enumerate(recipe.template_from):
            field = f"{self._place.field}.templateFrom[{index}]"
            try:
                self._from(source, field)
            except SecretsError as error:
                self._fault(error, field)
        self._each(recipe.data, "data", f"{self._place.field}.data")
        for part in ("labels", "annotations"):
            self._each(getattr(recipe.metadata, part), part, f"{self._place.field}.metadata.{part}")
        raise_all(self._faults, self._place.manifest)

    def _from(self, source: TemplateFrom, field: str) -> None:
        part = TARGETS.get((source.target or "").lower())
        if part is None:
            raise UnsupportedFeatureError(f"templateFrom.target {source.target} needs a target other than a Secret")
        strategy = source.values_decoding_strategy or "None"
        if source.config_map is not None:
            self._items(source.config_map, part, strategy, field=f"{field}.configMap", secret=False)
        if source.secret is not None:
            self._items(source.secret, part, strategy, field=f"{field}.secret", secret=True)
        if source.literal is not None:
            self._keys_and_values(source.literal, part, strategy, field=f"{field}.literal")

    def _items(self, source: TemplateRef, part: str, strategy: str, *, field: str, secret: bool) -> None:
        for index, item in enumerate(source.items):
            place = f"{field}.items[{index}]"
            if secret:
                value = self._references.secret_value(source.name, item.key, namespace=self._place.namespace)
                text = _text(value.reveal(), item.key)
            else:
                text = self._references.config_map_value(source.name, item.key, namespace=self._place.namespace)
            if item.template_as == "KeysAndValues":
                self._keys_and_values(text, part, strategy, field=place, secret=secret)
            else:
                self._each({item.key: text}, part, place, strategy=strategy, secret=secret)

    def _keys_and_values(self, text: str, part: str, strategy: str, *, field: str, secret: bool = False) -> None:
        """Render the text once; what comes out is YAML of key to value."""
        try:
            pairs = _pairs(self._rendered(text, field, secret=secret))
        except SecretsError as error:
            self._fault(error, field)
            return
        origins = self._origins(text)
        for key, value in pairs.items():
            self._store(part, key, to_bytes(value), origins, strategy=strategy, field=field, shown=COMPUTED_KEY)

    def _each(
        self, texts: Mapping[str, str], part: str, field: str, *, strategy: str = "None", secret: bool = False
    ) -> None:
        """Render each text under its own key; a fault of one does not hide those of the others."""
        for key, text in texts.items():
            try:
                rendered = self._rendered(text, key, secret=secret)
            except SecretsError as error:
                self._fault(error, f"{field}[{key}]")
                continue
            self._store(part, key, rendered, self._origins(text), strategy=strategy, field=f"{field}[{key}]")

    def _store(
        self,
        part: str,
        key: str,
        value: bytes,
        origins: tuple[Provenance, ...],
        *,
        strategy: str,
        field: str,
        shown: str | None = None,
    ) -> None:
        name = key if shown is None else shown
        try:
            decoded = decode(value, Decoding(strategy=strategy), key=name)
            if part == "data":
                check_key(key, shown=shown)
                self.data[key] = decoded
                self.provenance[key] = origins
            else:
                self.metadata[part][key] = _text(decoded, name)
        except SecretsError as error:
            self._fault(error, field)

    def _rendered(self, text: str, name: str, *, secret: bool) -> bytes:
        try:
            return template.compile(text, name=name, options=self._options).render(self._raw)
        except TemplateError as error:
            if not secret:
                raise
            # The template's line, and a reason that quotes it, would show what a Secret holds.
            reason = "the template is wrong; it is kept in a Secret, so neither its text nor the reason is shown"
            hidden = type(error)(reason, name=error.name, line=error.line, column=error.column)
        raise hidden  # out here, so that the other is not its context

    def _fault(self, error: SecretsError, field: str) -> None:
        self._faults.append(error.at(self._place.manifest, field))

    def _origins(self, text: str) -> tuple[Provenance, ...]:
        """What a template's output was made from: the values it names, or all of them where it looks at the map."""
        named = root_fields(text, delimiters=self._options.delimiters)
        keys = [key for key in sorted(self._values) if named is None or key in named]
        return tuple(dict.fromkeys(origin for key in keys for origin in self._values[key].origins))


def _text(value: bytes, key: str) -> str:
    try:
        return decode_text(value)
    except ValueError:
        raise DecodingError(f"{key} is not UTF-8 text") from None


def _pairs(rendered: bytes) -> dict[str, str]:
    # Loads PyYAML, which only this form of template needs.
    from virtrigaud_secrets.golang.yaml_reading import YAMLError, unmarshal_strings

    with suppress(YAMLError):  # whose text, were it a cause or context, shows parts of the document
        return unmarshal_strings(to_string(rendered))
    raise DecodingError("what the template renders is not YAML of key to text")
