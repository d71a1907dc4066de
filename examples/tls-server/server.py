"""A provider's gRPC endpoint under mutual TLS whose certificate rotates while connections are open.

    python server.py MANIFESTS

prints its port, then serves until SIGTERM or SIGINT. `/example.Provider/Watch` sends the time, again and again.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import grpc

from virtrigaud_secrets import Resolver, SystemClock
from virtrigaud_secrets.credentials import TLSCredentials, rotating_grpc_server_credentials

TICK = timedelta(seconds=0.2)


def main() -> int:
    """Serve until told to stop."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    clock = SystemClock()

    def watch(_request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        while context.is_active() and not stopped.wait(TICK.total_seconds()):
            yield clock.now().isoformat().encode()

    with Resolver.from_path(sys.argv[1]) as resolver:
        subscription = resolver.subscribe("provider-tls-certs", TLSCredentials, namespace="provider-namespace")
        resolver.wait_ready(timeout=timedelta(seconds=30))
        server = grpc.server(ThreadPoolExecutor(max_workers=8))
        methods = {"Watch": grpc.unary_stream_rpc_method_handler(watch)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("example.Provider", methods),))
        port = server.add_secure_port("127.0.0.1:0", rotating_grpc_server_credentials(subscription))
        server.start()
        print(port, flush=True)
        stopped.wait()
        server.stop(grace=1).wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
