"""The world that VirtRigaud's guide describes, set up on real servers: mounts, roles, policies, logins and data.

What the guide says is taken over as it stands; what its manifests need besides is added and marked. Servers are
started here and set up here; what is resolved against them is the caller's business.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, cast

from virtrigaud_secrets.errors import MissingDependencyError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import ParameterValue, Settings

if TYPE_CHECKING:
    from virtrigaud_secrets.testing.servers import OpenBao, PostgreSQL, TokenReviewServer

GUIDE_SERVER: Final = "https://vault.example.com:8200"
"""The address that the guide's stores name."""
STORE_NAMESPACE: Final = "virtrigaud-system"
"""Where the guide keeps its stores and their service account."""
SERVICE_ACCOUNT: Final = "external-secrets"
"""The account that the guide's stores log in as."""
ROLES: Final = ("virtrigaud-role", "virtrigaud-cluster-role")
"""Login roles of the guide's SecretStore and ClusterSecretStore."""
APPROLE: Final = "virtrigaud"
"""An AppRole besides, for stores that log in so. Not in the guide."""
COMMON_NAME: Final = "provider.virtrigaud.local"
"""A name that the guide's issuing role allows. The manifest names none and the endpoint needs one."""
CERTIFICATE_LIFE: Final = "72h"
"""Longer than the day below which validation warns."""
SERVICE_ACCOUNT_TOKEN_LIFE: Final = timedelta(days=1)
"""Longer than anybody keeps these servers up. A kubelet would renew the token every hour."""
DATABASE_OWNER: Final = "openbao"
"""PostgreSQL role that makes and drops the dynamic logins."""

GUIDE_POLICY: Final = """\
# Vault policy for VirtRigaud secrets
path "secret/data/virtrigaud/*" {
  capabilities = ["read"]
}

path "secret/data/providers/*" {
  capabilities = ["read"]
}

# Dynamic database credentials
path "database/creds/readonly" {
  capabilities = ["read"]
}

# PKI for TLS certificates
path "pki/issue/virtrigaud" {
  capabilities = ["create", "update"]
}
"""
"""The guide's policy, as it stands."""

MISSING_POLICY: Final = """\
# Read by the guide's manifests and not covered by the guide's policy.
path "vsphere/creds/dynamic-role" {
  capabilities = ["read"]
}

path "secret/data/vsphere/static" {
  capabilities = ["read"]
}

path "secret/data/libvirt/ssh" {
  capabilities = ["read"]
}
"""
"""What the guide's manifests need in addition, and nothing more."""

CREATE_LOGIN: Final = "CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"
"""How a dynamic login is made."""
DROP_LOGIN: Final = 'DROP ROLE IF EXISTS "{{name}}"'
"""How it ends."""

PKI_ROLE: Final[Mapping[str, object]] = MappingProxyType(
    {
        "allowed_domains": "virtrigaud.local,provider-service",
        "allow_subdomains": True,
        "max_ttl": "8760h",
        "generate_lease": True,
    }
)
"""The guide's issuing role, as it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideWorld:
    """The servers, and how to reach them as a provider's pod would."""

    openbao: OpenBao = field(repr=False)
    """The secret server."""
    postgres: PostgreSQL = field(repr=False)
    """The database whose logins are dynamic."""
    cluster: TokenReviewServer = field(repr=False)
    """What vouches for service accounts, in place of a cluster."""
    manifests: Path
    """Directory with the guide's Vault manifests, as written."""
    service_account_directory: Path
    """Directory with `token`, `namespace` and `ca.crt`, as a pod has it."""
    approle_id: str
    """RoleID of `APPROLE`."""
    approle_secret_id: Sensitive = field(repr=False)
    """SecretID of `APPROLE`."""
    directory: Path
    """Private directory that goes with the servers."""
    audit_start: int
    """How many audit entries the set-up made: those after are the callers'."""

    @property
    def endpoints(self) -> Mapping[str, str]:
        """The guide's server address → the real one."""
        return {GUIDE_SERVER: self.openbao.address}

    @property
    def parameters(self) -> Mapping[str, Mapping[str, ParameterValue]]:
        """What the guide's certificate manifest does not say and the issuing endpoint needs."""
        return {"pki/issue/virtrigaud": {"common_name": COMMON_NAME, "ttl": CERTIFICATE_LIFE}}

    def settings(self) -> Settings:
        """Settings under which the guide's manifests resolve as written."""
        return Settings(
            endpoints=self.endpoints,
            ca_file=self.openbao.ca_file,
            parameters=self.parameters,
            service_account_tokens="projected",
            service_account_directory=self.service_account_directory,
        )

    def save_root_token(self) -> Path:
        """Write the token that may do everything to a file that only its owner can read, and return where."""
        return _write(self.directory / "root-token", self.openbao.root_token.reveal())


