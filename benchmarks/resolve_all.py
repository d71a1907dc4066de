"""Many ExternalSecrets over few secrets of a real OpenBao: what is asked, by its own audit log, and how long it takes.

ESO asks once for each entry of `data` at each refresh; here what is common is read once.
"""

from __future__ import annotations

import json
import time
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from virtrigaud_secrets import Resolver, Settings
from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.servers import OpenBao

MANIFESTS = 1000
ENTRIES = 4
PATHS = 50


def documents() -> list[object]:
    """A store, and as many ExternalSecrets of four entries as are wanted, each over one of the paths."""
    vault = {"server": "https://bao.example.com", "path": "secret", "version": "v2"}
    store = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "bao", "namespace": "team"},
        "spec": {"provider": {"vault": vault}},
    }
    secrets = [
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": f"es-{number}", "namespace": "team"},
            "spec": {
                "secretStoreRef": {"name": "bao"},
                "data": [
                    {"secretKey": f"k{entry}", "remoteRef": {"key": f"app/{number % PATHS}", "property": f"k{entry}"}}
                    for entry in range(ENTRIES)
                ],
            },
        }
        for number in range(MANIFESTS)
    ]
    return [store, *secrets]


def takes_writes(server: OpenBao) -> bool:
    """Whether a fresh KV engine is ready."""
    try:
        server.ask("GET", "secret/config")
    except LocalServerError:
        return False
    return True


def main() -> None:
    """Measure and print."""
    with OpenBao() as server, TemporaryDirectory() as directory:
        server.ask("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        server.process.wait_until(partial(takes_writes, server), timeout=timedelta(seconds=15))
        for number in range(PATHS):
            data = {f"k{entry}": f"value-{number}-{entry}" for entry in range(ENTRIES)}
            server.ask("POST", f"secret/data/app/{number}", {"data": data})
        Path(directory, "all.yaml").write_text("\n---\n".join(map(json.dumps, documents())))
        settings = Settings(
            endpoints={"https://bao.example.com": server.address},
            ca_file=server.ca_file,
            vault_token=server.root_token,
        )
        with Resolver.from_path(directory, settings=settings) as resolver:
            for title in ("first pass", "second pass"):
                before = len(server.audit_entries())
                began, processor = time.perf_counter(), time.process_time()
                found = resolver.resolve_all()
                wall, processor = time.perf_counter() - began, time.process_time() - processor
                reads = sum(
                    count
                    for (operation, path), count in server.request_counts(after=before).items()
                    if operation == "read" and path.startswith("secret/data/")
                )
                failed = sum(isinstance(outcome, Exception) for outcome in found.values())
                print(
                    f"{title}: {len(found)} ExternalSecrets of {ENTRIES} entries over {PATHS} paths, {failed} failed: "
                    f"{reads} reads (ESO: {MANIFESTS * ENTRIES}), {wall:.2f} s, {processor:.2f} s of processor time"
                )


if __name__ == "__main__":
    main()
