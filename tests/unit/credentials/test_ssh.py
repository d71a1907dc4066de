from pathlib import Path

import pytest

from virtrigaud_secrets.credentials import SshLogin
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing import known_hosts_line, ssh_key
from virtrigaud_secrets.testing.keys import KeyFormat, KeyKind

HOST = ssh_key(comment="")


def login(
    *, private_key: str | None = None, password: str | None = None, known_hosts: str = known_hosts_line(HOST, "kvm1")
) -> SshLogin:
    return SshLogin.from_parts(
        source="ExternalSecret ns/n",
        username="root",
        private_key=None if private_key is None else Sensitive(private_key),
        password=None if password is None else Sensitive(password),
        known_hosts=Sensitive(known_hosts),
    )


class TestFromParts:
    @pytest.mark.parametrize(
        ("missing", "expected"),
        [
            ({"username": None}, "needs a user"),
            ({"private_key": None, "password": None}, "needs a private key or a password"),
            ({"known_hosts": None}, "needs known_hosts"),
        ],
    )
    def test_tells_what_is_missing(self, missing: dict[str, None], expected: str) -> None:
        parts = {"username": "root", "private_key": Sensitive("k"), "password": None, "known_hosts": Sensitive("h")}
        with pytest.raises(ConfigurationError, match=f"ExternalSecret ns/n: SSH {expected}"):
            SshLogin.from_parts(source="ExternalSecret ns/n", **(parts | missing))  # type: ignore[arg-type]


class TestOpenssh:
    def test_only_the_known_hosts_given_count(self) -> None:
        options = login(private_key="k").openssh_options(keyfile=Path("/x/key"), known_hosts=Path("/x/hosts"))
        assert options[:2] == ["-F", "none"]
        assert set(options[3::2]) == {
            "User=root",
            'UserKnownHostsFile="/x/hosts"',
            "GlobalKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=yes",
            "UpdateHostKeys=no",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            'IdentityFile="/x/key"',
            "BatchMode=yes",
        }

    @pytest.mark.parametrize("path", ["/a%h/key", '/a"b/key', "/a$HOME/key"])
    def test_a_path_that_ssh_would_expand_is_refused(self, path: str) -> None:
        with pytest.raises(ConfigurationError, match="special character"):
            login(private_key="k").openssh_options(keyfile=Path(path), known_hosts=Path("/x"))


class TestParamiko:
    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("paramiko", reason="paramiko is in the dependency group `tests`")

    @pytest.mark.parametrize(
        ("kind", "written"),
        [("ed25519", "openssh"), ("ed25519", "pkcs8"), ("rsa", "traditional"), ("rsa", "pkcs8"), ("ecdsa", "pkcs8")],
    )
    def test_every_kind_and_form_of_key_is_taken(self, kind: KeyKind, written: KeyFormat) -> None:
        key = ssh_key(kind, written=written)
        arguments = login(private_key=key.private).paramiko_arguments()
        assert arguments["pkey"].get_base64() == key.public.split()[1]  # type: ignore[attr-defined]
        assert (arguments["look_for_keys"], arguments["allow_agent"]) == (False, False)

    def test_a_password_counts_where_there_is_no_key(self) -> None:
        assert login(password="p").paramiko_arguments()["password"] == "p"

    def test_a_key_it_cannot_read_is_an_error_of_ours(self) -> None:
        with pytest.raises(ConfigurationError, match="paramiko cannot read"):
            login(private_key="-----BEGIN OPENSSH PRIVATE KEY-----\nx\n").paramiko_arguments()

    def test_unknown_hosts_are_rejected(self) -> None:
        import paramiko

        client = login(password="p").paramiko_client()
        assert isinstance(client._policy, paramiko.RejectPolicy)
        assert "kvm1" in client.get_host_keys()
        assert "kvm2" not in client.get_host_keys()

    def test_hidden_hosts_and_ports_are_found(self) -> None:
        lines = [known_hosts_line(HOST, "kvm1", hashed=True), known_hosts_line(HOST, "[kvm2]:2222", "10.0.0.2")]
        keys = login(password="p", known_hosts="# a\n\n" + "\n".join(lines)).paramiko_client().get_host_keys()
        assert all(keys.lookup(host) for host in ("kvm1", "[kvm2]:2222", "10.0.0.2"))

    def test_a_revoked_key_is_trusted_nowhere(self) -> None:
        lines = [known_hosts_line(HOST, "kvm1"), known_hosts_line(HOST, "*", marker="@revoked")]
        keys = login(password="p", known_hosts="\n".join(lines)).paramiko_client().get_host_keys()
        assert keys.lookup("kvm1") is None

    def test_an_authority_is_no_host(self) -> None:
        line = known_hosts_line(HOST, "kvm1", marker="@cert-authority")
        assert login(password="p", known_hosts=line).paramiko_client().get_host_keys().lookup("kvm1") is None


class TestAsyncssh:
    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("asyncssh", reason="asyncssh is in the dependency group `tests`")

    def test_takes_nothing_from_the_machine(self) -> None:
        arguments = login(private_key=ssh_key().private).asyncssh_arguments()
        assert (arguments.get("config", ()), arguments.get("agent_path", ())) == (None, None)

    def test_always_verifies_the_host(self) -> None:
        for made in (login(private_key=ssh_key().private), login(password="p", known_hosts="# nobody")):
            assert made.asyncssh_arguments()["known_hosts"] is not None

    def test_a_key_it_cannot_read_is_an_error_of_ours(self) -> None:
        with pytest.raises(ConfigurationError, match="asyncssh cannot read"):
            login(private_key="no key").asyncssh_arguments()


def test_a_client_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "paramiko", None)
    with pytest.raises(ConfigurationError, match="pip install paramiko"):
        login(password="p").paramiko_client()
