import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.credentials import (
    TLSCredentials,
    rotating_client_context,
    rotating_grpc_server_credentials,
    rotating_server_context,
)
from virtrigaud_secrets.errors import ConfigurationError, StoreUnavailableError
from virtrigaud_secrets.testing import CertificateAuthority

Handshake = Callable[..., tuple[ssl.SSLObject, ssl.SSLObject]]

START = datetime.now(UTC) - timedelta(days=1)


class Source:
    """A subscription whose current value a test sets."""

    def __init__(self, authority: CertificateAuthority) -> None:
        self.value: TLSCredentials | Exception = self.rotate(authority)

    def rotate(self, authority: CertificateAuthority) -> TLSCredentials:
        self.value = TLSCredentials.from_bundle(Bundle(authority.issue().data()))
        return self.value

    @property
    def current(self) -> TLSCredentials:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


@pytest.fixture
def authority() -> CertificateAuthority:
    return CertificateAuthority(now=START)


def serial(end: ssl.SSLObject) -> object:
    certificate = end.getpeercert()
    assert certificate
    return certificate["serialNumber"]


def test_a_server_shows_what_is_current(authority: CertificateAuthority, handshake: Handshake) -> None:
    source = Source(authority)
    server, client = rotating_server_context(source), source.current.client_context()
    _, before = handshake(server, client)
    again = handshake(server, client)[1]
    source.rotate(authority)
    _, after = handshake(server, client)
    assert serial(before) == serial(again) != serial(after)


def test_an_open_connection_outlives_the_rotation(authority: CertificateAuthority) -> None:
    source = Source(authority)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = rotating_server_context(source).wrap_bio(to_server, to_client, server_side=True)
    client = source.current.client_context().wrap_bio(to_client, to_server, server_hostname="provider.virtrigaud.local")
    for _ in range(4):
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    source.rotate(authority)
    server.write(b"still here")
    assert client.read(100) == b"still here"


def test_clients_are_judged_by_the_current_authority(authority: CertificateAuthority, handshake: Handshake) -> None:
    source = Source(authority)
    server, old_client = rotating_server_context(source), source.current.client_context()
    handshake(server, old_client)
    other = CertificateAuthority("New Root", now=START)
    new = source.rotate(other)
    handshake(server, new.client_context())
    shows_old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    shows_old.load_verify_locations(cadata=other.chain[0])
    from virtrigaud_secrets.credentials.tls_contexts import load_certificate
    from virtrigaud_secrets.sensitive import Sensitive

    issued = authority.issue()
    load_certificate(shows_old, issued.chain, Sensitive(issued.private_key))
    with pytest.raises(ssl.SSLError):
        handshake(server, shows_old)


def test_the_last_good_one_serves_while_there_is_no_new_one(
    authority: CertificateAuthority, handshake: Handshake
) -> None:
    source = Source(authority)
    client = source.current.client_context()
    server = rotating_server_context(source)
    source.value = StoreUnavailableError("down")
    handshake(server, client)


def test_a_new_one_without_an_authority_to_judge_by_is_not_taken(
    authority: CertificateAuthority, handshake: Handshake
) -> None:
    source = Source(authority)
    server, client = rotating_server_context(source), source.current.client_context()
    first = serial(handshake(server, client)[1])
    data = {key: value for key, value in authority.issue().data().items() if key != "ca.crt"}
    source.value = TLSCredentials.from_bundle(Bundle(data))
    assert serial(handshake(server, client)[1]) == first


def test_there_has_to_be_one_to_begin_with(authority: CertificateAuthority) -> None:
    source = Source(authority)
    source.value = ConfigurationError("none")
    for make in (rotating_server_context, rotating_client_context, rotating_grpc_server_credentials):
        with pytest.raises(ConfigurationError):
            make(source)


def test_a_client_shows_and_trusts_what_is_current(authority: CertificateAuthority, handshake: Handshake) -> None:
    source = Source(authority)
    client = rotating_client_context(source)
    first, _ = handshake(source.current.server_context(), client)
    source.rotate(CertificateAuthority("New Root", now=START))
    second, _ = handshake(source.current.server_context(), client)
    assert serial(first) != serial(second)
    with pytest.raises(ssl.SSLError):
        handshake(TLSCredentials.from_bundle(Bundle(authority.issue().data())).server_context(), client)


def test_a_library_cannot_switch_verification_off(authority: CertificateAuthority, handshake: Handshake) -> None:
    client = rotating_client_context(Source(authority))
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    stranger = TLSCredentials.from_bundle(Bundle(CertificateAuthority("Stranger", now=START).issue().data()))
    with pytest.raises(ssl.SSLError):
        handshake(stranger.server_context(verify_clients=False), client)


def test_alpn_is_passed_on(authority: CertificateAuthority, handshake: Handshake) -> None:
    source = Source(authority)
    client, server = rotating_client_context(source), source.current.server_context()
    client.set_alpn_protocols(["h2"])
    server.set_alpn_protocols(["h2", "http/1.1"])
    assert handshake(server, client)[1].selected_alpn_protocol() == "h2"


def test_grpc_is_told_of_a_new_one_once(authority: CertificateAuthority, monkeypatch: pytest.MonkeyPatch) -> None:
    grpc = pytest.importorskip("grpc")
    asked: list[Callable[[], object]] = []

    def dynamic(first: object, fetch: Callable[[], object], *, require_client_authentication: bool) -> object:
        assert require_client_authentication
        asked.append(fetch)
        return first

    monkeypatch.setattr(grpc, "dynamic_ssl_server_credentials", dynamic)
    source = Source(authority)
    rotating_grpc_server_credentials(source)
    (fetch,) = asked
    assert fetch() is None
    source.rotate(authority)
    assert isinstance(fetch(), grpc.ServerCertificateConfiguration)
    assert fetch() is None
    source.value = StoreUnavailableError("down")
    assert fetch() is None
