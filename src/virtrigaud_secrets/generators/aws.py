"""Requests to AWS as a generator's spec wants them: one region, one identity, each sent once (ESO §1.7)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.errors import StoreUnavailableError
from virtrigaud_secrets.models.backends.aws import AWSAuth, AWSProvider
from virtrigaud_secrets.stores.aws.session import Sessions
from virtrigaud_secrets.stores.aws.transport import Service
from virtrigaud_secrets.stores.base import RetryPolicy, StoreContext

if TYPE_CHECKING:
    from virtrigaud_secrets.models.generators.ecr import ECRAuthorizationTokenSpec
    from virtrigaud_secrets.models.generators.sts import STSSessionTokenSpec

NEEDED_PACKAGES: Final = ("boto3",)
"""What the extra `aws` brings."""

ONCE: Final = RetryPolicy(retries=1)
"""`retrySettings` of a request that is sent once: for AWS they count attempts (ESO §2.10)."""


def service(name: str, spec: ECRAuthorizationTokenSpec | STSSessionTokenSpec, context: StoreContext) -> Service:
    """The service that a generator asks. Nothing is sent yet.

    Raises:
        ConfigurationError: the spec cannot be used.
    """
    context = dataclasses.replace(context, retry=ONCE)
    provider = AWSProvider(
        service="SecretsManager",  # no secret is asked for; the field has to say something
        region=spec.region,
        role=spec.role,
        auth=spec.auth or AWSAuth(),
    )
    sessions = Sessions(provider, context)
    return Service(name, sessions.connect, context, trust=sessions.trust)


def part(answer: Mapping[str, object], name: str) -> Mapping[str, object]:
    """An object of an answer, empty where it has none of that name."""
    found = answer.get(name)
    return cast("Mapping[str, object]", found) if isinstance(found, Mapping) else {}


def moment(answer: Mapping[str, object], name: str) -> datetime | None:
    """A time of an answer, aware UTC."""
    found = answer.get(name)
    return found.astimezone(UTC) if isinstance(found, datetime) else None


def seconds(at: datetime) -> bytes:
    """A time as Unix seconds in decimal."""
    return str(int(at.timestamp())).encode()


def unreadable(operation: str) -> StoreUnavailableError:
    """The error for an answer that lacks what the operation is for."""
    return StoreUnavailableError(f"the answer to {operation} is not what AWS answers", path=operation)
