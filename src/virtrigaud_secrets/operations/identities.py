"""Which identities a process has: a pod's token, a kubeconfig, files of web identities, a token for Vault.

Reads files, sends nothing. Of a token only its end and its service account are told.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.operations.bodies import mapping, text
from virtrigaud_secrets.operations.diagnosis import Diagnosis, Level, by_end
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.cluster_access import find_cluster, read_token

TOKEN_MARGIN: Final = timedelta(minutes=5)
"""The kubelet replaces a projected token at 80 % of its life; one this near its end was not replaced."""

_ACCOUNT: Final = re.compile(r"system:serviceaccount:[a-z0-9.-]{1,253}:[a-z0-9.-]{1,253}", re.ASCII)
_LATEST: Final = 253402300799
"""The last second that Python has a date for."""


def identities(settings: Settings, clock: Clock) -> Iterator[Diagnosis]:
    """What each identity is, and whether it is good. Those that are not set are left out."""
    yield _cluster(settings, clock)
    files = {
        "pod": settings.service_account_directory / "token",
        "AWS web identity": settings.aws_web_identity_token_file,
        "Azure workload identity": settings.azure_federated_token_file,
    }
    for name, file in files.items():
        # The pod's own is where every pod has it: outside of one there is none, and none is missing.
        if file is not None and (name != "pod" or file.exists()):
            yield from _token(name, file, clock)
    if (file := settings.google_application_credentials) is not None:
        yield _file("Google credentials", file)
    yield from _halves(settings)
    if settings.vault_token is not None:
        yield _ok("Vault token", "from the environment; it is used for stores without auth")
    elif (file := settings.vault_token_file) is not None:
        yield _file("Vault token", file)


def _cluster(settings: Settings, clock: Clock) -> Diagnosis:
    try:
        access = find_cluster(settings, clock)
    except ConfigurationError as error:
        return _bad("cluster", str(error), "mend the kubeconfig, or name another one in KUBECONFIG")
    if access is None:
        message = "neither a kubeconfig nor a pod's service account is there"
        return Diagnosis(check="identity", subject="cluster", level=Level.NOTE, message=message)
    return _ok("cluster", f"{access.origin}, at {access.server}")


def _token(name: str, file: Path, clock: Clock) -> Iterator[Diagnosis]:
    try:
        token = read_token(file)
    except ConfigurationError as error:
        yield _bad(name, str(error), "mount the projected token there, or unset what names it")
        return
    account, end = claims(token.reveal())
    who = f" of {account}" if account else ""
    yield _ok(name, f"token{who} in {file}")
    if end is not None:
        yield by_end("identity", name, f"the token in {file}", end=end, now=clock.now(), margin=TOKEN_MARGIN)


def _halves(settings: Settings) -> Iterator[Diagnosis]:
    """Identities of which only a part is set."""
    if bool(settings.aws_role_arn) != (settings.aws_web_identity_token_file is not None):
        yield _bad(
            "AWS web identity",
            "only one of AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE is set",
            "annotate the service account with eks.amazonaws.com/role-arn, which sets both",
        )
    azure = (settings.azure_client_id, settings.azure_tenant_id, settings.azure_federated_token_file)
    if any(azure) and not all(azure):
        yield _bad(
            "Azure workload identity",
            "not all of AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_FEDERATED_TOKEN_FILE are set",
            "label the pod azure.workload.identity/use: true, which sets them",
        )


def _file(name: str, file: Path) -> Diagnosis:
    try:
        with file.open("rb") as opened:
            empty = not opened.read(1)
    except OSError as error:
        return _bad(name, f"{file} cannot be read: {error.strerror}", "mount it there, or unset what names it")
    if empty:
        return _bad(name, f"{file} is empty", "put the credential there, or unset what names it")
    return _ok(name, f"in {file}")


def claims(token: bytes) -> tuple[str, datetime | None]:
    """The service account and the end of a JSON web token, unchecked; empty and None for what has none."""
    parts = token.split(b".")
    if len(parts) < 2:  # noqa: PLR2004  # header and claims
        return "", None
    try:
        found: object = json.loads(base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return "", None
    body = mapping(found)
    account, end = text(body.get("sub")), body.get("exp")
    known = isinstance(end, int) and not isinstance(end, bool) and 0 < end <= _LATEST
    moment = datetime.fromtimestamp(end, UTC) if known and isinstance(end, int) else None
    return account if _ACCOUNT.fullmatch(account) else "", moment


def _ok(subject: str, message: str) -> Diagnosis:
    return Diagnosis(check="identity", subject=subject, message=message)


def _bad(subject: str, message: str, advice: str) -> Diagnosis:
    return Diagnosis(check="identity", subject=subject, level=Level.ERROR, message=message, advice=advice)
