"""proxmoxer with our arguments, and any HTTP client with our headers, at a node over TLS."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.credentials import ProxmoxCredentials
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers import ProxmoxNode

TOKEN_ID = "virt@pve!provider"


@pytest.fixture
def node() -> Iterator[ProxmoxNode]:
    with ProxmoxNode() as server:
        server.set_tokens({TOKEN_ID: Sensitive("canary-token")})
        server.set_passwords({"virt@pve": Sensitive("canary-password")})
        yield server


@pytest.fixture
def ca_file(node: ProxmoxNode, tmp_path: Path) -> Path:
    place = tmp_path / "pve-root-ca.pem"
    place.write_bytes(node.ca_pem)
    return place


def token(secret: str = "canary-token") -> ProxmoxCredentials:
    return ProxmoxCredentials.from_bundle(Bundle({"token_id": TOKEN_ID.encode(), "token_secret": secret.encode()}))


def password(word: str = "canary-password") -> ProxmoxCredentials:
    return ProxmoxCredentials.from_bundle(Bundle({"username": b"virt@pve", "password": word.encode()}))


@pytest.mark.parametrize("credentials", [token(), password()], ids=["token", "password"])
def test_proxmoxer_lists_and_starts_machines(node: ProxmoxNode, ca_file: Path, credentials: ProxmoxCredentials) -> None:
    proxmoxer = pytest.importorskip("proxmoxer", reason="proxmoxer is in the dependency group `tests`")
    api = proxmoxer.ProxmoxAPI(
        node.address.removeprefix("https://"), **credentials.proxmoxer_arguments(ca_file=ca_file)
    )
    assert [machine["name"] for machine in api.nodes("pve1").qemu.get()] == ["web", "database"]
    assert api.nodes("pve1").qemu(100).status.start.post().startswith("UPID:")
    assert node.requests_of(TOKEN_ID if credentials.token_id else "virt@pve") == 2


def test_what_rotated_is_refused_and_a_node_of_another_authority_is_not_trusted(
    node: ProxmoxNode, ca_file: Path
) -> None:
    proxmoxer = pytest.importorskip("proxmoxer", reason="proxmoxer is in the dependency group `tests`")
    requests = pytest.importorskip("requests")
    host = node.address.removeprefix("https://")
    api = proxmoxer.ProxmoxAPI(host, **token().proxmoxer_arguments(ca_file=ca_file))
    node.set_tokens({TOKEN_ID: Sensitive("canary-second")})
    with pytest.raises(proxmoxer.ResourceException, match="401"):
        api.version.get()
    rotated = proxmoxer.ProxmoxAPI(host, **token("canary-second").proxmoxer_arguments(ca_file=ca_file))
    assert rotated.version.get()["release"] == "8.4"
    with pytest.raises(proxmoxer.core.AuthenticationError):
        proxmoxer.ProxmoxAPI(host, **password("wrong").proxmoxer_arguments(ca_file=ca_file))
    with pytest.raises(requests.exceptions.SSLError):
        proxmoxer.ProxmoxAPI(host, **token().proxmoxer_arguments()).version.get()


def test_headers_for_any_client(node: ProxmoxNode) -> None:
    trusted = ssl.create_default_context(cadata=node.ca_pem.decode())

    def ask(credentials: ProxmoxCredentials) -> tuple[int, object]:
        headers = {key: str(value) for key, value in credentials.api_headers().items()}
        connection = http.client.HTTPSConnection(node.address.removeprefix("https://"), timeout=10, context=trusted)
        with closing(connection):
            connection.request("GET", "/api2/json/nodes", headers=headers)
            answer = connection.getresponse()
            return answer.status, json.load(answer)["data"]

    assert ask(token()) == (200, [{"node": "pve1", "status": "online"}])
    assert ask(token("wrong")) == (401, None)
