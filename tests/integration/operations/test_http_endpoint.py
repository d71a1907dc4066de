"""The endpoint on loopback: real connections, slow and many ones, and its end."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import closing
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.operations import HttpEndpoint

pytestmark = pytest.mark.integration


def good() -> bool:
    return True


def endpoint(**options) -> HttpEndpoint:
    settings = {"registry": CollectorRegistry(), "live": good, "ready": good, **options}
    return HttpEndpoint("127.0.0.1:0", **settings)


def status(address: str, path: str) -> int:
    with closing(http.client.HTTPConnection(address, timeout=20)) as connection:
        connection.request("GET", path)
        return connection.getresponse().status


def test_it_answers_and_ends():
    with endpoint(ready=lambda: False) as server:
        address = server.address
        assert [status(address, path) for path in ("/metrics", "/healthz", "/readyz", "/")] == [200, 200, 503, 404]
    with pytest.raises(OSError, match="refused"):
        status(address, "/healthz")
    server.close()


def test_every_address_of_the_machine():
    with HttpEndpoint(":0", registry=CollectorRegistry(), live=good, ready=good) as server:
        port = server.address.rpartition(":")[2]
        assert status(f"127.0.0.1:{port}", "/healthz") == 200


def test_an_address_that_somebody_has():
    with endpoint() as server, pytest.raises(ConfigurationError, match="cannot listen at"):
        HttpEndpoint(server.address, registry=CollectorRegistry(), live=good, ready=good).start()


def test_peers_that_say_nothing_are_dropped_and_others_served():
    with endpoint(request_time=timedelta(seconds=0.3)) as server:
        host, _, port = server.address.rpartition(":")
        idle = [socket.create_connection((host, int(port)), timeout=20) for _ in range(40)]
        try:
            assert status(server.address, "/healthz") == 200
            assert {connection.recv(1) for connection in idle} == {b""}
        finally:
            for connection in idle:
                connection.close()


def test_a_reader_that_does_not_read_is_dropped():
    class Large:
        def collect(self):
            from prometheus_client.core import GaugeMetricFamily

            family = GaugeMetricFamily("virtrigaud_large", "x" * 1000, labels=["n"])
            for number in range(100_000):
                family.add_metric([f"{number:0100}"], 1)
            return [family]

        def describe(self):
            return []

    registry = CollectorRegistry()
    registry.register(Large())
    with endpoint(registry=registry, request_time=timedelta(seconds=0.3)) as server:
        host, _, port = server.address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=20) as slow:
            slow.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            before = threading.active_count()
            assert status(server.address, "/healthz") == 200
            received = 0
            server.close()
            while part := slow.recv(1 << 16):
                received += len(part)
        assert 0 < received < 10_000_000
        assert threading.active_count() < before


def test_an_answer_under_way_is_finished_before_the_end():
    entered, leave = threading.Event(), threading.Event()

    def slow() -> bool:
        entered.set()
        return leave.wait(20)

    found: list[int] = []
    server = endpoint(live=slow).start()
    address = server.address
    asking = threading.Thread(target=lambda: found.append(status(address, "/healthz")))
    asking.start()
    assert entered.wait(20)
    closing_down = threading.Thread(target=server.close)
    closing_down.start()
    leave.set()
    closing_down.join(20)
    asking.join(20)
    assert found == [200]
