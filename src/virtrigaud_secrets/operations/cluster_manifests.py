"""The stores and ExternalSecrets of a cluster as a catalog, as if they had been read from files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.findings import Finding, Severity
from virtrigaud_secrets.manifests import Catalog, Document
from virtrigaud_secrets.manifests.kinds import recognise
from virtrigaud_secrets.models.remarks import field_path
from virtrigaud_secrets.operations.bodies import Body, name_of
from virtrigaud_secrets.stores.cluster_objects import (
    CLUSTER_SECRET_STORES,
    EXTERNAL_SECRETS,
    SECRET_STORES,
    ClusterObjects,
    Resource,
)

if TYPE_CHECKING:
    from virtrigaud_secrets.models.external_secret import ExternalSecretSpec
    from virtrigaud_secrets.models.secret_store import SecretStoreSpec

STORES: Final = (SECRET_STORES, CLUSTER_SECRET_STORES)
"""The kinds of stores."""


def read_catalog(
    cluster: ClusterObjects, *, namespace: str = "", external_secrets: bool = True
) -> tuple[Catalog, tuple[Finding, ...]]:
    """The manifests of a cluster, and what is wrong with those that cannot be used.

    Args:
        cluster: the cluster.
        namespace: one namespace, and what is in none; empty for all.
        external_secrets: whether to list ExternalSecrets too. Stores alone need fewer rights.

    Raises:
        StoreError: the cluster refused or did not answer; names verb and resource.
    """
    findings: list[Finding] = []
    stores: list[Document[object]] = []
    for resource in STORES:
        stores += _documents(cluster, resource, "" if resource is CLUSTER_SECRET_STORES else namespace, findings)
    secrets = _documents(cluster, EXTERNAL_SECRETS, namespace, findings) if external_secrets else []
    catalog = Catalog(
        external_secrets=cast("list[Document[ExternalSecretSpec]]", secrets),
        stores=cast("list[Document[SecretStoreSpec]]", stores),
    )
    return catalog, tuple(findings)


def _documents(
    cluster: ClusterObjects, resource: Resource, namespace: str, findings: list[Finding]
) -> list[Document[object]]:
    found: list[Document[object]] = []
    for body in cluster.list(resource, namespace=namespace).items:
        where, name = name_of(body)
        subject = f"{resource.kind} {where}/{name}" if where else f"{resource.kind} {name}"
        recognised = recognise(_whole(body, resource), strict=False)
        findings += [
            Finding(
                message=remark.message,
                severity=remark.severity,
                code=remark.code,
                field=field_path(remark.location),
                subject=subject,
            )
            for remark in recognised.remarks
            if remark.severity is Severity.ERROR
        ]
        if recognised.manifest is not None:
            metadata = recognised.manifest.metadata
            found.append(
                Document(
                    kind=resource.kind,
                    name=name,
                    namespace=where,
                    spec=recognised.manifest.spec,
                    labels=metadata.labels,
                    annotations=metadata.annotations,
                    file="cluster",
                )
            )
    return found


def _whole(body: Body, resource: Resource) -> Body:
    """A listed object with what lists leave out."""
    return {**body, "apiVersion": resource.api_version, "kind": resource.kind}
