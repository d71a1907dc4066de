"""A provider on asyncio: many hosts at the same time over SSH, with the key that is current then.

    python provider.py MANIFESTS COMMAND USER@HOST[:PORT] …

runs COMMAND on every host and prints its first line.
"""

from __future__ import annotations

import asyncio
import sys

import asyncssh

from virtrigaud_secrets import AsyncResolver
from virtrigaud_secrets.credentials import Endpoint, LibvirtCredentials


async def first_line(resolver: AsyncResolver, host: str, command: str) -> str:
    """What `command` says on `host`."""
    endpoint = Endpoint.parse(host, default_port=22)
    # From memory, after the first time: nothing here waits for the store.
    bundle = await resolver.resolve("libvirt-ssh-keys", namespace="libvirt-providers")
    login = LibvirtCredentials.from_bundle(bundle).ssh(username=endpoint.user)
    async with asyncssh.connect(endpoint.host, endpoint.port, **login.asyncssh_arguments()) as connection:
        answer = await connection.run(command, check=True)
        return str(answer.stdout).partition("\n")[0]


async def main() -> int:
    """Ask all hosts at once."""
    _, manifests, command, *hosts = sys.argv
    async with AsyncResolver.from_path(manifests) as resolver:
        answers = await asyncio.gather(*(first_line(resolver, host, command) for host in hosts), return_exceptions=True)
    for host, answer in zip(hosts, answers, strict=True):
        print(f"{host}: {f'failed: {type(answer).__name__}' if isinstance(answer, BaseException) else answer}")
    return any(isinstance(answer, BaseException) for answer in answers)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
