"""Rules that span fields, which ESO checks in its admission webhooks (ESO §1.1, §1.4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.findings import Severity
from virtrigaud_secrets.models.backends.registered import is_registered
from virtrigaud_secrets.models.base import Model
from virtrigaud_secrets.models.external_secret import (
    ExternalSecret,
    ExternalSecretDataFrom,
    ExternalSecretSpec,
    ExternalSecretTarget,
    ExternalSecretTemplate,
)
from virtrigaud_secrets.models.references import (
    OPERATORS,
    LabelSelectorRequirement,
    SecretKeySelector,
    ServiceAccountSelector,
)
from virtrigaud_secrets.models.remarks import Location, Remark, field_path
from virtrigaud_secrets.models.secret_store import SecretStore
from virtrigaud_secrets.models.versions import judge_version

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.aws import AWSProvider
    from virtrigaud_secrets.models.backends.azurekv import AzureKVProvider
    from virtrigaud_secrets.models.backends.fake import FakeProvider
    from virtrigaud_secrets.models.backends.kubernetes import KubernetesProvider
    from virtrigaud_secrets.models.backends.vault import VaultAuth, VaultProvider

REFUSED_AT_ADMISSION: Final = "refused-at-admission"
"""Code of what ESO's schema accepts and its webhook refuses."""

TOKEN_TYPE: Final = "kubernetes.io/service-account-token"  # noqa: S105  # a type of Secrets
"""Type of Secret in which the cluster puts a service account's token."""

BOOTSTRAP_TYPE: Final = "bootstrap.kubernetes.io/token"
"""Type of Secret with which nodes join the cluster."""

ACCOUNT_ANNOTATION: Final = "kubernetes.io/service-account.name"
"""Names the service account whose token the cluster fills in."""

TEMPLATE_TARGETS: Final = frozenset({"", "data", "annotations", "labels"})
"""Parts of a Secret that templateFrom may fill, in lower case."""

RECOVERY_DAYS: Final = range(7, 31)
"""Days that AWS may be told to keep a deleted secret."""

UNCHECKED_PROVIDERS: Final = frozenset({"webhook"})
"""Keys under `spec.provider` of which ESO's webhook checks nothing."""

_REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d+")
_SELECTORS: Final = (SecretKeySelector, ServiceAccountSelector)


def judge(manifest: Model) -> Iterator[Remark]:
    """What ESO refuses of a manifest beyond its schema, and what it accepts to no avail."""
    yield from judge_version(manifest)
    for remark in _judge(manifest):
        refused = remark.severity is Severity.ERROR
        yield replace(remark, code=REFUSED_AT_ADMISSION) if refused else remark


def _judge(manifest: Model) -> Iterator[Remark]:
    match manifest:
        case ExternalSecret():
            yield from judge_external_secret(manifest)
        case SecretStore():
            yield from judge_secret_store(manifest)
        case _:
            yield from _unchecked(manifest)


def judge_external_secret(manifest: ExternalSecret) -> Iterator[Remark]:
    """What ESO's webhook refuses of an ExternalSecret."""
    yield from _external_secret_spec(manifest.spec, ("spec",))


def judge_secret_store(manifest: SecretStore) -> Iterator[Remark]:
    """What ESO's webhook refuses of a SecretStore or ClusterSecretStore."""
    spec, location = manifest.spec, ("spec",)
    yield from _operators(spec.conditions, (*location, "conditions"))
    for index, condition in enumerate(spec.conditions):
        for number, pattern in enumerate(condition.namespace_regexes):
            yield from _regexp(pattern, (*location, "conditions", index, "namespaceRegexes", number))
    provider, place = spec.provider, (*location, "provider", spec.provider.name)
    if not provider.supported:
        reason = "known to ESO, not supported here"
        if is_registered(provider.name):
            reason = "registered by an installed package that cannot be used"
        message = f"{reason}: no secret can be read from this store"
        yield Remark(location=place, message=message, severity=Severity.WARNING, code="unsupported-provider")
    yield from _namespaces(manifest, provider.spec, place)
    judge = _PROVIDERS.get(provider.name)
    if judge is not None:
        yield from judge(manifest, provider.spec, place)


def _unchecked(manifest: Model) -> Iterator[Remark]:
    """Remarks on kinds that ESO's webhook does not look at."""
    spec = getattr(manifest, "spec", None)
    if spec is None:
        yield Remark(location=("spec",), message="there is none: nothing will be done", severity=Severity.WARNING)
    yield from _operators(spec, ("spec",))
    inner = getattr(spec, "external_secret_spec", None)
    if isinstance(inner, ExternalSecretSpec):
        for remark in _external_secret_spec(inner, ("spec", "externalSecretSpec")):
            yield replace(remark, severity=Severity.WARNING)


