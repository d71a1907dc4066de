"""Where the cluster's API is and who we are there: a kubeconfig, or the pod's service account directory.

Reads files only. Requests belong in `cluster_api`. The official client's kubeconfig loader is not used: it writes
private keys into the temporary directory and keeps them in a module variable until the process ends.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import ipaddress
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast
from urllib.parse import urlsplit

from virtrigaud_secrets.clock import Clock
from virtrigaud_secrets.errors import ConfigurationError, MissingDependencyError
from virtrigaud_secrets.sensitive import Sensitive
from virtrigaud_secrets.settings import Settings

if TYPE_CHECKING:
    from types import ModuleType

MAX_CREDENTIAL_FILE_BYTES: Final = 1 << 20
"""No token, key, CA bundle or kubeconfig is larger; a path that points at a disk image should not fill the memory."""

EXEC_RENEWAL_MARGIN: Final = timedelta(seconds=30)
"""A credential plugin is asked again this long before its token ends, so that no request starts with a dying one."""

_FIRST_VISIBLE: Final = 0x21
_LAST_VISIBLE: Final = 0x7E

TokenSource = Callable[[], Sensitive]
"""Gives the bearer token for the next request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAccess:
    """One cluster and one identity in it."""

    server: str
    """Address of the API, without a slash at the end."""
    origin: str
    """Where this was found, for messages."""
    authorities: str = ""
    """CA certificates in PEM; empty for the system's."""
    server_name: str = ""
    """Name to expect in the server's certificate instead of the address's host."""
    proxy: str = ""
    """HTTP proxy to go through."""
    client_certificate: bytes = field(default=b"", repr=False)
    """Certificate to log in with, PEM."""
    client_key: Sensitive = field(default_factory=lambda: Sensitive(b""))
    """Its key, PEM."""
    token: TokenSource | None = None
    """Bearer token to log in with."""


def find_cluster(settings: Settings, clock: Clock) -> ClusterAccess | None:
    """The kubeconfig's cluster if one is set, else the one this pod runs in, else None.

    Raises:
        ConfigurationError: what was found cannot be used.
    """
    if settings.kubeconfig is not None:
        return read_kubeconfig(settings.kubeconfig, clock)
    return read_service_account(settings)


def where_looked(settings: Settings) -> str:
    """One clause for messages: why there is no cluster API."""
    return (
        f"no cluster API is configured (no kubeconfig is set, and {settings.service_account_directory} "
        "does not hold both token and ca.crt)"
    )


def read_service_account(settings: Settings) -> ClusterAccess | None:
    """Access by a pod's own identity, or None where there is no such directory."""
    directory = settings.service_account_directory
    token, authorities = directory / "token", directory / "ca.crt"
    if not (token.exists() and authorities.exists()):
        return None
    origin = f"service account directory {directory}"
    return ClusterAccess(
        server=checked_server(settings.kubernetes_api, origin),
        origin=origin,
        authorities=_pem_text(_read(authorities, "the cluster's CA")),
        token=lambda: read_token(token),
    )


def read_token(path: Path) -> Sensitive:
    """A token file's content. Read anew at each call: the kubelet replaces such files before they end.

    Raises:
        ConfigurationError: there is no such file, or no token in it.
    """
    return checked_token(_read(path, "the service account token"), f"the token file {path}")


def read_kubeconfig(path: Path, clock: Clock) -> ClusterAccess:
    """The current context of a kubeconfig.

    Raises:
        ConfigurationError: the file cannot be read or its current context cannot be used here.
    """
    content = Sensitive(_read(path, "the kubeconfig"))
    return _current_context(_Section(_parse(content, str(path)), f"kubeconfig {path}", path.parent), clock)


def parse_kubeconfig(content: Sensitive, origin: str, clock: Clock) -> ClusterAccess:
    """The current context of a kubeconfig that somebody else wrote: it must hold all it needs.

    It neither names files of this machine nor runs programs on it: whoever may write the Secret it comes from would
    otherwise read and run what they like here.

    Args:
        content: the kubeconfig.
        origin: where it comes from, for messages.
        clock: time.

    Raises:
        ConfigurationError: it is none, names a file or a program, or its current context cannot be used here.
    """
    place = f"kubeconfig of {origin}"
    return _current_context(_Section(_parse(content, place), place, None), clock)


