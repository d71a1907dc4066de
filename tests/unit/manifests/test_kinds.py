from __future__ import annotations

import pytest

from virtrigaud_secrets.findings import Severity
from virtrigaud_secrets.manifests.kinds import Recognised, recognise
from virtrigaud_secrets.manifests.report import Judgement
from virtrigaud_secrets.models.external_secret import ExternalSecret
from virtrigaud_secrets.models.push_secret import ClusterPushSecret, PushSecret
from virtrigaud_secrets.models.remarks import field_path
from virtrigaud_secrets.models.secret_store import SecretStore

SECRET = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "ExternalSecret",
    "metadata": {"name": "a", "namespace": "n"},
    "spec": {"data": [{"secretKey": "k", "remoteRef": {"key": "x"}}]},
}
STORE = {
    "apiVersion": "external-secrets.io/v1beta1",
    "kind": "SecretStore",
    "metadata": {"name": "a"},
    "spec": {"provider": {"fake": {"data": []}}},
}


PUSH = {
    "apiVersion": "external-secrets.io/v1alpha1",
    "kind": "PushSecret",
    "metadata": {"name": "a", "namespace": "n"},
    "spec": {"secretStoreRefs": [{"name": "s"}], "selector": {"secret": {"name": "x"}}},
}

GENERATOR = {
    "apiVersion": "generators.external-secrets.io/v1alpha1",
    "kind": "Password",
    "metadata": {"name": "p", "namespace": "n"},
    "spec": {"length": 12},
}


def told(found: Recognised) -> list[tuple[str, str]]:
    return [(field_path(remark.location), remark.message) for remark in found.remarks]


def test_an_external_secret() -> None:
    found = recognise(SECRET, strict=False)

    assert isinstance(found.manifest, ExternalSecret)
    assert (found.judgement, found.kind, found.name, found.namespace) == (Judgement.VALID, "ExternalSecret", "a", "n")
    assert found.remarks == []


@pytest.mark.parametrize("kind", ["SecretStore", "ClusterSecretStore"])
def test_stores(kind: str) -> None:
    found = recognise(STORE | {"kind": kind}, strict=False)

    assert isinstance(found.manifest, SecretStore)
    assert found.judgement is Judgement.VALID


def test_a_push_secret() -> None:
    found = recognise(PUSH, strict=True)

    assert isinstance(found.manifest, PushSecret)
    assert (found.judgement, found.remarks) == (Judgement.VALID, [])


def test_a_push_secret_without_a_spec_is_valid_and_does_nothing() -> None:
    found = recognise({**PUSH, "spec": None}, strict=True)

    assert found.judgement is Judgement.VALID
    assert told(found) == [("spec", "there is none: nothing will be done")]


def test_a_cluster_push_secret_has_no_namespace() -> None:
    found = recognise(PUSH | {"kind": "ClusterPushSecret", "spec": {"pushSecretSpec": PUSH["spec"]}}, strict=True)

    assert isinstance(found.manifest, ClusterPushSecret)
    assert told(found) == [("metadata.namespace", "a ClusterPushSecret has none: it is passed over")]


def test_what_the_controller_wrote_back_is_not_read() -> None:
    assert recognise(SECRET | {"status": {"conditions": 5}}, strict=True).judgement is Judgement.VALID


@pytest.mark.parametrize(
    ("document", "field", "message"),
    [
        (PUSH | {"spec": {"secretStoreRefs": []}}, "spec.selector", "is required"),
        (SECRET | {"metadata": 5}, "metadata", "expected a mapping"),
        (SECRET | {"spec": 5}, "spec", "expected a mapping"),
        (STORE | {"spec": {}}, "spec.provider", "is required"),
    ],
)
def test_invalid_manifests(document: dict[str, object], field: str, message: str) -> None:
    found = recognise(document, strict=False)

    assert found.judgement is Judgement.INVALID
    assert found.manifest is None
    assert [(field, True)] == [(place, message in text) for place, text in told(found)]


