"""What `doctor` says: one diagnosis for each thing it looked at, with what to do about it. Never holds a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

SKEW_NOTICED: Final = timedelta(seconds=30)
"""Difference of clocks that somebody should look at: tokens are made out for seconds, not minutes, in advance."""
SKEW_FATAL: Final = timedelta(minutes=5)
"""Difference at which logins fail: what AWS, Kerberos and most checks of tokens allow."""
LOGIN_MARGIN: Final = timedelta(hours=1)
"""A login that nobody here can replace is told this long before its end."""


class Level(StrEnum):
    """How much a diagnosis matters."""

    OK = "ok"
    """It is as it should be."""
    NOTE = "note"
    """It was not looked at, and why."""
    WARNING = "warning"
    """It works, and somebody should look."""
    ERROR = "error"
    """It does not work, or will not for long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """One thing that was looked at."""

    check: str
    """`identity`, `package`, `manifest`, `reach`, `tls`, `clock`, `certificate`, `login` or `permission`."""
    subject: str
    """What it is about: a store, the cluster, a file."""
    level: Level = Level.OK
    """How much it matters."""
    message: str
    """What was seen."""
    advice: str = ""
    """What to do; empty where there is nothing to be done."""

    def __str__(self) -> str:
        """One line, or two with advice."""
        line = f"{self.level}: {self.check}: {self.subject}: {self.message}"
        return f"{line}\n  {self.advice}" if self.advice else line

    def as_json(self) -> dict[str, object]:
        """The stable form of `--format json`."""
        return {
            "check": self.check,
            "subject": self.subject,
            "level": self.level.value,
            "message": self.message,
            "advice": self.advice,
        }


def by_skew(subject: str, skew: timedelta) -> Diagnosis:
    """What a difference of clocks means.

    Args:
        subject: whose clock it is.
        skew: theirs less ours, as far as it is certain.
    """
    size = abs(skew)
    if size < SKEW_NOTICED:
        return Diagnosis(check="clock", subject=subject, message="its clock agrees with ours")
    way = "ahead of" if skew > timedelta(0) else "behind"
    return Diagnosis(
        check="clock",
        subject=subject,
        level=Level.ERROR if size >= SKEW_FATAL else Level.WARNING,
        message=f"its clock is {size.total_seconds():.0f} s {way} ours",
        advice="let both machines follow NTP: tokens and certificates are judged by the clock of whoever looks",
    )


def by_end(check: str, subject: str, what: str, *, end: datetime, now: datetime, margin: timedelta) -> Diagnosis:
    """What it means that something ends.

    Args:
        check: the name of the check.
        subject: what it belongs to.
        what: what ends, in words.
        end: when, aware.
        now: the time, aware.
        margin: how long before it is told.
    """
    when = end.strftime("%Y-%m-%d %H:%M UTC")
    if end <= now:
        advice = "replace it: it is refused from now on"
        message = f"{what} ended at {when}"
        return Diagnosis(check=check, subject=subject, level=Level.ERROR, message=message, advice=advice)
    if end - now <= margin:
        message, advice = f"{what} ends at {when}", "replace it before"
        return Diagnosis(check=check, subject=subject, level=Level.WARNING, message=message, advice=advice)
    return Diagnosis(check=check, subject=subject, message=f"{what} is good until {when}")


def missing_capabilities(
    store: str, wanted: Mapping[tuple[str, ...], tuple[str, str]], granted: Mapping[str, frozenset[str]]
) -> list[Diagnosis]:
    """What a login lacks of what manifests need.

    Args:
        store: the store.
        wanted: alternative paths, one of which is read → capability, and the manifest that needs it.
        granted: what the login may do on each path.
    """
    found = [
        Diagnosis(
            check="permission",
            subject=store,
            level=Level.ERROR,
            message=f'its policies do not grant "{capability}" on {" or ".join(paths)}, which {manifest} needs',
            advice="grant it: `virtrigaud-secrets policy` prints the policy that the manifests need",
        )
        for paths, (capability, manifest) in wanted.items()
        if not any(_grants(granted.get(path, frozenset()), capability) for path in paths)
    ]
    if wanted and not found:
        found.append(
            Diagnosis(
                check="permission",
                subject=store,
                message=f"its policies grant all {len(wanted)} paths of the manifests",
            )
        )
    return found


def _grants(capabilities: frozenset[str], capability: str) -> bool:
    return "deny" not in capabilities and bool(capabilities & {"root", capability})


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """All that was looked at."""

    diagnoses: tuple[Diagnosis, ...]
    """In the order of looking."""

    @property
    def ok(self) -> bool:
        """Whether nothing is an error."""
        return all(found.level is not Level.ERROR for found in self.diagnoses)

    def as_json(self) -> dict[str, object]:
        """The stable form of `--format json`."""
        return {"ok": self.ok, "diagnoses": [found.as_json() for found in self.diagnoses]}

    def as_text(self) -> str:
        """A line each, advice below, and a count."""
        levels = [found.level for found in self.diagnoses]
        count = ", ".join(f"{levels.count(level)} {level}" for level in Level)
        return "\n".join([*map(str, self.diagnoses), count])


def collected(diagnoses: Iterable[Diagnosis]) -> DoctorReport:
    """A report of what differs: stores share servers, and what is said twice is said once."""
    return DoctorReport(tuple(dict.fromkeys(diagnoses)))
