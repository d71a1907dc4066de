"""`SecretTarget`: which Secret an ExternalSecret asks for, and by which policies it is written (ESO §1.1, §2.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Self

from virtrigaud_secrets.errors import ConfigurationError, UnsupportedFeatureError
from virtrigaud_secrets.resolver.hashes import owner_hash

if TYPE_CHECKING:
    from virtrigaud_secrets.manifests.catalog import Document
    from virtrigaud_secrets.models.external_secret import ExternalSecretSpec

CreationPolicy = Literal["Owner", "Orphan", "Merge", "None", "CreateOrMerge"]
"""`spec.target.creationPolicy`."""

DeletionPolicy = Literal["Delete", "Merge", "Retain"]
"""`spec.target.deletionPolicy`."""

CREATED_BY: Final = "reconcile.external-secrets.io/created-by"
"""Label of a Secret that goes when its ExternalSecret asks for another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretTarget:
    """A Secret to write.

    ```python
    SecretTarget(name="vsphere-credentials", namespace="vsphere-providers")
    ```
    """

    name: str
    """Its name."""
    namespace: str
    """Its namespace, and the ExternalSecret's."""
    manifest: str = ""
    """Name of the ExternalSecret; by default the Secret's. The field manager is named after it."""
    uid: str = ""
    """`metadata.uid` of the ExternalSecret in the cluster: what an owner reference needs."""
    creation_policy: CreationPolicy = "Orphan"
    """What is made, and of what is there already, what stays. `Owner` needs `uid`."""
    deletion_policy: DeletionPolicy = "Retain"
    """What becomes of the Secret when the store has nothing any more."""
    immutable: bool = False
    """Whether it is to be immutable once written."""
    type: str = ""
    """Its type; empty for the bundle's, and where that is `Opaque` too, for the one that it has."""
    finalizers: tuple[str, ...] = ()
    """Finalizers that are added."""

    def __post_init__(self) -> None:
        """Fill in and check.

        Raises:
            ConfigurationError: there is no owner to refer to.
        """
        if not self.manifest:
            object.__setattr__(self, "manifest", self.name)
        if self.creation_policy == "Owner" and not self.uid:
            raise ConfigurationError(
                f"ExternalSecret {self.namespace}/{self.manifest}: spec.target.creationPolicy: Owner needs the "
                "metadata.uid that the cluster gave it; without one choose Orphan, Merge or CreateOrMerge"
            )

    @classmethod
    def of(cls, document: Document[ExternalSecretSpec], *, uid: str) -> Self:
        """The target of an ExternalSecret that is in the cluster.

        Args:
            document: the manifest.
            uid: its `metadata.uid`.

        Raises:
            UnsupportedFeatureError: it asks for another kind than a Secret.
            ConfigurationError: there is no uid, and it is to be the owner.
        """
        target = document.spec.target
        if target.manifest is not None and (target.manifest.api_version, target.manifest.kind) != ("v1", "Secret"):
            # ESO refuses as well, unless its flag --unsafe-allow-generic-targets is set (ESO §2.9).
            wanted = f"{target.manifest.kind} ({target.manifest.api_version})"
            raise UnsupportedFeatureError(f"a {wanted} is not written, only Secrets are").at(
                document.subject, "spec.target.manifest"
            )
        template = target.template
        return cls(
            name=target.name or document.name,
            namespace=document.namespace,
            manifest=document.name,
            uid=uid,
            creation_policy=target.creation_policy,
            deletion_policy=target.deletion_policy,
            immutable=target.immutable,
            type=(template.type or "") if template is not None else "",
            finalizers=template.metadata.finalizers if template is not None else (),
        )

    @property
    def subject(self) -> str:
        """The ExternalSecret, for messages."""
        return f"ExternalSecret {self.namespace}/{self.manifest}"

    @property
    def path(self) -> str:
        """The Secret's place in the cluster's API."""
        return f"namespaces/{self.namespace}/secrets/{self.name}"

    @property
    def created_by(self) -> str:
        """The value of the label `reconcile.external-secrets.io/created-by`."""
        return owner_hash(self.manifest, namespace=self.namespace)

    @property
    def own_secrets(self) -> str:
        """The label selector of all Secrets that this ExternalSecret owns, whatever their names."""
        return f"{CREATED_BY}={self.created_by}"
