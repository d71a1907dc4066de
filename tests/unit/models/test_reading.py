from __future__ import annotations

import pytest

from virtrigaud_secrets.findings import Severity
from virtrigaud_secrets.models.backends.aws import AWSProvider
from virtrigaud_secrets.models.backends.gcpsm import GCPSMProvider
from virtrigaud_secrets.models.external_secret import ExternalSecretSpec
from virtrigaud_secrets.models.reading import read
from virtrigaud_secrets.models.remarks import Remark, field_path
from virtrigaud_secrets.models.secret_store import SecretStoreSpec


def told(remarks: list[Remark]) -> list[tuple[str, str, str]]:
    return [(remark.severity.value, field_path(remark.location), remark.message) for remark in remarks]


def test_nothing_to_say_about_a_good_document() -> None:
    spec, remarks = read(ExternalSecretSpec, {"data": [{"secretKey": "a", "remoteRef": {"key": "b"}}]})

    assert spec is not None
    assert remarks == []


def test_nulls_count_as_absent() -> None:
    data = {
        "refreshInterval": None,
        "target": {"creationPolicy": None, "template": {"data": {"a": "b", "c": None}, "metadata": None}},
        "data": None,
    }
    spec, remarks = read(ExternalSecretSpec, data)

    assert remarks == []
    assert spec is not None
    assert str(spec.refresh_interval) == "1h0m0s"
    assert spec.target.creation_policy == "Owner"
    assert spec.target.template is not None
    assert spec.target.template.data == {"a": "b"}


def test_a_null_in_a_list_is_no_item() -> None:
    spec, remarks = read(ExternalSecretSpec, {"data": [None]})

    assert spec is None
    assert told(remarks) == [("error", "data[0]", "expected a mapping")]


def test_unknown_fields_are_dropped_with_the_nearest_name() -> None:
    data = {"dataForm": [], "target": {"nmae": "x"}, "data": [{"secretKey": "a", "remoteRef": {"key": "b", "xyz": 1}}]}
    spec, remarks = read(ExternalSecretSpec, data)

    assert spec is not None
    assert told(remarks) == [
        ("warning", "dataForm", "unknown field: did you mean dataFrom?"),
        ("warning", "target.nmae", "unknown field: did you mean name?"),
        ("warning", "data[0].remoteRef.xyz", "unknown field"),
    ]


def test_unknown_fields_are_errors_when_strict() -> None:
    _, remarks = read(ExternalSecretSpec, {"dataForm": []}, strict=True)

    assert [remark.severity for remark in remarks] == [Severity.ERROR]


def test_the_inner_names_are_unknown_outside() -> None:
    _, remarks = read(ExternalSecretSpec, {"data_from": []})

    assert told(remarks) == [("warning", "data_from", "unknown field: did you mean dataFrom?")]


def test_all_faults_at_once() -> None:
    spec, remarks = read(ExternalSecretSpec, {"refreshInterval": "1d", "data": [{"remoteRef": {}}], "xx": 1})

    assert spec is None
    assert [field_path(remark.location) for remark in remarks] == [
        "xx",
        "refreshInterval",
        "data[0].secretKey",
        "data[0].remoteRef.key",
    ]


@pytest.mark.parametrize("data", [None, 5, "text", [], [1], True])
def test_what_is_no_mapping(data: object) -> None:
    spec, remarks = read(ExternalSecretSpec, data)

    assert spec is None
    assert told(remarks) == [("error", "", "expected a mapping")]


def test_the_guides_spelling_for_google() -> None:
    spec, remarks = read(GCPSMProvider, {"projectId": "p"})

    assert spec is not None
    assert spec.project_id == "p"
    assert [remark.code for remark in remarks] == ["guide-spelling"]
    assert told(remarks) == [("note", "projectId", "read as projectID, which is ESO's name for it")]


