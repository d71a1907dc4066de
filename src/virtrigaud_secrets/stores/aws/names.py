"""What a fetch is called in AWS's terms: which operation reads it, by which name. No I/O."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.stores.base import Fetch

if TYPE_CHECKING:
    from virtrigaud_secrets.models.backends.aws import AWSProvider

CURRENT_STAGE: Final = "AWSCURRENT"
"""The stage that a secret without `version` is read at."""
VERSION_ID_PREFIX: Final = "uuid/"
"""What a `version` starts with that is a version's id and no stage."""


def canonical(fetch: Fetch, spec: AWSProvider) -> Fetch:
    """`fetch` in the one spelling that equal fetches share."""
    if spec.service == "CertificateManager":
        # Neither is looked at (ESO §3.3).
        return dataclasses.replace(fetch, version="", metadata=False)
    if spec.service == "SecretsManager" and (fetch.metadata or fetch.version == CURRENT_STAGE):
        return dataclasses.replace(fetch, version="")
    return dataclasses.replace(fetch, version="") if fetch.metadata else fetch


def operation(fetch: Fetch, spec: AWSProvider) -> str:
    """The operation that reads `fetch` alone."""
    if spec.service == "CertificateManager":
        return "ExportCertificate"
    if spec.service == "SecretsManager":
        return "DescribeSecret" if fetch.metadata else "GetSecretValue"
    return "ListTagsForResource" if fetch.metadata else "GetParameter"


def path(fetch: Fetch, spec: AWSProvider) -> str:
    """The name it is read by: with the prefix, a parameter with its version, a certificate by its ARN alone."""
    if spec.service == "CertificateManager":
        return fetch.key
    name = f"{spec.prefix or ''}{fetch.key}"
    if spec.service == "ParameterStore" and fetch.version and not fetch.metadata:
        return f"{name}:{fetch.version}"
    return name
