"""Credentials for a vCenter or ESXi host, as pyVmomi and the REST clients want them. Connects nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from virtrigaud_secrets.credentials.base import Arguments, Credentials
from virtrigaud_secrets.credentials.endpoint import Endpoint
from virtrigaud_secrets.credentials.reading import Reading
from virtrigaud_secrets.credentials.tls_contexts import client_context
from virtrigaud_secrets.errors import ConfigurationError
from virtrigaud_secrets.sensitive import Sensitive

if TYPE_CHECKING:
    import ssl

    import requests

    from virtrigaud_secrets.bundle import Bundle

DEFAULT_PORT: Final = 443
"""Of the SOAP and REST endpoints alike."""
DEFAULT_SDK_PATH: Final = "/sdk"
"""Where vCenter and ESXi serve SOAP."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class VSphereCredentials(Credentials):
    """What logs in to vCenter.

    ```python
    credentials = VSphereCredentials.from_bundle(bundle)
    service = SmartConnect(**credentials.smart_connect_arguments())
    ```
    """

    server: str
    """Host, host:port or URL, as the manifest has it. `endpoint` is the parsed form."""
    username: str
    """User with its domain: `svc@vsphere.local`."""
    password: Sensitive
    """Its password."""
    ca: str | None = None
    """PEM of the authorities to trust for this server, and no others; None for the system's."""
    session_ttl: timedelta | None = None
    """How long the account lives, where the manifest says so (the guide's `session_ttl`)."""

    @classmethod
    def from_bundle(cls, bundle: Bundle, *, server: str | None = None) -> Self:
        """The credentials in the keys `server`, `username` and `password`; `ca.crt` and `session_ttl` may be there.

        Args:
            bundle: what the ExternalSecret resolved to.
            server: the server, where the manifest has none because `PROVIDER_ENDPOINT` names it.

        Raises:
            ValidationError: a key is missing or not what it should be; names manifest and key.
        """
        reading = Reading(bundle, cls)
        named = reading.endpoint("server", default=server)
        username, password = reading.word("username"), reading.word("password")
        ca, session_ttl = reading.optional_authority(), reading.optional_duration("session_ttl")
        reading.refuse_faults()
        return cls(
            source=reading.source,
            server=named.reveal_text(),
            username=username.reveal_text(),
            password=password,
            ca=None if ca is None else ca.reveal_text(),
            session_ttl=session_ttl,
        )

    @property
    def endpoint(self) -> Endpoint:
        """`server`, parsed."""
        return Endpoint.parse(self.server, default_port=DEFAULT_PORT)

    def ssl_context(self) -> ssl.SSLContext:
        """A context that trusts `ca` and nothing else, or the system's authorities, and verifies name and chain."""
        return client_context(self.ca)

    def smart_connect_arguments(self) -> Arguments:
        """Keyword arguments for pyVmomi's `pyVim.connect.SmartConnect`."""
        endpoint = self.endpoint
        return Arguments(
            {
                "host": endpoint.host,
                "port": endpoint.port,
                "path": endpoint.path.rstrip("/") or DEFAULT_SDK_PATH,
                "user": self.username,
                "pwd": self.password.reveal_text(),
                "sslContext": self.ssl_context(),
            }
        )

    def rest_client_arguments(self) -> Arguments:
        """Keyword arguments for the REST SDK's `vmware.vapi.vsphere.client.create_vsphere_client`.

        `session` is a requests session that verifies as `ssl_context` does. Close it when you are done.

        Raises:
            ConfigurationError: the package requests is not installed.
        """
        return Arguments(
            {
                "server": self.endpoint.netloc,
                "username": self.username,
                "password": self.password.reveal_text(),
                "session": _requests_session(self.ssl_context()),
            }
        )


def _requests_session(context: ssl.SSLContext) -> requests.Session:
    try:
        import requests
        from requests.adapters import BaseAdapter, HTTPAdapter
    except ImportError:
        raise ConfigurationError("the REST client needs the package requests: pip install requests") from None

    class VerifyingAdapter(HTTPAdapter):
        """Connects with the credentials' own context."""

        def init_poolmanager(self, *args: object, **options: object) -> None:
            super().init_poolmanager(*args, ssl_context=context, **options)  # type: ignore[arg-type]  # passed through

        def cert_verify(self, conn: object, url: object, verify: object, cert: object) -> None:
            """Nothing: the context verifies, and the base class would add its own list of authorities."""

    class VerifyingSession(requests.Session):
        """Keeps that adapter: the REST SDK mounts plain ones on the session it is given."""

        def mount(self, prefix: str, adapter: BaseAdapter) -> None:
            super().mount(prefix, adapter if prefix == "http://" else VerifyingAdapter())

    session = VerifyingSession()
    session.trust_env = False  # a .netrc or proxy of the environment is not the manifest's
    return session
