"""Takes part in an election: reads and writes the `Lease` object. What to conclude from it is `election`'s."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.errors import ClosedError, ConflictError, SecretsError
from virtrigaud_secrets.operations.sync.election import Election, Terms
from virtrigaud_secrets.stores.cluster_objects import LEASES

if TYPE_CHECKING:
    from virtrigaud_secrets.clock import Clock
    from virtrigaud_secrets.stores.cluster_objects import ClusterObjects

_log: Final = logging.getLogger("virtrigaud_secrets.sync")


class Elector:
    """One candidate for one lease. `leads` may be asked from any thread."""

    def __init__(
        self, objects: ClusterObjects, name: str, *, namespace: str, identity: str, terms: Terms, clock: Clock
    ) -> None:
        """Sends nothing yet.

        Args:
            objects: the cluster. Its time limit has to be shorter than the renew deadline, or one request that hangs
                loses the lease.
            name: the lease's name.
            namespace: the lease's namespace.
            identity: a name that nobody else has.
            terms: how long things take.
            clock: time.
        """
        self._objects = objects
        self._name = name
        self._namespace = namespace
        self._clock = clock
        self._lock = threading.Lock()
        self._election = Election(identity, terms)

    def leads(self) -> bool:
        """Whether this process may write now."""
        with self._lock:
            return self._election.leads(self._clock.elapsed())

    @property
    def transitions(self) -> int:
        """How often another leader took over, as far as is known."""
        with self._lock:
            return self._election.transitions

    def attempt(self) -> bool:
        """Try once to get or renew the lease. Whether it is ours now. Raises nothing but `ClosedError`."""
        try:
            lease = self._objects.get(LEASES, self._name, namespace=self._namespace)
            asked_at = self._clock.elapsed()
            with self._lock:
                self._election.observe(lease, asked_at)
                spec = self._election.bid(asked_at, self._clock.now())
            if spec is None:
                return False
            self._write(lease, spec)
            with self._lock:
                self._election.won(spec, asked_at, self._clock.elapsed())
        except ClosedError:
            raise
        except ConflictError:
            return False  # somebody was faster; the next look tells who
        except SecretsError as error:
            _log.warning("the leader election's lease cannot be had: %s", error)
        return self.leads()

    def resign(self) -> None:
        """Lead no longer, and let the next one take over at once if the cluster can be told."""
        with self._lock:
            spec = self._election.farewell()
        if spec is None:
            return
        try:
            lease = self._objects.get(LEASES, self._name, namespace=self._namespace)
            if lease is not None and _holder(lease) == self._election.holder:
                self._write(lease, spec)
        except SecretsError as error:
            _log.info("the leader election's lease was not given back: %s", error)

    def _write(self, lease: Mapping[str, object] | None, spec: Mapping[str, object]) -> None:
        if lease is None:
            body = {"metadata": {"name": self._name}, "spec": spec}
            self._objects.create(LEASES, body, namespace=self._namespace)
            return
        # With its resourceVersion: of two who bid at a time, one gets a conflict.
        self._objects.replace(LEASES, self._name, {**lease, "spec": spec}, namespace=self._namespace)


def _holder(lease: Mapping[str, object]) -> object:
    spec = lease.get("spec")
    return cast("dict[str, object]", spec).get("holderIdentity") if isinstance(spec, dict) else None
