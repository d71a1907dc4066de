"""The vSphere example at a vCenter whose passwords change, sessions end and account is revoked while it works."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping

import pytest

from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers import VCenter

pytest.importorskip("pyVmomi", reason="pyvmomi is in the dependency group `tests`")

CANARY = "canary-" + "e41b07"
USER = "svc@vsphere.local"
Keep = Callable[[str, Mapping[str, str]], None]


@pytest.fixture
def vcenter(require: Callable[[str], None]) -> Iterator[VCenter]:
    require(VCenter.missing_reason())
    with VCenter() as server:
        yield server


def password(number: int) -> Sensitive:
    return Sensitive(f"{CANARY}-{number}")


def data(vcenter: VCenter, number: int) -> dict[str, str]:
    return {
        "server": vcenter.address,
        "username": USER,
        "password": password(number).reveal_text(),
        "ca_cert": base64.b64encode(vcenter.ca_pem).decode(),
    }


def wait_for_login(vcenter: VCenter, more_than: int) -> None:
    import time

    until = time.monotonic() + 60
    while vcenter.logins().get(USER, 0) <= more_than:
        assert time.monotonic() < until, "nobody logged in with the new password"
        time.sleep(0.1)


def test_no_call_fails_while_passwords_overlap_and_one_reconnect_mends_a_revocation(vcenter, keep: Keep, start) -> None:  # type: ignore[no-untyped-def]
    vcenter.set_accounts({USER: [password(1)]})
    keep("vsphere-example", data(vcenter, 1))
    replaced = {"providers/vsphere": "providers/vsphere-example", "refreshInterval: 1m": "refreshInterval: 1s"}
    example = start("vsphere-provider", "provider.py", "0.05", replaced=replaced)
    lines = example.wait_for_line("4 machines, 0 reconnects")

    for number in (2, 3):
        before = vcenter.logins()[USER]
        vcenter.set_accounts({USER: [password(number - 1), password(number)]})
        keep("vsphere-example", data(vcenter, number))
        wait_for_login(vcenter, before)
        vcenter.set_accounts({USER: [password(number)]})
        lines = example.wait_for_line("4 machines, 0 reconnects", after=len(example.output))
    assert example.errors == [], "no call failed"

    # Hard, from outside: the password is another one, and every session has ended.
    vcenter.set_accounts({USER: [password(4)]})
    keep("vsphere-example", data(vcenter, 4))
    vcenter.end_sessions(USER)
    example.wait_for_line("4 machines, [01] reconnects?", after=lines)
    example.wait_for_line("4 machines, 1 reconnects", after=len(example.output))
    assert example.errors == [], "the call that met the revocation came back too"
    assert example.stop() == 0
    assert not [line for line in example.output if not line.startswith("4 machines, ")]
