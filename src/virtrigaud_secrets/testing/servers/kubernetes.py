"""A real kube-apiserver with its etcd on loopback: RBAC on, service account tokens signed, no controllers, no nodes.

What runs without controllers: Secrets, ConfigMaps, RBAC, TokenRequest, TokenReview, custom resources. What does not:
default service accounts, garbage collection, anything about pods.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import shutil
import ssl
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import ClassVar, Final, cast

from virtrigaud_secrets.errors import LocalServerError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers.certificates import Authority, IssuedCertificate
from virtrigaud_secrets.testing.servers.processes import (
    PORT_ATTEMPTS,
    ServerProcess,
    Workspace,
    WorkspaceServer,
    free_port,
)
from virtrigaud_secrets.testing.servers.service_account_tokens import ISSUER

ASSETS_VARIABLE: Final = "KUBEBUILDER_ASSETS"
"""Environment variable with a directory of control plane programs, as Kubernetes' own test tools use it."""
CACHE_DIRECTORY: Final = Path("virtrigaud-secrets") / "kube-apiserver"
"""Below the user's cache: one directory per version, filled by `tests/tools/build-kube-apiserver`."""
START_TIMEOUT: Final = timedelta(seconds=120)
"""For a server to be ready: eight seconds usually; a busy machine with a cold disk takes many times that."""
REQUEST_TIMEOUT: Final = 30
"""Seconds that one set-up request may take."""

_RESOURCES: Final = {
    "ConfigMap": "api/v1/namespaces/{}/configmaps",
    "Namespace": "api/v1/namespaces",
    "Secret": "api/v1/namespaces/{}/secrets",
    "ServiceAccount": "api/v1/namespaces/{}/serviceaccounts",
    "ClusterRole": "apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "Role": "apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
}
"""Kind → path to create one at."""


