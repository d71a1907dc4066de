import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.credentials.reading import Reading
from virtrigaud_secrets.credentials.ssh_keys import read_ssh
from virtrigaud_secrets.errors import ValidationError
from virtrigaud_secrets.testing import known_hosts_line, ssh_key

KEY = ssh_key()
HOSTS = known_hosts_line(ssh_key(), "kvm1").encode()


class Wanted:
    pass


def read(**data: bytes) -> tuple[bytes | None, bytes | None]:
    reading = Reading(
        Bundle({key.replace("_", "-", key.startswith("ssh")): value for key, value in data.items()}), Wanted
    )
    found = read_ssh(reading, "ssh-privatekey")
    reading.refuse_faults()
    private_key, known_hosts = (None if part is None else part.reveal() for part in found)
    return private_key, known_hosts


def test_key_and_hosts_end_with_a_newline() -> None:
    private_key, known_hosts = read(ssh_privatekey=KEY.private.rstrip().encode(), known_hosts=HOSTS)
    assert private_key == KEY.private.encode()
    assert known_hosts == HOSTS + b"\n"


def test_neither_is_neither() -> None:
    assert read() == (None, None)


@pytest.mark.parametrize("hosts", [{}, {"known_hosts": b" \n"}, {"known_hosts": b"# none\n"}])
def test_a_key_without_host_keys_is_refused(hosts: dict[str, bytes]) -> None:
    with pytest.raises(ValidationError, match="known_hosts: "):
        read(ssh_privatekey=KEY.private.encode(), **hosts)


def test_a_broken_line_of_known_hosts_is_refused() -> None:
    with pytest.raises(ValidationError, match="known_hosts: line 1"):
        read(known_hosts=b"kvm1 ssh-ed25519 rubbish\n")


@pytest.mark.parametrize(
    "key", [b"no key", ssh_key("ecdsa", written="pkcs8", passphrase="p").private.encode()], ids=["none", "encrypted"]
)
def test_a_key_that_cannot_be_used_is_refused(key: bytes) -> None:
    with pytest.raises(ValidationError, match="ssh-privatekey: "):
        read(ssh_privatekey=key, known_hosts=HOSTS)


def test_a_public_key_of_another_pair_is_refused() -> None:
    with pytest.raises(ValidationError, match="ssh-publickey: it is not the public half"):
        read(ssh_privatekey=KEY.private.encode(), ssh_publickey=ssh_key().public.encode(), known_hosts=HOSTS)
