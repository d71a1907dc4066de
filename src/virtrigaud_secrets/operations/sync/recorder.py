"""Writes Events about ExternalSecrets: what happened, and why something failed. They hold no value.

An event that cannot be written is logged and forgotten: it is for people, and nothing hangs on it.
"""

from __future__ import annotations

import logging
import secrets
import threading
from typing import TYPE_CHECKING, Final

from virtrigaud_secrets.errors import ClosedError, SecretsError
from virtrigaud_secrets.operations.sync.status import timestamp
from virtrigaud_secrets.stores.cluster_objects import EVENTS, EXTERNAL_SECRETS

if TYPE_CHECKING:
    from virtrigaud_secrets.clock import Clock
    from virtrigaud_secrets.delivery.target_report import Event
    from virtrigaud_secrets.operations.sync.reading import SeenManifest
    from virtrigaud_secrets.stores.cluster_objects import ClusterObjects

COMPONENT: Final = "virtrigaud-secrets"
"""Who says so, in `kubectl describe`."""
MAX_MESSAGE: Final = 1024
"""Characters; the API refuses longer ones."""
REPEATED_AFTER: Final = 600.0
"""Seconds before the same is said again of the same ExternalSecret: a store that is down for a day is one story."""
MAX_REMEMBERED: Final = 10_000
"""Events remembered in order not to repeat them."""


_log: Final = logging.getLogger("virtrigaud_secrets.sync")


class Recorder:
    """Writes events of one cluster. Safe to use from several threads."""

    def __init__(self, objects: ClusterObjects, *, clock: Clock) -> None:
        """Sends nothing yet."""
        self._objects = objects
        self._clock = clock
        self._lock = threading.Lock()
        self._said: dict[tuple[str, str, str], float] = {}

    def record(self, manifest: SeenManifest, event: Event) -> None:
        """Say something about an ExternalSecret.

        Raises:
            ClosedError: the cluster's client was closed.
        """
        message = event.message if len(event.message) <= MAX_MESSAGE else event.message[: MAX_MESSAGE - 1] + "…"
        if event.type == "Warning":
            if self._was_said(manifest.uid, event.reason, message):
                return
            _log.warning("ExternalSecret %s/%s: %s: %s", manifest.namespace, manifest.name, event.reason, message)
        else:
            _log.info("ExternalSecret %s/%s: %s: %s", manifest.namespace, manifest.name, event.reason, message)
        moment = timestamp(self._clock.now())
        body: dict[str, object] = {
            "metadata": {"name": f"{manifest.name[:230].rstrip('-.')}.{secrets.token_hex(8)}"},
            "involvedObject": {
                "apiVersion": EXTERNAL_SECRETS.api_version,
                "kind": EXTERNAL_SECRETS.kind,
                "namespace": manifest.namespace,
                "name": manifest.name,
                "uid": manifest.uid,
            },
            "reason": event.reason,
            "message": message,
            "type": event.type,
            "count": 1,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
        }
        try:
            self._objects.create(EVENTS, body, namespace=manifest.namespace)
        except ClosedError:
            raise
        except SecretsError as error:
            _log.info("an event about ExternalSecret %s/%s is lost: %s", manifest.namespace, manifest.name, error)

    def _was_said(self, *words: str) -> bool:
        """Whether the same was said a short while ago."""
        subject, reason, message = words
        key, now = (subject, reason, message), self._clock.elapsed()
        with self._lock:
            before = self._said.pop(key, None)
            if before is not None and now - before < REPEATED_AFTER:
                self._said[key] = before
                return True
            self._said[key] = now
            while len(self._said) > MAX_REMEMBERED:
                self._said.pop(next(iter(self._said)))
        return False