class KubernetesAPI(WorkspaceServer):
    """An empty cluster of its own, from `with` to the end of the block.

    ```python
    with KubernetesAPI() as cluster:
        cluster.create("Namespace", "vsphere-providers")
        cluster.create("Secret", "vsphere", namespace="vsphere-providers", stringData={"username": "administrator"})
        settings = Settings(kubeconfig=cluster.kubeconfig())
    ```
    """

    title: ClassVar[str] = "kube-apiserver"

    def __init__(self, *, apiserver: Path | None = None, etcd: Path | None = None) -> None:
        """Nothing is started yet.

        Args:
            apiserver: the `kube-apiserver` program; found by itself otherwise.
            etcd: the `etcd` program; found by itself otherwise.
        """
        super().__init__()
        self._programs: Final = {"kube-apiserver": apiserver, "etcd": etcd}
        self._process: ServerProcess | None = None
        self._authority: Final = Authority.create("virtrigaud-secrets Kubernetes test CA")
        self._admin_token: Final = Sensitive(secrets.token_urlsafe(32))
        self._port = 0
        self._storage = ""
        self._files = 0

    @staticmethod
    def missing_reason(*, apiserver: Path | None = None, etcd: Path | None = None) -> str:
        """Why no server can be started here; empty if one can."""
        missing: list[str] = []
        if _find("kube-apiserver", apiserver) is None:
            missing.append("no kube-apiserver: run tests/tools/build-kube-apiserver (needs Go)")
        if _find("etcd", etcd) is None:
            missing.append("no etcd: install Debian's etcd-server")
        return f"{'; '.join(missing)}, or name a directory with both in {ASSETS_VARIABLE}" if missing else ""

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"https://127.0.0.1:{self._port}"

    @property
    def ca_pem(self) -> bytes:
        """The authority to trust for it. It also vouches for clients: see `issue_client_certificate`."""
        return self._authority.pem

    @property
    def admin_token(self) -> Sensitive:
        """The token of a member of `system:masters`. For set-up only."""
        return self._admin_token

    @property
    def process(self) -> ServerProcess:
        """The running kube-apiserver: to freeze or kill it.

        Raises:
            LocalServerError: it was not started.
        """
        if self._process is None:
            raise LocalServerError("kube-apiserver is not running: use it in a with block")
        return self._process

    def launch(self, workspace: Workspace) -> None:
        """Start etcd and kube-apiserver."""
        programs = {name: _find(name, given) for name, given in self._programs.items()}
        if reason := self.missing_reason(apiserver=programs["kube-apiserver"], etcd=programs["etcd"]):
            raise LocalServerError(reason)
        self._write_credentials(workspace)
        self._storage = self._start_etcd(workspace, str(programs["etcd"]))
        self._start_apiserver(workspace, str(programs["kube-apiserver"]), self._storage)

    def restart(self) -> None:
        """Start kube-apiserver anew on the same port, with what etcd keeps. It may have been stopped or killed before.

        Raises:
            LocalServerError: it was not started, or does not start.
        """
        program = _find("kube-apiserver", self._programs["kube-apiserver"])
        if program is None:
            raise LocalServerError(self.missing_reason(apiserver=self._programs["kube-apiserver"]))
        self.process.stop()
        self._start_apiserver(self.workspace, str(program), self._storage, port=self._port)

    def ask(
        self, method: str, path: str, body: Mapping[str, object] | None = None, *, token: Sensitive | None = None
    ) -> dict[str, object]:
        """Send one request and return the answer's JSON. For set-up, as the administrator unless told otherwise.

        Raises:
            LocalServerError: the server refused; with the reason's name, which carries no value.
        """
        status, answer = self._exchange(method, path, body, self._admin_token if token is None else token)
        if status >= http.HTTPStatus.BAD_REQUEST:
            raise LocalServerError(f"kube-apiserver answers {status} to {method} {path}: {answer.get('reason')}")
        return answer

    def create(self, kind: str, name: str, *, namespace: str = "", **content: object) -> dict[str, object]:
        """Create an object: `content` is what stands beside `metadata`.

        Raises:
            LocalServerError: the server refused.
        """
        path = _RESOURCES[kind].format(namespace)
        version = path.partition("/namespaces")[0] if "/namespaces" in path else path.rpartition("/")[0]
        metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
        group_version = version.removeprefix("apis/").removeprefix("api/")
        return self.ask("POST", path, {"apiVersion": group_version, "kind": kind, "metadata": metadata, **content})

    def grant(self, subject: Mapping[str, str], *, namespace: str, resource: str, verbs: tuple[str, ...]) -> None:
        """Let a subject of RBAC (`{"kind": "User", "name": "alice"}`) do `verbs` to a resource of the core group.

        Returns when the server acts by it: its authorizer learns of roles a moment after they are stored.

        Raises:
            LocalServerError: the server refused.
        """
        name = f"grant-{secrets.token_hex(4)}"
        rule = {"apiGroups": [""], "resources": [resource], "verbs": list(verbs)}
        self.create("Role", name, namespace=namespace, rules=[rule])
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
        self.create("RoleBinding", name, namespace=namespace, roleRef=role, subjects=[dict(subject)])
        kind, _, part = resource.partition("/")
        for verb in verbs:
            wanted = {"namespace": namespace, "verb": verb, "resource": kind, "subresource": part}
            self.process.wait_until(partial(self._allows, subject, wanted), timeout=START_TIMEOUT)

    def _allows(self, subject: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
        user = subject["name"]
        if subject["kind"] == "ServiceAccount":
            user = f"system:serviceaccount:{subject['namespace']}:{user}"
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview"}
        spec = {"user": user, "resourceAttributes": dict(wanted)}
        path = "apis/authorization.k8s.io/v1/subjectaccessreviews"
        answer = self.ask("POST", path, {**review, "spec": spec})
        return cast("dict[str, object]", answer["status"]).get("allowed") is True

    def service_account_token(self, name: str, *, namespace: str, audiences: tuple[str, ...] = ()) -> Sensitive:
        """A token of a service account.

        Raises:
            LocalServerError: there is no such account.
        """
        path = f"api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        kind = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
        answer = self.ask("POST", path, {**kind, "spec": {"audiences": list(audiences), "expirationSeconds": 3600}})
        return Sensitive(str(cast("dict[str, object]", answer["status"])["token"]))

    def service_account_directory(self, name: str, *, namespace: str) -> Path:
        """A directory such as a pod of that account has: `token`, `ca.crt`, `namespace`.

        Raises:
            LocalServerError: there is no such account.
        """
        prefix = self._fresh_name("pod")
        (self._directory / prefix).mkdir(mode=0o700)
        token = self.service_account_token(name, namespace=namespace)
        for file, content in (("token", token.reveal()), ("ca.crt", self.ca_pem), ("namespace", namespace.encode())):
            self._write(f"{prefix}/{file}", content)
        return self._directory / prefix

    def issue_client_certificate(self, user: str) -> IssuedCertificate:
        """A certificate that logs in as `user`, who may do nothing until granted."""
        return self._authority.issue([user])

    def kubeconfig(self, *, token: Sensitive | None = None, certificate: IssuedCertificate | None = None) -> Path:
        """A new kubeconfig file: of the administrator, unless given somebody's token or certificate."""
        user: dict[str, str] = {}
        if certificate is not None:
            user["client-certificate-data"] = _base64(certificate.certificate)
            user["client-key-data"] = _base64(certificate.key.reveal())
        else:
            user["token"] = (self._admin_token if token is None else token).reveal_text()
        cluster = {"server": self.address, "certificate-authority-data": _base64(self.ca_pem)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }
        return self._write(self._fresh_name("kubeconfig"), json.dumps(document).encode())

    @property
    def _directory(self) -> Path:
        return self.workspace.path

    def _write(self, name: str, content: bytes) -> Path:
        return self.workspace.write(name, content)

    def _fresh_name(self, prefix: str) -> str:
        self._files += 1
        return f"{prefix}-{self._files}"

    def _write_credentials(self, workspace: Workspace) -> None:
        """TLS of both servers, etcd's client, the administrator and the key that signs tokens."""
        issued = self._authority.issue()
        workspace.write("ca.pem", self._authority.pem)
        workspace.write("tls.crt", issued.certificate)
        workspace.write("tls.key", issued.key.reveal())
        workspace.write("service-account.key", _signing_key())
        admin = self._admin_token.reveal_text()
        workspace.write("tokens.csv", f'{admin},admin,admin,"system:masters"\n')

    def _start_etcd(self, workspace: Workspace, program: str) -> str:
        """Start etcd and return its address."""
        tls = ["--cert-file=tls.crt", "--key-file=tls.key", "--client-cert-auth", "--trusted-ca-file=ca.pem"]
        for _ in range(PORT_ATTEMPTS):
            address, peers = f"https://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
            listen = [f"--listen-client-urls={address}", f"--advertise-client-urls={address}"]
            # Peers are the others of a cluster of one. etcd insists on an address all the same.
            listen += [f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}"]
            process = workspace.start(
                "etcd", [program, "--data-dir=etcd", f"--initial-cluster=default={peers}", *listen, *tls]
            )
            if _ready_or_port_taken(process, "ready to serve client requests"):
                return address
        raise LocalServerError("etcd found no free port")

    def _start_apiserver(self, workspace: Workspace, program: str, storage: str, *, port: int = 0) -> None:
        options = {
            "etcd-servers": storage,
            "etcd-cafile": "ca.pem",
            "etcd-certfile": "tls.crt",
            "etcd-keyfile": "tls.key",
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            "endpoint-reconciler-type": "none",
            "tls-cert-file": "tls.crt",
            "tls-private-key-file": "tls.key",
            "client-ca-file": "ca.pem",
            "token-auth-file": "tokens.csv",
            "anonymous-auth": "false",
            "authorization-mode": "RBAC",
            "service-account-issuer": ISSUER,
            "service-account-key-file": "service-account.key",
            "service-account-signing-key-file": "service-account.key",
            "service-cluster-ip-range": "10.0.0.0/24",
        }
        for _ in range(PORT_ATTEMPTS):
            self._port = port or free_port()
            flags = [f"--{name}={value}" for name, value in options.items()]
            process = workspace.start("kube-apiserver", [program, *flags, f"--secure-port={self._port}"])
            self._process = process
            try:
                process.wait_until(self._ready, timeout=START_TIMEOUT)
            except LocalServerError:
                if process.logged("address already in use"):
                    continue
                raise
            return
        raise LocalServerError("kube-apiserver found no free port")

    def _ready(self) -> bool:
        try:
            return self._exchange("GET", "readyz", None, self._admin_token)[0] == http.HTTPStatus.OK
        except LocalServerError:
            return False

    def _exchange(
        self, method: str, path: str, body: Mapping[str, object] | None, token: Sensitive
    ) -> tuple[int, dict[str, object]]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token.reveal_text()}"}
        context = ssl.create_default_context(cadata=self.ca_pem.decode())
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, timeout=REQUEST_TIMEOUT, context=context)
        try:
            with closing(connection):
                connection.request(method, f"/{path}", None if body is None else json.dumps(body), headers)
                response = connection.getresponse()
                text = response.read()
        except (OSError, http.client.HTTPException) as error:
            reason = type(error).__name__
            raise LocalServerError(f"kube-apiserver does not answer to {method} {path}: {reason}") from None
        return response.status, cast("dict[str, object]", json.loads(text)) if text.startswith(b"{") else {}


def _ready_or_port_taken(process: ServerProcess, sign: str) -> bool:
    """Wait until it printed `sign`; False if somebody else took its port."""
    try:
        process.wait_until(lambda: process.logged(sign), timeout=START_TIMEOUT)
    except LocalServerError:
        if process.logged("address already in use"):
            return False
        raise
    return True


def _find(name: str, given: Path | None) -> Path | None:
    """The program asked for, that of `KUBEBUILDER_ASSETS`, on the PATH, or the newest in the cache."""
    if given is not None:
        return given if os.access(given, os.X_OK) else None
    assets = os.environ.get(ASSETS_VARIABLE)
    if assets and os.access(Path(assets) / name, os.X_OK):
        return Path(assets) / name
    if found := shutil.which(name):
        return Path(found)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / CACHE_DIRECTORY
    built = [path for path in cache.glob(f"v*/{name}") if os.access(path, os.X_OK)]
    return max(built, key=lambda path: path.stat().st_mtime, default=None)


def _signing_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
