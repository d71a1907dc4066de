"""`PushSecret` and `ClusterPushSecret`: which values to write, and to which stores (ESO §1.6)."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import ConfigDict, model_validator
from pydantic_core import PydanticCustomError

from virtrigaud_secrets.models.base import Duration, DurationText, Model, Name
from virtrigaud_secrets.models.external_secret import (
    ExternalSecretTemplate,
    GeneratorRef,
    RewriteRegexp,
    RewriteTransform,
    StoreKind,
)
from virtrigaud_secrets.models.metadata import ObjectMeta
from virtrigaud_secrets.models.references import LabelSelector
from virtrigaud_secrets.models.rules import ONE_FIELD, exactly_one, not_both

PushConversionStrategy = Literal["None", "ReverseUnicode"]
"""Whether the `_U1234_` that conversionStrategy Unicode put into keys is turned back."""

UpdatePolicy = Literal["Replace", "IfNotExists"]
"""What becomes of a secret that the store has already."""

PushDeletionPolicy = Literal["Delete", "None"]
"""What becomes of a secret that was pushed before and is pushed no more."""


class PushSecretStoreRef(Model):
    """Names a store to write to, or chooses stores by their labels."""

    name: Name | None = None
    label_selector: LabelSelector | None = None
    """Counts before the name."""
    kind: StoreKind = "SecretStore"


class PushSecretSecret(Model):
    """The Kubernetes Secrets to push: one by its name, or all that labels choose."""

    name: Name | None = None
    """Counts before the selector."""
    selector: LabelSelector | None = None


class PushSecretSelector(Model):
    """Where the values come from: exactly one of its fields is set."""

    model_config = ConfigDict(json_schema_extra=ONE_FIELD)

    secret: PushSecretSecret | None = None
    generator_ref: GeneratorRef | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        return exactly_one(self, "secret", "generatorRef")


class PushSecretRemoteRef(Model):
    """Names a secret in a store, or a property of one."""

    remote_key: str
    property: str | None = None


class PushSecretMatch(Model):
    """One key of the source and where it goes."""

    secret_key: str | None = None
    """None or empty: the whole Secret, as a JSON object of its values."""
    remote_ref: PushSecretRemoteRef


class PushSecretData(Model):
    """One value under one remote key."""

    match: PushSecretMatch
    metadata: object = None
    """A document of kind PushSecretMetadata, whose spec is the backend's own."""
    conversion_strategy: PushConversionStrategy = "None"


class PushSecretDataToMatch(Model):
    """Chooses keys of the source."""

    regexp: str | None = None
    """A Go regular expression, found anywhere in the key; None or empty for all keys."""


class PushSecretRewrite(Model):
    """One change of the keys: exactly one of its fields is set."""

    model_config = ConfigDict(json_schema_extra=ONE_FIELD)

    regexp: RewriteRegexp | None = None
    transform: RewriteTransform | None = None

    @model_validator(mode="after")
    def _one_rewrite(self) -> Self:
        return exactly_one(self, "regexp", "transform")


class PushSecretDataTo(Model):
    """Several values at once: each under a remote key of its own, or all as one JSON object under `remoteKey`."""

    model_config = ConfigDict(json_schema_extra=not_both("remoteKey", "rewrite"))

    store_ref: PushSecretStoreRef | None = None
    """The stores of `secretStoreRefs` that are meant. Required, with a name or a label selector."""
    remote_key: str | None = None
    match: PushSecretDataToMatch | None = None
    rewrite: tuple[PushSecretRewrite, ...] = ()
    metadata: object = None
    """A document of kind PushSecretMetadata, whose spec is the backend's own."""
    conversion_strategy: PushConversionStrategy = "None"

    @model_validator(mode="after")
    def _chooses_stores(self) -> Self:
        reference = self.store_ref
        if reference is None or (reference.name is None and reference.label_selector is None):
            raise PydanticCustomError("store_ref", "expected storeRef with name or labelSelector")
        return self

    @model_validator(mode="after")
    def _one_mode(self) -> Self:
        if self.remote_key is not None and self.rewrite:
            raise PydanticCustomError("remote_key_rewrite", "expected at most one of remoteKey, rewrite")
        return self


class PushSecretSpec(Model):
    """`spec` of a PushSecret."""

    secret_store_refs: tuple[PushSecretStoreRef, ...]
    selector: PushSecretSelector
    refresh_interval: DurationText = Duration.parse("1h0m0s")
    """0 or below: pushed once, and again when the manifest changes."""
    update_policy: UpdatePolicy = "Replace"
    deletion_policy: PushDeletionPolicy = "None"
    data: tuple[PushSecretData, ...] = ()
    data_to: tuple[PushSecretDataTo, ...] = ()
    template: ExternalSecretTemplate | None = None


class PushSecret(Model):
    """A manifest of kind PushSecret."""

    api_version: Literal["external-secrets.io/v1alpha1"] = "external-secrets.io/v1alpha1"
    kind: Literal["PushSecret"] = "PushSecret"
    metadata: ObjectMeta
    spec: PushSecretSpec | None = None
    """The schema lets it be missing; there is nothing to push then."""


class PushSecretMetadata(Model):
    """Labels and annotations that every PushSecret of a ClusterPushSecret gets."""

    annotations: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}


class ClusterPushSecretSpec(Model):
    """`spec` of a ClusterPushSecret."""

    push_secret_spec: PushSecretSpec
    push_secret_name: Name | None = None
    """None means the name of the ClusterPushSecret."""
    push_secret_metadata: PushSecretMetadata | None = None
    refresh_time: DurationText | None = None
    """How often ESO looks for namespaces."""
    namespace_selectors: tuple[LabelSelector, ...] = ()
    """A namespace is chosen when any of them matches its labels."""


class ClusterPushSecret(Model):
    """A manifest of kind ClusterPushSecret."""

    api_version: Literal["external-secrets.io/v1alpha1"] = "external-secrets.io/v1alpha1"
    kind: Literal["ClusterPushSecret"] = "ClusterPushSecret"
    metadata: ObjectMeta
    spec: ClusterPushSecretSpec | None = None
    """The schema lets it be missing; there is nothing to push then."""
