from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.credentials import LibvirtCredentials
from virtrigaud_secrets.errors import ConfigurationError, MissingDependencyError, ValidationError
from virtrigaud_secrets.testing import known_hosts_line, ssh_key

KEY = ssh_key()
GUIDE = {
    "ssh-privatekey": KEY.private.encode(),
    "ssh-publickey": KEY.public.encode(),
    "known_hosts": known_hosts_line(ssh_key(), "kvm1").encode(),
}


@dataclass(frozen=True)
class Files:
    keyfile: Path = Path("/run/x/key file")
    known_hosts: Path = Path("/run/x/hosts")
    command: Path = Path("/run/x/ssh")


def test_the_guides_keys() -> None:
    found = LibvirtCredentials.from_bundle(Bundle(GUIDE))
    assert found.username is None
    assert found.ssh(username="root").username == "root"


def test_the_contracts_keys() -> None:
    found = LibvirtCredentials.from_bundle(Bundle(GUIDE | {"username": b"virt\n", "password": b"p\n"}))
    assert (found.username, found.ssh().username) == ("virt", "virt")
    assert found.ssh(username="root").username == "root"


def test_user_and_password_alone() -> None:
    found = LibvirtCredentials.from_bundle(Bundle({"username": b"u", "password": b"p"}))
    with pytest.raises(ConfigurationError, match="needs known_hosts"):
        found.ssh()


@pytest.mark.parametrize("missing", ["known_hosts", "ssh-privatekey"])
def test_half_of_it_is_refused(missing: str) -> None:
    with pytest.raises(ValidationError, match=f"{missing}: the key is missing"):
        LibvirtCredentials.from_bundle(Bundle({key: value for key, value in GUIDE.items() if key != missing}))


class TestUri:
    def test_by_the_program_ssh(self) -> None:
        uri = LibvirtCredentials.from_bundle(Bundle(GUIDE)).uri("kvm1:2222", Files(), username="root")
        assert uri == ("qemu+ssh://root@kvm1:2222/system?keyfile=/run/x/key%20file&no_tty=1&command=/run/x/ssh")

    @pytest.mark.parametrize("transport", ["libssh", "libssh2"])
    def test_by_a_library_verifies_too(self, transport: str) -> None:
        found = LibvirtCredentials.from_bundle(Bundle(GUIDE))
        uri = found.uri(
            "qemu+ssh://virt@[fd00::1]/system", Files(), transport=transport, driver="test", path="/default"
        )  # type: ignore[arg-type]
        parts = urlsplit(uri)
        assert (parts.scheme, parts.username, parts.hostname) == (f"test+{transport}", "virt", "fd00::1")
        assert parse_qs(parts.query) == {
            "keyfile": ["/run/x/key file"],
            "no_tty": ["1"],
            "sshauth": ["privkey"],
            "known_hosts": ["/run/x/hosts"],
            "known_hosts_verify": ["normal"],
        }

    def test_needs_a_key(self) -> None:
        data = {"username": b"u", "password": b"p", "known_hosts": GUIDE["known_hosts"]}
        with pytest.raises(ConfigurationError, match="ssh-privatekey"):
            LibvirtCredentials.from_bundle(Bundle(data)).uri("kvm1", Files())


class TestAuth:
    @pytest.fixture(autouse=True)
    def _library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        constants = SimpleNamespace(VIR_CRED_AUTHNAME=2, VIR_CRED_PASSPHRASE=5, VIR_CRED_NOECHOPROMPT=7)
        monkeypatch.setitem(__import__("sys").modules, "libvirt", constants)

    def test_answers_name_and_password(self) -> None:
        found = LibvirtCredentials.from_bundle(Bundle({"username": b"u", "password": b"hidden"}))
        kinds, callback, _ = found.auth()
        asked: list[list[object]] = [[2, "user", "", "", None], [5, "password", "", "", None]]
        assert kinds == [2, 5, 7]
        assert callback(asked, None) == 0  # type: ignore[operator]
        assert [each[4] for each in asked] == ["u", "hidden"]

    @pytest.mark.parametrize("kind", [1, 9, "2"])
    def test_refuses_every_other_question(self, kind: object) -> None:
        _, callback, _ = LibvirtCredentials.from_bundle(Bundle({"username": b"u", "password": b"p"})).auth()
        assert callback([[kind, "?", "", "", None]], None) == -1  # type: ignore[operator]

    def test_refuses_what_the_manifest_does_not_have(self) -> None:
        _, callback, _ = LibvirtCredentials.from_bundle(Bundle(GUIDE)).auth()
        assert callback([[5, "password", "", "", None]], None) == -1  # type: ignore[operator]

    def test_the_missing_package_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "libvirt", None)
        with pytest.raises(MissingDependencyError, match=r"virtrigaud-secrets\[libvirt\]"):
            LibvirtCredentials.from_bundle(Bundle(GUIDE)).auth()
