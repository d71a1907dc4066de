"""The REST SDK's arguments, at a vCenter whose certificate only the manifest's authority has signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from virtrigaud_secrets.bundle import Bundle
from virtrigaud_secrets.credentials import VSphereCredentials
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing import CertificateAuthority
from virtrigaud_secrets.testing.servers import VCenter

USER = "svc@vsphere.local"
pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")
"""The SDK reads its own resources in a deprecated way."""


@pytest.fixture
def vcenter(require: Callable[[str], None]) -> Iterator[VCenter]:
    require(VCenter.missing_reason())
    with VCenter() as server:
        server.set_accounts({USER: [Sensitive("canary-1")]})
        yield server


def credentials(vcenter: VCenter, password: str = "canary-1", ca: bytes = b"") -> VSphereCredentials:
    data = {"server": vcenter.address.encode(), "username": USER.encode(), "password": password.encode()}
    return VSphereCredentials.from_bundle(Bundle({**data, "ca.crt": ca or vcenter.ca_pem}))


def test_the_sdk_logs_in_and_trusts_the_manifests_authority_alone(vcenter: VCenter) -> None:
    client = pytest.importorskip("vmware.vapi.vsphere.client", reason="vmware-vcenter is in the dependency group")
    requests = pytest.importorskip("requests")
    made = client.create_vsphere_client(**credentials(vcenter).rest_client_arguments())
    with made.session:
        assert made.session_id
    arguments = credentials(vcenter, ca=CertificateAuthority("Another").chain[0].encode()).rest_client_arguments()
    with arguments["session"], pytest.raises(requests.exceptions.SSLError):  # type: ignore[attr-defined]
        client.create_vsphere_client(**arguments)


def test_a_session_by_rest_for_the_password_in_force(vcenter: VCenter) -> None:
    # The simulator looks at passwords here, and not where the SDK logs in.
    def log_in(password: str) -> int:
        arguments = credentials(vcenter, password).rest_client_arguments()
        basic = (arguments["username"], arguments["password"])
        with arguments["session"] as session:  # type: ignore[attr-defined]
            base = f"https://{arguments['server']}/rest/com/vmware/cis"
            answer = session.post(f"{base}/session", auth=basic, timeout=10)
            if answer.ok:
                named = {"vmware-api-session-id": answer.json()["value"]}
                assert session.get(f"{base}/tagging/category", headers=named, timeout=10).ok
            return int(answer.status_code)

    assert (log_in("canary-1"), log_in("canary-2")) == (200, 401)
    vcenter.set_accounts({USER: [Sensitive("canary-2")]})
    assert (log_in("canary-1"), log_in("canary-2")) == (401, 200)