def _current_context(document: _Section, clock: Clock) -> ClusterAccess:
    context_name = document.text("current-context")
    if not context_name:
        raise ConfigurationError(f"{document.place} has no current-context")
    context = document.named("contexts", context_name, "context")
    cluster = document.named("clusters", context.text("cluster"), "cluster")
    user = document.named("users", context.text("user"), "user")
    origin = f"{document.place}, context {context_name}"
    if cluster.truth("insecure-skip-tls-verify"):
        raise ConfigurationError(
            f"{cluster.place} sets insecure-skip-tls-verify: secrets are not read from a server that cannot prove "
            "who it is; give certificate-authority instead"
        )
    certificate, key = user.content("client-certificate"), user.content("client-key")
    if bool(certificate) != bool(key):
        raise ConfigurationError(f"{user.place} needs both client-certificate and client-key, or neither")
    return ClusterAccess(
        server=checked_server(cluster.text("server"), origin),
        origin=origin,
        authorities=_pem_text(cluster.content("certificate-authority")),
        server_name=cluster.text("tls-server-name"),
        proxy=cluster.text("proxy-url"),
        client_certificate=certificate,
        client_key=Sensitive(key),
        token=_token_source(user, clock),
    )


def _token_source(user: _Section, clock: Clock) -> TokenSource | None:
    """The user's token. `tokenFile` goes before `token`, as with kubectl."""
    if file := user.text("tokenFile"):
        path = user.file("tokenFile", file)
        return lambda: read_token(path)
    if "token" in user:
        token = checked_token(user.text("token").encode(), f"{user.place}.token")
        return lambda: token
    if "exec" in user:
        if user.directory is None:
            raise ConfigurationError(f"{user.place}.exec: programs are run for kubeconfig files of this machine only")
        return ExecToken(user.mapping("exec"), user.directory, f"{user.place}.exec", clock)
    if "auth-provider" in user:
        raise ConfigurationError(f"{user.place}.auth-provider was removed from Kubernetes; use exec")
    return None


class _PluginRunner(Protocol):
    def run(self) -> Mapping[str, object]: ...


class ExecToken:
    """The token of a credential plugin (`users[].user.exec`), kept until shortly before it ends.

    The official client runs the plugin. Plugins that give a client certificate are refused.
    """

    def __init__(self, spec: Mapping[str, object], directory: Path, place: str, clock: Clock) -> None:
        self._spec = spec
        self._directory = directory
        self._place = place
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Sensitive | None = None
        self._ends_at: datetime | None = None

    def __call__(self) -> Sensitive:
        """The token."""
        # Differs from "no lock across I/O" on purpose: a plugin may ask the user to log in, once and not per thread.
        with self._lock:
            if self._token is None or self._is_ending():
                self._token, self._ends_at = self._ask()
            return self._token

    def _is_ending(self) -> bool:
        return self._ends_at is not None and self._clock.now() >= self._ends_at - EXEC_RENEWAL_MARGIN

    def _ask(self) -> tuple[Sensitive, datetime | None]:
        status = self._run()
        token = status.get("token")
        if not isinstance(token, str) or not token:
            raise ConfigurationError(f"{self._place}: the plugin gave no token; client certificates are not supported")
        ends_at = status.get("expirationTimestamp")
        checked = checked_token(token.encode(), f"{self._place}: what the plugin gave")
        return checked, _timestamp(ends_at) if isinstance(ends_at, str) else None

    def _run(self) -> Mapping[str, object]:
        plugins = import_kubernetes("kubernetes.config.exec_provider")
        configs = import_kubernetes("kubernetes.config.kube_config")
        try:
            node: object = configs.ConfigNode("exec", dict(self._spec))
            runner = cast("_PluginRunner", plugins.ExecProvider(node, str(self._directory)))
            return runner.run()
        except Exception as error:  # noqa: BLE001  # whatever goes wrong in there may quote the plugin's output
            reason = type(error).__name__
        command = self._spec.get("command")
        raise ConfigurationError(f"{self._place}: the credential plugin {command} failed ({reason}); run it by hand")


