"""Where secrets are kept: what every backend implements, and one package or module for each backend.

The names below are what a backend of one's own is made of; a package registers it by entry point, and the library's own
backends use nothing else of this package. Names are imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.lazy import lazily

if TYPE_CHECKING:
    from virtrigaud_secrets.stores.base import (
        Answer,
        Fetch,
        LabelledSecret,
        Lease,
        Payload,
        Preview,
        Push,
        PushOutcome,
        PushTarget,
        Query,
        References,
        RetryPolicy,
        StoreClient,
        StoreContext,
        StoreFactory,
        StoreKey,
        at_store,
    )
    from virtrigaud_secrets.stores.payload import Lookup, TextPayload
    from virtrigaud_secrets.stores.retrying import repeat_reads
    from virtrigaud_secrets.stores.selectors import names_namespaces, namespace_of, secret

__all__ = [
    "Answer",
    "Fetch",
    "LabelledSecret",
    "Lease",
    "Lookup",
    "Payload",
    "Preview",
    "Push",
    "PushOutcome",
    "PushTarget",
    "Query",
    "References",
    "RetryPolicy",
    "StoreClient",
    "StoreContext",
    "StoreFactory",
    "StoreKey",
    "TextPayload",
    "at_store",
    "names_namespaces",
    "namespace_of",
    "repeat_reads",
    "secret",
]

_ELSEWHERE: Final = {
    "Lookup": "payload",
    "TextPayload": "payload",
    "repeat_reads": "retrying",
    "names_namespaces": "selectors",
    "namespace_of": "selectors",
    "secret": "selectors",
}
"""Public name → module that defines it, where that is not `base`."""

__getattr__, __dir__ = lazily(__name__, dict.fromkeys(__all__, "base") | _ELSEWHERE, public=__all__)
