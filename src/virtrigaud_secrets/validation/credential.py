"""Names and passwords; and what no value may be: the text of a template's failure. Values are never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from virtrigaud_secrets.findings import Finding
from virtrigaud_secrets.validation.inspection import Inspection, error, remark

TEMPLATE_FAILURES: Final = (
    (re.compile(rb"<no value>"), "`<no value>`: a template asked for a key that was not there"),
    (re.compile(rb"illegal base(?:64|32) data at input byte \d"), "the message of b64dec: its input was no base64"),
    (re.compile(rb"%!\w\((?:<nil>|BADINDEX|PANIC=|[\w.*\[\]{} ]+=)"), "the message of printf: verb and value disagree"),
    (re.compile(rb"%!\((?:EXTRA |NOVERB|BADWIDTH|BADPREC|BADINDEX)"), "the message of printf: too many or few values"),
)
"""What Go's template functions write into the output instead of failing, and what it means."""

CREDENTIAL_KEYS: Final = frozenset({
    "username", "user", "password", "server", "host", "endpoint", "domain", "token", "tokenid", "tokensecret", "apikey",
    "accesskeyid", "secretaccesskey", "sessiontoken", "clientid", "clientsecret", "tenantid", "sshuser", "sshpassword",
})  # fmt: skip
"""Keys that hold one word, without case, `-`, `_` and `.`: those of the guide and of VirtRigaud's providers."""

BASIC_AUTH_KEYS: Final = ("username", "password")
"""Kubernetes wants at least one of them in `kubernetes.io/basic-auth`."""

_DOCUMENT: Final = re.compile(
    r"\.(?:crt|cer|cert|key|pem|pub|csr|crl|json|ya?ml|conf|ini|toml|xml|p12|pfx|jks|der|dockerconfigjson|dockercfg)\Z"
    r"|known_hosts|authorized_keys|ssh[-_](?:private|public)key\Z|\Aid_|kubeconfig|\Aca[-_]?(?:cert|bundle)",
    re.IGNORECASE,
)
"""Keys that hold a document: line breaks at its end are its own, and it may be binary."""


def check_template_failures(inspection: Inspection) -> Iterator[Finding]:
    """No value of any key holds the text of a template's failure."""
    for key, value in inspection.bundle.items():
        for pattern, meaning in TEMPLATE_FAILURES:
            if pattern.search(value) and _is_text(value):
                yield error(key, "template-failure", f"the value holds {meaning}")


def check_expected_keys(inspection: Inspection) -> Iterator[Finding]:
    """The keys that the caller named are there and hold something."""
    for key in inspection.expected_keys:
        if key not in inspection.bundle:
            yield error(key, "missing-key", "the key is missing")
        elif not inspection.bundle[key].strip():
            yield error(key, "empty", "the value is empty")


def check_credential(inspection: Inspection) -> Iterator[Finding]:
    """Each value that is one word: not empty, text, nothing stray around it."""
    if not inspection.bundle and not inspection.guessed:
        yield error("", "missing-key", "the bundle has no keys")
    for key, value in inspection.bundle.items():
        if _DOCUMENT.search(key) or (inspection.guessed and _plain(key) not in CREDENTIAL_KEYS):
            continue
        if key not in inspection.expected_keys and not value.strip():
            yield remark(inspection.doubt, key, "empty", "the value is empty")
        elif fault := _fault(value):
            yield remark(inspection.doubt, key, *fault)


def check_basic_auth(inspection: Inspection) -> Iterator[Finding]:
    """`kubernetes.io/basic-auth`: one of its two keys, and both as credentials are."""
    if not any(key in inspection.bundle for key in BASIC_AUTH_KEYS):
        yield error("username", "missing-key", "the key is missing: basic-auth has username, password or both")
    yield from check_credential(inspection)


def _fault(value: bytes) -> tuple[str, str] | None:
    """Code and message."""
    if b"\0" in value:
        return "null-byte", "the value holds a null byte, which no environment variable and few programs take"
    if not _is_text(value):
        return "not-text", "the value is not UTF-8 text"
    stripped = value.strip()
    if value != stripped and b"\n" not in stripped:
        ends = value[: len(value) - len(value.lstrip())] + value[len(value.rstrip()) :]
        what = "a line break" if b"\n" in ends or b"\r" in ends else "white space"
        return "stray-space", f"the value begins or ends with {what}, which becomes part of it"
    return None


def _plain(key: str) -> str:
    return re.sub("[-_.]", "", key).lower()


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