def import_kubernetes(name: str) -> ModuleType:
    """A module of the official client.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingDependencyError("access to the cluster's API", extra="kubernetes") from None


class _Section:
    """One mapping of a kubeconfig. Its errors name the place and never show what is written there."""

    def __init__(self, values: Mapping[str, object], place: str, directory: Path | None) -> None:
        self._values = values
        self.place = place
        self.directory = directory
        """Where relative paths start; None where no file may be named."""

    def __contains__(self, key: str) -> bool:
        return self._values.get(key) is not None

    def text(self, key: str) -> str:
        value = self._values.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise ConfigurationError(f"{self.place}.{key} must be text")
        return value

    def truth(self, key: str) -> bool:
        return self._values.get(key) not in {None, False, "false"}

    def mapping(self, key: str) -> Mapping[str, object]:
        value = self._values.get(key)
        if not isinstance(value, dict):
            raise ConfigurationError(f"{self.place}.{key} must be a mapping")
        return cast("dict[str, object]", value)

    def named(self, listing: str, name: str, key: str) -> _Section:
        """Entry `name` of one of the three lists of a kubeconfig."""
        entries = self._values.get(listing)
        for entry in cast("list[object]", entries) if isinstance(entries, list) else []:
            if isinstance(entry, dict):
                found = cast("dict[str, object]", entry)
                if found.get("name") == name:
                    inner = _Section(found, f"{self.place}, {listing}[{name}]", self.directory)
                    return _Section(inner.mapping(key), f"{inner.place}.{key}", self.directory)
        raise ConfigurationError(f"{self.place} has no {name!r} in its {listing}")

    def content(self, key: str) -> bytes:
        """What `<key>-data` holds, else the file `<key>` names; empty where neither is given."""
        if encoded := self.text(f"{key}-data"):
            try:
                return base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                raise ConfigurationError(f"{self.place}.{key}-data is not base64") from None
        if file := self.text(key):
            return _read(self.file(key, file), f"{self.place}.{key}")
        return b""

    def file(self, key: str, name: str) -> Path:
        """The file that `key` names."""
        if self.directory is None:
            raise ConfigurationError(
                f"{self.place}.{key}: a kubeconfig from elsewhere may not name files of this machine"
            )
        return self.directory / name


def _parse(content: Sensitive, place: str) -> Mapping[str, object]:
    import yaml

    try:
        document: object = yaml.safe_load(content.reveal())
    except (yaml.YAMLError, ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{place} is no kubeconfig: it is not one YAML mapping")
    return cast("dict[str, object]", document)


def _read(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_CREDENTIAL_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"cannot read {path} ({what}): {error.strerror}") from None
    if len(content) > MAX_CREDENTIAL_FILE_BYTES:
        raise ConfigurationError(f"{path} ({what}) is larger than {MAX_CREDENTIAL_FILE_BYTES} bytes")
    return content


def checked_token(content: bytes, what: str) -> Sensitive:
    """A bearer token. One that fits into no header is refused here: `http.client` would show it in its error.

    Raises:
        ConfigurationError: `what` is empty or holds something else.
    """
    token = content.strip()
    if not token or not all(_FIRST_VISIBLE <= byte <= _LAST_VISIBLE for byte in token):
        raise ConfigurationError(f"{what} is {'no token: it has blanks or control bytes' if token else 'empty'}")
    return Sensitive(token)


def _pem_text(content: bytes) -> str:
    """PEM as `ssl` takes it. Anything beyond ASCII can only be a comment."""
    return content.decode("ascii", "ignore")


def _timestamp(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def checked_server(server: str, origin: str) -> str:
    """`server` without its last slash. Plain HTTP is for `kubectl proxy` on this machine only.

    Raises:
        ConfigurationError: it is no address, or one that would show secrets to the network.
    """
    parts = _split(server)
    if parts is None or parts[0] not in {"https", "http"} or not parts[1]:
        raise ConfigurationError(f"{origin} gives no usable https:// address of the cluster's API")
    if parts[0] == "http" and not _is_loopback(parts[1]):
        raise ConfigurationError(f"{origin} names {server}: secrets are not read over plain HTTP from another machine")
    return server.rstrip("/")


def _split(server: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(server)
    except ValueError:
        return None
    return parts.scheme, parts.hostname or ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