def missing_reason() -> str:
    """Why the servers cannot be started here; empty if they can."""
    from virtrigaud_secrets.testing.servers import OpenBao, PostgreSQL

    return OpenBao.missing_reason() or PostgreSQL.missing_reason()


@contextmanager
def guide_world(
    *,
    lease: timedelta = timedelta(hours=1),
    longest_lease: timedelta = timedelta(hours=24),
    on_step: Callable[[str], None] = lambda _: None,
) -> Generator[GuideWorld]:
    """Start all servers, set them up, and end them with the block.

    Args:
        lease: how long a dynamic login lives unless renewed.
        longest_lease: how long it lives at most.
        on_step: told what happens next, for a progress display.

    Raises:
        MissingDependencyError: a server is not installed.
        LocalServerError: a server does not start, or refuses the set-up.
    """
    from virtrigaud_secrets.testing.servers import OpenBao, PostgreSQL, TokenReviewServer
    from virtrigaud_secrets.testing.servers.processes import Workspace

    reason = missing_reason()
    if reason:
        raise MissingDependencyError(f"starting the guide's servers ({reason})", extra="demo")
    openbao, postgres = OpenBao(), PostgreSQL()
    with ExitStack() as stack, ThreadPoolExecutor(max_workers=2, thread_name_prefix="start-server") as starters:
        # An interrupt while the servers start must neither wait for them nor leave one: close what is there, which
        # makes the starters fail, wait for these, and close what they made in the meantime.
        end_starters = partial(starters.shutdown, wait=True, cancel_futures=True)
        for step in (openbao.close, postgres.close, end_starters, openbao.close, postgres.close):
            stack.callback(step)
        on_step("starting OpenBao and PostgreSQL")
        started: list[Future[object]] = [starters.submit(openbao.start), starters.submit(postgres.start)]
        cluster = stack.enter_context(TokenReviewServer())
        directory = stack.enter_context(Workspace())
        for future in started:
            future.result()
        on_step("setting up mounts, roles, policies and data")
        yield _set_up(openbao, postgres, cluster, directory.path, lease=lease, longest_lease=longest_lease)


def _set_up(
    openbao: OpenBao,
    postgres: PostgreSQL,
    cluster: TokenReviewServer,
    directory: Path,
    *,
    lease: timedelta,
    longest_lease: timedelta,
) -> GuideWorld:
    _mount_secrets(openbao)
    _mount_issuer(openbao)
    _mount_database(openbao, postgres, lease=lease, longest_lease=longest_lease)
    openbao.ask("PUT", "sys/policies/acl/virtrigaud", {"policy": f"{GUIDE_POLICY}\n{MISSING_POLICY}"})
    _allow_service_account(openbao, cluster)
    role_id, secret_id = _allow_approle(openbao)
    return GuideWorld(
        openbao=openbao,
        postgres=postgres,
        cluster=cluster,
        manifests=Path(str(files("virtrigaud_secrets.testing"))) / "guide",
        service_account_directory=_project_service_account(cluster, directory),
        approle_id=role_id,
        approle_secret_id=secret_id,
        directory=directory,
        audit_start=len(openbao.audit_entries()),
    )


def _mount_secrets(openbao: OpenBao) -> None:
    openbao.mount_versioned_kv("secret")
    for path, data in _static_data().items():
        openbao.ask("POST", path, {"data": data})


def _static_data() -> dict[str, dict[str, str]]:
    from virtrigaud_secrets.testing.keys import known_hosts_line, ssh_key
    from virtrigaud_secrets.testing.servers.certificates import Authority

    login, host = ssh_key(comment="virtrigaud"), ssh_key(comment="")
    vcenter_ca = Authority.create("vCenter CA").pem
    return {
        "secret/data/providers/vsphere": {
            "username": "virtrigaud@vsphere.local",
            "password": secrets.token_urlsafe(24),
            "server": "vcenter.virtrigaud.local",
            "ca_cert": base64.b64encode(vcenter_ca).decode(),
        },
        "secret/data/vsphere/static": {"server": "vcenter.virtrigaud.local"},
        "secret/data/libvirt/ssh": {
            "private_key": login.private,
            "public_key": login.public,
            "known_hosts": known_hosts_line(host, "kvm.virtrigaud.local") + "\n",
        },
    }


