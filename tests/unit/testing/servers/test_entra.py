from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from virtrigaud_secrets.testing import CertificateAuthority, ManualClock
from virtrigaud_secrets.testing.servers.entra import ASSERTION_TYPE, EXCHANGE_AUDIENCE, Entra
from virtrigaud_secrets.testing.servers.service_account_tokens import ServiceAccount, TokenSigner

VAULTS = "https://vault.azure.net"
ACCOUNT = ServiceAccount("provider", "team")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def entra(clock: ManualClock) -> Entra:
    made = Entra("tenant", VAULTS, clock=clock, life=timedelta(hours=1))
    made.add_secret("app", "right")
    return made


def form(**fields: str) -> dict[str, str]:
    return {"grant_type": "client_credentials", "client_id": "app", "scope": f"{VAULTS}/.default"} | fields


def asserted(assertion: str, **fields: str) -> dict[str, str]:
    return form(client_assertion=assertion, client_assertion_type=ASSERTION_TYPE, **fields)


def codes(answer: tuple[HTTPStatus, Mapping[str, object]]) -> object:
    assert answer[0] >= HTTPStatus.BAD_REQUEST
    return answer[1]["error_codes"]


def test_a_right_secret_gives_a_token_for_a_time(entra: Entra, clock: ManualClock) -> None:
    status, body = entra.login("tenant", form(client_secret="right"))
    assert status == HTTPStatus.OK
    token = str(body["access_token"])
    assert entra.holder(token) == "app"
    clock.advance(timedelta(hours=1))
    assert entra.holder(token) == ""


def test_revoking_ends_all_tokens(entra: Entra) -> None:
    token = str(entra.login("tenant", form(client_secret="right"))[1]["access_token"])
    entra.revoke()
    assert entra.holder(token) == ""
    assert entra.holder("") == ""


@pytest.mark.parametrize(
    ("tenant", "fields", "code"),
    [
        ("tenant", {"client_secret": "wrong"}, 7000215),
        ("tenant", {}, 7000215),
        ("tenant", {"client_secret": "right", "client_id": "nobody"}, 700016),
        ("tenant", {"client_secret": "right", "grant_type": "password"}, 700016),
        ("tenant", {"client_secret": "right", "scope": "https://other/.default"}, 500011),
        ("other", {"client_secret": "right"}, 90002),
        ("tenant", {"client_assertion": "x", "client_assertion_type": ASSERTION_TYPE}, 70021),
    ],
)
def test_what_is_refused(entra: Entra, tenant: str, fields: dict[str, str], code: int) -> None:
    assert codes(entra.login(tenant, form(**fields))) == [code]


def test_an_application_without_a_secret_takes_none(entra: Entra) -> None:
    entra.federate("federated", TokenSigner(), ACCOUNT)
    assert codes(entra.login("tenant", form(client_id="federated", client_secret=""))) == [7000215]


def test_a_service_accounts_token(entra: Entra, clock: ManualClock) -> None:
    signer = TokenSigner(clock=clock)
    entra.federate("federated", signer, ACCOUNT)

    def ask(by: TokenSigner, account: ServiceAccount, audience: str) -> tuple[HTTPStatus, Mapping[str, object]]:
        token = by.sign(account, audiences=[audience]).reveal_text()
        return entra.login("tenant", asserted(token, client_id="federated"))

    assert ask(signer, ACCOUNT, EXCHANGE_AUDIENCE)[0] == HTTPStatus.OK
    assert codes(ask(signer, ACCOUNT, "vault")) == [700212]
    assert codes(ask(signer, ServiceAccount("other", "team"), EXCHANGE_AUDIENCE)) == [70021]
    assert codes(ask(TokenSigner(clock=clock), ACCOUNT, EXCHANGE_AUDIENCE)) == [70021]


def signed(pem: str, claims: Mapping[str, object], algorithm: str = "RS256") -> str:
    """A token as a client makes one with its certificate's key."""
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    parts = (json.dumps(part).encode() for part in ({"alg": algorithm}, claims))
    text = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    scheme = (
        padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32) if algorithm == "PS256" else padding.PKCS1v15()
    )
    signature = key.sign(text.encode(), scheme, hashes.SHA256())
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_a_certificate(entra: Entra, clock: ManualClock) -> None:
    issued = CertificateAuthority().issue("app", algorithm="rsa")
    other = CertificateAuthority().issue("app", algorithm="rsa")
    entra.add_certificate("certified", issued.certificate)
    now = clock.now().timestamp()
    good: dict[str, object] = {"iss": "certified", "sub": "certified", "exp": now + 60}

    def ask(assertion: str) -> tuple[HTTPStatus, Mapping[str, object]]:
        return entra.login("tenant", asserted(assertion, client_id="certified"))

    for algorithm in ("RS256", "PS256"):
        assert ask(signed(issued.private_key, good, algorithm))[0] == HTTPStatus.OK
    for bad in (
        signed(other.private_key, good),
        signed(issued.private_key, good | {"exp": now - 1}),
        signed(issued.private_key, good | {"iss": "other"}),
        "no token",
    ):
        assert codes(ask(bad)) == [700027]


def test_managed_identities(entra: Entra) -> None:
    header = {"Metadata": "true"}
    wanted = {"resource": VAULTS}
    assert entra.managed_identity(wanted, header)[0] == HTTPStatus.BAD_REQUEST
    entra.add_identity()
    entra.add_identity("second")
    for query, client in ((wanted, "system-assigned"), (wanted | {"client_id": "second"}, "second")):
        status, body = entra.managed_identity(query, header)
        assert status == HTTPStatus.OK
        assert entra.holder(str(body["access_token"])) == client
    assert entra.managed_identity(wanted | {"client_id": "third"}, header)[0] == HTTPStatus.BAD_REQUEST
    assert entra.managed_identity(wanted, {})[0] == HTTPStatus.BAD_REQUEST
    assert entra.managed_identity({}, header)[0] == HTTPStatus.BAD_REQUEST


def test_a_token_for_something_else_opens_no_vault(entra: Entra) -> None:
    entra.add_identity()
    _, body = entra.managed_identity({"resource": "https://management.azure.com"}, {"Metadata": "true"})
    assert entra.holder(str(body["access_token"])) == ""


def test_discovery_names_the_server_that_was_asked(entra: Entra) -> None:
    _, body = entra.discovery("tenant", "https://login.example")
    assert body["token_endpoint"] == "https://login.example/tenant/oauth2/v2.0/token"
