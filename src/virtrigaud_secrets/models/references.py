"""References from a manifest to other Kubernetes objects, and selectors of them."""

from collections.abc import Mapping
from typing import Final, Literal

from virtrigaud_secrets.models.base import Key, Model, Name, Namespace


class SecretKeySelector(Model):
    """One key of a Kubernetes Secret."""

    name: Name | None = None
    namespace: Namespace | None = None
    """Counts in a ClusterSecretStore only; without it, the namespace of the ExternalSecret is meant."""
    key: Key | None = None


class ServiceAccountSelector(Model):
    """A Kubernetes service account."""

    name: Name
    namespace: Namespace | None = None
    """Counts in a ClusterSecretStore only; without it, the namespace of the ExternalSecret is meant."""
    audiences: tuple[str, ...] = ()
    """Audiences of the token asked for, in addition to the backend's own."""


class CAProvider(Model):
    """A certificate authority kept in a Secret or ConfigMap."""

    type: Literal["Secret", "ConfigMap"]
    name: Name
    key: Key | None = None
    namespace: Namespace | None = None


OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist")
"""What a condition on a label may ask."""


class LabelSelectorRequirement(Model):
    """One condition on a label."""

    key: str
    operator: str
    """One of OPERATORS: the schema takes any text, and with another one ESO's controller stops."""
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the condition holds. An absent label is in no set, so `NotIn` holds for it."""
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value is not None and value in self.values
            case "NotIn":
                return value is None or value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
            case _:
                return False

    @property
    def query(self) -> str:
        """The condition as the API's `labelSelector` writes it."""
        values = f"({','.join(self.values)})"
        match self.operator:
            case "In":
                return f"{self.key} in {values}"
            case "NotIn":
                return f"{self.key} notin {values}"
            case "Exists":
                return self.key
            case "DoesNotExist":
                return f"!{self.key}"
            case _:
                return f"{self.key},!{self.key}"  # As in `matches`: it holds for nothing.


class LabelSelector(Model):
    """Chooses objects by their labels; an empty one chooses all."""

    match_labels: Mapping[str, str] = {}
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether every condition holds."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            requirement.matches(labels) for requirement in self.match_expressions
        )

    @property
    def query(self) -> str:
        """The conditions as the API's `labelSelector` writes them; empty where there are none."""
        pairs = [f"{key}={self.match_labels[key]}" for key in sorted(self.match_labels)]
        return ",".join((*pairs, *(requirement.query for requirement in self.match_expressions)))
