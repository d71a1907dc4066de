"""`ClusterExternalSecret`: the same ExternalSecret in every namespace that is chosen (ESO §1.5)."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from virtrigaud_secrets.models.base import DurationText, Model, Name, Namespace
from virtrigaud_secrets.models.external_secret import ExternalSecretSpec
from virtrigaud_secrets.models.metadata import ObjectMeta
from virtrigaud_secrets.models.references import LabelSelector


class ExternalSecretMetadata(Model):
    """Labels and annotations that each of the ExternalSecrets gets."""

    annotations: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}


class ClusterExternalSecretSpec(Model):
    """What is made, and where."""

    external_secret_spec: ExternalSecretSpec
    external_secret_name: Name | None = None
    """None means the name of the ClusterExternalSecret."""
    external_secret_metadata: ExternalSecretMetadata = Field(default_factory=ExternalSecretMetadata)
    namespace_selector: LabelSelector | None = None
    """As one more of `namespaceSelectors`; deprecated."""
    namespace_selectors: tuple[LabelSelector, ...] = ()
    """A namespace is chosen when any of them matches its labels, or its name is in `namespaces`."""
    namespaces: tuple[Namespace, ...] = ()
    """Deprecated in favour of `namespaceSelectors`."""
    refresh_time: DurationText | None = None
    """How often ESO looks for namespaces."""

    def chooses(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether an ExternalSecret is made in `namespace`, which carries `labels`."""
        selectors = [*self.namespace_selectors, *([self.namespace_selector] if self.namespace_selector else [])]
        return namespace in self.namespaces or any(selector.matches(labels) for selector in selectors)


class ClusterExternalSecret(Model):
    """A manifest of kind ClusterExternalSecret."""

    api_version: Literal["external-secrets.io/v1", "external-secrets.io/v1beta1"] = "external-secrets.io/v1"
    kind: Literal["ClusterExternalSecret"] = "ClusterExternalSecret"
    metadata: ObjectMeta
    spec: ClusterExternalSecretSpec
