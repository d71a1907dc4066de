"""What v1beta1 refuses and v1 has, and the other way round (ESO §1.2).

The models are of v1 and serve both: what follows is where a server's verdict on v1beta1 differs. Fields that v1beta1
has not are honoured all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.external_secret import ExternalSecret, ExternalSecretSpec, GeneratorRef, SourceRef
from virtrigaud_secrets.models.remarks import Location, Remark
from virtrigaud_secrets.models.secret_store import SecretStore

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.aws import AWSProvider
    from virtrigaud_secrets.models.backends.azurekv import AzureKVProvider
    from virtrigaud_secrets.models.backends.webhook import WebhookProvider

OLD: Final = "external-secrets.io/v1beta1"
"""The version that came before v1."""

ONLY_OLD_PROVIDERS: Final = frozenset({"alibaba", "device42"})
"""Keys under `spec.provider` that v1 dropped."""

ONLY_NEW_PROVIDERS: Final = frozenset(
    {
        "barbican",
        "beyondtrustworkloadcredentials",
        "crd",
        "dvls",
        "nebiusmysterybox",
        "ngrok",
        "onepasswordSDK",
        "openBao",
        "ovh",
        "volcengine",
    }
)
"""Keys under `spec.provider` that v1beta1 has not."""

ONLY_NEW_GENERATORS: Final = frozenset(
    {"BeyondtrustWorkloadCredentialsDynamicSecret", "CloudsmithAccessToken", "GitlabDeployToken", "MFA"}
)
"""Kinds of generators that a reference of v1beta1 cannot name."""

ONLY_NEW_FIELDS: Final = tuple(
    tuple(path.split("."))
    for path in (
        "data.*.remoteRef.nullBytePolicy",
        "dataFrom.*.extract.nullBytePolicy",
        "dataFrom.*.find.nullBytePolicy",
        "dataFrom.*.rewrite.*.merge",
        "provider.aws.customSessionTags",
        "provider.aws.sessionTagsPolicy",
        "provider.azurekv.customCloudConfig",
        "provider.azurekv.useAzureSDK",
        "provider.doppler.auth.oidcConfig",
        "provider.fake.validationResult",
        "provider.gcpsm.auth.workloadIdentityFederation",
        "provider.gcpsm.secretVersionSelectionPolicy",
        "provider.ibm.auth.secretRef.iamEndpoint",
        "provider.infisical.auth.awsAuthCredentials",
        "provider.infisical.auth.azureAuthCredentials",
        "provider.infisical.auth.gcpIamAuthCredentials",
        "provider.infisical.auth.gcpIdTokenAuthCredentials",
        "provider.infisical.auth.jwtAuthCredentials",
        "provider.infisical.auth.kubernetesAuthCredentials",
        "provider.infisical.auth.ldapAuthCredentials",
        "provider.infisical.auth.ociAuthCredentials",
        "provider.infisical.auth.tokenAuthCredentials",
        "provider.infisical.caBundle",
        "provider.infisical.caProvider",
        "provider.secretserver.caBundle",
        "provider.secretserver.caProvider",
        "provider.secretserver.domain",
        "provider.vault.auth.cert.path",
        "provider.vault.auth.cert.vaultRole",
        "provider.vault.auth.gcp",
        "provider.vault.checkAndSet",
        "provider.yandexcertificatemanager.fetching",
        "provider.yandexlockbox.fetching",
        "syncWindows",
        "target.manifest",
        "target.template.metadata.finalizers",
        "target.template.templateFrom.*.valuesDecodingStrategy",
        *(f"provider.{name}" for name in sorted(ONLY_NEW_PROVIDERS)),
    )
)
"""Fields under `spec` that v1beta1 has not, `*` for any item of a list: a server drops them unseen, right or wrong."""


def unknown_to_its_version(document: Mapping[str, object]) -> Iterator[Location]:
    """Where a document of v1beta1 has what only v1 has."""
    if document.get("apiVersion") != OLD:
        return
    spec: object = document.get("spec")
    location: Location = ("spec",)
    if document.get("kind") == "ClusterExternalSecret" and isinstance(spec, dict):
        spec, location = cast("dict[str, object]", spec).get("externalSecretSpec"), ("spec", "externalSecretSpec")
    for path in ONLY_NEW_FIELDS:
        yield from _found(spec, path, location)


def _found(value: object, path: tuple[str, ...], location: Location) -> Iterator[Location]:
    if not path:
        yield location
    elif path[0] == "*" and isinstance(value, list):
        for index, item in enumerate(cast("list[object]", value)):
            yield from _found(item, path[1:], (*location, index))
    elif isinstance(value, dict) and path[0] in value:
        yield from _found(cast("dict[str, object]", value)[path[0]], path[1:], (*location, path[0]))


def judge_version(manifest: Model) -> Iterator[Remark]:
    """What the schema of the manifest's own version refuses."""
    old = getattr(manifest, "api_version", "") == OLD
    if isinstance(manifest, SecretStore):
        yield from _store(manifest, old=old)
    elif old and isinstance(manifest, ExternalSecret):
        yield from _external_secret(manifest.spec, ("spec",))
    elif old and isinstance(
        inner := getattr(getattr(manifest, "spec", None), "external_secret_spec", None), ExternalSecretSpec
    ):
        yield from _external_secret(inner, ("spec", "externalSecretSpec"))