def _operators(value: object, location: Location) -> Iterator[Remark]:
    for place, part in parts(value, location):
        if isinstance(part, LabelSelectorRequirement) and part.operator not in OPERATORS:
            message = f"expected one of {', '.join(OPERATORS)}: nothing is chosen"
            yield Remark(location=(*place, "operator"), message=message, severity=Severity.WARNING)


def _external_secret_spec(spec: ExternalSecretSpec, location: Location) -> Iterator[Remark]:
    yield from _policies(spec.target, (*location, "target"))
    if not spec.data and not spec.data_from:
        yield Remark(location=location, message="expected data or dataFrom")
    if spec.target.template is not None:
        yield from _template(spec.target, spec.target.template, (*location, "target", "template"))
    for index, source in enumerate(spec.data_from):
        yield from _data_from(source, (*location, "dataFrom", index))
    yield from _repeated_keys(spec, location)


def _policies(target: ExternalSecretTarget, location: Location) -> Iterator[Remark]:
    creation, deletion = target.creation_policy, target.deletion_policy
    if (deletion == "Delete" and creation in {"Merge", "None", "CreateOrMerge"}) or (
        deletion == "Merge" and creation == "None"
    ):
        message = f"{deletion} does not go with creationPolicy {creation}"
        yield Remark(location=(*location, "deletionPolicy"), message=message)


def _template(target: ExternalSecretTarget, template: ExternalSecretTemplate, location: Location) -> Iterator[Remark]:
    targets = [source.target.lower() for source in template.template_from]
    if template.type == BOOTSTRAP_TYPE:
        yield Remark(location=(*location, "type"), message=f"{BOOTSTRAP_TYPE} is not allowed")
    if template.type == TOKEN_TYPE and (
        ACCOUNT_ANNOTATION in template.metadata.annotations or "annotations" in targets
    ):
        message = f"{TOKEN_TYPE} is not allowed with the annotation {ACCOUNT_ANNOTATION} or templates of annotations"
        yield Remark(location=(*location, "type"), message=message)
    if target.manifest is not None and (target.manifest.api_version, target.manifest.kind) != ("v1", "Secret"):
        return
    for index, name in enumerate(targets):
        if name not in TEMPLATE_TARGETS:
            place = (*location, "templateFrom", index, "target")
            yield Remark(location=place, message="expected one of Data, Annotations, Labels")


def _data_from(source: ExternalSecretDataFrom, location: Location) -> Iterator[Remark]:
    reference = source.source_ref
    generator = reference.generator_ref if reference is not None else None
    named = [value for value in (source.extract, source.find, generator) if value is not None]
    if len(named) > 1:
        yield Remark(location=location, message="expected only one of extract, find and sourceRef.generatorRef")
    if not named and reference is None:
        yield Remark(location=location, message="expected one of extract, find and sourceRef.generatorRef")


def _repeated_keys(spec: ExternalSecretSpec, location: Location) -> Iterator[Remark]:
    if spec.target.deletion_policy != "Retain":
        return
    seen: dict[str, int] = {}
    for index, entry in enumerate(spec.data):
        first = seen.setdefault(entry.secret_key, index)
        if first != index:
            message = f"the same key as {field_path((*location, 'data', first, 'secretKey'))}"
            yield Remark(location=(*location, "data", index, "secretKey"), message=message)


def _regexp(pattern: str, location: Location) -> Iterator[Remark]:
    from virtrigaud_secrets.golang.regexp import RegexpError, compile_pattern

    try:
        compile_pattern(pattern)
    except RegexpError:
        yield Remark(location=location, message="expected a regular expression of Go (RE2)")


def _namespaces(manifest: SecretStore, spec: object, location: Location) -> Iterator[Remark]:
    # A SecretStore without a namespace of its own gets one from whoever applies it: nothing to compare with.
    own = manifest.metadata.namespace
    if manifest.kind != "SecretStore" or own is None or manifest.spec.provider.name in UNCHECKED_PROVIDERS:
        return
    # How strict ESO is with a backend that is not supported here is not known here either.
    severity = Severity.ERROR if manifest.spec.provider.supported else Severity.WARNING
    for place, part in parts(spec, location):
        if isinstance(part, _SELECTORS) and part.namespace not in {None, own}:
            message = "expected none, or the SecretStore's own namespace"
            yield Remark(location=(*place, "namespace"), message=message, severity=severity)


