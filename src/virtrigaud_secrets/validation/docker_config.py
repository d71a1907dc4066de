"""Image-pull Secrets: the JSON has the shape that a kubelet reads. Registries are told by number, not by name."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Final

from virtrigaud_secrets.findings import Finding
from virtrigaud_secrets.validation.inspection import Inspection, error, warning

CONFIG_KEY: Final = ".dockerconfigjson"
"""The key of `kubernetes.io/dockerconfigjson`: registries below `auths`."""

LEGACY_KEY: Final = ".dockercfg"
"""The key of `kubernetes.io/dockercfg`: registries at the top."""


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
    document = _parse(value)
    if not isinstance(document, dict):
        yield error(CONFIG_KEY, "not-json", "a JSON object was expected")
    elif "auths" not in document:
        yield error(CONFIG_KEY, "no-registries", "the JSON object has no `auths`")
    else:
        yield from _registries(CONFIG_KEY, document["auths"])


def _registries(key: str, registries: object) -> Iterator[Finding]:
    if not isinstance(registries, dict):
        yield error(key, "not-json", "a JSON object of registries was expected")
        return
    if not registries:
        yield warning(key, "no-registries", "no registry is named")
    for number, entry in enumerate(registries.values(), 1):
        if message := _fault(entry):
            yield error(key, "bad-registry", f"registry {number}: {message}")


def _fault(entry: object) -> str:
    if not isinstance(entry, dict):
        return "a JSON object was expected"
    texts = {name: entry.get(name, "") for name in ("auth", "username", "password", "identitytoken", "registrytoken")}
    if not all(isinstance(text, str) for text in texts.values()):
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