@pytest.mark.parametrize(
    ("document", "field", "message"),
    [
        (
            SECRET | {"apiVersion": "external-secrets.io/v1alpha1", "spec": 5},
            "apiVersion",
            "expected external-secrets.io/v1 or external-secrets.io/v1beta1",
        ),
        (PUSH | {"apiVersion": "external-secrets.io/v1"}, "apiVersion", "expected external-secrets.io/v1alpha1"),
        (
            GENERATOR | {"apiVersion": "generators.external-secrets.io/v1"},
            "apiVersion",
            "expected generators.external-secrets.io/v1alpha1",
        ),
        (
            SECRET | {"kind": "ExternalSecert"},
            "kind",
            "no kind of external-secrets.io: did you mean ExternalSecret?",
        ),
        (SECRET | {"kind": "Zzz"}, "kind", "no kind of external-secrets.io"),
        (SECRET | {"apiVersion": None}, "apiVersion", "is required"),
        (SECRET | {"apiVersion": 1}, "apiVersion", "expected text"),
        (SECRET | {"kind": None}, "kind", "is required"),
        (
            GENERATOR | {"kind": "Passwords"},
            "kind",
            "no kind of generators.external-secrets.io: did you mean Password?",
        ),
    ],
)
def test_where_eso_has_no_schema_there_is_no_verdict_and_an_error(
    document: dict[str, object], field: str, message: str
) -> None:
    found = recognise(document, strict=False)

    assert (found.judgement, found.manifest, found.kept) == (Judgement.SKIPPED, None, False)
    assert [(remark.severity, field_path(remark.location), remark.message) for remark in found.remarks] == [
        (Severity.ERROR, field, message)
    ]


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ({}, "spec", "expected data or dataFrom"),
        (
            {"refreshInterval": "1d", "dataFrom": [{"extract": {"key": "a"}}]},
            "spec.refreshInterval",
            "expected a duration such as 1h30m, with the units h m s ms us ns",
        ),
    ],
)
def test_what_only_webhook_or_controller_refuse_is_an_error_in_a_valid_document(spec, field, message) -> None:
    found = recognise(SECRET | {"spec": spec}, strict=False)

    assert (found.judgement, told(found)) == (Judgement.VALID, [(field, message)])
    assert {remark.severity for remark in found.remarks} == {Severity.ERROR}
    assert found.manifest is None


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (None, "empty document"),
        ([], "not a Kubernetes object"),
        ("text", "not a Kubernetes object"),
        (5, "not a Kubernetes object"),
        ({}, "no apiVersion and kind: not a Kubernetes object"),
        ({"Version": "2012-10-17"}, "no apiVersion and kind: not a Kubernetes object"),
        ({"apiVersion": "apps/v1", "kind": "Deployment"}, "Deployment is no manifest of ESO"),
        ({"apiVersion": "x.io/v1", "kind": "ExternalSecret"}, "ExternalSecret is no manifest of ESO"),
        ({"apiVersion": "kubernetes-client.io/v1", "kind": "ExternalSecret"}, "ExternalSecret is no manifest of ESO"),
    ],
)
def test_skipped_documents(document: object, message: str) -> None:
    found = recognise(document, strict=True)

    assert found.judgement is Judgement.SKIPPED
    assert message in found.remarks[0].message
    assert [remark.severity.value for remark in found.remarks] == ["note"]
    assert not found.kept


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap", "Namespace"])
def test_objects_that_answer_references_are_kept(kind: str) -> None:
    found = recognise({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}}, strict=False)

    assert (found.kept, found.judgement, found.name) == (True, Judgement.SKIPPED, "a")


def test_a_cluster_store_has_no_namespace() -> None:
    document = STORE | {"kind": "ClusterSecretStore", "metadata": {"name": "a", "namespace": "n"}}
    found = recognise(document, strict=False)

    assert found.judgement is Judgement.VALID
    assert told(found) == [("metadata.namespace", "a ClusterSecretStore has none: it is passed over")]