def _vault(manifest: SecretStore, spec: VaultProvider, location: Location) -> Iterator[Remark]:
    if spec.auth is not None:
        yield from _vault_auth(spec.auth, (*location, "auth"))
    if spec.tls is not None and (spec.tls.cert_secret_ref is None) != (spec.tls.key_secret_ref is None):
        yield Remark(location=(*location, "tls"), message="expected certSecretRef and keySecretRef, or neither")
    if spec.check_and_set is not None and spec.check_and_set.required and spec.version != "v2":
        yield Remark(location=(*location, "checkAndSet"), message="needs version v2")
    authority = spec.ca_provider
    if authority is None:
        return
    place = (*location, "caProvider", "namespace")
    if manifest.kind == "ClusterSecretStore" and authority.namespace is None:
        yield Remark(location=place, message="is required in a ClusterSecretStore", severity=Severity.WARNING)
    own = manifest.metadata.namespace
    if manifest.kind == "SecretStore" and own is not None and authority.namespace not in {None, own}:
        yield Remark(location=place, message="expected none, or the SecretStore's own namespace")


def _vault_auth(auth: VaultAuth, location: Location) -> Iterator[Remark]:
    role = auth.app_role
    if role is not None and not role.role_id and role.role_ref is None:
        yield Remark(location=(*location, "appRole"), message="expected roleId or roleRef")
    jwt = auth.jwt
    if jwt is not None and jwt.secret_ref is None and jwt.kubernetes_service_account_token is None:
        message = "expected secretRef or kubernetesServiceAccountToken"
        yield Remark(location=(*location, "jwt"), message=message)


def _aws(_: SecretStore, spec: AWSProvider, location: Location) -> Iterator[Remark]:
    if not _REGION.fullmatch(spec.region):
        message = "expected a region such as eu-central-1"
        yield Remark(location=(*location, "region"), message=message, severity=Severity.WARNING)
    deletion = spec.secrets_manager
    if deletion is None or not deletion.recovery_window_in_days:
        return
    place = (*location, "secretsManager", "recoveryWindowInDays")
    if deletion.recovery_window_in_days not in RECOVERY_DAYS:
        yield Remark(location=place, message=f"expected {RECOVERY_DAYS.start} to {RECOVERY_DAYS.stop - 1} days")
    if deletion.force_delete_without_recovery:
        yield Remark(location=place, message="does not go with forceDeleteWithoutRecovery")


def _azure(_: SecretStore, spec: AzureKVProvider, location: Location) -> Iterator[Remark]:
    if spec.custom_cloud_config is not None and not spec.use_azure_sdk:
        yield Remark(location=(*location, "customCloudConfig"), message="needs useAzureSDK: true")
    if spec.environment_type == "AzureStackCloud" and spec.custom_cloud_config is None:
        yield Remark(location=(*location, "environmentType"), message="AzureStackCloud needs customCloudConfig")


def _kubernetes(manifest: SecretStore, spec: KubernetesProvider, location: Location) -> Iterator[Remark]:
    server, cluster = spec.server, manifest.kind == "ClusterSecretStore"
    if server.ca_bundle is None and server.ca_provider is None and spec.auth_ref is None:
        message = "no caBundle and no caProvider: the system's certificate authorities are used"
        yield Remark(location=(*location, "server"), message=message, severity=Severity.WARNING, code="no-ca")
    if server.ca_provider is not None and cluster != (server.ca_provider.namespace is not None):
        message = "is required in a ClusterSecretStore" if cluster else "does not belong into a SecretStore"
        yield Remark(location=(*location, "server", "caProvider", "namespace"), message=message)
    for place, part in parts(spec.auth, (*location, "auth")):
        if isinstance(part, SecretKeySelector):
            needed = {"name": part.name, "key": part.key} | ({"namespace": part.namespace} if cluster else {})
            for name, value in needed.items():
                if value is None:
                    yield Remark(location=(*place, name), message="is required")


def _fake(_: SecretStore, spec: FakeProvider, location: Location) -> Iterator[Remark]:
    for index, entry in enumerate(spec.data):
        for name, value in (("key", entry.key), ("value", entry.value)):
            if not value:
                yield Remark(location=(*location, "data", index, name), message="expected text that is not empty")


def parts(value: object, location: Location) -> Iterator[tuple[Location, Model]]:
    """Every model inside `value`, itself included, with its location."""
    if isinstance(value, Model):
        yield location, value
        for name, field in type(value).model_fields.items():
            yield from parts(getattr(value, name), (*location, field.alias or name))
    elif isinstance(value, tuple):
        for index, item in enumerate(cast("tuple[object, ...]", value)):
            yield from parts(item, (*location, index))


_PROVIDERS: Final[Mapping[str, Callable[..., Iterator[Remark]]]] = MappingProxyType(
    {"aws": _aws, "azurekv": _azure, "fake": _fake, "kubernetes": _kubernetes, "vault": _vault}
)
"""Key under `spec.provider` → that backend's own rules."""
