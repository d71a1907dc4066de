"""What a derived policy is: text in a platform's own format, and the same as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from virtrigaud_secrets.stores.base import StoreKey


class Platform(StrEnum):
    """Whose policies there are."""

    VAULT = "vault"
    AWS = "aws"
    AZURE = "azure"
    GOOGLE = "google"
    KUBERNETES = "kubernetes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rights of one identity on one platform, and no more."""

    platform: Platform
    """Whose."""
    identity: str
    """Who is to have them, in words."""
    name: str
    """A name for it, good for a file: lower case letters, digits and dashes."""
    suffix: str
    """How a file of it ends: `.hcl`, `.json`, `.sh`, `.yaml`."""
    text: str
    """The policy in the platform's own format, with a line feed at its end. Sorted: equal manifests, equal texts."""
    document: object
    """The same in the terms of JSON."""
    notes: tuple[str, ...] = ()
    """What cannot be told from manifests, and what the platform cannot say as narrowly as it should be."""


def file_name(platform: Platform, *parts: str) -> str:
    """A name for a policy of these parts."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join((platform, *filter(None, parts))).lower()).strip("-")


def name_of(platform: Platform, key: StoreKey, *more: str) -> str:
    """A name for the policy of a store."""
    return file_name(platform, key.namespace, key.name, *more)


def comment(text: str) -> str:
    """A line of comment in HCL, YAML and shell. What manifests hold cannot end it."""
    return "# " + "".join(letter if letter.isprintable() else " " for letter in text)


def listed(names: Iterable[str], *, limit: int = 3) -> str:
    """Names in one line, so many of them at most."""
    found = sorted(set(names))
    rest = len(found) - limit
    return ", ".join(found[:limit]) + (f" and {rest} more" if rest > 0 else "")
