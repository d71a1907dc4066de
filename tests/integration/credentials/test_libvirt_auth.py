"""The callback for `libvirt.openAuth` at a driver that asks for user name and password."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.credentials import LibvirtCredentials

NODE = "<node><auth><user password='canary-1'>svc</user></auth></node>"


@pytest.fixture
def libvirt(require: Callable[[str], None]) -> Iterator[Any]:
    require("" if find_spec("libvirt") else "no libvirt-python, which is built against the machine's own libvirt")
    import libvirt

    libvirt.registerErrorHandler(lambda *_: None, None)
    yield libvirt
    libvirt.registerErrorHandler(None, None)


def credentials(**data: str) -> LibvirtCredentials:
    return LibvirtCredentials.from_bundle(Bundle({name: value.encode() for name, value in data.items()}))


def test_who_asks_is_answered_and_the_right_word_gets_in(libvirt: Any, tmp_path: Path) -> None:
    (tmp_path / "node.xml").write_text(NODE)
    uri = f"test://{tmp_path}/node.xml"

    def connect(held: LibvirtCredentials, **named: str) -> str:
        connection = libvirt.openAuth(uri, held.auth(**named), 0)
        try:
            return str(connection.getType())
        finally:
            connection.close()

    assert connect(credentials(username="svc", password="canary-1")) == "TEST"
    assert connect(credentials(username="another", password="canary-1"), username="svc") == "TEST"
    for wrong in ({"username": "svc", "password": "canary-2"}, {"username": "x", "password": "canary-1"}):
        with pytest.raises(libvirt.libvirtError, match="authentication failed") as refused:
            connect(credentials(**wrong))
        assert "canary" not in str(refused.value)
