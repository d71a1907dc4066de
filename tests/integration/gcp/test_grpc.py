"""Google's client as it comes, over gRPC, against the stand-in. In another process: gRPC's threads outlive a test."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

PROGRAM = """
import grpc
from google.api_core import exceptions
from google.cloud import secretmanager_v1
from google.cloud.secretmanager_v1.services.secret_manager_service.transports.grpc import (
    SecretManagerServiceGrpcTransport,
)
from virtrigaud_secrets.testing.servers.google_identity import Machine
from virtrigaud_secrets.testing.servers.secret_manager import SecretManager
from virtrigaud_secrets.testing.servers.secret_manager_grpc import SecretManagerGrpc

google = SecretManager()
google.identity.machine = Machine("p", "me@p")
path = "/computeMetadata/v1/instance/service-accounts/default/token"
(_, body), _ = google.answer("GET", path, {"Metadata-Flavor": "Google"}, b"")
login = [("authorization", "Bearer " + body["access_token"])]
for number in range(3):
    google.secrets.add("p", f"k{number}", "value", labels={"a": "b"})
google.secrets.add("p", "k0", "newer")
with SecretManagerGrpc(google) as server:
    with grpc.secure_channel(server.address, grpc.ssl_channel_credentials(google.ca_pem)) as channel:
        client = secretmanager_v1.SecretManagerServiceClient(
            transport=SecretManagerServiceGrpcTransport(channel=channel)
        )
        name = "projects/p/secrets/k0"
        got = client.access_secret_version({"name": name + "/versions/latest"}, metadata=login)
        assert (got.payload.data, got.name.rpartition("/")[2]) == (b"newer", "2")
        assert got.payload.data_crc32c
        assert dict(client.get_secret({"name": name}, metadata=login).labels) == {"a": "b"}
        listed = list(client.list_secrets({"parent": "projects/p", "page_size": 2}, metadata=login))
        assert len(listed) == 3
        google.secrets.set_state("p", "k0", "2", "DISABLED")
        versions = list(client.list_secret_versions({"parent": name, "filter": "state:ENABLED"}, metadata=login))
        assert [version.name.rpartition("/")[2] for version in versions] == ["1"]
        for version, kind in (("latest", exceptions.FailedPrecondition), ("9", exceptions.NotFound)):
            try:
                client.access_secret_version({"name": f"{name}/versions/{version}"}, metadata=login)
            except kind:
                continue
            raise SystemExit(f"no {kind} for {version}")
        try:
            client.get_secret({"name": name})
        except exceptions.Unauthenticated:
            print("done")
"""


def test_the_clients_default_transport_is_answered():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60)
    assert (run.stdout, run.returncode) == ("done\n", 0), run.stderr[-2000:]
