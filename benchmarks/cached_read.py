"""Reads of what is in memory, beside a dict and beside the caches of others, in one run: best of several, as ratios.

The goals of the project: `.current` at most 3 times a dict's lookup, with 8 threads at least 0.35 of the dict's rate; a
cached `resolve` by name at most a microsecond; ahead of every peer. 100 threads on a cold key send one request.
"""

from __future__ import annotations

import threading
import time
import timeit
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from virtrigaud_secrets import Resolver, Settings

MANIFESTS = """
{apiVersion: external-secrets.io/v1, kind: SecretStore, metadata: {name: dev, namespace: default},
 spec: {provider: {fake: {data: [{key: vc, value: '{"username": "svc", "password": "example"}'}]}}}}
---
{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: vc, namespace: default},
 spec: {secretStoreRef: {name: dev}, dataFrom: [{extract: {key: vc}}]}}
"""
RUNS = 60
CALLS = 20_000
THREADS = 8
LOOKUP = "dict lookup by namespace and name"
"""What the others are compared with: what a program would do that keeps its secrets in a dict."""


def one(call: Callable[[], object]) -> float:
    """Nanoseconds of one call, best of several runs."""
    number = CALLS
    return min(timeit.repeat(call, number=number, repeat=RUNS)) / number * 1e9


def many(call: Callable[[], object]) -> float:
    """Million calls a second by 8 threads together, best of several runs."""
    best = 0.0
    each = CALLS

    def work(start: threading.Barrier) -> None:
        start.wait()
        for _ in range(each):
            call()

    for _ in range(7):
        start = threading.Barrier(THREADS + 1)
        threads = [threading.Thread(target=work, args=(start,)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        start.wait()
        began = time.perf_counter()
        for thread in threads:
            thread.join()
        best = max(best, THREADS * each / (time.perf_counter() - began) / 1e6)
    return best


def peers() -> dict[str, Callable[[], object]]:
    """What of the peers is installed: a warm read of one secret."""
    found: dict[str, Callable[[], object]] = {}
    try:
        from aws_secretsmanager_caching import SecretCache

        class Client:
            """Answers as boto3's client does, without a network."""

            class meta:  # noqa: N801  # boto3's name
                config = type("Config", (), {"user_agent_extra": ""})()

            def describe_secret(self, **_: object) -> dict[str, object]:
                return {"VersionIdsToStages": {"1": ["AWSCURRENT"]}}

            def get_secret_value(self, **_: object) -> dict[str, object]:
                return {"SecretString": "example", "VersionId": "1"}

        cache = SecretCache(client=Client())
        found["aws-secretsmanager-caching"] = lambda: cache.get_secret_string("vc")
    except ImportError:
        pass
    try:
        from aws_lambda_powertools.utilities.parameters import BaseProvider

        class Provider(BaseProvider):
            """A provider without a network."""

            def _get(self, name: str, **_: object) -> str:  # noqa: ARG002  # its interface
                return "example"

            def _get_multiple(self, path: str, **_: object) -> dict[str, str]:  # noqa: ARG002  # its interface
                return {}

        provider = Provider()
        provider.get("vc", max_age=3600)
        found["aws-lambda-powertools"] = lambda: provider.get("vc", max_age=3600)
    except ImportError:
        pass
    try:
        from cachetools import TTLCache, cached

        @cached(TTLCache(maxsize=100, ttl=3600), lock=threading.Lock())
        def read(name: str) -> str:
            return "example" + name

        found["cachetools TTLCache with lock"] = lambda: read("vc")
    except ImportError:
        pass
    return found | google_peer()


def google_peer() -> dict[str, Callable[[], object]]:
    """The same for a secret of Google's that is held: it is not looked up by name."""
    try:
        from gcp_secretmanager_cache import GCPCachedSecret
    except ImportError:
        return {}

    class Secret(GCPCachedSecret):
        """A secret without a network."""

        def _get_secret(self) -> bytes:
            return b"example"

    held = Secret("projects/p/secrets/vc")

    def read() -> object:
        return held.get_secret()

    return {"gcp-secretmanager-cache": read}


def cold(resolver: Resolver) -> tuple[int, int]:
    """Threads that ask for a cold key at once, and fetches that were sent for them."""
    before = resolver.health().requests
    start = threading.Barrier(100)

    def ask() -> None:
        start.wait()
        resolver.resolve("vc", namespace="default")

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(threads), resolver.health().requests - before


def main() -> None:
    """Measure and print."""
    with TemporaryDirectory() as directory:
        Path(directory, "all.yaml").write_text(MANIFESTS)
        with Resolver.from_path(directory, settings=Settings()) as resolver:
            threads, requests = cold(resolver)
            subscription = resolver.subscribe("vc", namespace="default")
            _ = subscription.current
            table = {("default", "vc"): object()}
            key, namespace, name = ("default", "vc"), "default", "vc"
            calls: dict[str, Callable[[], object]] = {
                LOOKUP: lambda: table[namespace, name],
                "dict lookup by a key that is there": lambda: table[key],
                "Subscription.current": lambda: subscription.current,
                "Resolver.resolve, cached": lambda: resolver.resolve("vc", namespace="default"),
                **peers(),
            }
            base, base_rate = one(calls[LOOKUP]), many(calls[LOOKUP])
            print(f"{'':36}{'ns':>8}{'x dict':>9}{'8 threads, M/s':>17}{'of dict':>9}")
            for title, call in calls.items():
                nanoseconds, rate = one(call), many(call)
                print(f"{title:36}{nanoseconds:8.0f}{nanoseconds / base:9.2f}{rate:17.2f}{rate / base_rate:9.2f}")
            print(f"{threads} threads on a cold key: {requests} request")


if __name__ == "__main__":
    main()
