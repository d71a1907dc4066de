"""`ExternalSecret`: which values to read and what to make of them (ESO §1.1)."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from virtrigaud_secrets.models.base import Bool, Duration, DurationText, Key, Model, Name, NonEmpty
from virtrigaud_secrets.models.metadata import ObjectMeta
from virtrigaud_secrets.models.rules import ONE_FIELD, exactly_one

ConversionStrategy = Literal["Default", "Unicode"]
"""What becomes of characters that no key may have."""

DecodingStrategy = Literal["Auto", "Base64", "Base64URL", "None"]
"""How a value is decoded after it was read."""

MetadataPolicy = Literal["None", "Fetch"]
"""Whether the secret's metadata is meant instead of its value."""

NullBytePolicy = Literal["Ignore", "Fail"]
"""Whether a NUL byte in a value is a fault."""

StoreKind = Literal["SecretStore", "ClusterSecretStore"]
"""The kinds of stores."""

CronOrEvery = Annotated[
    str,
    StringConstraints(
        min_length=1,
        pattern=r"^(@(annually|yearly|monthly|weekly|daily|midnight|hourly)|@every [^\s]+.*|[^\s]+( [^\s]+){4})$",
    ),
]
"""A cron line of five fields, a name such as `@daily`, or `@every 1h`."""


class SecretStoreRef(Model):
    """Names a store."""

    name: Name | None = None
    kind: StoreKind | None = None
    """None means SecretStore."""


class GeneratorRef(Model):
    """Names a generator."""

    api_version: str = "generators.external-secrets.io/v1alpha1"
    kind: Literal[
        "ACRAccessToken",
        "BeyondtrustWorkloadCredentialsDynamicSecret",
        "CloudsmithAccessToken",
        "ClusterGenerator",
        "ECRAuthorizationToken",
        "Fake",
        "GCRAccessToken",
        "GithubAccessToken",
        "GitlabDeployToken",
        "Grafana",
        "MFA",
        "Password",
        "QuayAccessToken",
        "SSHKey",
        "STSSessionToken",
        "UUID",
        "VaultDynamicSecret",
        "Webhook",
    ]
    name: Name


class SourceRef(Model):
    """Where an entry reads from, in place of `spec.secretStoreRef`: exactly one of its fields is set."""

    model_config = ConfigDict(json_schema_extra=ONE_FIELD)

    store_ref: SecretStoreRef | None = None
    generator_ref: GeneratorRef | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        return exactly_one(self, "storeRef", "generatorRef")


class RemoteRef(Model):
    """Names a secret in a store, or a part of one."""

    key: str
    property: str | None = None
    version: str | None = None
    metadata_policy: MetadataPolicy | None = None
    conversion_strategy: ConversionStrategy | None = None
    decoding_strategy: DecodingStrategy | None = None
    null_byte_policy: NullBytePolicy | None = None


class ExternalSecretData(Model):
    """One value under one key."""

    secret_key: Key
    remote_ref: RemoteRef
    source_ref: SourceRef | None = None


class FindName(Model):
    """Chooses secrets by name."""

    regexp: str | None = None


class ExternalSecretFind(Model):
    """Chooses several secrets of a store."""

    path: str | None = None
    name: FindName | None = None
    tags: Mapping[str, str] = {}
    conversion_strategy: ConversionStrategy | None = None
    decoding_strategy: DecodingStrategy | None = None
    null_byte_policy: NullBytePolicy | None = None


class RewriteMerge(Model):
    """Joins all found secrets into one."""

    into: str = ""
    priority: tuple[str, ...] = ()
    priority_policy: Literal["Strict", "IgnoreNotFound"] = "Strict"
    conflict_policy: Literal["Error", "Ignore"] = "Error"
    strategy: Literal["Extract", "JSON"] = "Extract"


class RewriteRegexp(Model):
    """Replaces parts of the keys."""

    source: str
    target: str


class RewriteTransform(Model):
    """Makes the keys from a template."""

    template: str


