"""Ten thousand subscriptions: how long until all are filled, what they take in memory, what a quiet second costs."""

from __future__ import annotations

import json
import resource
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from virtrigaud_secrets import Resolver, Settings

NUMBER = 10_000


def main() -> None:
    """Measure and print."""
    data = [{"key": "vc", "value": '{"username": "svc", "password": "example"}'}]
    store = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "SecretStore",
        "metadata": {"name": "dev", "namespace": "team"},
        "spec": {"provider": {"fake": {"data": data}}},
    }
    spec = {"secretStoreRef": {"name": "dev"}, "dataFrom": [{"extract": {"key": "vc"}}]}
    documents = [store] + [
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": f"es-{number}", "namespace": "team"},
            "spec": spec,
        }
        for number in range(NUMBER)
    ]
    with TemporaryDirectory() as directory:
        Path(directory, "all.yaml").write_text("\n---\n".join(map(json.dumps, documents)))
        with Resolver.from_path(directory, settings=Settings()) as resolver:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            began = time.perf_counter()
            # Read together first: what is subscribed to cold is read at the pace of background work, ten a second.
            resolver.resolve_all()
            subscriptions = [resolver.subscribe(f"es-{number}", namespace="team") for number in range(NUMBER)]
            resolver.wait_ready(timeout=timedelta(minutes=5))
            filled = time.perf_counter() - began
            _ = [subscription.current for subscription in subscriptions]
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            processor = time.process_time()
            time.sleep(10)
            quiet = (time.process_time() - processor) / 10
            print(
                f"{NUMBER} subscriptions: filled in {filled:.1f} s, {memory / NUMBER:.1f} kB each, {quiet:.2%} of a CPU"
            )


if __name__ == "__main__":
    main()
