from __future__ import annotations

from collections.abc import Mapping

import pytest

from virtrigaud_secrets.models.admission import (
    REFUSED_AT_ADMISSION,
    judge,
    judge_external_secret,
    judge_secret_store,
    parts,
)
from virtrigaud_secrets.models.external_secret import ExternalSecret
from virtrigaud_secrets.models.references import SecretKeySelector
from virtrigaud_secrets.models.remarks import field_path
from virtrigaud_secrets.models.secret_store import SecretStore

ENTRY = {"secretKey": "a", "remoteRef": {"key": "k"}}
SELECTOR = {"name": "s", "key": "k"}


def of_secret(spec: Mapping[str, object]) -> dict[str, str]:
    manifest = ExternalSecret.model_validate({"metadata": {"name": "a"}, "spec": spec})
    return {field_path(remark.location): remark.message for remark in judge_external_secret(manifest)}


def of_store(
    provider: Mapping[str, object], *, kind: str = "SecretStore", namespace: str | None = "n", **spec: object
) -> dict[str, str]:
    metadata = {"name": "a"} | ({"namespace": namespace} if namespace else {})
    manifest = SecretStore.model_validate({"kind": kind, "metadata": metadata, "spec": {"provider": provider, **spec}})
    return {
        field_path(remark.location): f"{remark.severity.value}: {remark.message}"
        for remark in judge_secret_store(manifest)
    }


def target(**fields: object) -> dict[str, object]:
    return {"data": [ENTRY], "target": fields}


@pytest.mark.parametrize(
    ("deletion", "creation", "good"),
    [
        ("Delete", "Owner", True),
        ("Delete", "Orphan", True),
        ("Delete", "Merge", False),
        ("Delete", "None", False),
        ("Delete", "CreateOrMerge", False),
        ("Merge", "None", False),
        ("Merge", "Merge", True),
        ("Retain", "None", True),
    ],
)
def test_policies_that_go_together(deletion: str, creation: str, good: bool) -> None:
    told = of_secret(target(deletionPolicy=deletion, creationPolicy=creation))

    assert told == (
        {} if good else {"spec.target.deletionPolicy": f"{deletion} does not go with creationPolicy {creation}"}
    )


def test_something_must_be_read() -> None:
    assert of_secret({}) == {"spec": "expected data or dataFrom"}


def test_tokens_of_the_cluster_are_refused() -> None:
    bootstrap = of_secret(target(template={"type": "bootstrap.kubernetes.io/token"}))
    account = {"type": "kubernetes.io/service-account-token"}
    annotated = of_secret(
        target(template=account | {"metadata": {"annotations": {"kubernetes.io/service-account.name": "x"}}})
    )
    templated = of_secret(target(template=account | {"templateFrom": [{"target": "ANNOTATIONS", "literal": "a: b"}]}))

    assert list(bootstrap) == list(annotated) == list(templated) == ["spec.target.template.type"]
    assert of_secret(target(template=account)) == {}


@pytest.mark.parametrize(("name", "good"), [("", True), ("data", True), ("LABELS", True), ("spec.x", False)])
def test_parts_of_a_secret_that_templates_fill(name: str, good: bool) -> None:
    told = of_secret(target(template={"templateFrom": [{"literal": "a: b"}, {"target": name, "literal": "a: b"}]}))

    field = "spec.target.template.templateFrom[1].target"
    assert told == ({} if good else {field: "expected one of Data, Annotations, Labels"})


def test_another_target_has_other_parts() -> None:
    template = {"templateFrom": [{"target": "spec.x", "literal": "a: b"}]}
    secret = {"apiVersion": "v1", "kind": "Secret"}

    assert of_secret(target(template=template, manifest={"apiVersion": "v1", "kind": "ConfigMap"})) == {}
    assert len(of_secret(target(template=template, manifest=secret))) == 1


GENERATOR = {"sourceRef": {"generatorRef": {"kind": "Fake", "name": "a"}}}


@pytest.mark.parametrize(
    ("entry", "good"),
    [
        ({"extract": {"key": "k"}}, True),
        ({"find": {}}, True),
        (GENERATOR, True),
        ({"sourceRef": {"storeRef": {"name": "s"}}}, True),
        ({"extract": {"key": "k"}, "sourceRef": {"storeRef": {"name": "s"}}}, True),
        ({}, False),
        ({"rewrite": []}, False),
        ({"extract": {"key": "k"}, "find": {}}, False),
        ({"find": {}} | GENERATOR, False),
    ],
)
def test_one_way_to_find_values(entry: dict[str, object], good: bool) -> None:
    assert list(of_secret({"dataFrom": [entry]})) == ([] if good else ["spec.dataFrom[0]"])


