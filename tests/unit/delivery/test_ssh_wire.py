import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from virtrigaud_secrets.delivery.ssh_wire import private_key_blobs
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing import ssh_key
from virtrigaud_secrets.testing.keys import KeyFormat, KeyKind
from virtrigaud_secrets.validation.wire import key_blob, read_string


@pytest.mark.parametrize(
    ("kind", "written", "parts"),
    [
        ("ed25519", "openssh", 3),
        ("ed25519", "pkcs8", 3),
        ("rsa", "openssh", 7),
        ("rsa", "traditional", 7),
        ("ecdsa", "openssh", 4),
        ("ecdsa", "pkcs8", 4),
    ],
)
def test_the_public_half_is_that_of_the_public_line(kind: KeyKind, written: KeyFormat, parts: int) -> None:
    key = ssh_key(kind, written=written)
    public, private = private_key_blobs(Sensitive(key.private))
    algorithm, encoded = key.public.encode().split()[:2]
    assert public == key_blob(algorithm, encoded)
    rest, count = private.reveal(), 0
    while rest:
        _, rest = read_string(rest)
        count += 1
    assert count == parts


def other_curve() -> str:
    key = ec.generate_private_key(ec.SECP256K1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    "text",
    ["planted", "-----BEGIN OPENSSH PRIVATE KEY-----\nplanted", ssh_key(passphrase="p").private, other_curve()],
    ids=["none", "broken", "encrypted", "curve"],
)
def test_what_no_agent_takes(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        private_key_blobs(Sensitive(text))
    assert "planted" not in str(caught.value)
