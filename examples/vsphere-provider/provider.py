"""A vSphere provider that works on while its credential rotates under it, and after it was revoked behind its back.

    python provider.py MANIFESTS [SECONDS]

prints how many machines vCenter has, every SECONDS, until SIGTERM or SIGINT.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim

from virtrigaud_secrets import Resolver, SecretsError, Subscription
from virtrigaud_secrets.credentials import VSphereCredentials

NEW_CREDENTIAL = timedelta(seconds=30)
"""How long a call waits for a new credential after vCenter has refused the one there was."""

T = TypeVar("T")


class VCenter:
    """One session that follows the credential. Safe to use from several threads."""

    def __init__(self, subscription: Subscription[VSphereCredentials]) -> None:
        self._subscription = subscription
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._service: Any = None
        self.reconnects = 0
        """How often a session had to be made because vCenter ended the one before."""
        self._unregister = subscription.on_change(self._rotated)

    def machine_names(self) -> list[str]:
        """The names of all virtual machines."""

        def ask(service: Any) -> list[str]:
            content = service.RetrieveContent()
            view = content.viewManager.CreateContainerView(
                container=content.rootFolder, type=[vim.VirtualMachine], recursive=True
            )
            try:
                return sorted(machine.name for machine in view.view)
            finally:
                view.Destroy()

        return self._call(ask)

    def close(self) -> None:
        """Log out."""
        self._unregister()
        with self._lock:
            service, self._service = self._service, None
        if service is not None:
            Disconnect(service)

    def _call(self, ask: Callable[[Any], T]) -> T:
        """Ask, and once more with a new session if vCenter has ended this one. Only for what may be asked twice."""
        service = self._session()
        try:
            return ask(service)
        except vim.fault.NotAuthenticated:
            with self._lock:
                if self._service is service:
                    self._service = None
                    self.reconnects += 1
            return ask(self._session())

    def _session(self) -> Any:
        with self._lock:
            if self._service is None:
                self._service = self._connect()
            return self._service

    def _connect(self) -> Any:
        self._changed.clear()
        credentials = self._subscription.current
        try:
            return SmartConnect(**credentials.smart_connect_arguments())
        except vim.fault.InvalidLogin:
            # Revoked behind our back: have the store asked, and wait for what it has now.
            self._subscription.report_failure(credentials)
            self._changed.wait(NEW_CREDENTIAL.total_seconds())
            return SmartConnect(**self._subscription.current.smart_connect_arguments())

    def _rotated(self, new: VSphereCredentials, _old: VSphereCredentials | None) -> None:
        """Log in with the new credential first, then change over: calls under way end on the old session."""
        self._changed.set()
        if self._lock.acquire(blocking=False):
            try:
                if self._service is None:
                    return
                old, self._service = self._service, SmartConnect(**new.smart_connect_arguments())
            except vim.fault.InvalidLogin:
                return  # not there yet: the session that is open lives on
            finally:
                self._lock.release()
            # A session of vCenter outlives the password it was opened with. It ends by itself when nobody uses it.
            del old


def main() -> int:
    """Print what vCenter has until told to stop."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    manifests, pause, *_ = [*sys.argv[1:], "60"]
    with Resolver.from_path(manifests) as resolver:
        subscription = resolver.subscribe("vsphere-credentials", VSphereCredentials, namespace="vsphere-providers")
        resolver.wait_ready(timeout=timedelta(seconds=30))
        vcenter = VCenter(subscription)
        while not stopped.is_set():
            try:
                print(f"{len(vcenter.machine_names())} machines, {vcenter.reconnects} reconnects", flush=True)
            except (SecretsError, vim.fault.VimFault) as error:
                reason = error if isinstance(error, SecretsError) else type(error).__name__
                print(f"failed: {reason}", file=sys.stderr, flush=True)
            stopped.wait(float(pause))
        vcenter.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
