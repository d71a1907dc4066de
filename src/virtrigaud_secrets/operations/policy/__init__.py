"""Least privilege: what the stores' logins and the pod's account need for the manifests at hand, and not more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.lazy import lazily

if TYPE_CHECKING:
    from virtrigaud_secrets.operations.policy.derivation import Derived, Surroundings, derive
    from virtrigaud_secrets.operations.policy.document import Platform, Policy
    from virtrigaud_secrets.operations.policy.verification import Verdict, verify

__all__ = ["Derived", "Platform", "Policy", "Surroundings", "Verdict", "derive", "verify"]

_HOMES: Final = {
    "Derived": "derivation",
    "Platform": "document",
    "Policy": "document",
    "Surroundings": "derivation",
    "Verdict": "verification",
    "derive": "derivation",
    "verify": "verification",
}
"""Public name → module that defines it."""


__getattr__, __dir__ = lazily(__name__, _HOMES, public=__all__)