def test_the_guides_spelling_for_amazon() -> None:
    data = {"service": "SecretsManager", "region": "r", "auth": {"serviceAccount": {"name": "a", "namespace": "b"}}}
    spec, remarks = read(AWSProvider, data)

    assert spec is not None
    assert spec.auth.jwt is not None
    assert spec.auth.jwt.service_account_ref is not None
    assert spec.auth.jwt.service_account_ref.namespace == "b"
    assert told(remarks) == [
        ("note", "auth.serviceAccount", "read as jwt.serviceAccountRef, which is ESO's name for it")
    ]


def test_a_fault_inside_the_guides_spelling_leaves_it_unknown_as_eso_has_it() -> None:
    data = {"service": "SecretsManager", "region": "r", "auth": {"serviceAccount": {"name": 5}}}
    spec, remarks = read(AWSProvider, data)

    assert spec is not None
    assert spec.auth.jwt is None
    assert [(severity, field) for severity, field, _ in told(remarks)] == [("warning", "auth.serviceAccount")]


def test_a_fault_beside_the_guides_spelling_is_told_with_the_places_of_the_document() -> None:
    data = {"service": "SecretsManager", "region": 5, "auth": {"serviceAccount": {"name": 5}}}
    spec, remarks = read(AWSProvider, data)

    assert spec is None
    assert [field_path(remark.location) for remark in remarks] == [
        "auth.serviceAccount",
        "auth.serviceAccount.name",
        "region",
    ]


def test_the_guides_spelling_does_not_beat_the_right_one() -> None:
    spec, remarks = read(GCPSMProvider, {"projectId": "p", "projectID": "q"})

    assert spec is not None
    assert spec.project_id == "q"
    assert told(remarks) == [("warning", "projectId", "unknown field: did you mean projectID?")]


def test_the_guides_spelling_is_unknown_when_strict() -> None:
    _, remarks = read(GCPSMProvider, {"projectId": "p"}, strict=True)

    assert told(remarks) == [("error", "projectId", "unknown field: did you mean projectID?")]


def test_unknown_fields_of_a_backend() -> None:
    spec, remarks = read(SecretStoreSpec, {"provider": {"vault": {"server": "s", "sever": "t", "auth": None}}})

    assert spec is not None
    assert told(remarks) == [("warning", "provider.vault.sever", "unknown field: did you mean server?")]


def test_an_unknown_provider_beside_a_known_one_is_an_unknown_field() -> None:
    spec, remarks = read(SecretStoreSpec, {"provider": {"vault": {"server": "s"}, "valt": {}, "aws": None}})

    assert spec is not None
    assert spec.provider.name == "vault"
    assert told(remarks) == [("warning", "provider.valt", "unknown field: did you mean vault?")]


def test_data_of_a_provider_that_is_not_supported_is_kept() -> None:
    written = {"resource": {"group": "", "version": "v1", "kind": "A"}, "authRef": {"name": "a"}}
    spec, remarks = read(SecretStoreSpec, {"provider": {"crd": written | {"server": None}}, "xx": 1})

    assert spec is not None
    assert spec.model_dump(exclude_unset=True)["provider"] == {"crd": written}
    assert [field_path(remark.location) for remark in remarks] == ["xx"]


def test_a_list_is_not_too_short_for_what_is_wrong_inside_it() -> None:
    windows = {"kind": "allow", "windows": [{"schedule": "@daily", "duration": "1d"}]}
    _, inside = read(ExternalSecretSpec, {"syncWindows": windows})
    _, empty = read(ExternalSecretSpec, {"syncWindows": windows | {"windows": []}})

    assert [field_path(remark.location) for remark in inside] == ["syncWindows.windows[0].duration"]
    assert told(empty) == [("error", "syncWindows.windows", "expected at least one item")]


def test_an_unknown_provider() -> None:
    spec, remarks = read(SecretStoreSpec, {"provider": {"valt": {}}})

    assert spec is None
    assert told(remarks) == [("error", "provider", "unknown provider: did you mean vault?")]
