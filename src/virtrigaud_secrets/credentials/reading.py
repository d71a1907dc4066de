"""Reads the keys of a bundle for a typed credential, and tells all that is wrong with them at once. Shows no value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.credentials.endpoint import Endpoint
from virtrigaud_secrets.errors import ConfigurationError, ValidationError
from virtrigaud_secrets.findings import Finding, Severity
from virtrigaud_secrets.golang.duration import DurationError, parse_duration
from virtrigaud_secrets.golang.strings import trim_space
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.validation.credential import TEMPLATE_FAILURES
from virtrigaud_secrets.validation.inspection import Check, Inspection
from virtrigaud_secrets.validation.tls import AUTHORITY_KEY, check_authority

if TYPE_CHECKING:
    from virtrigaud_secrets.bundle import Bundle

ABOUT_TIME: Final = frozenset({"expired", "expires-soon", "not-yet-valid"})
"""Findings that depend on the time. The resolver has judged by its clock; making an object of a bundle has none."""

_NO_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MAX_SECONDS: Final = 10_000_000_000
"""Three hundred years: a larger number is no time to live."""


class Reading:
    """One bundle that is read as one kind of credentials.

    Values come out as `Sensitive`, so that no traceback of a fault shows one.
    """

    def __init__(self, bundle: Bundle, wanted: type) -> None:
        """Nothing is read yet.

        Args:
            bundle: what is read.
            wanted: the class that is to be made; named in errors.
        """
        self._bundle: Final = bundle
        self._wanted: Final = wanted.__name__
        self._findings: list[Finding] = []
        self.source: Final = bundle.manifest or f"Secret {bundle.namespace}/{bundle.name}"
        """The manifest, as errors name it."""

    def has(self, key: str) -> bool:
        """Whether `key` is there and holds more than white space."""
        return bool(self._bundle.get(key, b"").strip())

    def word(self, key: str) -> Sensitive:
        """A value of one line, such as a user name: trimmed as VirtRigaud's providers trim it, and not empty."""
        value = self._present(key)
        if not value:
            return value
        if not _is_text(value):
            return self.fault(key, "not-text", "the value is not UTF-8 text")
        trimmed = Sensitive(trim_space(value.reveal_text()))
        if not trimmed:
            return self.fault(key, "empty", "the value is empty")
        if any(stray in trimmed.reveal() for stray in (b"\0", b"\n", b"\r")):
            return self.fault(key, "not-a-word", "the value was expected on one line, without null bytes")
        return trimmed

    def optional_word(self, key: str) -> Sensitive | None:
        """As `word`, None where there is no such key or nothing in it."""
        return self.word(key) if self.has(key) else None

    def document(self, key: str) -> Sensitive:
        """A value of several lines, such as a PEM file: not empty, and with the newline at its end that ssh wants."""
        value = self._present(key)
        if not _is_text(value):
            return self.fault(key, "not-text", "the value is not UTF-8 text")
        return value if value.reveal().endswith(b"\n") or not value else Sensitive(value.reveal() + b"\n")

    def optional_document(self, key: str) -> Sensitive | None:
        """As `document`, None where there is no such key or nothing in it."""
        return self.document(key) if self.has(key) else None

    def optional_duration(self, key: str) -> timedelta | None:
        """Seconds (`3600`) or a Go duration (`1h`); None where there is no such key."""
        word = self.optional_word(key)
        if not word:
            return None
        ttl = _duration(word)
        if ttl is None:
            self.fault(key, "not-a-duration", "expected whole seconds such as 3600, or a duration such as 1h")
        return ttl

    def endpoint(self, key: str, *, default: str | None = None) -> Sensitive:
        """A server as `Endpoint` reads it.

        Args:
            key: the key.
            default: what stands for a key that is not there; without it, that is a fault.
        """
        word = Sensitive(default) if default and not self.has(key) else self.word(key)
        if word:
            try:
                Endpoint.parse(word.reveal_text(), default_port=1)
            except ConfigurationError as error:
                return self.fault(key, "not-an-endpoint", str(error))
        return word

    def optional_authority(self, key: str = AUTHORITY_KEY) -> Sensitive | None:
        """PEM certificates of authorities; None where there is no such key or nothing in it."""
        document = self.optional_document(key)
        if document:
            self.check(_authority)
        return document

    def one_of(self, *groups: tuple[str, ...]) -> tuple[str, ...]:
        """The first group of keys that is complete; where none is, the one that was begun is at fault, else the first.

        The keys of a group belong together: a token's id and secret, a name and a password.
        """
        for group in groups:
            if all(self.has(key) for key in group):
                return group
        begun = max(groups, key=lambda group: sum(self.has(key) for key in group))
        for key in begun:
            self._present(key)
        return begun

    def check(self, check: Check, *, refused: Iterable[str] = (), ignored: Iterable[str] = ()) -> None:
        """Have one of validation's checks judge the bundle; its errors count.

        Args:
            check: the check.
            refused: codes of warnings that count as well.
            ignored: codes that do not count.
        """
        inspection = Inspection(
            bundle=self._bundle,
            now=_NO_TIME,
            certificate_margin=timedelta(0),
            certificate_margin_severity=Severity.NOTE,
        )
        refused, ignored = frozenset(refused), frozenset(ignored) | ABOUT_TIME
        for finding in check(inspection):
            if finding.code not in ignored and (finding.severity is Severity.ERROR or finding.code in refused):
                self._findings.append(replace(finding, severity=Severity.ERROR))

    def refuse_faults(self) -> None:
        """Raise what was found.

        Raises:
            ValidationError: with every fault, in the order of the reads.
        """
        faults = tuple(dict.fromkeys(self._findings))
        if faults:
            raise ValidationError(f"its values make no {self._wanted}", findings=faults).at(self.source)

    def _present(self, key: str) -> Sensitive:
        """The value, as it is; empty after a fault."""
        if key not in self._bundle:
            return self.fault(key, "missing-key", "the key is missing")
        value = Sensitive(self._bundle[key])
        if not value.reveal().strip():
            return self.fault(key, "empty", "the value is empty")
        for pattern, meaning in TEMPLATE_FAILURES:
            if pattern.search(value.reveal()):
                return self.fault(key, "template-failure", f"the value holds {meaning}")
        return value

    def fault(self, key: str, code: str, message: str) -> Sensitive:
        """Remember a fault; the empty value that stands in for the one at fault."""
        self._findings.append(Finding(field=key, code=code, message=message))
        return Sensitive(b"")


def _authority(inspection: Inspection) -> Iterator[Finding]:
    yield from check_authority(inspection)


def _is_text(value: Sensitive) -> bool:
    try:
        value.reveal_text()
    except ValueError:
        return False
    return True


def _duration(word: Sensitive) -> timedelta | None:
    text = word.reveal_text()
    try:
        # A lease's duration is a number of seconds in Vault's answers; people write 1h.
        if text.isascii() and text.isdigit():
            seconds = int(text) if len(text) <= len(str(_MAX_SECONDS)) else _MAX_SECONDS
            return timedelta(seconds=seconds) if 0 < seconds < _MAX_SECONDS else None
        nanoseconds = parse_duration(text)
    except DurationError:
        return None
    return timedelta(microseconds=nanoseconds // 1000) if nanoseconds > 0 else None
