"""What the manifests of all generators share. No kind lives here."""

from typing import Literal

from virtrigaud_secrets.models.base import Key, Model, Name
from virtrigaud_secrets.models.metadata import ObjectMeta

GeneratorVersion = Literal["generators.external-secrets.io/v1alpha1"]
"""The only version of the group."""


class GeneratorManifest(Model):
    """A manifest of group generators.external-secrets.io. Kinds add `kind` and `spec`."""

    api_version: GeneratorVersion = "generators.external-secrets.io/v1alpha1"
    metadata: ObjectMeta


class OwnSecretKeySelector(Model):
    """One key of a Secret in the generator's own namespace: unlike a store's selector it names no other."""

    name: Name | None = None
    key: Key | None = None
