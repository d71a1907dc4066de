"""What a check is given and how it words its findings. No check lives here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.findings import Finding, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A bundle and what is asked about it."""

    bundle: Bundle
    """What is judged."""
    now: datetime
    """The time to judge by, aware UTC."""
    certificate_margin: timedelta
    """A certificate that ends within this time is reported."""
    certificate_margin_severity: Severity
    """How badly."""
    expected_keys: tuple[str, ...] = ()
    """Keys that must be there and hold something."""
    guessed: bool = False
    """Whether the bundle's kind was guessed from its keys: nothing is called missing, and habits only warn."""

    @property
    def doubt(self) -> Severity:
        """How bad something is that can only be wrong if the guess is right."""
        return Severity.WARNING if self.guessed else Severity.ERROR


Check = Callable[[Inspection], Iterator[Finding]]
"""Judges one aspect of a bundle. Never puts a value into a finding."""


def error(key: str, code: str, message: str) -> Finding:
    """Something that makes the bundle unusable."""
    return Finding(field=key, code=code, message=message)


def warning(key: str, code: str, message: str) -> Finding:
    """Something that somebody should look at."""
    return Finding(field=key, code=code, message=message, severity=Severity.WARNING)


def remark(severity: Severity, key: str, code: str, message: str) -> Finding:
    """Something as bad as the inspection says."""
    return Finding(field=key, code=code, message=message, severity=severity)
