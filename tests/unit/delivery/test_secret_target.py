from pathlib import Path

import pytest
import yaml

from virtrigaud_secrets.delivery.secret_target import SecretTarget
from virtrigaud_secrets.errors import ConfigurationError, UnsupportedFeatureError
from virtrigaud_secrets.manifests.catalog import Document
from virtrigaud_secrets.models.external_secret import ExternalSecretSpec


def document(target: str = "{}") -> Document[ExternalSecretSpec]:
    spec = ExternalSecretSpec.model_validate({"target": yaml.safe_load(target)})
    return Document(kind="ExternalSecret", name="es", namespace="ns", spec=spec, file=str(Path("x.yaml")))


def test_defaults_are_those_of_the_manifest() -> None:
    target = SecretTarget.of(document(), uid="u")
    assert target == SecretTarget(name="es", namespace="ns", manifest="es", uid="u", creation_policy="Owner")


def test_all_that_a_manifest_says_is_taken() -> None:
    target = SecretTarget.of(
        document(
            """
            name: s
            creationPolicy: CreateOrMerge
            deletionPolicy: Retain
            immutable: true
            template: {type: kubernetes.io/tls, metadata: {finalizers: [example.org/f]}}
            """
        ),
        uid="",
    )
    assert target == SecretTarget(
        name="s",
        namespace="ns",
        manifest="es",
        creation_policy="CreateOrMerge",
        immutable=True,
        type="kubernetes.io/tls",
        finalizers=("example.org/f",),
    )


def test_made_by_hand_the_secret_names_the_manifest() -> None:
    target = SecretTarget(name="s", namespace="ns")
    assert (target.manifest, target.creation_policy) == ("s", "Orphan")
    assert target.subject == "ExternalSecret ns/s"


def test_an_owner_needs_a_uid() -> None:
    with pytest.raises(ConfigurationError, match=r"ns/es: spec\.target\.creationPolicy: Owner needs the metadata\.uid"):
        SecretTarget.of(document(), uid="")


def test_another_kind_is_refused_by_name_of_field() -> None:
    other = document("{manifest: {apiVersion: argoproj.io/v1alpha1, kind: Application}}")
    with pytest.raises(UnsupportedFeatureError) as caught:
        SecretTarget.of(other, uid="u")
    assert str(caught.value).startswith(
        "ExternalSecret ns/es: spec.target.manifest: a Application (argoproj.io/v1alpha1)"
    )


def test_a_secret_by_its_kind_is_a_secret() -> None:
    assert SecretTarget.of(document("{manifest: {apiVersion: v1, kind: Secret}}"), uid="u").name == "es"


def test_the_owner_label_is_esos() -> None:
    """Vector of ESO §7."""
    target = SecretTarget(name="s", namespace="ns", manifest="name")
    assert target.created_by == "bb23d4143f48a70026bb6cffbf0e5df5557eb3bc56885091e92a5690"
    assert target.own_secrets == f"reconcile.external-secrets.io/created-by={target.created_by}"
