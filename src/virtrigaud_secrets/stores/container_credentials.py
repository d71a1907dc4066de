"""Asks a pod's credential server who the pod is: EKS Pod Identity, and tasks of ECS.

Where it is and with which token to ask is told by two settings that the cloud sets in the environment. The token is
sent to the machine itself, to the cloud's link-local addresses, or over TLS, and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final, cast
from urllib.parse import urlsplit

from virtrigaud_secrets.errors import (
    AuthenticationError,
    ConfigurationError,
    StoreError,
    StoreUnavailableError,
    ThrottledError,
)
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.stores.base import StoreContext, at_store
from virtrigaud_secrets.stores.retrying import repeat_reads

PATIENCE: Final = 5.0
"""Seconds to wait for an answer: the server is on the same machine."""
LONGEST_ANSWER: Final = 64 * 1024
"""Credentials take a kilobyte or two."""
LINK_LOCAL: Final = frozenset({"169.254.170.23", "fd00:ec2::23", "169.254.170.2"})
"""Where EKS and ECS have their servers; plain HTTP does not leave the machine there."""

_PARTS: Final[Mapping[str, str]] = {
    "AccessKeyId": "access_key",
    "SecretAccessKey": "secret_key",
    "Token": "token",
    "Expiration": "expiry_time",
}
"""Member of the answer → what the SDK calls it."""


def fetched(context: StoreContext) -> Mapping[str, object]:
    """New credentials, in the form in which the SDK keeps them.

    Raises:
        ConfigurationError: the address is none that the token may be sent to, or the token cannot be read.
        StoreError: the server refuses, fails or does not answer.
    """
    uri = context.settings.aws_container_credentials_uri
    if not may_be_asked(uri):
        raise ConfigurationError(
            f"{context.store}: AWS_CONTAINER_CREDENTIALS_FULL_URI (Settings.aws_container_credentials_uri) must be an "
            "https address, or one of this machine"
        )
    token = _token(context)
    return repeat_reads(lambda: _asked(uri, token, context), context)


def may_be_asked(uri: str) -> bool:
    """Whether the token may be sent there: over TLS, or without leaving the machine."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    return parts.scheme == "http" and (host in LINK_LOCAL or host == "localhost" or _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _token(context: StoreContext) -> Sensitive:
    file = context.settings.aws_container_authorization_token_file
    if file is None:
        return Sensitive(b"")
    try:
        return Sensitive(file.read_bytes().strip())
    except OSError as error:
        why = error.strerror
    raise ConfigurationError(
        f"{context.store}: AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE "
        f"(Settings.aws_container_authorization_token_file, {file}) cannot be read: {why}"
    )


def _asked(uri: str, token: Sensitive, context: StoreContext) -> Mapping[str, object]:
    outcome = _outcome(uri, token, context)
    if isinstance(outcome, StoreError):
        raise at_store(outcome, context.store, urlsplit(uri).path)
    return outcome


def _outcome(uri: str, token: Sensitive, context: StoreContext) -> Mapping[str, object] | StoreError:
    """What the server says. Nothing is raised here: a traceback could show what it gave."""
    import urllib3

    parts = urlsplit(uri)
    origin = f"{parts.scheme}://{parts.netloc}"
    address = context.settings.address(origin) + uri[len(origin) :]
    headers = {"Accept": "application/json", "User-Agent": "virtrigaud-secrets"}
    seconds = min(PATIENCE, context.settings.request_timeout.total_seconds())
    file = context.settings.ca_file
    try:
        with urllib3.PoolManager(ca_certs=None if file is None else str(file)) as pools:
            answer = pools.request(
                "GET",
                address,
                headers=headers | ({"Authorization": token.reveal_text()} if token else {}),
                timeout=urllib3.Timeout(total=seconds),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            body = answer.read(LONGEST_ANSWER + 1)
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as failure:
        return StoreUnavailableError(
            f"the pod's credential server does not answer within {seconds:g} s ({type(failure).__name__})"
        )
    return _read(answer.status, body)


def _read(status: int, body: bytes) -> Mapping[str, object] | StoreError:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return ThrottledError("the pod's credential server asks to slow down", status=status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return StoreUnavailableError("the pod's credential server failed", status=status)
    if status != HTTPStatus.OK:
        return AuthenticationError(
            "the pod's credential server refuses: is there a pod identity association for its service account?",
            status=status,
        )
    kept = _parsed(body)
    return AuthenticationError("the pod's credential server gives no credentials") if kept is None else kept


def _parsed(body: bytes) -> Mapping[str, object] | None:
    try:
        found: object = json.loads(body) if len(body) <= LONGEST_ANSWER else None
    except (ValueError, RecursionError):
        return None
    members = cast("dict[str, object]", found) if isinstance(found, dict) else {}
    kept = {name: members.get(part) for part, name in _PARTS.items()}
    return kept if all(isinstance(value, str) and value for value in kept.values()) else None