def test_a_generator() -> None:
    found = recognise(GENERATOR, strict=True)

    assert (found.judgement, found.kind, found.namespaced, found.remarks) == (Judgement.VALID, "Password", True, [])


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"spec": {"length": "12"}}, "spec.length", "expected a whole number, found text: write it without quotes"),
        ({"spec": {"noUpper": "no"}}, "spec.noUpper", "expected true or false, found text: write it without quotes"),
    ],
)
def test_a_generator_that_is_wrong(changes: dict[str, object], field: str, message: str) -> None:
    found = recognise(GENERATOR | changes, strict=False)

    assert (found.judgement, told(found)) == (Judgement.INVALID, [(field, message)])


def test_a_cluster_generator_has_no_namespace() -> None:
    spec = {"kind": "UUID", "generator": {"uuidSpec": {}}}
    found = recognise(GENERATOR | {"kind": "ClusterGenerator", "spec": spec}, strict=False)

    assert (found.judgement, found.namespaced) == (Judgement.VALID, False)
    assert told(found) == [("metadata.namespace", "a ClusterGenerator has none: it is passed over")]


def test_a_cluster_external_secret_is_judged_by_its_schema() -> None:
    document = SECRET | {"kind": "ClusterExternalSecret", "metadata": {"name": "c"}}
    inner = SECRET["spec"]
    good = recognise(document | {"spec": {"externalSecretSpec": inner, "namespaces": ["a"]}}, strict=True)
    idle = recognise(document | {"spec": {"externalSecretSpec": {}}}, strict=True)
    bad = recognise(document | {"spec": {"externalSecretSpec": {"data": 5}}}, strict=True)

    assert (good.judgement, good.remarks) == (Judgement.VALID, [])
    assert (idle.judgement, told(idle)) == (
        Judgement.VALID,
        [("spec.externalSecretSpec", "expected data or dataFrom")],
    )
    assert (bad.judgement, told(bad)) == (
        Judgement.INVALID,
        [("spec.externalSecretSpec.data", "expected a list")],
    )


def test_what_a_cluster_would_name_is_valid_and_not_kept() -> None:
    found = recognise(SECRET | {"metadata": {"generateName": "a-"}}, strict=True)

    assert (found.judgement, found.manifest, found.name) == (Judgement.VALID, None, "")
    assert [field for field, _ in told(found)] == ["metadata.generateName"]


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {},
        {"name": 5},
        {"name": "A_"},
        {"generateName": ""},
        {"generateName": 5},
        {"generateName": "A_"},
        {"name": "a", "annotations": {"sha": 1234}},
    ],
)
def test_what_kubernetes_refuses_of_metadata_is_an_error_that_is_not_the_schemas(metadata: object) -> None:
    found = recognise(SECRET | {"metadata": metadata}, strict=False)
    wrong = recognise({**SECRET, "metadata": metadata, "spec": {"data": 5}}, strict=False)
    of_old = recognise({**STORE, "metadata": metadata, "spec": {"provider": {"ovh": {}}}}, strict=False)

    assert (found.judgement, found.manifest) == (Judgement.VALID, None)
    assert {remark.location[0] for remark in found.remarks} == {"metadata"}
    assert Severity.ERROR in {remark.severity for remark in found.remarks}
    assert (wrong.judgement, of_old.judgement) == (Judgement.INVALID, Judgement.INVALID)


