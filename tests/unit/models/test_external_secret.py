from __future__ import annotations

import pytest
from pydantic import ValidationError

from virtrigaud_secrets.models.external_secret import (
    ExternalSecret,
    ExternalSecretDataFrom,
    ExternalSecretRewrite,
    ExternalSecretSpec,
    GeneratorRef,
    SourceRef,
    SyncWindows,
    TemplateFrom,
)


def test_defaults_are_those_of_the_schema() -> None:
    spec = ExternalSecretSpec.model_validate({"target": {"template": {}}, "data": []})
    target = spec.target

    assert (target.creation_policy, target.deletion_policy, target.immutable) == ("Owner", "Retain", False)
    assert str(spec.refresh_interval) == "1h0m0s"
    assert spec.refresh_policy is None
    assert target.template is not None
    assert (target.template.engine_version, target.template.merge_policy) == ("v2", "Replace")
    assert ExternalSecretSpec() == ExternalSecretSpec.model_validate({})


def test_every_field_of_an_entry() -> None:
    spec = ExternalSecretSpec.model_validate(
        {
            "data": [
                {
                    "secretKey": "a.b",
                    "remoteRef": {
                        "key": "k",
                        "property": "p",
                        "version": "3",
                        "metadataPolicy": "Fetch",
                        "conversionStrategy": "Unicode",
                        "decodingStrategy": "Base64URL",
                        "nullBytePolicy": "Fail",
                    },
                    "sourceRef": {"storeRef": {"name": "s", "kind": "ClusterSecretStore"}},
                }
            ]
        }
    )
    remote = spec.data[0].remote_ref
    source = spec.data[0].source_ref

    assert (remote.key, remote.property, remote.version) == ("k", "p", "3")
    assert (remote.metadata_policy, remote.decoding_strategy) == ("Fetch", "Base64URL")
    assert (remote.conversion_strategy, remote.null_byte_policy) == ("Unicode", "Fail")
    assert source is not None
    assert source.store_ref is not None
    assert source.store_ref.kind == "ClusterSecretStore"


def test_find_and_rewrite() -> None:
    source = ExternalSecretDataFrom.model_validate(
        {
            "find": {"path": "p", "name": {"regexp": "^a"}, "tags": {"x": "1"}},
            "rewrite": [{"regexp": {"source": "a", "target": "b"}}, {"transform": {"template": "t"}}, {"merge": {}}],
        }
    )

    assert source.find is not None
    assert source.find.name is not None
    assert source.find.name.regexp == "^a"
    assert source.rewrite[2].merge is not None
    assert source.rewrite[2].merge.conflict_policy == "Error"


@pytest.mark.parametrize("written", [{}, {"storeRef": {}, "generatorRef": {"kind": "Fake", "name": "a"}}])
def test_a_source_is_exactly_one(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="expected exactly one of storeRef, generatorRef"):
        SourceRef.model_validate(written)


@pytest.mark.parametrize("written", [{}, {"merge": {}, "transform": {"template": "t"}}])
def test_a_rewrite_is_exactly_one(written: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="expected exactly one of merge, regexp, transform"):
        ExternalSecretRewrite.model_validate(written)


def test_a_generator_has_a_default_version_and_a_known_kind() -> None:
    assert GeneratorRef.model_validate({"kind": "UUID", "name": "a"}).api_version.endswith("/v1alpha1")
    with pytest.raises(ValidationError):
        GeneratorRef.model_validate({"kind": "Guid", "name": "a"})


@pytest.mark.parametrize("schedule", ["@daily", "@every 1h", "0 2 * * 0", "*/5 * * * MON-FRI"])
def test_schedules(schedule: str) -> None:
    windows = {"kind": "allow", "windows": [{"schedule": schedule, "duration": "1h"}]}

    assert SyncWindows.model_validate(windows).windows[0].schedule == schedule


@pytest.mark.parametrize("schedule", ["", "daily", "@hour", "0 2 * *", "0 2 * * 0 0", "@every"])
def test_no_schedules(schedule: str) -> None:
    with pytest.raises(ValidationError):
        SyncWindows.model_validate({"kind": "allow", "windows": [{"schedule": schedule, "duration": "1h"}]})


def test_windows_may_not_be_empty() -> None:
    with pytest.raises(ValidationError):
        SyncWindows.model_validate({"kind": "allow", "windows": []})


def test_templates_from_elsewhere() -> None:
    source = TemplateFrom.model_validate({"configMap": {"name": "c", "items": [{"key": "k"}]}})

    assert source.target == "Data"
    assert source.config_map is not None
    assert source.config_map.items[0].template_as == "Values"
    with pytest.raises(ValidationError):
        TemplateFrom.model_validate({"secret": {"name": "c"}})


@pytest.mark.parametrize("version", ["external-secrets.io/v1", "external-secrets.io/v1beta1"])
def test_both_versions_read_alike(version: str) -> None:
    written = {"apiVersion": version, "kind": "ExternalSecret", "metadata": {"name": "a"}, "spec": {}}

    assert ExternalSecret.model_validate(written).spec == ExternalSecretSpec()


def test_a_model_turns_back_into_the_manifest() -> None:
    written = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "a"},
        "spec": {"refreshInterval": "1h", "data": ({"secretKey": "k", "remoteRef": {"key": "x"}},)},
    }

    assert ExternalSecret.model_validate(written).model_dump(by_alias=True, exclude_unset=True) == written
