from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest

from virtrigaud_secrets.credentials import VSphereCredentials
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers import VCenter

connect = pytest.importorskip("pyVim.connect", reason="pyvmomi is in the dependency group `tests`")
vim = pytest.importorskip("pyVmomi").vim

# pyVmomi leaves connections to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """What pyVmomi leaves is collected here, and not in somebody else's test."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def vcenter(require: Callable[[str], None]) -> Iterator[VCenter]:
    require(VCenter.missing_reason())
    with VCenter() as server:
        yield server


def login(vcenter: VCenter, password: str, *, user: str = "svc") -> object:
    credentials = VSphereCredentials(
        server=vcenter.address, username=user, password=Sensitive(password), ca=vcenter.ca_pem.decode()
    )
    return connect.SmartConnect(**credentials.smart_connect_arguments())


def test_only_passwords_that_are_good_now_log_in(vcenter: VCenter) -> None:
    vcenter.set_accounts({"svc": [Sensitive("one"), Sensitive("two")], "other": [Sensitive("three")]})
    before = vcenter.logins().get("svc", 0)
    for password in ("one", "two"):
        connect.Disconnect(login(vcenter, password))
    assert vcenter.logins()["svc"] == before + 2
    vcenter.set_accounts({"svc": [Sensitive("two")]})
    for user, password in (("svc", "one"), ("svc", "three"), ("other", "three"), ("svc", "")):
        with pytest.raises(vim.fault.InvalidLogin):
            login(vcenter, password, user=user)


def test_a_session_outlives_its_password_and_not_a_revocation(vcenter: VCenter) -> None:
    vcenter.set_accounts({"svc": [Sensitive("one")]})
    service = login(vcenter, "one")
    vcenter.set_accounts({"svc": [Sensitive("two")]})
    assert service.content.rootFolder.childEntity  # type: ignore[attr-defined]
    vcenter.end_sessions("svc", "nobody")
    with pytest.raises(vim.fault.NotAuthenticated):
        service.content.rootFolder.childEntity  # type: ignore[attr-defined]  # noqa: B018  # the property asks the server


def test_the_rest_endpoint_knows_the_same_accounts(vcenter: VCenter) -> None:
    vcenter.set_accounts({"svc": [Sensitive("one")]})
    credentials = VSphereCredentials(
        server=vcenter.address, username="svc", password=Sensitive("one"), ca=vcenter.ca_pem.decode()
    )
    arguments = credentials.rest_client_arguments()
    session, address = arguments["session"], f"https://{arguments['server']}/rest/com/vmware/cis/session"
    with session:  # type: ignore[attr-defined]
        good = session.post(address, auth=("svc", "one"), timeout=10)  # type: ignore[attr-defined]
        bad = session.post(address, auth=("svc", "two"), timeout=10)  # type: ignore[attr-defined]
    assert (good.status_code, bad.status_code) == (200, 401)


def test_another_authority_is_not_trusted(vcenter: VCenter) -> None:
    import ssl

    from virtrigaud_secrets.testing import CertificateAuthority

    stranger = CertificateAuthority("Stranger").chain[0]
    credentials = VSphereCredentials(server=vcenter.address, username="svc", password=Sensitive("one"), ca=stranger)
    with pytest.raises(ssl.SSLCertVerificationError):
        connect.SmartConnect(**credentials.smart_connect_arguments())