class ExternalSecretRewrite(Model):
    """One change of the keys: exactly one of its fields is set."""

    model_config = ConfigDict(json_schema_extra=ONE_FIELD)

    merge: RewriteMerge | None = None
    regexp: RewriteRegexp | None = None
    transform: RewriteTransform | None = None

    @model_validator(mode="after")
    def _one_rewrite(self) -> Self:
        return exactly_one(self, "merge", "regexp", "transform")


class ExternalSecretDataFrom(Model):
    """Several values at once."""

    extract: RemoteRef | None = None
    find: ExternalSecretFind | None = None
    rewrite: tuple[ExternalSecretRewrite, ...] = ()
    source_ref: SourceRef | None = None


class TemplateRefItem(Model):
    """One key of a ConfigMap or Secret that holds templates."""

    key: Key
    template_as: Literal["Values", "KeysAndValues"] = "Values"


class TemplateRef(Model):
    """A ConfigMap or Secret that holds templates."""

    name: Name
    items: tuple[TemplateRefItem, ...]


class TemplateFrom(Model):
    """Templates that are kept elsewhere, or one that makes keys and values at once."""

    config_map: TemplateRef | None = None
    secret: TemplateRef | None = None
    literal: str | None = None
    target: str = "Data"
    """The part of the Secret it fills: Data, Annotations or Labels in any case; a path for other targets."""
    values_decoding_strategy: DecodingStrategy | None = None


class ExternalSecretTemplateMetadata(Model):
    """Metadata of the Secret, each value a template."""

    annotations: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}
    finalizers: tuple[str, ...] = ()


class ExternalSecretTemplate(Model):
    """What the Secret is made to look like."""

    type: str | None = None
    engine_version: Literal["v2"] = "v2"
    metadata: ExternalSecretTemplateMetadata = Field(default_factory=ExternalSecretTemplateMetadata)
    data: Mapping[str, str] = {}
    merge_policy: Literal["Replace", "Merge"] = "Replace"
    template_from: tuple[TemplateFrom, ...] = ()


class ManifestReference(Model):
    """A target that is not a Secret."""

    api_version: NonEmpty
    kind: NonEmpty


class ExternalSecretTarget(Model):
    """The Secret to make."""

    name: Name | None = None
    """None means the name of the ExternalSecret."""
    creation_policy: Literal["Owner", "Orphan", "Merge", "None", "CreateOrMerge"] = "Owner"
    deletion_policy: Literal["Delete", "Merge", "Retain"] = "Retain"
    template: ExternalSecretTemplate | None = None
    manifest: ManifestReference | None = None
    immutable: Bool = False


class SyncWindow(Model):
    """A span of time that recurs."""

    schedule: CronOrEvery
    duration: DurationText


class SyncWindows(Model):
    """When refreshes may happen, or may not."""

    kind: Literal["allow", "deny"]
    windows: Annotated[tuple[SyncWindow, ...], Field(min_length=1)]


class ExternalSecretSpec(Model):
    """`spec` of an ExternalSecret."""

    secret_store_ref: SecretStoreRef | None = None
    target: ExternalSecretTarget = Field(default_factory=ExternalSecretTarget)
    refresh_policy: Literal["CreatedOnce", "Periodic", "OnChange"] | None = None
    """None means Periodic."""
    refresh_interval: DurationText = Duration.parse("1h0m0s")
    """0 or below: no periodic refresh."""
    sync_windows: SyncWindows | None = None
    data: tuple[ExternalSecretData, ...] = ()
    data_from: tuple[ExternalSecretDataFrom, ...] = ()


class ExternalSecret(Model):
    """A manifest of kind ExternalSecret."""

    api_version: Literal["external-secrets.io/v1", "external-secrets.io/v1beta1"] = "external-secrets.io/v1"
    kind: Literal["ExternalSecret"] = "ExternalSecret"
    metadata: ObjectMeta
    spec: ExternalSecretSpec = Field(default_factory=ExternalSecretSpec)
