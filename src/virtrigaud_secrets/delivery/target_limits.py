"""What no API server takes as a Secret, found before it is sent: the server's own answer may show values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import ValidationError
from virtrigaud_secrets.findings import Finding
from virtrigaud_secrets.models.patterns import LABEL_VALUE_PATTERN

if TYPE_CHECKING:
    from virtrigaud_secrets.delivery.live_secret import LiveSecret
    from virtrigaud_secrets.delivery.secret_target import SecretTarget

MAX_DATA_BYTES: Final = 1 << 20
"""Bytes that all values of a Secret may have together."""

MAX_ANNOTATION_BYTES: Final = 256 << 10
"""Bytes that all annotations of an object may have together, keys and values."""

NEEDED_KEYS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = MappingProxyType(
    {
        "kubernetes.io/tls": (("tls.crt",), ("tls.key",)),
        "kubernetes.io/ssh-auth": (("ssh-privatekey",),),
        "kubernetes.io/basic-auth": (("username", "password"),),
        "kubernetes.io/dockerconfigjson": ((".dockerconfigjson",),),
        "kubernetes.io/dockercfg": ((".dockercfg",),),
    }
)
"""Type of a Secret → keys that it must have: of each group at least one."""

_LABEL_VALUE: Final = re.compile(LABEL_VALUE_PATTERN, re.ASCII)


def refusal_of(target: SecretTarget, secret: LiveSecret) -> ValidationError | None:
    """Why a cluster would refuse the Secret as it is to be; None where nothing is known against it.

    Names keys, and shows no value.
    """
    findings = list(_findings(secret))
    if not findings:
        return None
    return ValidationError("no cluster takes the Secret that it makes", findings=findings).at(
        target.subject, "spec.target"
    )


def _findings(secret: LiveSecret) -> Iterator[Finding]:
    size = sum(len(value) for value in secret.values().values())
    if size > MAX_DATA_BYTES:
        yield _error("", f"its values have {size} bytes, and a Secret {MAX_DATA_BYTES} at most", "too-large")
    annotations = sum(len(key.encode()) + len(value.encode()) for key, value in secret.annotations.items())
    if annotations > MAX_ANNOTATION_BYTES:
        yield _error(
            "", f"its annotations have {annotations} bytes, and an object {MAX_ANNOTATION_BYTES} at most", "too-large"
        )
    for key, value in secret.labels.items():
        if _LABEL_VALUE.fullmatch(value) is None:
            rule = "at most 63 letters, digits, -, _ and ., with a letter or digit at both ends"
            yield _error(key, f"the label's value is none: {rule}", "label-value")
    for group in NEEDED_KEYS.get(secret.type, ()):
        if not any(key in secret.data for key in group):
            yield _error(group[0], f"a Secret of type {secret.type} must have {' or '.join(group)}", "missing-key")


def _error(key: str, message: str, code: str) -> Finding:
    return Finding(field=key, code=code, message=message)
