"""What an emergency run has done so far, kept in a file, so that a run that was cut off goes on where it was.

The file is written before and after what must not happen twice, and replaced whole. It holds no value and no lease id.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, cast
from weakref import finalize

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.operations.rotation import Scope

FORMAT: Final = 1
"""Form of the file. Another number is not read."""

MAX_BYTES: Final = 4 << 20
"""No state is longer: ten thousand hashes are a quarter of a megabyte."""


class Revocation(StrEnum):
    """How far the revocation is."""

    PENDING = "pending"
    """It was not sent, or it certainly did nothing."""
    SENT = "sent"
    """It was sent or was about to be, and no answer was seen."""
    DONE = "done"
    """The server said that it is done. It is never sent again."""


class LostRevocation(StrEnum):
    """What an operator says of a revocation whose answer was lost."""

    REVOKE_AGAIN = "again"
    """Send it again: what was issued since is ended too."""
    DONE = "done"
    """It was carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyState:
    """One run."""

    store: str
    """The store whose leases are revoked."""
    prefix: str
    """Below which path."""
    scope: Scope
    """Which objects are refreshed and restarted."""
    revocation: Revocation = Revocation.PENDING
    """How far the revocation is."""
    revoked_at: datetime | None = None
    """When the server said that it is done, aware UTC."""
    seen: tuple[str, ...] = ()
    """Hashes of the leases that were there before."""
    marked_at: datetime | None = None
    """When refreshing began, after the revocation: what objects are marked with."""
    finished: bool = False
    """Whether nothing is left to do."""

    def as_json(self) -> str:
        """The content of the file."""
        fields = asdict(replace(self, scope=Scope()))
        moments = {name: _text_of(getattr(self, name)) for name in ("revoked_at", "marked_at")}
        return json.dumps({"format": FORMAT, **fields, **moments, "scope": asdict(self.scope)}, indent=2)

    @classmethod
    def from_json(cls, text: str) -> EmergencyState:
        """What `as_json` gave.

        Raises:
            ValueError: it is something else.
        """
        document: object = json.loads(text)
        if not isinstance(document, dict):
            raise ValueError("no object")  # noqa: TRY004  # of the text, not of the caller's types
        fields = cast("dict[str, object]", document)
        scope, seen = fields.get("scope"), fields.get("seen")
        if fields.get("format") != FORMAT or not isinstance(scope, dict) or not isinstance(seen, list):
            raise ValueError("another form")
        chosen = cast("dict[str, object]", scope)
        return cls(
            store=_text(fields["store"]),
            prefix=_text(fields["prefix"]),
            scope=Scope(**{name: _text(chosen[name]) for name in ("namespace", "external_secrets", "deployments")}),
            revocation=Revocation(_text(fields["revocation"])),
            revoked_at=_moment(fields["revoked_at"]),
            seen=tuple(_text(one) for one in cast("list[object]", seen)),
            marked_at=_moment(fields["marked_at"]),
            finished=fields.get("finished") is True,
        )

    def same_run(self, other: EmergencyState) -> bool:
        """Whether both are about the same: store, prefix and objects."""
        return (self.store, self.prefix, self.scope) == (other.store, other.prefix, other.scope)


class StateFile:
    """Where a state is kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._claim: Callable[[], object] | None = None

    def claim(self) -> None:
        """Keep other runs off until `release`, or the end of the process, however it ends. Twice is as good as once.

        What is locked is a file beside the state, as the state itself is replaced. It stays behind and means nothing.

        Raises:
            ConfigurationError: another run has it, or it cannot be locked.
        """
        if self._claim is not None:
            return
        beside = self.path.with_name(f".{self.path.name}.lock")
        try:
            lock = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(f"cannot write {beside}: {error.strerror}") from None
        claim = finalize(self, os.close, lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            claim()
            why = "another run is under way" if isinstance(error, BlockingIOError) else f"no lock: {error.strerror}"
            raise ConfigurationError(f"{self.path}: {why}") from None
        self._claim = claim

    def release(self) -> None:
        """Let other runs have it."""
        if self._claim is not None:
            self._claim()
            self._claim = None

    def read(self) -> EmergencyState | None:
        """The state; None where there is no file.

        Raises:
            ConfigurationError: the file cannot be read, or holds something else.
        """
        try:
            with self.path.open("rb") as file:
                content = file.read(MAX_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigurationError(f"cannot read {self.path}: {error.strerror}") from None
        try:
            return EmergencyState.from_json(content.decode())
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ConfigurationError(f"{self.path} holds no state of an emergency run") from None

    def write(self, state: EmergencyState) -> None:
        """Put a state in the place of the old one. When this returns, it outlives the machine.

        Raises:
            ConfigurationError: that is not possible.
        """
        scratch = ""
        try:
            descriptor, scratch = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(state.as_json() + "\n")
                file.flush()
                os.fsync(file.fileno())
            Path(scratch).replace(self.path)
            _sync_directory(self.path.parent)
        except OSError as error:
            with suppress(OSError):
                Path(scratch).unlink(missing_ok=True)
            raise ConfigurationError(f"cannot write {self.path}: {error.strerror}") from None


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _text_of(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("text was expected")
    return value
