"""How requests are repeated: of stores and of generators alike (ESO §1.3)."""

from virtrigaud_secrets.models.base import DurationText, Int32, Model


class RetrySettings(Model):
    """How often and how fast a request is repeated."""

    max_retries: Int32 | None = None
    retry_interval: DurationText | None = None
