from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from virtrigaud_secrets.errors import LocalServerError, MissingDependencyError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers import OpenBao

pytestmark = pytest.mark.integration


@pytest.fixture
def own(openbao: OpenBao) -> OpenBao:
    """Only for its side effect: skips where no server can be started."""
    return openbao


def test_takes_requests_over_tls_that_its_own_authority_vouches_for(openbao: OpenBao) -> None:
    assert openbao.address.startswith("https://127.0.0.1:")
    client = openbao.client()
    client.sys.enable_secrets_engine("kv", path="test-tls", options={"version": "2"})
    client.secrets.kv.v2.create_or_update_secret("a", {"b": "c"}, mount_point="test-tls")
    answer = client.secrets.kv.v2.read_secret_version("a", mount_point="test-tls", raise_on_deleted_version=True)
    assert answer["data"]["data"] == {"b": "c"}
    client.adapter.close()
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(openbao.address, context=ssl.create_default_context())  # noqa: S310  # always https


def test_audit_log_counts_requests_by_operation_and_path(openbao: OpenBao) -> None:
    before = len(openbao.audit_entries())
    openbao.ask("POST", "sys/mounts/test-audit", {"type": "kv", "options": {"version": "1"}})
    openbao.ask("POST", "test-audit/one", {"value": "planted-value"})
    openbao.ask("GET", "test-audit/one")
    openbao.ask("GET", "test-audit/one")
    with pytest.raises(LocalServerError, match="403 to GET test-audit/one"):
        openbao.ask("GET", "test-audit/one", token=Sensitive("s.nonsense"))
    counts = openbao.request_counts(after=before)
    assert counts["read", "test-audit/one"] >= 2
    assert counts["create", "test-audit/one"] + counts["update", "test-audit/one"] == 1
    assert {entry.login for entry in openbao.audit_entries(after=before) if not entry.error} == {"root"}
    assert "planted-value" not in repr(openbao.audit_entries())


def test_an_error_names_status_path_and_the_servers_reason(openbao: OpenBao) -> None:
    with pytest.raises(LocalServerError, match="404 to GET nowhere/at-all: no handler for route"):
        openbao.ask("GET", "nowhere/at-all")


def test_sealed_it_refuses_and_unsealed_it_remembers(own: OpenBao) -> None:
    with OpenBao(tls=False) as server:
        assert server.address.startswith("http://127.0.0.1:")
        assert server.ca_file is None
        server.ask("POST", "cubbyhole/kept", {"a": "b"})
        server.seal()
        with pytest.raises(LocalServerError, match="503 to GET cubbyhole/kept"):
            server.ask("GET", "cubbyhole/kept")
        server.unseal()
        assert server.ask("GET", "cubbyhole/kept")["data"] == {"a": "b"}


@pytest.mark.parametrize("durable", [True, False])
def test_a_restart_keeps_the_port_and_only_a_durable_server_its_data(own: OpenBao, durable: bool) -> None:
    with OpenBao(durable=durable) as server:
        address, token = server.address, server.root_token
        server.ask("POST", "cubbyhole/kept", {"a": "b"})
        server.restart()
        assert server.address == address
        assert (server.root_token == token) is durable
        if durable:
            assert server.ask("GET", "cubbyhole/kept")["data"] == {"a": "b"}
        else:
            with pytest.raises(LocalServerError, match="404"):
                server.ask("GET", "cubbyhole/kept")


def test_leaves_no_process_and_no_file(own: OpenBao) -> None:
    with OpenBao() as server:
        assert server.ca_file is not None
        directory = server.ca_file.parent
        assert directory.stat().st_mode & 0o777 == 0o700
        process = server.process
    assert not process.running
    assert not directory.exists()


def test_killed_it_does_not_answer_and_can_be_started_again(own: OpenBao) -> None:
    with OpenBao() as server:
        server.process.kill()
        with pytest.raises(LocalServerError, match="does not answer to GET sys/mounts"):
            server.ask("GET", "sys/mounts")
        server.restart()
        server.ask("GET", "sys/mounts")


def test_a_program_that_cannot_be_run_is_missing(tmp_path: Path) -> None:
    assert "no bao program" in OpenBao.missing_reason(tmp_path / "bao")
    with pytest.raises(MissingDependencyError), OpenBao(binary=tmp_path / "bao"):
        pass


def test_a_program_that_fails_shows_its_last_words(tmp_path: Path) -> None:
    fake = tmp_path / "bao"
    fake.write_text("#!/bin/sh\necho no storage today >&2\nexit 3\n")
    fake.chmod(0o755)
    with (
        pytest.raises(LocalServerError, match=r"openbao ended with status 3\n  no storage today"),
        OpenBao(binary=fake),
    ):
        pass


def test_not_started_it_says_so() -> None:
    server = OpenBao()
    with pytest.raises(LocalServerError, match="use it in a with block"):
        server.audit_entries()
    with pytest.raises(LocalServerError, match="use it in a with block"):
        _ = server.process
    server.close()
