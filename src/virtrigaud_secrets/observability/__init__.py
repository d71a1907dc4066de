"""What a resolver does, for those who watch it: metrics, log records, an audit (`AuditLog`)."""

from __future__ import annotations

from virtrigaud_secrets.observability.audit import AuditLog
from virtrigaud_secrets.observability.logs import EventLog
from virtrigaud_secrets.observability.metrics import Metrics
from virtrigaud_secrets.runtime.accesses import AccessKind, Auditor, SecretAccess, StoreRead, acting_as

__all__ = ["AccessKind", "AuditLog", "Auditor", "EventLog", "Metrics", "SecretAccess", "StoreRead", "acting_as"]