def test_a_key_may_not_be_filled_twice_unless_the_secret_goes_away() -> None:
    data = [ENTRY, ENTRY | {"secretKey": "b"}, ENTRY]

    assert of_secret({"data": data}) == {"spec.data[2].secretKey": "the same key as spec.data[0].secretKey"}
    assert of_secret({"data": data, "target": {"deletionPolicy": "Delete"}}) == {}


def test_regular_expressions_of_namespaces() -> None:
    told = of_store({"fake": {"data": []}}, conditions=[{"namespaceRegexes": ["^ok$", "(?=no)", "["]}])

    assert list(told) == [
        "spec.conditions[0].namespaceRegexes[1]",
        "spec.conditions[0].namespaceRegexes[2]",
    ]


def test_a_provider_that_only_eso_has_is_a_warning() -> None:
    assert of_store({"gitlab": {"auth": {"SecretRef": {}}}}) == {
        "spec.provider.gitlab": "warning: known to ESO, not supported here: no secret can be read from this store"
    }


@pytest.mark.parametrize(
    ("kind", "own", "named", "good"),
    [
        ("SecretStore", "n", "n", True),
        ("SecretStore", "n", "other", False),
        ("SecretStore", None, "other", True),
        ("ClusterSecretStore", None, "other", True),
    ],
)
def test_a_secret_store_refers_to_its_own_namespace(kind: str, own: str | None, named: str, good: bool) -> None:
    selector = SELECTOR | {"namespace": named}
    told = of_store({"vault": {"server": "s", "auth": {"tokenSecretRef": selector}}}, kind=kind, namespace=own)

    field = "spec.provider.vault.auth.tokenSecretRef.namespace"
    assert told == ({} if good else {field: "error: expected none, or the SecretStore's own namespace"})


def test_service_accounts_too() -> None:
    auth = {"kubernetes": {"role": "r", "serviceAccountRef": {"name": "a", "namespace": "other"}}}

    assert list(of_store({"vault": {"server": "s", "auth": auth}})) == [
        "spec.provider.vault.auth.kubernetes.serviceAccountRef.namespace"
    ]


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        ({"auth": {"appRole": {"secretRef": SELECTOR}}}, "auth.appRole", "expected roleId or roleRef"),
        (
            {"auth": {"jwt": {}}},
            "auth.jwt",
            "expected secretRef or kubernetesServiceAccountToken",
        ),
        ({"tls": {"certSecretRef": SELECTOR}}, "tls", "expected certSecretRef and keySecretRef, or neither"),
        ({"version": "v1", "checkAndSet": {"required": True}}, "checkAndSet", "needs version v2"),
        (
            {"caProvider": {"type": "Secret", "name": "c", "namespace": "other"}},
            "caProvider.namespace",
            "expected none, or the SecretStore's own namespace",
        ),
    ],
)
def test_vault(spec: dict[str, object], field: str, message: str) -> None:
    assert of_store({"vault": {"server": "s"} | spec}) == {f"spec.provider.vault.{field}": f"error: {message}"}


def test_vault_as_it_should_be() -> None:
    spec = {
        "server": "s",
        "tls": {"certSecretRef": SELECTOR, "keySecretRef": SELECTOR},
        "checkAndSet": {"required": True},
        "caProvider": {"type": "Secret", "name": "c", "key": "k"},
        "auth": {"appRole": {"roleId": "r", "secretRef": SELECTOR}, "jwt": {"secretRef": SELECTOR}},
    }

    assert of_store({"vault": spec}) == {}


def test_a_cluster_store_must_say_where_its_ca_is() -> None:
    told = of_store(
        {"vault": {"server": "s", "caProvider": {"type": "Secret", "name": "c"}}},
        kind="ClusterSecretStore",
        namespace=None,
    )

    assert told == {"spec.provider.vault.caProvider.namespace": "warning: is required in a ClusterSecretStore"}


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"region": "eu-central-1"}, {}),
        ({"region": "us-gov-west-1"}, {}),
        ({"region": "mars"}, {"region": "warning: expected a region such as eu-central-1"}),
        ({"secretsManager": {"recoveryWindowInDays": 7}}, {}),
        ({"secretsManager": {"forceDeleteWithoutRecovery": True}}, {}),
        (
            {"secretsManager": {"recoveryWindowInDays": 31}},
            {"secretsManager.recoveryWindowInDays": "error: expected 7 to 30 days"},
        ),
        (
            {"secretsManager": {"recoveryWindowInDays": 7, "forceDeleteWithoutRecovery": True}},
            {"secretsManager.recoveryWindowInDays": "error: does not go with forceDeleteWithoutRecovery"},
        ),
    ],
)
def test_aws(spec: dict[str, object], told: dict[str, str]) -> None:
    found = of_store({"aws": {"service": "SecretsManager", "region": "us-east-1"} | spec})

    assert found == {f"spec.provider.aws.{field}": message for field, message in told.items()}


