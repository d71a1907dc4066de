"""Image-pull Secrets: the JSON has the shape that a kubelet reads. Registries are told by number, not by name."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Final, cast

from virtrigaud_secrets.findings import Finding
from virtrigaud_secrets.validation.inspection import Inspection, error, warning

CONFIG_KEY: Final = ".dockerconfigjson"
"""The key of `kubernetes.io/dockerconfigjson`: registries below `auths`."""

LEGACY_KEY: Final = ".dockercfg"
"""The key of `kubernetes.io/dockercfg`: registries at the top."""

_TEXTS: Final = ("auth", "username", "password", "identitytoken", "registrytoken")


def check_docker_config(inspection: Inspection) -> Iterator[Finding]:
    """`.dockerconfigjson`, or the older `.dockercfg`."""
    bundle = inspection.bundle
    if not inspection.guessed and CONFIG_KEY not in bundle and LEGACY_KEY not in bundle:
        key = LEGACY_KEY if bundle.type.endswith("/dockercfg") else CONFIG_KEY
        yield error(key, "missing-key", f"the key is missing: an image-pull Secret has {key}")
    if CONFIG_KEY in bundle:
        yield from _config(bundle[CONFIG_KEY])
    if LEGACY_KEY in bundle:
        yield from _registries(LEGACY_KEY, _parse(bundle[LEGACY_KEY]))


def _config(value: bytes) -> Iterator[Finding]:
    document = _object(_parse(value))
    if document is None:
        yield error(CONFIG_KEY, "not-json", "a JSON object was expected")
    elif "auths" not in document:
        yield error(CONFIG_KEY, "no-registries", "the JSON object has no `auths`")
    else:
        yield from _registries(CONFIG_KEY, document["auths"])


def _registries(key: str, registries: object) -> Iterator[Finding]:
    entries = _object(registries)
    if entries is None:
        yield error(key, "not-json", "a JSON object of registries was expected")
        return
    if not entries:
        yield warning(key, "no-registries", "no registry is named")
    for number, entry in enumerate(entries.values(), 1):
        if message := _fault(entry):
            yield error(key, "bad-registry", f"registry {number}: {message}")


def _fault(value: object) -> str:
    entry = _object(value)
    if entry is None:
        return "a JSON object was expected"
    found = {name: entry.get(name, "") for name in _TEXTS}
    texts = {name: text for name, text in found.items() if isinstance(text, str)}
    if len(texts) < len(found):
        return "auth, username, password and tokens must be strings"
    if texts["auth"]:
        return _auth_fault(texts["auth"], texts["username"], texts["password"])
    if texts["identitytoken"] or texts["registrytoken"] or (texts["username"] and texts["password"]):
        return ""
    return "`auth`, or `username` with `password`, was expected"


def _auth_fault(auth: str, username: str, password: str) -> str:
    try:
        name, colon, word = base64.b64decode(auth, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "`auth` is not base64 of user:password"
    if not colon or not name:
        return "`auth` is not base64 of user:password"
    if (username and username != name) or (password and password != word):
        return "`auth` disagrees with `username` and `password`"
    return ""


def _parse(value: bytes) -> object:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def _object(value: object) -> dict[str, object] | None:
    return cast("dict[str, object]", value) if isinstance(value, dict) else None  # JSON's keys are strings
