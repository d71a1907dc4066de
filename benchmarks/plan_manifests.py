"""Time of planning many ExternalSecrets of ten references each: a Vault store in another namespace, five secrets.

Run it with `python benchmarks/plan_manifests.py [ROUNDS]`. Nothing is sent. The best of the rounds counts, and the
rounds take turns, so that a busy machine is busy for all sizes.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from virtrigaud_secrets import Catalog, Resolver
from virtrigaud_secrets.manifests import load
from virtrigaud_secrets.settings import Settings

SIZES = (100, 300, 1000)
"""ExternalSecrets."""
REFERENCES = 10
"""Entries of each."""
ROUNDS = 5
"""Rounds of each size, unless told otherwise."""
NAMESPACES = 20
"""Namespaces that they are spread over."""

STORE = {
    "apiVersion": "external-secrets.io/v1",
    "kind": "SecretStore",
    "metadata": {"name": "vault", "namespace": "virtrigaud-system"},
    "spec": {
        "provider": {
            "vault": {
                "server": "https://vault.example.com:8200",
                "path": "secret",
                "version": "v2",
                "auth": {"kubernetes": {"role": "virtrigaud-role"}},
            }
        }
    },
}


def main() -> None:
    """Measure and print the best of each size, and the time of one ExternalSecret."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as directory:
        catalogs = {size: _catalog(Path(directory), size) for size in SIZES}
        best = dict.fromkeys(SIZES, float("inf"))
        for _ in range(rounds):
            for size, catalog in catalogs.items():
                best[size] = min(best[size], _planned(catalog))
    for size, seconds in best.items():
        print(f"{size:5} ExternalSecrets  {seconds:6.3f} s  {seconds / size * 1e6:6.0f} µs each")


def _planned(catalog: Catalog) -> float:
    """Seconds to plan all, by a resolver that has planned none of them: it keeps its plans."""
    with Resolver(catalog, settings=Settings()) as resolver:
        start = time.perf_counter()
        for document in catalog.external_secrets:
            resolver.plan(document.name, namespace=document.namespace)
        return time.perf_counter() - start


def _catalog(directory: Path, size: int) -> Catalog:
    path = directory / f"{size}.yaml"
    path.write_text("\n---\n".join(map(json.dumps, [STORE, *(_external_secret(index) for index in range(size))])))
    return load(path)


def _external_secret(index: int) -> dict[str, object]:
    entries = [
        {
            "secretKey": f"key-{number}",
            "remoteRef": {"key": f"secret/data/app-{index}/part-{number // 2}", "property": f"property-{number}"},
        }
        for number in range(REFERENCES)
    ]
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": f"app-{index}", "namespace": f"team-{index % NAMESPACES}"},
        "spec": {"secretStoreRef": {"name": "vault"}, "data": entries},
    }


if __name__ == "__main__":
    main()
