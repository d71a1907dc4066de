"""What a login may do, as the server tells it. Changes nothing there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from virtrigaud_secrets.errors import StoreUnavailableError
from virtrigaud_secrets.stores.vault.errors import Fault
from virtrigaud_secrets.stores.vault.transport import Reply, Request

PATH: Final = "sys/capabilities-self"
"""Tells what the token may do that it is sent with; in the policy `default`."""

Send = Callable[[Request], "Reply | Fault"]
"""Sends a request with the token in force."""


def capabilities(send: Send, paths: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """Path → capabilities; `root` stands for all of them, and nothing is left of `deny`.

    Raises:
        StoreError: the server does not say.
    """
    outcome = send(Request(method="POST", path=PATH, body={"paths": list(paths)}, repeatable=True))
    if isinstance(outcome, Fault):
        raise outcome.error
    data = outcome.body.get("data")
    if not isinstance(data, Mapping):
        raise StoreUnavailableError("the answer tells no capabilities", path=PATH, request_id=outcome.request_id)
    found: dict[str, frozenset[str]] = {}
    for path in paths:
        told = data.get(path)
        names = [one for one in told if isinstance(one, str)] if isinstance(told, list) else []
        found[path] = frozenset(names) - {"deny"}
    return found