def test_azure() -> None:
    custom = {"customCloudConfig": {"activeDirectoryEndpoint": "https://a"}}
    stack = {"environmentType": "AzureStackCloud", "useAzureSDK": True}
    spec = {"vaultUrl": "https://v"}

    assert list(of_store({"azurekv": spec | custom})) == ["spec.provider.azurekv.customCloudConfig"]
    assert list(of_store({"azurekv": spec | stack})) == ["spec.provider.azurekv.environmentType"]
    assert of_store({"azurekv": spec | stack | custom}) == {}


def test_kubernetes_warns_without_an_authority() -> None:
    account = {"serviceAccount": {"name": "a"}}

    assert list(of_store({"kubernetes": {"auth": account}})) == ["spec.provider.kubernetes.server"]
    assert of_store({"kubernetes": {"auth": account, "server": {"caBundle": "YQ=="}}}) == {}
    assert of_store({"kubernetes": {"authRef": SELECTOR}}) == {}


@pytest.mark.parametrize(
    ("kind", "provider", "good"),
    [
        ("SecretStore", {}, True),
        ("SecretStore", {"namespace": "n"}, False),
        ("ClusterSecretStore", {"namespace": "n"}, True),
        ("ClusterSecretStore", {}, False),
    ],
)
def test_kubernetes_authority(kind: str, provider: dict[str, str], good: bool) -> None:
    server = {"caProvider": {"type": "ConfigMap", "name": "c", "key": "k"} | provider}
    told = of_store({"kubernetes": {"server": server, "authRef": SELECTOR}}, kind=kind)

    assert list(told) == ([] if good else ["spec.provider.kubernetes.server.caProvider.namespace"])


def test_kubernetes_selectors_must_be_whole() -> None:
    spec = {"server": {"caBundle": "YQ=="}, "auth": {"token": {"bearerToken": {"name": "t"}}}}
    place = "spec.provider.kubernetes.auth.token.bearerToken"

    assert list(of_store({"kubernetes": spec})) == [f"{place}.key"]
    assert list(of_store({"kubernetes": spec}, kind="ClusterSecretStore")) == [f"{place}.key", f"{place}.namespace"]


def test_fake() -> None:
    told = of_store({"fake": {"data": [{"key": "a", "value": "b"}, {"key": "", "value": ""}]}})

    assert list(told) == ["spec.provider.fake.data[1].key", "spec.provider.fake.data[1].value"]


def test_parts_are_found_wherever_they_are() -> None:
    manifest = ExternalSecret.model_validate({"metadata": {"name": "a"}, "spec": {"data": [ENTRY]}})
    found = {field_path(location): type(part).__name__ for location, part in parts(manifest, ())}

    assert found["spec.data[0].remoteRef"] == "RemoteRef"
    assert list(parts("text", ())) == []
    assert list(parts(SecretKeySelector(), ("a",))) == [(("a",), SecretKeySelector())]


def test_an_operator_of_a_selector_that_kubernetes_has_not() -> None:
    selector = {"matchExpressions": [{"key": "k", "operator": "in", "values": ["v"]}]}
    store = SecretStore.model_validate(
        {
            "metadata": {"name": "a"},
            "spec": {"provider": {"files": {"path": "/p"}}, "conditions": [{"namespaceSelector": selector}]},
        }
    )
    (remark,) = judge_secret_store(store)
    chosen = store.spec.conditions[0].namespace_selector

    assert field_path(remark.location) == "spec.conditions[0].namespaceSelector.matchExpressions[0].operator"
    assert remark.severity == "warning"
    assert chosen is not None
    assert not chosen.matches({"k": "v"})


def test_what_only_the_webhook_refuses_has_a_code_of_its_own() -> None:
    idle = ExternalSecret.model_validate({"metadata": {"name": "a"}, "spec": {}})
    old = ExternalSecret.model_validate(
        {
            "apiVersion": "external-secrets.io/v1beta1",
            "metadata": {"name": "a"},
            "spec": {"target": {"creationPolicy": "CreateOrMerge"}, "dataFrom": [{"find": {}}]},
        }
    )

    assert [remark.code for remark in judge(idle)] == [REFUSED_AT_ADMISSION]
    assert [remark.code for remark in judge(old)] == ["invalid-field"]