def test_a_malformed_duration_hides_nothing_that_the_schema_refuses() -> None:
    windows = {"kind": "allow", "windows": [{"schedule": "@daily", "duration": "1d"}]}
    spec = {**SECRET["spec"], "syncWindows": windows, "refreshInterval": "soon"}  # type: ignore[dict-item]
    found = recognise(SECRET | {"spec": spec}, strict=False)
    newer = spec | {"target": {"creationPolicy": "CreateOrMerge"}}
    refused = recognise(SECRET | {"apiVersion": STORE["apiVersion"], "spec": newer}, strict=False)

    assert found.judgement is Judgement.VALID
    assert [field for field, _ in told(found)] == ["spec.refreshInterval", "spec.syncWindows.windows[0].duration"]
    assert refused.judgement is Judgement.INVALID
    assert "spec.target.creationPolicy" in dict(told(refused))


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(("version", "verdict"), [("v1", Judgement.INVALID), ("v1beta1", Judgement.VALID)])
@pytest.mark.parametrize(
    "spec",
    [
        {"target": {"manifest": {"Kind": "ConfigMap"}}},
        {"data": [{"secretKey": "k", "remoteRef": {"key": "x", "nullBytePolicy": 5}}]},
        {"syncWindows": {"kind": "sometimes"}},
    ],
)
def test_what_a_version_has_not_is_dropped_by_its_schema_right_or_wrong(
    wrapped: bool, version: str, verdict: Judgement, spec: dict[str, object]
) -> None:
    document = SECRET | {"apiVersion": f"external-secrets.io/{version}", "spec": spec}
    if wrapped:
        document |= {"kind": "ClusterExternalSecret", "spec": {"externalSecretSpec": spec, "namespaces": ["n"]}}
    found = recognise(document, strict=False)

    assert (found.judgement, found.manifest) == (verdict, None)
    assert any(remark.severity is Severity.ERROR for remark in found.remarks), "it would be used here"


@pytest.mark.parametrize(("version", "verdict"), [("v1", Judgement.INVALID), ("v1beta1", Judgement.VALID)])
@pytest.mark.parametrize("newer", [{"ngrok": {}}, {"openBao": 7}])
def test_a_provider_that_a_version_has_not_does_not_stand_beside_another(
    version: str, verdict: Judgement, newer: dict[str, object]
) -> None:
    spec = {"provider": {"fake": {"data": []}, **newer}}
    found = recognise(STORE | {"apiVersion": f"external-secrets.io/{version}", "spec": spec}, strict=False)

    assert (found.judgement, found.manifest) == (verdict, None)


@pytest.mark.parametrize(("version", "verdict"), [("v1", Judgement.INVALID), ("v1beta1", Judgement.VALID)])
@pytest.mark.parametrize("merge", [{}, 7])
def test_nor_does_a_rewrite(version: str, verdict: Judgement, merge: object) -> None:
    rewrite = {"merge": merge, "regexp": {"source": "a", "target": "b"}}
    spec = {"dataFrom": [{"extract": {"key": "a"}, "rewrite": [rewrite]}]}
    found = recognise(SECRET | {"apiVersion": f"external-secrets.io/{version}", "spec": spec}, strict=False)

    assert (found.judgement, found.manifest) == (verdict, None)


@pytest.mark.parametrize("policy", ["Ignore", 7])
def test_what_a_version_has_not_is_unknown_where_that_is_an_error(policy: object) -> None:
    spec = {"data": [{"secretKey": "k", "remoteRef": {"key": "x", "nullBytePolicy": policy}}]}
    document = SECRET | {"spec": spec, "apiVersion": "external-secrets.io/v1beta1"}
    found = recognise(document, strict=True)

    assert (found.judgement, found.manifest) == (Judgement.INVALID, None)
    assert [field for field, _ in told(found)] == ["spec.data[0].remoteRef.nullBytePolicy"]
    if policy == "Ignore":
        assert recognise(document | {"apiVersion": "external-secrets.io/v1"}, strict=True).remarks == []


def test_a_document_of_any_depth_is_judged() -> None:
    deep: dict[str, object] = {}
    for _ in range(3000):
        deep = {"a": deep}
    document = STORE | {"spec": {"provider": {"fake": {"data": 7}}, "deep": deep}}

    assert recognise(document, strict=False).judgement is Judgement.INVALID