def _mount_issuer(openbao: OpenBao) -> None:
    openbao.ask("POST", "sys/mounts/pki", {"type": "pki", "config": {"max_lease_ttl": "87600h"}})
    root = {"common_name": "virtrigaud.local", "ttl": "87600h", "key_type": "ec", "key_bits": 256}
    openbao.ask("POST", "pki/root/generate/internal", root)
    openbao.ask("POST", "pki/roles/virtrigaud", PKI_ROLE)


def _mount_database(openbao: OpenBao, postgres: PostgreSQL, *, lease: timedelta, longest_lease: timedelta) -> None:
    first_password = secrets.token_hex(24)
    postgres.query(f"CREATE ROLE {DATABASE_OWNER} WITH LOGIN CREATEROLE PASSWORD '{first_password}'")
    openbao.ask("POST", "sys/mounts/vsphere", {"type": "database"})
    address = f"{postgres.host}:{postgres.port}"
    connection = {
        "plugin_name": "postgresql-database-plugin",
        "allowed_roles": ["dynamic-role"],
        "connection_url": f"postgresql://{{{{username}}}}:{{{{password}}}}@{address}/postgres?sslmode=disable",
        "username": DATABASE_OWNER,
        "password": first_password,
        "password_authentication": "scram-sha-256",
    }
    openbao.ask("POST", "vsphere/config/inventory", connection)
    openbao.ask("POST", "vsphere/rotate-root/inventory")  # from here on only OpenBao knows that role's password
    role = {
        "db_name": "inventory",
        "creation_statements": [CREATE_LOGIN],
        "revocation_statements": [DROP_LOGIN],
        "default_ttl": f"{lease.total_seconds():.0f}s",
        "max_ttl": f"{longest_lease.total_seconds():.0f}s",
    }
    openbao.ask("POST", "vsphere/roles/dynamic-role", role)


def _allow_service_account(openbao: OpenBao, cluster: TokenReviewServer) -> None:
    from virtrigaud_secrets.testing.servers.service_account_tokens import ISSUER

    openbao.ask("POST", "sys/auth/kubernetes", {"type": "kubernetes"})
    reviewer = {
        "kubernetes_host": cluster.address,
        "kubernetes_ca_cert": cluster.ca_pem.decode(),
        "token_reviewer_jwt": cluster.reviewer_token.reveal_text(),
        "disable_local_ca_jwt": True,
    }
    openbao.ask("POST", "auth/kubernetes/config", reviewer)
    for role in ROLES:
        bound = {
            "bound_service_account_names": [SERVICE_ACCOUNT],
            "bound_service_account_namespaces": [STORE_NAMESPACE],
            "audience": ISSUER,
            "token_policies": ["virtrigaud"],
            "token_ttl": "1h",
        }
        openbao.ask("POST", f"auth/kubernetes/role/{role}", bound)


def _allow_approle(openbao: OpenBao) -> tuple[str, Sensitive]:
    openbao.ask("POST", "sys/auth/approle", {"type": "approle"})
    role = f"auth/approle/role/{APPROLE}"
    openbao.ask("POST", role, {"token_policies": ["virtrigaud"], "token_ttl": "1h"})
    role_id = cast("dict[str, object]", openbao.ask("GET", f"{role}/role-id")["data"])
    secret_id = cast("dict[str, object]", openbao.ask("POST", f"{role}/secret-id")["data"])
    return str(role_id["role_id"]), Sensitive(str(secret_id["secret_id"]))


def _project_service_account(cluster: TokenReviewServer, directory: Path) -> Path:
    token = cluster.token(SERVICE_ACCOUNT, STORE_NAMESPACE, life=SERVICE_ACCOUNT_TOKEN_LIFE)
    contents = {"token": token.reveal(), "namespace": STORE_NAMESPACE.encode(), "ca.crt": cluster.ca_pem}
    place = directory / "serviceaccount"
    place.mkdir(mode=0o700)
    for name, content in contents.items():
        _write(place / name, content)
    return place


def _write(path: Path, content: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path
