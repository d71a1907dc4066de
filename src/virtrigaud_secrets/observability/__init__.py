"""What a resolver does, for those who watch it: metrics (`Metrics`) and log records (`EventLog`)."""

from __future__ import annotations

from virtrigaud_secrets.observability.logs import EventLog
from virtrigaud_secrets.observability.metrics import Metrics

__all__ = ["EventLog", "Metrics"]
