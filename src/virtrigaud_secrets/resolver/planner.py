"""From one ExternalSecret to its plan. No I/O: what a store would be asked is computed, not tried."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.errors import ManifestError, SecretsError, UnsupportedFeatureError, raise_all
from virtrigaud_secrets.findings import Finding
from virtrigaud_secrets.resolver import rewrite
from virtrigaud_secrets.resolver.plan import DataStep, Decoding, ExtractStep, FindStep, GeneratorStep, Plan, Step
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Fetch, Preview, Query, freeze_parameters

if TYPE_CHECKING:
    from virtrigaud_secrets.manifests import Document
    from virtrigaud_secrets.models.external_secret import (
        ExternalSecretData,
        ExternalSecretDataFrom,
        ExternalSecretFind,
        ExternalSecretRewrite,
        ExternalSecretSpec,
        GeneratorRef,
        RemoteRef,
        SecretStoreRef,
    )
    from virtrigaud_secrets.resolver.connections import Binding

PARAMETERS_ANNOTATION: Final = "secrets.virtrigaud.io/parameters"
"""Annotation of an ExternalSecret: JSON object of remote key → parameters for the endpoint that issues something."""

Bind = Callable[["SecretStoreRef | GeneratorRef", str], "Binding"]
"""Looks a reference to a store or generator up, seen from a namespace."""


class Planner:
    """Makes plans. `bind` finds stores and generators; nothing else is asked."""

    def __init__(self, bind: Bind, *, settings: Settings) -> None:
        self._bind = bind
        self._settings = settings

    def plan(self, document: Document[ExternalSecretSpec]) -> Plan:
        """The plan of one ExternalSecret.

        Raises:
            ManifestError: a store cannot be found, or the manifest asks for what is not supported here.
            InvalidRequestError: a store knows without asking that a request cannot work.
            ResolveError: several of these.
        """
        return _Planning(document, self._bind, self._settings).run()


class _Planning:
    """The state of planning one document."""

    def __init__(self, document: Document[ExternalSecretSpec], bind: Bind, settings: Settings) -> None:
        self._document = document
        self._bind = bind
        self._settings = settings
        self._manifest = f"ExternalSecret {document.namespace}/{document.name}"
        self._requests: dict[Fetch, Preview] = {}
        self._stores: dict[tuple[str | None, str | None], Binding] = {}
        self._steps: list[Step] = []
        self._repairs: dict[str, None] = {}
        self._faults: list[SecretsError] = []
        self._parameters: Mapping[str, Mapping[str, object]] = {}

    def run(self) -> Plan:
        spec = self._document.spec
        self._try("metadata.annotations", self._read_parameters)
        for index, source in enumerate(spec.data_from):
            field = f"spec.dataFrom[{index}]"
            self._try(field, partial(self._data_from, source, field))
        for index, entry in enumerate(spec.data):
            field = f"spec.data[{index}]"
            self._try(field, partial(self._data, entry, field))
        self._raise_faults()
        target = spec.target
        return Plan(
            name=self._document.name,
            namespace=self._document.namespace,
            target=target,
            requests=tuple(self._requests.values()),
            steps=tuple(self._steps),
            labels=self._document.labels,
            annotations=self._document.annotations,
            repairs=tuple(self._repairs),
            skip_missing=target.deletion_policy in {"Delete", "Merge"},
        )

    def _try(self, field: str, step: Callable[[], None]) -> None:
        try:
            step()
        except SecretsError as error:
            self._faults.append(error.at(self._manifest, field))

    def _raise_faults(self) -> None:
        distinct: dict[tuple[object, ...], SecretsError] = {}
        for fault in self._faults:
            first = distinct.setdefault((type(fault), *fault.args), fault)
            if first is not fault:
                first.fields = (*first.fields, *fault.fields)
        raise_all(list(distinct.values()), self._manifest)

    def _read_parameters(self) -> None:
        text = self._document.annotations.get(PARAMETERS_ANNOTATION)
        if text is None:
            return
        try:
            written: object = json.loads(text)
        except (ValueError, RecursionError):
            written = None
        parameters = cast("dict[str, object]", written) if isinstance(written, dict) else {"": None}
        if not all(isinstance(value, dict) for value in parameters.values()):
            raise self._finding(
                f"metadata.annotations[{PARAMETERS_ANNOTATION}]",
                'expected a JSON object of remote key to parameters, such as {"pki/issue/role": {"common_name": "…"}}',
            )
        self._parameters = cast("dict[str, dict[str, object]]", parameters)

    def _finding(self, field: str, message: str) -> ManifestError:
        finding = Finding(
            message=message,
            field=field,
            file=self._document.file,
            line=self._document.line,
            document=self._document.index,
            subject=self._manifest,
        )
        return ManifestError(message, findings=[finding])

    def _data(self, entry: ExternalSecretData, field: str) -> None:
        reference = entry.source_ref.store_ref if entry.source_ref is not None else None
        if entry.source_ref is not None and reference is None:
            raise UnsupportedFeatureError("data[].sourceRef.generatorRef: ESO ignores it; use dataFrom")
        fetch = self._fetch(entry.remote_ref, reference)
        self._steps.append(
            DataStep(
                field=field,
                fetch=fetch,
                secret_key=entry.secret_key,
                property=entry.remote_ref.property or "",
                decoding=_decoding(entry.remote_ref),
            )
        )

    def _data_from(self, source: ExternalSecretDataFrom, field: str) -> None:
        self._faults += [fault.at(self._manifest) for fault in rewrite.faults(source.rewrite, field=field)]
        store = source.source_ref.store_ref if source.source_ref is not None else None
        if source.find is not None:
            self._steps.append(self._find(source.find, store, source.rewrite, field))
        elif source.extract is not None:
            self._steps.append(
                ExtractStep(
                    field=field,
                    fetch=self._fetch(source.extract, store),
                    property=source.extract.property or "",
                    conversion=source.extract.conversion_strategy or "Default",
                    rewrite=source.rewrite,
                    decoding=_decoding(source.extract),
                )
            )
        elif source.source_ref is not None and source.source_ref.generator_ref is not None:
            self._steps.append(self._generated(source.source_ref.generator_ref, source.rewrite, field))
        # An entry that names nothing but a store contributes nothing: ESO §2.1.

    def _find(
        self,
        find: ExternalSecretFind,
        store: SecretStoreRef | None,
        operations: tuple[ExternalSecretRewrite, ...],
        field: str,
    ) -> FindStep:
        binding = self._bound(store)
        query = Query(
            store=binding.key,
            name=(find.name.regexp or "") if find.name is not None else "",
            tags=tuple(sorted(find.tags.items())),
            path=find.path or "",
        )
        return FindStep(
            field=field,
            query=query,
            conversion=find.conversion_strategy or "Default",
            converts_first=binding.converts_found_names,
            rewrite=operations,
            decoding=_decoding(find),
        )

    def _generated(
        self, generator: GeneratorRef, operations: tuple[ExternalSecretRewrite, ...], field: str
    ) -> GeneratorStep:
        binding = self._bind(generator, self._document.namespace)
        preview = self._remembered(binding.preview(Fetch(store=binding.key, key=f"{self._manifest} {field}")))
        return GeneratorStep(field=field, fetch=preview, rewrite=operations)

    def _bound(self, store: SecretStoreRef | None) -> Binding:
        reference = store or self._document.spec.secret_store_ref
        if reference is None:
            raise ManifestError("no store: expected spec.secretStoreRef or a sourceRef.storeRef")
        name = (reference.kind, reference.name)
        binding = self._stores.get(name)
        if binding is None:
            binding = self._stores[name] = self._bind(reference, self._document.namespace)
            for repair in binding.repairs:
                self._repairs.setdefault(repair)
        return binding

    def _fetch(self, remote: RemoteRef, store: SecretStoreRef | None) -> Fetch:
        """The canonical fetch of a remote reference, with its preview remembered: equal ones are sent once."""
        binding = self._bound(store)
        return self._remembered(
            binding.preview(
                Fetch(
                    store=binding.key,
                    key=remote.key,
                    version=remote.version or "",
                    property=remote.property or "",
                    metadata=remote.metadata_policy == "Fetch",
                    parameters=self._parameters_of(remote.key),
                )
            )
        )

    def _remembered(self, preview: Preview) -> Fetch:
        for repair in preview.repairs:
            self._repairs.setdefault(repair)
        self._requests.setdefault(preview.fetch, preview)
        return preview.fetch

    def _parameters_of(self, key: str) -> tuple[tuple[str, str], ...]:
        return freeze_parameters(self._parameters.get(key) or self._settings.parameters.get(key) or {})


def _decoding(remote: RemoteRef | ExternalSecretFind) -> Decoding:
    return Decoding(strategy=remote.decoding_strategy or "None", refuse_null_bytes=remote.null_byte_policy == "Fail")
