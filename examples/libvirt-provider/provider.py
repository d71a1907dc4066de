"""A libvirt provider over SSH: key and host keys from the manifest, in memory only, exchanged when they rotate.

    python provider.py MANIFESTS USER@HOST[:PORT] [--seconds N] [--driver D] [--path P] [--socket S]

prints the host's machines every N seconds, until SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from datetime import timedelta

import libvirt

from virtrigaud_secrets import Resolver, SecretsError
from virtrigaud_secrets.credentials import LibvirtCredentials
from virtrigaud_secrets.delivery import SshFiles


def machine_names(credentials: LibvirtCredentials, files: SshFiles, options: argparse.Namespace) -> list[str]:
    """The names of all machines of the host."""
    uri = credentials.uri(
        options.host,
        files,
        driver=options.driver,
        path=options.path,
        parameters={"socket": options.socket} if options.socket else {},
    )
    connection = libvirt.openAuth(uri, credentials.auth(), 0)
    try:
        return sorted(domain.name() for domain in connection.listAllDomains())
    finally:
        connection.close()


def main() -> int:
    """Print what the host has until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("manifests")
    parser.add_argument("host", help="USER@HOST or USER@HOST:PORT")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--driver", default="qemu")
    parser.add_argument("--path", default="/system")
    parser.add_argument("--socket", default="")
    options = parser.parse_args()
    user = options.host.partition("@")[0]
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with Resolver.from_path(options.manifests) as resolver:
        subscription = resolver.subscribe("libvirt-ssh-keys", LibvirtCredentials, namespace="libvirt-providers")
        resolver.wait_ready(timeout=timedelta(seconds=30))
        with SshFiles(subscription.current.ssh(username=user)) as files:
            files.follow(subscription, lambda credentials: credentials.ssh(username=user))
            while not stopped.is_set():
                try:
                    print(", ".join(machine_names(subscription.current, files, options)), flush=True)
                except (SecretsError, libvirt.libvirtError) as error:
                    print(f"failed: {error}", file=sys.stderr, flush=True)
                stopped.wait(options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
