"""Which checks a bundle is put to: by its Secret type, by the guide's kinds, or by the keys it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Protocol

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.findings import Finding, Severity
from virtrigaud_secrets.validation.credential import (
    check_basic_auth,
    check_credential,
    check_expected_keys,
    check_template_failures,
)
from virtrigaud_secrets.validation.docker_config import check_docker_config
from virtrigaud_secrets.validation.inspection import Check, Inspection, error
from virtrigaud_secrets.validation.ssh import check_ssh
from virtrigaud_secrets.validation.tls import check_tls

CERTIFICATE_MARGIN: Final = timedelta(hours=24)
"""The guide's own: a certificate that ends within a day is about to be a fault."""

TYPE_CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "kubernetes.io/tls": check_tls,
        "kubernetes.io/ssh-auth": check_ssh,
        "kubernetes.io/basic-auth": check_basic_auth,
        "kubernetes.io/dockerconfigjson": check_docker_config,
        "kubernetes.io/dockercfg": check_docker_config,
    }
)
"""Secret type → the check that its promise amounts to. Other types promise nothing."""

KIND_CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "tls": check_tls,
        "ssh": check_ssh,
        "credential": check_credential,
        "docker-config": check_docker_config,
    }
)
"""The names that callers ask by: the guide's three, and one more."""

_GUESSES: Final = (check_tls, check_ssh, check_docker_config, check_credential)
_ALWAYS: Final = (check_expected_keys, check_template_failures)


class Validator(Protocol):
    """A check of the caller's own."""

    def __call__(self, bundle: Bundle, *, now: datetime) -> Iterable[Finding]:
        """What is wrong with `bundle` at `now`. Findings must not show values."""
        ...


def validate(
    bundle: Bundle,
    *,
    now: datetime,
    kind: str | None = None,
    certificate_margin: timedelta = CERTIFICATE_MARGIN,
    certificate_margin_severity: Severity = Severity.WARNING,
    expected_keys: Iterable[str] = (),
    validators: Sequence[Validator] = (),
) -> tuple[Finding, ...]:
    """Everything that is wrong with `bundle`, in the order of its keys. Empty for a bundle that is as it should be.

    Args:
        bundle: what is judged.
        now: the time to judge by, aware.
        kind: `tls`, `ssh`, `credential` or `docker-config`. None goes by the bundle's type, and for a type that
            promises nothing, such as `Opaque`, by what its keys look like: nothing is then called missing.
        certificate_margin: a certificate that ends within this time is reported.
        certificate_margin_severity: how badly.
        expected_keys: keys that must be there and hold something.
        validators: checks of the caller's own, run after the others.

    Raises:
        ConfigurationError: there is no such kind, or `now` is not aware.
    """
    if now.tzinfo is None:
        raise ConfigurationError("validate needs an aware datetime for `now`")
    checks = _checks(bundle, kind)
    inspection = Inspection(
        bundle=bundle,
        now=now,
        certificate_margin=certificate_margin,
        certificate_margin_severity=certificate_margin_severity,
        expected_keys=tuple(expected_keys),
        guessed=checks is _GUESSES,
    )
    findings = [finding for check in (*_ALWAYS, *checks) for finding in check(inspection)]
    findings += [finding for validator in validators for finding in _ask(validator, inspection)]
    return tuple(_in_order(bundle, findings))


def _checks(bundle: Bundle, kind: str | None) -> tuple[Check, ...]:
    if kind is not None:
        if kind not in KIND_CHECKS:
            raise ConfigurationError(f'there is no kind "{kind}" to validate: expected {", ".join(KIND_CHECKS)}')
        return (KIND_CHECKS[kind],)
    check = TYPE_CHECKS.get(bundle.type)
    return _GUESSES if check is None else (check,)


def _ask(validator: Validator, inspection: Inspection) -> Iterator[Finding]:
    try:
        yield from list(validator(inspection.bundle, now=inspection.now))
    except Exception as fault:  # noqa: BLE001  # the caller's code: whatever it raises may quote a value
        name = getattr(validator, "__name__", type(validator).__name__)
        yield error("", "validator-failed", f"the validator {name} failed with {type(fault).__name__}")


def _in_order(bundle: Bundle, findings: Iterable[Finding]) -> Iterator[Finding]:
    positions = {key: position for position, key in enumerate(bundle)}
    subject = f"Secret {bundle.namespace}/{bundle.name}" if bundle.name else ""
    distinct = dict.fromkeys(findings)
    for finding in sorted(distinct, key=lambda finding: (positions.get(finding.field, len(positions)), finding.field)):
        yield finding if finding.subject else replace(finding, subject=subject)
