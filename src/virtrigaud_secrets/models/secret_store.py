"""`SecretStore` and `ClusterSecretStore`: which backend, and who may use it (ESO §1.3)."""

from functools import cache
from typing import Any, Final, Literal, cast

from pydantic import BaseModel, SerializeAsAny, create_model, model_serializer, model_validator
from pydantic_core import PydanticCustomError

from virtrigaud_secrets.models.backends import KNOWN_TO_ESO, backend_model, is_known
from virtrigaud_secrets.models.base import Model, Namespace, Pace
from virtrigaud_secrets.models.external_secret import StoreKind
from virtrigaud_secrets.models.metadata import ObjectMeta
from virtrigaud_secrets.models.references import LabelSelector
from virtrigaud_secrets.models.remarks import nearest
from virtrigaud_secrets.models.retries import RetrySettings

_ONE_PROVIDER: Final = "expected exactly one provider, such as vault"


class Provider(Model):
    """The backend a store chose: `{"vault": {…}}` in a manifest, `name` and `spec` here."""

    name: str
    """The key under `spec.provider`."""
    spec: SerializeAsAny[BaseModel]
    """What stands below it, as that backend's model."""

    @property
    def supported(self) -> bool:
        """Whether there is a model of the backend, here or in an installed package."""
        # Not by its class, which most programs never load, nor by its name: installed packages would be searched.
        return not getattr(type(self.spec), "only_of_eso", False)

    @model_validator(mode="before")
    @classmethod
    def _from_manifest(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        written = cast("dict[object, object]", value)
        if isinstance(written.get("spec"), BaseModel):
            return written
        chosen = {name: spec for name, spec in written.items() if spec is not None}
        if len(chosen) != 1:
            raise PydanticCustomError("exactly_one", _ONE_PROVIDER)
        name = str(next(iter(chosen)))
        # A ValidationError raised in here joins the outer one, each place below the provider's name.
        holder = _holder(name, _model(name))
        return {"name": name, "spec": getattr(holder.model_validate(chosen, by_alias=True, by_name=False), name)}

    @model_serializer(mode="plain")
    def _to_manifest(self) -> dict[str, SerializeAsAny[BaseModel]]:
        return {self.name: self.spec}


def _model(name: str) -> type[BaseModel]:
    """What the spec of a backend is read as."""
    model = backend_model(name)
    if model is None and not is_known(name):
        suggestion = nearest(name, sorted(KNOWN_TO_ESO)) or ": expected one that ESO has, such as vault"
        raise PydanticCustomError("unknown_provider", "unknown provider{suggestion}", {"suggestion": suggestion})
    return model or _unsupported(name)


def _unsupported(name: str) -> type[BaseModel]:
    # Most programs name none of them.
    from virtrigaud_secrets.models.backends.unsupported import unsupported_model

    return unsupported_model(name)


@cache
def _holder(name: str, model: type[BaseModel]) -> type[BaseModel]:
    """Validates `{name: spec}`, so that errors carry the name."""
    field: Any = (model, ...)
    return create_model("Provider", **{name: field})


class ClusterSecretStoreCondition(Model):
    """Namespaces that may use a ClusterSecretStore: any of the fields that are set chooses."""

    namespace_selector: LabelSelector | None = None
    namespaces: tuple[Namespace, ...] = ()
    namespace_regexes: tuple[str, ...] = ()
    """Go regular expressions, found anywhere in the name."""


class SecretStoreSpec(Model):
    """`spec` of both kinds of stores."""

    controller: str = ""
    """Class of the controller meant; empty or `default` for ESO's and this library's own."""
    provider: Provider
    retry_settings: RetrySettings | None = None
    refresh_interval: Pace | None = None
    """How often ESO validates the store."""
    conditions: tuple[ClusterSecretStoreCondition, ...] = ()


class SecretStore(Model):
    """A manifest of kind SecretStore or ClusterSecretStore."""

    api_version: Literal["external-secrets.io/v1", "external-secrets.io/v1beta1"] = "external-secrets.io/v1"
    kind: StoreKind = "SecretStore"
    metadata: ObjectMeta
    spec: SecretStoreSpec
