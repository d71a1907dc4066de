"""The gRPC example: its certificate from pki/issue/virtrigaud rotates while a stream is open."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.credentials import TLSCredentials
from virtrigaud_secrets.testing.guide_setup import COMMON_NAME, GuideWorld

grpc = pytest.importorskip("grpc", reason="grpcio is in the dependency group `tests`")


def own_certificate(world: GuideWorld) -> TLSCredentials:
    """A client's certificate of the same issuer."""
    with Resolver.from_path(world.manifests, settings=world.settings()) as resolver:
        resolver_bundle = resolver.resolve("provider-tls-certs", namespace="provider-namespace")
        credentials = TLSCredentials.from_bundle(resolver_bundle)
        resolver.close(revoke=False)  # the certificate is used after this
    return credentials


def shown_serial(port: int, credentials: TLSCredentials) -> object:
    """The serial number of the certificate that a new connection is shown."""
    context = credentials.client_context()
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
        context.wrap_socket(connection, server_hostname=COMMON_NAME) as secured,
    ):
        certificate = secured.getpeercert()
    assert certificate
    return certificate["serialNumber"]


def test_an_open_stream_outlives_the_certificate_it_began_with(
    guide_world: GuideWorld, start: Callable[..., object]
) -> None:
    # Issued for twenty seconds: half a minute of test sees two rotations.
    example = start("tls-server", "server.py", replaced={'"ttl": "72h"': '"ttl": "20s"'})
    example.wait_for_line("^[0-9]+$")  # type: ignore[attr-defined]
    port = int(example.output[0])  # type: ignore[attr-defined]
    client = own_certificate(guide_world)
    options = (("grpc.ssl_target_name_override", COMMON_NAME),)
    with grpc.secure_channel(f"127.0.0.1:{port}", client.grpc_channel_credentials(), options) as channel:
        watch = channel.unary_stream("/example.Provider/Watch")
        stream = watch(b"", timeout=60)
        next(stream)
        first = shown_serial(port, client)
        serials = {first}
        for count, _ in enumerate(stream):
            if count % 5 == 0:
                serials.add(shown_serial(port, client))
            if len(serials) > 2:
                break
        assert len(serials) > 2, "the stream ended before the certificate rotated twice"
        stream.cancel()
    assert client.authority is not None
    anonymous = grpc.ssl_channel_credentials(root_certificates=client.authority.encode())
    with grpc.secure_channel(f"127.0.0.1:{port}", anonymous, options) as channel, pytest.raises(grpc.RpcError):
        next(channel.unary_stream("/example.Provider/Watch")(b"", timeout=10))
    assert example.stop() == 0  # type: ignore[attr-defined]
    # gRPC's core itself tells of the client without a certificate, on its own log.
    assert not [line for line in example.errors if "handshake" not in line.lower()], example.errors  # type: ignore[attr-defined]
