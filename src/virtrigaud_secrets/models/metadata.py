"""`metadata` of every manifest: what this library reads of it, and the names of what it does not."""

from collections.abc import Mapping

from pydantic import Field

from virtrigaud_secrets.models.base import Model, Name, Namespace


class ObjectMeta(Model):
    """Name, namespace, labels and annotations. The rest is the server's and is kept unread."""

    name: Name
    namespace: Namespace | None = None
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    generate_name: object = Field(default=None, repr=False)
    creation_timestamp: object = Field(default=None, repr=False)
    deletion_grace_period_seconds: object = Field(default=None, repr=False)
    deletion_timestamp: object = Field(default=None, repr=False)
    finalizers: object = Field(default=None, repr=False)
    generation: object = Field(default=None, repr=False)
    managed_fields: object = Field(default=None, repr=False)
    owner_references: object = Field(default=None, repr=False)
    resource_version: object = Field(default=None, repr=False)
    self_link: object = Field(default=None, repr=False)
    uid: object = Field(default=None, repr=False)
