"""Time of one KV read that no cache answers: urllib3 itself, the store's `get`, and hvac as it comes.

Run it with `python benchmarks/vault_read.py [ROUNDS]`. It starts a real OpenBao with TLS for all three. The best of the
rounds counts, and the rounds take turns, so that a busy machine is busy for all of them.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import requests
import urllib3

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Fetch
from virtrigaud_secrets.stores.vault import FACTORY
from virtrigaud_secrets.testing.contract import STORE, store_context
from virtrigaud_secrets.testing.servers import OpenBao

READS = 50
"""Reads in one round."""
ROUNDS = 40
"""Rounds of each, unless told otherwise."""
SECRET = {"username": "virtrigaud@vsphere.local", "password": 'p@ss"word', "server": "vc01.example.com"}


def main() -> None:
    """Measure and print the best of each, and its ratio to urllib3's."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with OpenBao() as server:
        server.ask("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        server.process.wait_until(lambda: _written(server), timeout=timedelta(seconds=15))
        readers = {"urllib3": _urllib3(server), "store": _store(server), "hvac": _hvac(server)}
        best = dict.fromkeys(readers, float("inf"))
        for _ in range(rounds):
            for name, read in readers.items():
                best[name] = min(best[name], _round(read))
    for name, seconds in best.items():
        print(f"{name:8} {seconds * 1e6:7.0f} µs  {seconds / best['urllib3']:.2f}")


def _written(server: OpenBao) -> bool:
    """Whether the new engine takes a secret."""
    try:
        server.ask("POST", "secret/data/a", {"data": SECRET})
    except LocalServerError:
        return False
    return True


def _round(read: Callable[[], object]) -> float:
    """Seconds of one read, on average over a round."""
    start = time.perf_counter()
    for _ in range(READS):
        read()
    return (time.perf_counter() - start) / READS


def _urllib3(server: OpenBao) -> Callable[[], object]:
    pool = urllib3.PoolManager(ca_certs=str(server.ca_file))
    headers = {"X-Vault-Token": server.root_token.reveal_text(), "X-Vault-Request": "true"}
    address = f"{server.address}/v1/secret/data/a"
    return lambda: json.loads(pool.request("GET", address, headers=headers).data)["data"]["data"]["password"]


def _store(server: OpenBao) -> Callable[[], object]:
    spec = VaultProvider.model_validate({"server": server.address, "path": "secret"})
    settings = Settings(vault_token=server.root_token, ca_file=server.ca_file)
    client = FACTORY.connect(spec, store_context(settings=settings, clock=SystemClock()))
    fetch = Fetch(store=STORE, key="secret/data/a")
    return lambda: client.get(fetch).payload.property("password")


def _hvac(server: OpenBao) -> Callable[[], object]:
    import hvac

    session = requests.Session()
    session.verify = str(server.ca_file)
    client = hvac.Client(server.address, token=server.root_token.reveal_text(), session=session)
    read = client.secrets.kv.v2.read_secret_version
    return lambda: read("a", mount_point="secret", raise_on_deleted_version=True)["data"]["data"]["password"]


if __name__ == "__main__":
    main()
