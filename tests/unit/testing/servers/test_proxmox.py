from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing import ManualClock
from virtrigaud_secrets.testing.servers.http_server import Question
from virtrigaud_secrets.testing.servers.proxmox import ProxmoxNode

TOKEN = "virt@pve!provider"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def node(clock: ManualClock) -> ProxmoxNode:
    made = ProxmoxNode(clock=clock)
    made.set_tokens({TOKEN: Sensitive("canary-t")})
    made.set_passwords({"virt@pve": Sensitive("canary-p")})
    return made


def ask(node: ProxmoxNode, method: str, path: str, *, body: dict[str, str] | None = None, **headers: str):
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    reply = node.respond(Question(method, f"/api2/json/{path}", named, urlencode(body or {}).encode()))
    content = json.loads(reply.body)
    return reply.status, content["data"] if reply.status == 200 else content.get("message")


def ticket(node: ProxmoxNode, password: str = "canary-p"):
    return ask(node, "POST", "access/ticket", body={"username": "virt@pve", "password": password})


def test_a_token_counts_by_its_secret(node: ProxmoxNode) -> None:
    status, nodes = ask(node, "GET", "nodes", authorization=f"PVEAPIToken={TOKEN}=canary-t")
    assert (status, nodes[0]["node"]) == (200, "pve1")
    assert ask(node, "GET", "nodes", authorization=f"PVEAPIToken={TOKEN}=x") == (401, "invalid token value!")
    assert ask(node, "GET", "nodes", authorization="PVEAPIToken=a@b!c=canary-t") == (401, "invalid token value!")
    assert ask(node, "GET", "nodes", authorization=f"Bearer {TOKEN}=canary-t") == (401, "No ticket")
    assert node.requests_of(TOKEN) == 1


def test_a_ticket_reads_and_with_its_csrf_token_changes(node: ProxmoxNode) -> None:
    _, given = ticket(node)
    cookie = f"PVEAuthCookie={given['ticket']}"
    assert ask(node, "GET", "version", cookie=cookie)[0] == 200
    start = "nodes/pve1/qemu/100/status/start"
    assert ask(node, "POST", start, cookie=cookie)[1] == "Permission denied - invalid csrf token"
    status, task = ask(node, "POST", start, cookie=cookie, csrfpreventiontoken=given["CSRFPreventionToken"])
    assert (status, task.startswith("UPID:pve1:")) == (200, True)


def test_a_ticket_ends_and_may_be_renewed_by_itself_before(node: ProxmoxNode, clock: ManualClock) -> None:
    _, given = ticket(node)
    assert ticket(node, given["ticket"])[0] == 200
    clock.advance(timedelta(hours=2))
    assert ask(node, "GET", "nodes", cookie=f"PVEAuthCookie={given['ticket']}") == (401, "No ticket")
    assert ticket(node, given["ticket"]) == (401, "authentication failure")
    _, again = ticket(node)
    node.end_tickets()
    assert ask(node, "GET", "nodes", cookie=f"PVEAuthCookie={again['ticket']}") == (401, "No ticket")


def test_a_password_that_is_not_the_one(node: ProxmoxNode) -> None:
    for password in ("", "x", "canary-t"):
        assert ticket(node, password) == (401, "authentication failure")


def test_what_it_does_not_know(node: ProxmoxNode) -> None:
    assert ask(node, "GET", "cluster", authorization=f"PVEAPIToken={TOKEN}=canary-t")[0] == 501
    missing = "nodes/pve1/qemu/999/status/start"
    assert ask(node, "POST", missing, authorization=f"PVEAPIToken={TOKEN}=canary-t")[0] == 501
