"""`spec.provider.fake`: secrets written into the store's manifest (ESO §1.4). For tests."""

from pydantic import Field

from virtrigaud_secrets.models.base import Int64, Model


class FakeProviderData(Model):
    """One secret in one version."""

    key: str
    value: str = Field(repr=False)
    version: str = ""


class FakeProvider(Model):
    """All secrets of the store."""

    data: tuple[FakeProviderData, ...]
    validation_result: Int64 | None = None
    """What validation of the store reports: 0 ready, 1 unknown, 2 error."""
