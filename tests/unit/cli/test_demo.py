"""What `demo` prints of its findings. The demo itself runs in the integration tests."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pytest

from virtrigaud_secrets.bundle import Bundle, Lease, Provenance
from virtrigaud_secrets.cli import demo
from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.testing.demonstration import Demonstration
from virtrigaud_secrets.testing.proofs import Proof


@pytest.fixture
def found() -> Demonstration:
    lease = Lease(lease_id="lease-canary", duration=6, renewable=True, expires_at=datetime(2030, 1, 1, tzinfo=UTC))
    origin = Provenance(store="SecretStore ns/v", path="vsphere/creds/r", property="password", lease=lease)
    bundle = Bundle({"password": b"value-canary"}, name="b", namespace="ns", provenance={"password": (origin,)})
    requests = {("update", "b/login"): 1, ("read", "a/path"): 2}
    return Demonstration(MappingProxyType({"es": bundle}), MappingProxyType(requests), (Proof("it works", "so"),))


def test_tables_show_origin_lease_and_counts_and_hide_values(
    found: Demonstration, capsys: pytest.CaptureFixture[str]
) -> None:
    demo._print(found)
    shown = capsys.readouterr().out
    assert "ns/es (Opaque)" in shown
    assert "vsphere/creds/r: password" in shown
    assert "6 s" in shown
    assert shown.index("a/path") < shown.index("b/login")
    assert "proven: it works (so)" in shown
    assert "canary" not in shown


def test_json_has_a_stable_form(found: Demonstration) -> None:
    document = cast("dict[str, Any]", demo._document(found, {"A": "b"}))
    assert list(document) == ["manifests", "requests", "proofs", "environment"]
    assert document["requests"] == [
        {"operation": "read", "path": "a/path", "count": 2},
        {"operation": "update", "path": "b/login", "count": 1},
    ]
    assert document["proofs"] == [{"claim": "it works", "detail": "so"}]
    assert document["environment"] == {"A": "b"}
    assert "canary" not in str(document)


def test_off_a_terminal_steps_are_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with demo._progress() as step:
        step("one")
        step("two")
    assert capsys.readouterr() == ("", "one ...\ntwo ...\n")


def test_on_a_terminal_each_step_is_ticked_off() -> None:
    import io

    from rich.console import Console

    written = io.StringIO()
    with demo._live_steps(Console(file=written, force_terminal=True, width=60)) as step:
        step("one")
        step("two")
    last = written.getvalue().split("+ one")[-1]
    assert "+ two" in last


def test_sigterm_becomes_an_exit_and_is_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as caught, demo._ended_by_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


class World:
    """Servers of which one has ended."""

    class Process:
        name = "openbao"
        running = False

        def log_tail(self) -> str:
            return "\n  last words"

    class Server:
        address = "https://127.0.0.1:1"
        ca_file = Path("/tmp/ca.pem")

        def __init__(self) -> None:
            self.process = World.Process()

    def __init__(self) -> None:
        self.openbao = self.postgres = World.Server()
        self.endpoints = {"https://vault.example.com:8200": "https://127.0.0.1:1"}
        self.service_account_directory = Path("/tmp/a b")
        self.parameters = {"pki/issue/r": {"common_name": "x y"}}
        self.manifests = Path("/tmp/guide")

    def save_root_token(self) -> Path:
        return Path("/tmp/root-token")


def test_a_server_that_ends_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "LOOK_SECONDS", 0.0)
    with pytest.raises(LocalServerError, match="openbao has ended\n  last words"):
        demo._wait(cast("Any", World()))


def test_how_to_use_is_ready_for_a_shell(capsys: pytest.CaptureFixture[str]) -> None:
    world = cast("Any", World())
    demo._print_how_to_use(world, demo._environment(world))
    shown = capsys.readouterr().err
    assert "export VIRTRIGAUD_SECRETS_ENDPOINTS=https://vault.example.com:8200=https://127.0.0.1:1\n" in shown
    assert "export VIRTRIGAUD_SECRETS_SERVICE_ACCOUNT_DIRECTORY='/tmp/a b'\n" in shown
    assert "'--parameter=pki/issue/r:common_name=x y'" in shown
    assert 'BAO_TOKEN="$(cat /tmp/root-token)"' in shown