def _external_secret(spec: ExternalSecretSpec, location: Location) -> Iterator[Remark]:
    target = (*location, "target")
    if spec.target.creation_policy == "CreateOrMerge":
        yield _expected((*target, "creationPolicy"), "Owner, Orphan, Merge, None")
    if spec.target.template is not None:
        for index, part in enumerate(spec.target.template.template_from):
            if part.target not in {"Data", "Annotations", "Labels"}:
                yield _expected((*target, "template", "templateFrom", index, "target"), "Data, Annotations, Labels")
    for index, entry in enumerate(spec.data):
        yield from _source(entry.source_ref, (*location, "data", index, "sourceRef"))
    for index, source in enumerate(spec.data_from):
        yield from _source(source.source_ref, (*location, "dataFrom", index, "sourceRef"))
        for place, rewrite in enumerate(source.rewrite):
            if rewrite.merge is not None:
                yield _expected((*location, "dataFrom", index, "rewrite", place), "regexp, transform")


def _source(source: SourceRef | None, location: Location) -> Iterator[Remark]:
    reference: GeneratorRef | None = source.generator_ref if source is not None else None
    if reference is not None and reference.kind in ONLY_NEW_GENERATORS:
        message = f"v1beta1 knows no {reference.kind}: write apiVersion external-secrets.io/v1"
        yield Remark(location=(*location, "generatorRef", "kind"), message=message)


def _store(manifest: SecretStore, *, old: bool) -> Iterator[Remark]:
    provider, location = manifest.spec.provider, ("spec", "provider", manifest.spec.provider.name)
    if provider.name in (ONLY_NEW_PROVIDERS if old else ONLY_OLD_PROVIDERS):
        message = "v1beta1 has it not: write apiVersion external-secrets.io/v1" if old else "v1 has it no more"
        yield Remark(location=location, message=message)
    if not old:
        return
    pace = manifest.spec.refresh_interval
    if pace is not None and isinstance(pace.written, str):
        message = "v1beta1 expects a whole number of seconds: write one, or apiVersion external-secrets.io/v1"
        yield Remark(location=("spec", "refreshInterval"), message=message)
    judge = _PROVIDERS.get(provider.name)
    if judge is not None:
        yield from judge(provider.spec, location)


def _aws(spec: AWSProvider, location: Location) -> Iterator[Remark]:
    if spec.service == "CertificateManager":
        yield _expected((*location, "service"), "SecretsManager, ParameterStore")


def _azure(spec: AzureKVProvider, location: Location) -> Iterator[Remark]:
    if spec.environment_type == "AzureStackCloud":
        choices = "PublicCloud, USGovernmentCloud, ChinaCloud, GermanCloud"
        yield _expected((*location, "environmentType"), choices)


def _webhook(spec: WebhookProvider, location: Location) -> Iterator[Remark]:
    if "result" not in spec.model_fields_set:
        yield Remark(location=(*location, "result"), message="is required in v1beta1")


def _doppler(spec: object, location: Location) -> Iterator[Remark]:
    if getattr(getattr(spec, "auth", None), "secretRef", None) is None:
        yield Remark(location=(*location, "auth", "secretRef"), message="is required in v1beta1")


def _pulumi(spec: object, location: Location) -> Iterator[Remark]:
    if getattr(spec, "accessToken", None) is None:
        yield Remark(location=(*location, "accessToken"), message="is required in v1beta1")


def _expected(location: Location, choices: str) -> Remark:
    return Remark(location=location, message=f"v1beta1 expects one of {choices}: or write external-secrets.io/v1")


_PROVIDERS: Final[Mapping[str, Callable[..., Iterator[Remark]]]] = MappingProxyType(
    {
        "aws": _aws,
        "azurekv": _azure,
        "doppler": _doppler,
        "pulumi": _pulumi,
        "webhook": _webhook,
    }
)
"""Key under `spec.provider` → what v1beta1 refuses of that backend."""
