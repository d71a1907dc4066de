import pytest

from virtrigaud_secrets.credentials import Endpoint
from virtrigaud_secrets.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "host", "port", "user", "path"),
    [
        ("vc.example.com", "vc.example.com", 443, "", ""),
        ("vc.example.com:8443", "vc.example.com", 8443, "", ""),
        ("https://vc.example.com/sdk", "vc.example.com", 443, "", "/sdk"),
        ("https://vc.example.com:8443/sdk", "vc.example.com", 8443, "", "/sdk"),
        ("qemu+ssh://root@kvm1/system", "kvm1", 443, "root", "/system"),
        ("10.0.0.1", "10.0.0.1", 443, "", ""),
        ("[fd00::1]:8443", "fd00::1", 8443, "", ""),
        ("https://[fd00::1]/sdk", "fd00::1", 443, "", "/sdk"),
        ("fd00::1", "fd00::1", 443, "", ""),
    ],
)
def test_parses(text: str, host: str, port: int, user: str, path: str) -> None:
    assert Endpoint.parse(text, default_port=443) == Endpoint(host=host, port=port, user=user, path=path)


@pytest.mark.parametrize(
    "text", ["", "a b", "vc:0", "vc:65536", "vc:x", "[zz]:1", "https://", "a:b:c", "vc?x=1", "user:password@vc", "vc\n"]
)
def test_refuses_and_does_not_show(text: str) -> None:
    with pytest.raises(ConfigurationError, match="expected a host") as caught:
        Endpoint.parse(text, default_port=443)
    assert "password" not in str(caught.value)


def test_netloc_puts_brackets_round_an_address_with_colons() -> None:
    assert Endpoint(host="fd00::1", port=443).netloc == "[fd00::1]:443"
    assert Endpoint(host="vc", port=1).netloc == "vc:1"