def test_a_malformed_duration_hides_no_other_error() -> None:
    webhook = {"url": "https://w", "result": {}, "timeout": "soon"}
    spec = {"kind": "UUID", "generator": {"webhookSpec": webhook, "uuidSpec": {}}}
    found = recognise(GENERATOR | {"kind": "ClusterGenerator", "metadata": {"name": "g"}, "spec": spec}, strict=False)

    assert found.judgement is Judgement.INVALID
    assert [field for field, _ in told(found)] == ["spec.generator.webhookSpec.timeout", "spec.generator"]


def test_what_else_a_version_refuses_is_told_beside_what_it_has_not() -> None:
    provider = {"webhook": {"url": "https://w"}, "gcpsm": {"secretVersionSelectionPolicy": 5}}
    found = recognise(STORE | {"spec": {"provider": provider}}, strict=False)

    assert found.judgement is Judgement.INVALID


@pytest.mark.parametrize(
    ("version", "interval", "verdict"),
    [
        ("v1", -1, Judgement.VALID),
        ("v1", "-5m", Judgement.VALID),
        ("v1beta1", -1, Judgement.VALID),
        ("v1beta1", "-5m", Judgement.INVALID),
    ],
)
def test_a_schema_takes_a_negative_interval(version: str, interval: object, verdict: Judgement) -> None:
    spec = {**STORE["spec"], "refreshInterval": interval}  # type: ignore[dict-item]
    found = recognise(STORE | {"apiVersion": f"external-secrets.io/{version}", "spec": spec}, strict=False)

    assert (found.judgement, found.manifest) == (verdict, None)
    assert ("spec.refreshInterval", "expected a duration that is not negative") in told(found)


def test_a_null_is_no_value_even_where_anything_may_stand() -> None:
    spec = {"resource": {"a": 1}, "state": None}
    document = GENERATOR | {"kind": "GeneratorState", "spec": spec}

    assert told(recognise(document, strict=False)) == [("spec.state", "is required")]
    assert recognise(document | {"spec": spec | {"state": {"a": None}}}, strict=False).judgement is Judgement.VALID


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
@pytest.mark.parametrize(
    "rewrite", [{}, {"unknown": 1}, {"regexp": {"source": "a", "target": "b"}, "transform": {"template": ""}}]
)
def test_every_version_counts_the_fields_of_a_rewrite(version: str, rewrite: dict[str, object]) -> None:
    spec = {"dataFrom": [{"extract": {"key": "a"}, "rewrite": [rewrite]}]}
    found = recognise({**SECRET, "apiVersion": f"external-secrets.io/{version}", "spec": spec}, strict=False)

    assert (found.judgement, found.manifest) == (Judgement.INVALID, None)


@pytest.mark.parametrize("document", [SECRET, STORE, GENERATOR])
def test_a_schema_asks_for_no_spec(document: dict[str, object]) -> None:
    assert recognise(document | {"spec": None}, strict=False).judgement is Judgement.VALID


def test_an_empty_namespace_is_none() -> None:
    found = recognise(SECRET | {"metadata": {"name": "a", "namespace": ""}}, strict=False)

    assert (found.judgement, found.namespace) == (Judgement.VALID, "")


@pytest.mark.parametrize("namespace", ["", "No_Namespace"])
def test_a_cluster_takes_any_text_for_the_namespace_of_what_has_none(namespace: str) -> None:
    document = STORE | {"kind": "ClusterSecretStore", "metadata": {"name": "a", "namespace": namespace}}

    assert recognise(document, strict=False).judgement is Judgement.VALID
    found = recognise(document | {"metadata": {"name": "a", "namespace": 5}}, strict=False)
    assert (found.manifest, [field for field, _ in told(found)]) == (None, ["metadata.namespace"])


def test_strictness_is_passed_on() -> None:
    document = SECRET | {"spec": {**SECRET["spec"], "extra": 1}}  # type: ignore[dict-item]

    assert recognise(document, strict=False).judgement is Judgement.VALID
    assert recognise(document, strict=True).judgement is Judgement.INVALID
